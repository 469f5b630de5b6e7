"""Every hook is documented by an example; here each of them is put into a conftest.py and run."""

from __future__ import annotations

import inspect
import textwrap

import pytest
from fake_project import Project

from fixtures import hookspecs

HOOKS = {name: spec for name, spec in vars(hookspecs).items() if name.startswith("pytest_probecost_")}

#: Hook -> what its example leaves: a file below the run's folder, or a figure in run.json's company.
LEAVES = {
    "pytest_probecost_run_init": "origin.txt",
    "pytest_probecost_run_post": "look-at.txt",
    "pytest_probecost_tool_init": "tools.txt",
    "pytest_probecost_tool_post": "tool-times.txt",
    "pytest_probecost_case_init": "bed/iteration_001/artifacts/host-eth_drop-rx/command.txt",
    "pytest_probecost_case_post": "visits.txt",
    "pytest_probecost_perf_test_init": "run.json",
    "pytest_probecost_perf_test_post": "run.json",
    "pytest_probecost_collect_artifacts": "bed/iteration_001/artifacts/host-eth_drop-rx/meminfo",
    "pytest_probecost_case_results": "run.json",
    "pytest_probecost_plan_tool": "workflow.json",
    "pytest_probecost_cannot_claim": "run.json",
    "pytest_probecost_case_progress": "run.json",
}


def example(name: str) -> str:
    """The indented block after ``Example: ...::`` of a hook's docstring."""
    _, _, text = inspect.cleandoc(HOOKS[name].__doc__ or "").partition("\nExample: ")
    _, mark, block = text.partition("::\n")
    assert mark, f"{name} has no example"
    return textwrap.dedent(block)


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_runs(project: Project, name: str) -> None:
    text = example(name)
    assert f"def {name}(" in text
    project.add_environment()
    project.add_conftest(text)
    planned = ["--units", "8"] if name == "pytest_probecost_plan_tool" else []
    result = project.run("--log-level=INFO", "-rP", *planned)
    result.assert_outcomes(passed=4)
    assert project.run_json["notes"] == []
    assert (project.tree / LEAVES[name]).stat().st_size >= (0 if name == "pytest_probecost_run_post" else 1)
    if name == "pytest_probecost_perf_test_post":
        result.stdout.fnmatch_lines(["*host-eth_drop-rx tool: latency done*"])
    if name == "pytest_probecost_plan_tool":
        result.stdout.fnmatch_lines(["probecost: eth_drop on the host pair of bed: as ever"])
    if name == "pytest_probecost_case_progress":
        result.stdout.fnmatch_lines(["host-eth_drop-rx: unit 1 of 1*; host-eth_drop-rx"])


@pytest.mark.parametrize("name", HOOKS)
def test_arguments_are_typed(name: str) -> None:
    signature = inspect.signature(HOOKS[name])
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(parameter.annotation is not inspect.Parameter.empty for parameter in signature.parameters.values())


def test_every_level_has_both_hooks() -> None:
    levels = ("run", "tool", "case", "perf_test")
    assert {f"pytest_probecost_{level}_{moment}" for level in levels for moment in ("init", "post")} <= set(HOOKS)


def test_a_misspelt_hook_is_an_error(project: Project) -> None:
    project.add_environment()
    project.add_conftest("def pytest_probecost_case_start(case): pass\n")
    result = project.run()
    assert result.ret != 0
    assert project.log == []
    assert "pytest_probecost_case_start" in result.stderr.str() + result.stdout.str()


def test_figures_of_the_case_results_example(project: Project, pytester: pytest.Pytester) -> None:
    project.add_environment()
    project.add_conftest(example("pytest_probecost_case_results"))
    project.run("--junitxml=junit.xml").assert_outcomes(passed=4)
    assert '<property name="files" value="' in (pytester.path / "junit.xml").read_text()
