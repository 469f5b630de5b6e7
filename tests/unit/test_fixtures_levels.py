"""Set-up and tear-down of the four levels: their order, and what becomes of errors in any of them."""

from __future__ import annotations

import pytest
from fake_project import Project

#: With it the baseline comes first in each of the cases used here.
BASELINE_FIRST = ("--seed", "10")

EVERY_HOOK = """
from pathlib import Path

def note(text):
    with Path("engine.log").open("a") as file:
        file.write(f"hook {text}\\n")

def pytest_probecost_run_init(run): note("run init")
def pytest_probecost_run_post(run): note("run post")
def pytest_probecost_tool_init(tool): note(f"tool init {tool.id}")
def pytest_probecost_tool_post(tool): note(f"tool post {tool.id}")
def pytest_probecost_case_init(case): note(f"case init {case.key}")
def pytest_probecost_case_post(case): note(f"case post {case.key} {'failed' if case.failed else 'fine'}")
def pytest_probecost_perf_test_init(perf_test): note(f"perf test init {perf_test.arm}")
def pytest_probecost_perf_test_post(perf_test): note(f"perf test post {perf_test.arm}")
def pytest_probecost_collect_artifacts(case): note(f"artifacts {case.key}")
"""


def failing_hook(name: str, argument: str, message: str = "hook broke", plain: bool = False) -> str:
    """A conftest.py whose hook raises one of our errors, or a plain ``ValueError``."""
    error = "ValueError" if plain else "ProbecostError"
    return (
        f"from probecost.errors import ProbecostError\n\n"
        f"def pytest_probecost_{name}({argument}):\n    raise {error}({message!r})\n"
    )


def without_traceback(result: pytest.RunResult) -> None:
    text = result.stdout.str()
    assert "Traceback" not in text
    assert "INTERNALERROR" not in text
    assert "fixtures/" not in text


