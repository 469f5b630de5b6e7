"""``--max-failures-per-tool``: a tool that keeps failing is given up, and only that one."""

from __future__ import annotations

import json

import pytest
from fake_project import Project
from test_fixtures_collection import measured

A = ("a rx1", "a rx2", "a rx3", "a rx4")
CASES = (*A, "b rx1")


def failing(*keys: str) -> dict[str, object]:
    return {f"latency:tcp_rr tool host-{key}": f"{key} died" for key in keys}


def test_the_rest_of_it_is_skipped_with_the_reason(project: Project) -> None:
    project.add_environment(cases=CASES)
    project.fail(failing("a-rx1", "a-rx3"))
    result = project.run("--max-failures-per-tool", "2", "-rs")
    result.assert_outcomes(failed=2, passed=2, skipped=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    reason = "a on the host pair of bed: 2 cases failed"
    result.stdout.fnmatch_lines([f"{reason}: what is left of it is skipped", f"*{reason}: --max-failures-per-tool 2*"])
    assert project.outcomes["host-a-rx4"] == "skipped"
    assert reason in project.run_json["cases"]["host-a-rx4"]["message"]
    assert measured(project) == ["host-a-rx1", "host-a-rx2", "host-a-rx3", "host-b-rx1"]
    assert project.run_json["options"]["max_failures_per_tool"] == 2


def test_a_tool_that_cannot_be_set_up_is_given_up_too(project: Project) -> None:
    project.add_environment(cases=CASES)
    project.fail({"prepare bed a 4": "no such file"})
    project.run("--max-failures-per-tool", "1").assert_outcomes(errors=1, skipped=3, passed=1)


def test_each_iteration_begins_anew(project: Project) -> None:
    project.add_environment(cases=A)
    project.fail(failing("a-rx1"))
    project.run("--max-failures-per-tool", "1", "--iterations", "2").assert_outcomes(failed=2, skipped=6)


def test_what_was_set_up_is_torn_down(project: Project) -> None:
    project.add_environment(cases=CASES)
    project.fail(failing("a-rx1"))
    project.add_conftest(
        "import fake_engine\n\ndef pytest_probecost_tool_post(tool): fake_engine.step('post', tool.id)\n"
    )
    project.run("--max-failures-per-tool", "1")
    ends = [line for line in project.log if line.startswith(("post", "close", "prepare"))]
    assert ends == ["prepare bed a 4", "post a", "prepare bed b 1", "post b", "close bed"]


def test_without_it_every_case_is_tried(project: Project) -> None:
    project.add_environment(cases=A)
    project.fail(failing("a-rx1", "a-rx2", "a-rx3"))
    project.run().assert_outcomes(failed=3, passed=1)


def test_a_resumed_run_measures_the_skipped_ones(project: Project) -> None:
    project.add_environment(cases=A)
    project.fail({"keep metadata": True, **failing("a-rx1")})
    project.run("--max-failures-per-tool", "1").assert_outcomes(failed=1, skipped=3)
    project.fail({"keep metadata": True})
    again = project.pytester.runpytest_inprocess("--resume", str(project.tree), "--max-failures-per-tool", "1")
    again.assert_outcomes(passed=4)
    assert set(project.outcomes.values()) == {"passed"}
    cycles = json.loads((project.tree / "workflow-results.json").read_text())
    assert cycles["summary"] == {"completed": 8}


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_limit_is_a_number_above_0(project: Project, value: str) -> None:
    project.add_environment()
    result = project.run("--max-failures-per-tool", value)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*argument --max-failures-per-tool: *"])
