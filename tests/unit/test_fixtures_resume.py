"""``--resume``: an interrupted run goes on; what is finished stays, what is half counts for nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_project import Project
from test_fixtures_collection import collected, measured, refused
from workflow_project import Workflow, made_visits

from fixtures.resume import HALF


def interrupted(project: Project, step: str, *options: str) -> Path:
    """A run that ends with Ctrl-C at ``step`` of the engine; its log is emptied."""
    project.fail({"keep metadata": True, step: "ctrl-c"})
    tree = project.interrupted(*options)
    go_on(project)
    return tree


def go_on(project: Project, **faults: object) -> None:
    (project.path / "engine.log").unlink(missing_ok=True)
    project.fail({"keep metadata": True, **faults})


def resume(project: Project, tree: Path, *options: str) -> pytest.RunResult:
    return project.pytester.runpytest_inprocess("--resume", str(tree), *options, no_reraise_ctrlc=True)


def cycles(tree: Path) -> dict[str, str]:
    content: Workflow = json.loads((tree / "workflow-results.json").read_text())
    return {cycle["cycle_id"].split("/", 2)[2]: cycle["status"] for cycle in content["cycles"]}


def void_reasons(tree: Path) -> list[str]:
    """Of all metadata on the server."""
    found = sorted(tree.glob("bed/*/host-server/**/metadata_*.json"))
    return [reason for file in found if (reason := json.loads(file.read_text())["void_reason"])]


def break_in_unit(project: Project, unit: int, key: str = "host-a-rx") -> None:
    """Ctrl-C in the tool visit of a unit: a hook of the user, since the engine's steps do not name units."""
    project.add_conftest(
        "import pathlib\n\n"
        "def pytest_probecost_perf_test_init(perf_test):\n"
        f"    if (perf_test.unit, perf_test.arm, perf_test.case.key) != ({unit}, 'tool', {key!r}): return\n"
        "    if not pathlib.Path('whole').exists(): raise KeyboardInterrupt\n"
    )


