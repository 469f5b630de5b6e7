"""Ctrl-C and SIGTERM at any moment: everything is torn down, once, and the exit code says that it was interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from helpers.fake_project import ROOT, Project, plain

from probecost.fixtures.signals import GRACE_S, Interrupts

WAIT_S = 20.0


def wait_for(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s, "it never came"
        time.sleep(0.01)


def interrupted_at(project: Project, step: str, *signals: signal.Signals, options: tuple[str, ...] = ()) -> str:
    """Run pytest in a process of its own, which hangs at ``step``; send the signals; its output, after exit code 2."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, *plain(options), "--env", "bed"],
        cwd=project.path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for(lambda: step in project.log or process.poll() is not None)
        for number in signals:
            process.send_signal(number)
            time.sleep(0.05)
        output, _ = process.communicate(timeout=WAIT_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert "INTERNALERROR" not in output
    assert "_pytest/" not in output
    return output


class TestMidCase:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_tears_everything_down(self, project: Project, number: signal.Signals) -> None:
        project.add_environment(cases=["a rx", "a tx"])
        project.add_conftest(
            "def pytest_probecost_tool_post(tool): (tool.run.tree.root / 'tool-post').touch()\n"
            "def pytest_probecost_case_post(case): (case.run.tree.root / f'failed-{case.failed}').touch()\n"
            "def pytest_probecost_run_post(run): (run.tree.root / 'run-post').touch()\n"
        )
        project.fail({"measure host-a-rx": "hang"})
        output = interrupted_at(project, "measure host-a-rx", number)
        assert project.log[-3:] == ["stop host-a-rx", "fetch host-a-rx", "close bed"]
        assert {path.name for path in project.tree.iterdir()} >= {"tool-post", "failed-True", "run-post"}
        assert project.outcomes == {"host-a-rx": "interrupted", "host-a-tx": "not run"}
        assert project.run_json["exit_status"] == 2
        assert f"results: {project.tree}" in output

    def test_errors_of_the_tear_down_are_told(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail(
            {
                "measure host-a-rx": "hang",
                "stop host-a-rx": "iperf3 is still there",
                "fetch host-a-rx": "bug: not one of ours",
                "close bed": "the connection was cut",
            }
        )
        output = interrupted_at(project, "measure host-a-rx", signal.SIGINT)
        for message in ("iperf3 is still there", "ValueError: bug: not one of ours", "the connection was cut"):
            assert message in output
        assert len(project.run_json["notes"]) == 2

    def test_further_signals_do_not_break_the_tear_down(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        slow = "import time\n\ndef pytest_probecost_case_post(case):\n    time.sleep(0.5)\n"
        project.add_conftest(slow + "    (case.run.tree.root / 'done').touch()\n")
        project.fail({"measure host-a-rx": "hang"})
        interrupted_at(project, "measure host-a-rx", signal.SIGTERM, signal.SIGINT, signal.SIGTERM, signal.SIGINT)
        assert (project.tree / "done").exists()
        assert project.log[-1] == "close bed"

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_leaves_the_results_of_the_workflow(self, project: Project, number: signal.Signals) -> None:
        project.add_environment(cases=["a rx", "a tx"])
        project.fail({"latency:tcp_rr tool host-a-rx": "hang"})
        options = ("--seed", "10", "--iterations", "2", "--output", "out.json")
        interrupted_at(project, "latency:tcp_rr tool host-a-rx", number, options=options)
        content = json.loads((project.path / "out.json").read_text())
        assert (content["status"], content["exit_status"]) == ("interrupted", 2)
        assert [cycle["status"] for cycle in content["cycles"]] == ["void", "interrupted", *["not run"] * 6]
        assert content["cycles"][1]["end_time"]


class TestElsewhere:
    def test_while_waiting_for_the_start(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail({"sleep 30": "hang"})
        options = ("--start-after", "1h", "--output", "out.json")
        output = interrupted_at(project, "sleep 30", signal.SIGINT, options=options)
        assert "waiting until" in output
        assert project.log == ["sleep 30"]
        content = json.loads((project.path / "out.json").read_text())
        assert (content["status"], content["summary"]) == ("interrupted", {"not run": 2})
        assert project.run_json["exit_status"] == 2
        assert project.outcomes == {"host-a-rx": "not run"}

    def test_in_the_set_up_of_a_case(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.add_conftest("import fake_engine\ndef pytest_probecost_case_init(case): fake_engine.step('init')\n")
        project.fail({"init": "hang"})
        interrupted_at(project, "init", signal.SIGTERM)
        assert project.log == ["open bed 1", "prepare bed a 1", "init", "close bed"]

    def test_while_a_tool_is_prepared(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail({"prepare bed a 1": "hang"})
        interrupted_at(project, "prepare bed a 1", signal.SIGINT)
        assert project.log[-1] == "close bed"
        assert project.outcomes == {"host-a-rx": "not run"}

    def test_while_connecting(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail({"open bed 1": "hang"})
        interrupted_at(project, "open bed 1", signal.SIGTERM)
        assert project.log == ["open bed 1"]
        assert project.run_json["exit_status"] == 2

    def test_in_a_tear_down(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail({"stop host-a-rx": "hang"})
        interrupted_at(project, "stop host-a-rx", signal.SIGTERM)
        assert project.log[-2:] == ["stop host-a-rx", "close bed"]
        assert (project.tree / "bed").is_dir()

    def test_while_the_reports_are_written(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.add_conftest("import fake_engine\ndef pytest_probecost_run_post(run): fake_engine.step('report')\n")
        project.fail({"report": "hang"})
        output = interrupted_at(project, "report", signal.SIGINT)
        assert "interrupted while the reports were written" in output
        assert project.run_json["exit_status"] == 2

    def test_before_the_collection_the_lab_is_released(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.add_environment("lab", ["a rx"])
        place = project.path / "config" / "bed"
        (place / "minimal-input.yaml").write_text("environment: bed\n")
        (place / "bed-full.yaml").unlink()
        project.fail({"bootstrap bed": "hang"})
        interrupted_at(project, "bootstrap bed", signal.SIGTERM, options=("--bootstrap", "--env", "lab"))
        assert project.log == ["lab acquire lab", "bootstrap bed", "lab release"]


class TestInterrupts:
    def test_the_first_counts_and_others_are_ignored_for_a_while(self) -> None:
        now_s = [100.0]
        interrupts = Interrupts(clock=lambda: now_s[0])
        with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
            interrupts.handle(signal.SIGTERM, None)
        now_s[0] += GRACE_S - 0.1
        interrupts.handle(signal.SIGINT, None)
        now_s[0] += 0.2
        with pytest.raises(KeyboardInterrupt, match="SIGINT"):
            interrupts.handle(signal.SIGINT, None)

    def test_what_was_there_comes_back(self) -> None:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        interrupts = Interrupts()
        interrupts.install()
        assert signal.getsignal(signal.SIGTERM) == interrupts.handle
        interrupts.restore()
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before

    def test_a_session_without_measurement_is_left_alone(self, project: Project) -> None:
        test = "import signal\n\ndef test_own():\n    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL\n"
        (project.path / "test_own.py").write_text(test)
        project.pytester.runpytest_inprocess("test_own.py").assert_outcomes(passed=1)