class TestOrder:
    def test_levels_are_nested(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "a tx", "b rx"])
        project.add_conftest(EVERY_HOOK)
        project.run(*BASELINE_FIRST).assert_outcomes(passed=3)

        def case(key: str) -> list[str]:
            visits = [
                line
                for arm in ("baseline", "tool")
                for line in (f"hook perf test init {arm}", f"latency:tcp_rr {arm} {key}", f"hook perf test post {arm}")
            ]
            return [
                f"hook case init {key}",
                f"measure {key}",
                *visits,
                f"fetch {key}",
                f"stop {key}",
                f"hook artifacts {key}",
                f"hook case post {key} fine",
            ]

        assert project.log == [
            "hook run init",
            "open bed 3",
            "prepare bed a 2",
            "hook tool init a",
            *case("host-a-rx"),
            *case("host-a-tx"),
            "hook tool post a",
            "prepare bed b 1",
            "hook tool init b",
            *case("host-b-rx"),
            "hook tool post b",
            "close bed",
            "hook run post",
        ]

    def test_nothing_is_torn_down_that_was_not_set_up(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.add_conftest(EVERY_HOOK)
        project.fail({"prepare bed a 1": "no space left on device"})
        project.run().assert_outcomes(errors=1)
        assert project.log == ["hook run init", "open bed 1", "prepare bed a 1", "close bed", "hook run post"]

    def test_hooks_of_a_folder_see_only_its_cases(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        folder = project.path / "perftests" / "more"
        folder.mkdir()
        (folder / "test_more.py").write_text("def test_more(case_run):\n    case_run.measure()\n")
        (folder / "conftest.py").write_text(EVERY_HOOK)
        project.run().assert_outcomes(passed=2)
        assert project.log[:3] == ["hook run init", "open bed 1", "prepare bed a 1"]
        assert project.log.count("hook case init host-a-rx") == 1
        assert project.log.count("hook case post host-a-rx fine") == 1


class TestErrorsInTheCall:
    def test_a_case_that_cannot_be_measured_fails_alone(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.add_conftest(EVERY_HOOK)
        project.fail({"measure host-a-rx": "node n: the tool exited with 3: no such tracepoint"})
        result = project.run()
        result.assert_outcomes(failed=1, passed=1)
        result.stdout.fnmatch_lines(["node n: the tool exited with 3: no such tracepoint"])
        without_traceback(result)
        assert project.log.index("stop host-a-rx") < project.log.index("fetch host-a-rx")
        assert "hook case post host-a-rx failed" in project.log
        recorded = project.run_json["cases"]["host-a-rx"]
        assert len(recorded.pop("hash")) == 6
        assert recorded == {
            "case_key": "host-a-rx",
            "environment": "bed",
            "iteration": 1,
            "pair_kind": "host",
            "tool_id": "a",
            "case_id": 1,
            "case_name": "rx",
            "category": "packet-drop",
            "parameters": {"direction": "rx"},
            "command": "sudo -n lab/tools/packet-drop/a.sh rx",
            "budgets": [],
            "outcome": "failed",
            "message": "node n: the tool exited with 3: no such tracepoint",
        }

    def test_no_valid_data_fails_the_case(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail({"problems host-a-rx": ["latency tcp_rr: no transaction", "pps single: nothing received"]})
        result = project.run()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*latency tcp_rr: no transaction", "*pps single: nothing received"])

    def test_results_that_cannot_be_fetched_are_not_fetched_twice(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail({"fetch host-a-rx": "node n: the disk is full"})
        result = project.run()
        result.assert_outcomes(failed=1)
        assert project.log.count("fetch host-a-rx") == 1
        without_traceback(result)

    def test_a_mistake_in_a_test_shows_where_it_is(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail({"measure host-a-rx": "bug: not one of ours"})
        result = project.run()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*fake_engine.py:*: ValueError"])

    def test_no_plugin_that_reads_results(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.use_analysis()
        conftest = (project.path / "conftest.py").read_text()
        (project.path / "conftest.py").write_text(conftest.replace('"analysis.plugin",', ""))
        result = project.run()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["host-a-rx: no plugin reads its results"])


class TestErrorsInSetUp:
    def test_an_environment_that_does_not_open(self, project: Project) -> None:
        project.add_environment("bad", ["a rx", "a tx", "b rx"])
        project.add_environment("good", ["a rx"])
        project.fail({"open bad 3": "node n: does not answer within 10 s"})
        result = project.run("--env", "good", env="bad")
        result.assert_outcomes(errors=3, passed=1)
        assert project.log[:2] == ["open bad 3", "open good 1"]
        assert "close bad" not in project.log
        assert result.outlines.count("node n: does not answer within 10 s") == 1
        reference = "environment bad could not be set up, see bad:host-a-rx"
        assert result.outlines.count(reference) == 2
        without_traceback(result)
        assert project.outcomes == dict.fromkeys(["bad:host-a-rx", "bad:host-a-tx", "bad:host-b-rx"], "error") | {
            "good:host-a-rx": "passed"
        }

    def test_a_tool_that_cannot_be_prepared(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "a tx", "b rx"])
        project.fail({"prepare bed a 2": "node n: a.sh is not below the workdir"})
        result = project.run()
        result.assert_outcomes(errors=2, passed=1)
        result.stdout.fnmatch_lines(
            [
                "node n: a.sh is not below the workdir",
                "a on the host pair of bed could not be set up, see host-a-rx",
            ]
        )
        without_traceback(result)

    @pytest.mark.parametrize(
        ("hook", "argument", "errors"), [("run_init", "run", 3), ("tool_init", "tool", 3), ("case_init", "case", 3)]
    )
    def test_an_init_hook(self, project: Project, hook: str, argument: str, errors: int) -> None:
        project.add_environment(cases=["a rx", "a tx", "b rx"])
        project.add_conftest(failing_hook(hook, argument))
        result = project.run()
        result.assert_outcomes(errors=errors)
        assert "hook broke" in result.outlines
        without_traceback(result)
        assert project.log.count("close bed") == project.log.count("open bed 3")
        assert set(project.outcomes.values()) == {"error"}

    @pytest.mark.parametrize(("hook", "argument"), [("run_init", "run"), ("tool_init", "tool")])
    def test_an_init_hook_by_pytest_fail(self, project: Project, hook: str, argument: str) -> None:
        project.add_environment(cases=["a rx", "a tx"])
        text = f"import pytest\n\ndef pytest_probecost_{hook}({argument}): pytest.fail('not ready', pytrace=False)\n"
        project.add_conftest(text)
        result = project.run()
        result.assert_outcomes(errors=2)
        assert result.outlines.count("not ready") == 1
        result.stdout.fnmatch_lines(["*could not be set up, see host-a-rx"])

    def test_an_init_hook_of_the_case_measures_nothing(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.add_conftest(failing_hook("case_init", "case"))
        project.run().assert_outcomes(errors=1)
        assert project.log == ["open bed 1", "prepare bed a 1", "close bed"]

    def test_an_init_hook_of_a_perf_test_fails_the_case(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.add_conftest(failing_hook("perf_test_init", "perf_test"))
        result = project.run()
        result.assert_outcomes(failed=1)
        assert "latency:tcp_rr baseline host-a-rx" not in project.log

    def test_a_results_folder_that_cannot_be_made(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        (project.path / "results").mkdir()
        (project.path / "results" / "latest").mkdir()
        result = project.run()
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["--results-dir *results: *"])


class TestErrorsInTearDown:
    def test_never_hide_the_first_failure(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail(
            {
                "measure host-a-rx": "the tool died",
                "stop host-a-rx": "iperf3 is still there",
                "fetch host-a-rx": "the disk is full",
                "close bed": "the connection was cut",
            }
        )
        project.add_conftest(
            failing_hook("case_post", "case", "case hook broke")
            + failing_hook("tool_post", "tool", "tool hook broke")
            + failing_hook("collect_artifacts", "case", "artifacts broke", plain=True)
        )
        result = project.run()
        result.assert_outcomes(failed=1, errors=1)
        text = result.stdout.str()
        for message in (
            "the tool died",
            "iperf3 is still there",
            "the disk is full",
            "ValueError: artifacts broke",
            "case hook broke",
            "tool hook broke",
            "the connection was cut",
        ):
            assert message in text
        recorded = project.run_json["cases"]["host-a-rx"]
        assert recorded["outcome"] == "failed"
        assert recorded["message"].startswith("the tool died\n")
        assert "the connection was cut" in recorded["message"]

    def test_in_a_case_do_not_touch_the_next(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "a tx"])
        project.fail({"stop host-a-rx": "iperf3 is still there"})
        result = project.run()
        result.assert_outcomes(passed=2, errors=1)
        assert project.outcomes == {"host-a-rx": "error", "host-a-tx": "passed"}
        without_traceback(result)

    def test_of_a_tool_belong_to_its_last_case(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "a tx", "b rx"])
        project.add_conftest(
            "from probecost.errors import ProbecostError\n\n"
            "def pytest_probecost_tool_post(tool):\n"
            "    if tool.id == 'a':\n"
            "        raise ProbecostError('a is still attached')\n"
        )
        result = project.run()
        result.assert_outcomes(passed=3, errors=1)
        assert project.outcomes == {"host-a-rx": "passed", "host-a-tx": "error", "host-b-rx": "passed"}
        without_traceback(result)

    def test_of_an_environment_belong_to_its_last_case(self, project: Project) -> None:
        project.add_environment("first", ["a rx", "b rx"])
        project.add_environment("second", ["a rx"])
        project.fail({"close first": "the connection was cut"})
        project.run("--env", "second", env="first").assert_outcomes(passed=3, errors=1)
        assert project.outcomes == {
            "first:host-a-rx": "passed",
            "first:host-b-rx": "error",
            "second:host-a-rx": "passed",
        }

    def test_in_one_plugin_keep_no_other_plugin_from_being_called(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.add_conftest(EVERY_HOOK)
        hooks = {"perf_test_post": "perf_test", "collect_artifacts": "case", "case_post": "case"}
        hooks |= {"tool_post": "tool", "run_post": "run"}
        broken = "\n".join(failing_hook(hook, argument, f"{hook} broke") for hook, argument in hooks.items())
        (project.path / "broken_plugin.py").write_text(broken)
        project.pytester.syspathinsert()
        result = project.run("-p", "broken_plugin", *BASELINE_FIRST)
        text = result.stdout.str()
        for hook in hooks:
            assert f"{hook} broke" in text
        hooks_called = {line.removeprefix("hook ") for line in project.log}
        assert hooks_called >= {"perf test post baseline", "artifacts host-a-rx", "case post host-a-rx failed"}
        assert hooks_called >= {"tool post a", "run post"}

    def test_by_pytest_fail_are_gathered_too(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail({"stop host-a-rx": "iperf3 is still there", "close bed": "the connection was cut"})
        project.add_conftest(
            "import pytest\n\n"
            "def pytest_probecost_case_post(case): pytest.fail('case hook failed', pytrace=False)\n"
            "def pytest_probecost_tool_post(tool): pytest.fail('tool hook failed', pytrace=False)\n"
        )
        result = project.run()
        result.assert_outcomes(passed=1, errors=1)
        result.stdout.fnmatch_lines(
            ["1. iperf3 is still there", "2. case hook failed", "3. tool hook failed", "4. the connection was cut"]
        )

    def test_perf_test_and_its_hook_both_show(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail({"latency:tcp_rr tool host-a-rx": "netperf hung"})
        project.add_conftest(
            "from probecost.errors import ProbecostError\n\n"
            "def pytest_probecost_perf_test_post(perf_test):\n"
            "    if perf_test.arm == 'tool':\n"
            "        raise ProbecostError('cannot write the log')\n"
        )
        project.run().stdout.fnmatch_lines(["1. netperf hung", "2. cannot write the log"])

    def test_at_the_end_of_the_run_make_it_fail(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.add_conftest(failing_hook("run_post", "run", "the report cannot be written"))
        result = project.run()
        result.assert_outcomes(passed=1)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["*= probecost =*", "results: *", "the report cannot be written"])
        assert project.run_json["notes"] == ["the report cannot be written"]
        assert project.run_json["exit_status"] == 1


class TestWithTheAnalysis:
    def test_the_reports_are_written_whatever_happened_to_the_cases(self, project: Project) -> None:
        project.use_analysis()
        project.add_environment(cases=["a rx", "b rx"])
        project.add_conftest(failing_hook("run_post", "run", "a user's hook broke"))
        project.fail({"measure host-b-rx": "the tool died"})
        result = project.run()
        result.assert_outcomes(failed=2)
        result.stdout.fnmatch_lines(["*no results of host-a-rx were found*", "the tool died", "a user's hook broke"])
        assert any((project.tree / "reports").iterdir())
        without_traceback(result)