class TestUnits:
    @pytest.fixture
    def tree(self, project: Project) -> Path:
        """Two cases of three units; Ctrl-C in the second unit of the first case."""
        project.add_environment(cases=["a rx", "b rx"])
        project.fail({"keep metadata": True})
        break_in_unit(project, 2)
        # With this seed the baseline visit of unit 2 comes first.
        tree = project.interrupted("--units", "3", "--seed", "4")
        (project.path / "whole").touch()
        go_on(project)
        return tree

    def test_finished_ones_are_not_made_again(self, project: Project, tree: Path) -> None:
        before: dict[str, Any] = project.run_json
        resume(project, tree).assert_outcomes(passed=2)
        assert [key for _, key in made_visits(project)] == ["host-a-rx"] * 4 + ["host-b-rx"] * 6
        assert project.tree == tree
        after = project.run_json
        assert (after["run_id"], after["started_ns"]) == (before["run_id"], before["started_ns"])
        assert (after["argv"], after["options"]) == (before["argv"], before["options"])
        (session,) = after["resumed"]
        assert session["started_ns"] > before["started_ns"]
        assert session["argv"] == ["--resume", str(tree)]
        assert "resumed" not in before

    def test_what_became_of_all_cycles_is_told(self, project: Project, tree: Path) -> None:
        first = json.loads((tree / "workflow-results.json").read_text())
        resume(project, tree)
        content = json.loads((tree / "workflow-results.json").read_text())
        assert content["summary"] == {"completed": 12}
        assert content["start_time"] == first["start_time"]
        kept = [cycle["cycle_id"].endswith(("u001/baseline", "u001/tool")) for cycle in content["cycles"]][:2]
        assert kept == [True, True]
        assert [cycle["start_time"] for cycle in content["cycles"][:2]] == [
            cycle["start_time"] for cycle in first["cycles"][:2]
        ]

    def test_half_of_one_is_void(self, project: Project, tree: Path) -> None:
        resume(project, tree)
        assert void_reasons(tree) == [HALF]

    def test_what_was_planned_is_told_of_the_units_of_all_sessions(self, project: Project, tree: Path) -> None:
        """A reserve is told from a unit of the plan by it, whichever session made which."""
        resume(project, tree)
        found = [json.loads(file.read_text()) for file in tree.glob("bed/*/host-server/**/metadata_*.json")]
        made_later = [one["planned_units"] for one in found if (one["case_key"], one["unit"]) == ("host-a-rx", 3)]
        assert made_later == [[1, 2, 3]] * 2  # unit 1 is of the first session

    def test_the_plan_stays_whatever_is_selected(self, project: Project, tree: Path) -> None:
        before = (tree / "workflow.json").read_bytes()
        resume(project, tree, "-k", "host-b").assert_outcomes(passed=1, deselected=1)
        assert (tree / "workflow.json").read_bytes() == before
        assert project.outcomes == {"host-a-rx": "interrupted", "host-b-rx": "passed"}
        assert cycles(tree)["host-a-rx/u001/tool"] == "completed"
        assert cycles(tree)["host-a-rx/u003/tool"] == "not run"
        go_on(project)
        resume(project, tree).assert_outcomes(passed=1, deselected=1)
        assert measured(project) == ["host-a-rx"]
        assert project.outcomes == {"host-a-rx": "passed", "host-b-rx": "passed"}
        assert set(cycles(tree).values()) == {"completed"}
        assert len(project.run_json["resumed"]) == 2

    def test_interrupted_twice(self, project: Project, tree: Path) -> None:
        (project.path / "whole").unlink()
        break_in_unit(project, 3)
        resume(project, tree)
        (project.path / "whole").touch()
        assert project.outcomes["host-a-rx"] == "interrupted"
        go_on(project)
        resume(project, tree).assert_outcomes(passed=2)
        assert [key for _, key in made_visits(project)] == ["host-a-rx"] * 2 + ["host-b-rx"] * 6
        assert set(cycles(tree).values()) == {"completed"}

    def test_without_the_files_of_a_session_that_was_killed(self, project: Project, tree: Path) -> None:
        (tree / "workflow-results.json").unlink()
        (tree / "run.json").write_text('{"run_id": ')
        result = resume(project, tree)
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(["*run.json cannot be read: *what earlier sessions wrote there is lost"])
        assert [key for _, key in made_visits(project)] == ["host-a-rx"] * 4 + ["host-b-rx"] * 6
        assert set(cycles(tree).values()) == {"completed"}

    def test_damaged_metadata_is_no_finished_visit(self, project: Project, tree: Path) -> None:
        for file in tree.glob("bed/*/host-client/**/metadata_*.json"):
            file.write_text("{")
        resume(project, tree).assert_outcomes(passed=2)
        assert len(made_visits(project)) == 12


def test_cases_that_a_lost_run_file_named_are_in_it_again(project: Project) -> None:
    """The number of cases that were planned is what p-values are adjusted for."""
    project.add_environment(cases=["a rx", "b rx"])
    tree = interrupted(project, "measure host-b-rx")
    (tree / "run.json").unlink()
    resume(project, tree, "-k", "host-a").assert_outcomes(passed=1, deselected=1)
    assert project.outcomes == {"host-a-rx": "passed", "host-b-rx": "not run"}
    resume(project, tree, "-k", "host-b").assert_outcomes(passed=1, deselected=1)
    assert project.outcomes == {"host-a-rx": "passed", "host-b-rx": "passed"}


