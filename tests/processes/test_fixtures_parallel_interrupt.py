"""Ctrl-C, SIGTERM and ``--resume`` with ``-n``: every worker tears down what it has, and what it made is known."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable

import pytest
from helpers.fake_project import Project
from helpers.parallel_project import WAIT_S, Ended, add_pairs, run, start


def wait_for(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s, "it never came"
        time.sleep(0.01)


def hang_in_second_cases(project: Project) -> None:
    project.fail({"keep metadata": True, "measure host-one_b-rx": "hang", "measure host-two_b-rx": "hang"})


def interrupted(project: Project, send: Callable[[int], None], *arguments: str) -> Ended:
    process = start(project, *add_pairs(project, 2, ["a rx", "b rx", "c rx"]), "-n", "2", *arguments)
    try:
        wait_for(lambda: {"measure host-one_b-rx", "measure host-two_b-rx"} <= set(project.log))
        send(process.pid)
        output, _ = process.communicate(timeout=WAIT_S)
    finally:
        process.kill()
    assert "INTERNALERROR" not in output
    return Ended(process.returncode, output)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_all_workers_tear_down(project: Project, number: signal.Signals) -> None:
    hang_in_second_cases(project)
    project.add_conftest("def pytest_probecost_run_post(run): (run.tree.root / 'run-post').touch()\n")
    result = interrupted(project, lambda pid: os.kill(pid, number))
    assert result.code == pytest.ExitCode.INTERRUPTED, result.output
    for name in ("one", "two"):
        own = [line for line in project.log if name in line]
        assert own[-3:] == [f"stop host-{name}_b-rx", f"fetch host-{name}_b-rx", f"close {name}"]
    assert Counter(project.outcomes.values()) == {"passed": 2, "interrupted": 2, "not run": 2}
    assert project.run_json["exit_status"] == 2
    assert (project.tree / "run-post").exists()
    content = json.loads((project.tree / "workflow-results.json").read_text())
    assert content["status"] == "interrupted"
    assert content["summary"] == {"completed": 4, "not run": 8}


def test_a_worker_that_is_interrupted_ends_the_run(project: Project) -> None:
    hang_in_second_cases(project)
    project.add_conftest(
        "import os, pathlib\n"
        "def pytest_probecost_case_init(case):\n"
        "    if case.key == 'host-one_b-rx': pathlib.Path('worker').write_text(str(os.getpid()))\n"
    )
    result = interrupted(project, lambda _: os.kill(int((project.path / "worker").read_text()), signal.SIGINT))
    assert result.code == pytest.ExitCode.INTERRUPTED, result.output
    assert project.log.count("close one") == project.log.count("close two") == 1
    assert Counter(project.outcomes.values()) == {"passed": 2, "interrupted": 2, "not run": 2}


def test_workers_tear_down_when_the_controller_is_killed(project: Project) -> None:
    hang_in_second_cases(project)
    result = interrupted(project, lambda pid: os.kill(pid, signal.SIGKILL))
    assert result.code == -signal.SIGKILL
    wait_for(lambda: {"close one", "close two"} <= set(project.log))


def test_a_run_goes_on_with_and_without_workers(project: Project) -> None:
    hang_in_second_cases(project)
    interrupted(project, lambda pid: os.kill(pid, signal.SIGINT), "--units", "2")
    tree = project.tree
    project.fail({"keep metadata": True, "measure host-two_c-rx": "the tool died"})
    (project.path / "engine.log").unlink()
    result = run(project, "--resume", str(tree), "-n", "2")
    assert result.code == 1, result.output
    assert sorted(line for line in project.log if line.startswith("measure")) == [
        f"measure host-{name}_{case}-rx" for name in ("one", "two") for case in ("b", "c")
    ]
    project.fail({"keep metadata": True})
    (project.path / "engine.log").unlink()
    result = run(project, "--resume", str(tree))
    assert result.code == 0, result.output
    assert [line for line in project.log if line.startswith("measure")] == ["measure host-two_c-rx"]
    assert set(project.outcomes.values()) == {"passed"}
    content = json.loads((tree / "workflow-results.json").read_text())
    assert content["summary"] == {"completed": 24}
    assert len(project.run_json["resumed"]) == 2
