"""A tool that does not end, or that cannot be started: said, and not in the way of the next one."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.supervisor_process import alive, until

from probecost.remote.supervisor import processes
from probecost.remote.supervisor import tool as tool_module
from probecost.remote.supervisor.cgroups import Cgroup
from probecost.remote.supervisor.files import Files
from probecost.remote.supervisor.processes import Identity
from probecost.remote.supervisor.service import Service
from probecost.remote.supervisor.tool import Tool

MONITORS = {"cpu": "m/cpu.log", "memory": "m/memory.log", "logsize": "m/logsize.log"}


def spec(command: str, **changes: object) -> dict[str, object]:
    fields = {"command": command, "stdout": "out.log", "stderr": "err.log", "attaches": "none"}
    return fields | {"ready_timeout_s": 5, "stop_signal": "SIGINT", "log_cap_bytes": 1_000_000} | changes


class Left:
    """The cgroup of a tool that has left it."""

    removed = False

    def join(self) -> None:
        pass

    def pids(self) -> list[int]:
        return []

    def cpu_ns(self) -> int | None:
        return None

    def remove(self) -> None:
        self.removed = True


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(str(tmp_path), Identity(), lambda kind, path: None)


@pytest.fixture
def start(files: Files) -> Iterator[Callable[..., Tool]]:
    started: list[Tool] = []

    def start_one(command: str, group: Any = None) -> Tool:
        started.append(Tool(spec(command), files, group, lambda event: None))
        return started[-1]

    yield start_one
    for tool in started:
        tool.stop()


def test_one_that_has_left_its_cgroup_is_ended(start: Callable[..., Tool]) -> None:
    group = Left()
    tool = start("exec sleep 60", group)
    stopped = tool.stop()
    assert (stopped["alive"], stopped["still_running"]) == (True, [])
    assert not alive(tool.pid)
    assert group.removed


def test_one_that_nothing_ends_is_told(start: Callable[..., Tool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_module, "GRACE_S", 0.1)
    tool = start("exec sleep 60")
    assert until(lambda: [stat.comm for stat in tool.tree()] == ["sleep"])
    with monkeypatch.context() as without_signals:
        without_signals.setattr(processes, "send_signal", lambda pid, number: None)
        assert tool.stop()["still_running"] == [f"sleep (pid {tool.pid})"]
    assert tool.stop()["still_running"] == []


def test_the_number_of_a_process_that_has_ended_is_nobodys(start: Callable[..., Tool]) -> None:
    tool = start("exec sleep 60")
    os.kill(tool.pid, signal.SIGKILL)
    assert until(lambda: not alive(tool.pid))
    assert tool.tree() == []


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """One whose cgroups are plain folders."""
    group = Cgroup(str(tmp_path / "group"))
    service = Service(str(tmp_path / "work"), group, lambda event: None, lambda kind, path: None)
    yield service
    service.stop_all()


def test_after_a_start_that_failed_the_next_one_works(service: Service, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="is not below"):
        service.start_tool(spec("sleep 60", stdout="../out.log"), MONITORS)
    assert not list((tmp_path / "group").iterdir())
    assert service.start_tool(spec("exec sleep 60"), MONITORS)["outcome"] == "ready"


def test_after_one_that_could_not_be_removed_the_next_one_works(service: Service, tmp_path: Path) -> None:
    for _ in range(2):
        assert service.start_tool(spec("exec sleep 60"), MONITORS)["outcome"] == "ready"
        service.stop_tool()
    assert list((tmp_path / "group").iterdir()), "a plain folder with a file in it is not removed"


def test_the_log_size_holds_what_it_writes_while_it_ends(service: Service, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(print('0123456789')))\n"
        f"open('{ready}', 'w')\n"
        "signal.pause()"
    )
    service.start_tool(spec(f"exec {sys.executable} -c {shlex.quote(script)}"), MONITORS)
    assert until(ready.exists)
    stopped = service.stop_tool()
    lines = (tmp_path / "work/m/logsize.log").read_text().splitlines()
    assert lines[1].split()[2] == "0"
    assert lines[-1].split()[2] == "11" == str(stopped["log_bytes"])
    others = [(tmp_path / "work/m" / name).read_text().splitlines() for name in ("cpu.log", "memory.log")]
    assert len(others[1]) == len(lines) - 1, "memory and CPU are those of the tool at work"


class TestAsked:
    """Tools end in the way that they chose, and nothing is killed that would have ended."""

    def stopped(self, start: Callable[..., Tool], tmp_path: Path, script: str) -> dict[str, Any]:
        tool = start(script)
        assert until((tmp_path / "ready").exists)
        return tool.stop()

    @pytest.mark.parametrize("waiting", ["while :; do sleep 1; done", "sleep 60 & wait"])
    def test_a_shell_with_a_trap(self, start: Callable[..., Tool], tmp_path: Path, waiting: str) -> None:
        script = f"trap 'echo cleaned up; exit 0' INT TERM; : > ready; {waiting}"
        stopped = self.stopped(start, tmp_path, f"exec sh -c {shlex.quote(script)}")
        assert (stopped["signal"], stopped["exit_code"], stopped["still_running"]) == ("SIGINT", 0, [])
        assert (tmp_path / "out.log").read_text() == "cleaned up\n"
        assert stopped["stdout_tail"] == "cleaned up"

    def test_a_trap_may_take_its_time(self, start: Callable[..., Tool], tmp_path: Path) -> None:
        script = "trap 'sleep 2.5; echo cleaned up; exit 0' INT TERM; : > ready; while :; do sleep 0.1; done"
        stopped = self.stopped(start, tmp_path, f"exec sh -c {shlex.quote(script)}")
        assert (stopped["signal"], stopped["exit_code"], stopped["stdout_tail"]) == ("SIGINT", 0, "cleaned up")
        assert stopped["stop_s"] >= 2.5

    def test_what_a_tool_starts_to_clean_up_is_not_ended(self, start: Callable[..., Tool], tmp_path: Path) -> None:
        script = (
            "import signal, subprocess, sys\n"
            "signal.signal(signal.SIGINT, lambda *_: sys.exit(subprocess.call(['sh', '-c', 'sleep 1; echo clean'])))\n"
            "open('ready', 'w')\n"
            "while 1: signal.pause()"
        )
        stopped = self.stopped(start, tmp_path, f"exec {sys.executable} -c {shlex.quote(script)}")
        assert (stopped["signal"], stopped["exit_code"], stopped["stdout_tail"]) == ("SIGINT", 0, "clean")

    def test_one_that_ignores_the_signal_is_asked_by_another_at_once(
        self, start: Callable[..., Tool], tmp_path: Path
    ) -> None:
        stopped = self.stopped(start, tmp_path, "trap '' INT; : > ready; exec sleep 60")
        assert (stopped["signal"], stopped["exit_code"]) == ("SIGINT", -signal.SIGTERM)
        assert stopped["stop_s"] < 1.5

    def test_one_that_has_to_be_killed(
        self, start: Callable[..., Tool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tool_module, "GRACE_S", 0.2)
        deaf = "import signal\nfor n in (2, 15): signal.signal(n, lambda *_: 0)\n"
        script = f"{deaf}open('ready', 'w')\nwhile 1: signal.pause()"
        stopped = self.stopped(start, tmp_path, f"exec {sys.executable} -c {shlex.quote(script)}")
        assert stopped["signal"] == "SIGKILL"


def test_a_tool_that_says_it_cannot_attach_is_not_waited_for(service: Service) -> None:
    command = "echo 'Failed to attach BPF program x to kprobe y' >&2; exec sleep 60"
    started = service.start_tool(spec(command, attaches="bpf", ready_timeout_s=30), MONITORS)
    assert started["outcome"] == "refused"
    assert started["stderr_tail"] == "Failed to attach BPF program x to kprobe y"


def test_a_terminal_type_is_set(start: Callable[..., Tool], tmp_path: Path) -> None:
    start("echo $TERM; exec sleep 60")
    assert until(lambda: (tmp_path / "out.log").exists() and (tmp_path / "out.log").read_text() == "dumb\n")
