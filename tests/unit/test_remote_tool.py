"""A tool that does not end, or that cannot be started: said, and not in the way of the next one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from supervisor_process import alive, until

from probecost.remote.supervisor import processes
from probecost.remote.supervisor import tool as tool_module
from probecost.remote.supervisor.files import Files
from probecost.remote.supervisor.processes import Identity
from probecost.remote.supervisor.tool import Tool


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