class TestComplete:
    def test_says_so_and_writes_the_reports_again(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.use_analysis()
        project.fail({"keep metadata": True})
        project.run("--units", "2")
        tree = project.tree
        content = json.loads((tree / "run.json").read_text())
        for case in content["cases"].values():  # the fake engine has no figures that could pass
            case["outcome"] = "passed"
        (tree / "run.json").write_text(json.dumps(content))
        (tree / "reports" / "overview.md").unlink()
        go_on(project)
        result = resume(project, tree)
        assert result.ret == 0
        result.stdout.fnmatch_lines(["probecost: the run is complete: there is nothing to measure, *"])
        assert project.log == []
        assert (tree / "reports" / "overview.md").exists()
        assert list(cycles(tree).values()) == ["completed"] * 4

    def test_selecting_nothing_is_not_complete(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        tree = interrupted(project, "measure host-a-rx")
        assert resume(project, tree, "-k", "nothing").ret == pytest.ExitCode.NO_TESTS_COLLECTED

    def test_failed_cases_are_tried_again(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.fail({"keep metadata": True, "measure host-b-rx": "the tool died"})
        project.run("--units", "2").assert_outcomes(passed=1, failed=1)
        go_on(project)
        resume(project, project.tree).assert_outcomes(passed=1, deselected=1)
        assert measured(project) == ["host-b-rx"]


class TestSharedBaseline:
    def test_is_kept(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        tree = interrupted(project, "measure host-b-rx", "--baseline", "shared")
        resume(project, tree).assert_outcomes(passed=1, deselected=1)
        assert made_visits(project) == [("tool", "host-b-rx")]

    def test_half_of_one_is_void_and_made_again(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        whole = project.path / "config" / "bed" / "bed-full.yaml"
        content = json.loads(whole.read_text())
        content["performance_tests"]["latency"]["udp_rr"] = {"duration": 1}
        whole.write_text(json.dumps(content))
        project.fail({"keep metadata": True, "latency:udp_rr shared host-a-rx": "ctrl-c"})
        tree = project.interrupted("--baseline", "shared")
        project.fail({"keep metadata": True})
        resume(project, tree).assert_outcomes(passed=2)
        assert made_visits(project) == [("baseline", "")] * 2 + [("tool", "host-a-rx"), ("tool", "host-b-rx")]
        assert set(void_reasons(tree)) == {HALF}
        assert set(cycles(tree).values()) == {"completed"}
        go_on(project)
        assert resume(project, tree).ret == 0
        assert project.log == []


class TestRefusals:
    @pytest.fixture
    def tree(self, project: Project) -> Path:
        project.add_environment(cases=["a rx"])
        return interrupted(project, "measure host-a-rx", "--seed", "3", "--units", "2")

    @pytest.mark.parametrize(
        ("option", "told"),
        [
            ("--seed=4", "--seed 4: the workflow has 3"),
            ("--units=3", "--units 3: the workflow has 2"),
            ("--precision=2%", "--precision 2: the workflow has what the environment says"),
            ("--order=random", "--order random: the workflow has file"),
            ("--schedule=switched", "--schedule switched: the workflow has auto"),
            ("--time-budget=1h", "--time-budget 3600: the workflow has what the environment says"),
        ],
    )
    def test_options_that_differ(self, project: Project, tree: Path, option: str, told: str) -> None:
        refused(resume(project, tree, option), "options that contradict --resume", told)
        assert project.log == []

    def test_options_that_are_the_same(self, project: Project, tree: Path) -> None:
        resume(project, tree, "--seed", "3", "--units", "2").assert_outcomes(passed=1)

    @pytest.mark.parametrize("option", ["--env=bed", "--results-dir=other", "--workflow=w.json"])
    def test_options_that_have_no_place(self, project: Project, tree: Path, option: str) -> None:
        refused(resume(project, tree, option), f"leave {option.partition('=')[0]} out")

    def test_no_folder_of_a_run(self, project: Project, tree: Path) -> None:
        refused(resume(project, tree.parent), "is no folder of a run")
        refused(resume(project, tree / "missing"), "is no folder of a run")

    def test_a_damaged_workflow(self, project: Project, tree: Path) -> None:
        (tree / "workflow.json").write_text('{"metadata": ')
        refused(resume(project, tree), "--resume", "workflow.json:1:14: broken JSON")

    def test_collect_only_changes_nothing(self, project: Project, tree: Path) -> None:
        before = {file: file.read_bytes() for file in tree.rglob("*") if file.is_file()}
        assert collected(resume(project, tree, "--collect-only", "-q")) == ["host-a-rx"]
        assert {file: file.read_bytes() for file in tree.rglob("*") if file.is_file()} == before


class TestCpuSleep:
    def opened(self, project: Project) -> list[str]:
        return [line for line in project.log if line.startswith("open")]

    def test_is_allowed_only_when_asked(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.run()
        project.run("--allow-cpu-sleep")
        assert self.opened(project) == ["open bed 1", "open bed 1 cpus may sleep"]

    def test_of_a_resumed_run_is_as_it_was(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        tree = interrupted(project, "measure host-a-rx", "--allow-cpu-sleep")
        resume(project, tree).assert_outcomes(passed=1)
        assert self.opened(project) == ["open bed 1 cpus may sleep"]

    def test_that_differs_from_the_run_is_refused(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        tree = interrupted(project, "measure host-a-rx")
        refused(resume(project, tree, "--allow-cpu-sleep"), "the run kept CPUs awake")
