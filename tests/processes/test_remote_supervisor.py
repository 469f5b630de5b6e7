"""The supervisor does what it is asked, and whatever ends it, nothing of the run stays."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.supervisor_process import SupervisorProcess, alive, until

from probecost.remote.supervisor.processes import stat_of
from probecost.remote.supervisor.tool import READY_POLL_S, READY_POLLS

R = "performance-test-results"
STUBBORN = "trap '' INT TERM; while :; do sleep 1; done"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., SupervisorProcess]]:
    started: list[SupervisorProcess] = []

    def start_one(**options: Any) -> SupervisorProcess:
        started.append(SupervisorProcess(tmp_path / "work", **options))
        return started[-1]

    yield start_one
    for process in started:
        process.close()


def tool_spec(command: str, **changes: object) -> dict[str, object]:
    spec: dict[str, object] = {
        "command": command,
        "stdout": f"{R}/out.log",
        "stderr": f"{R}/err.log",
        "attaches": "none",
        "ready_timeout_s": 5,
        "stop_signal": "SIGINT",
        "log_cap_bytes": 1_000_000,
    }
    return spec | changes


MONITORS = {"cpu": f"{R}/m/cpu.log", "memory": f"{R}/m/memory.log", "logsize": f"{R}/m/logsize.log"}


def start_tool(supervisor: SupervisorProcess, command: str, **changes: object) -> dict[str, Any]:
    result: dict[str, Any] = supervisor.ask("start_tool", spec=tool_spec(command, **changes), monitors=MONITORS)
    return result


class TestTool:
    def test_that_attaches_nothing_is_ready_when_it_lives(self, start: Any) -> None:
        supervisor = start()
        started = start_tool(supervisor, "exec sleep 60")
        assert started["outcome"] == "ready"
        assert started["time_to_ready_s"] < 1.0
        stopped = supervisor.ask("stop_tool")
        assert stopped["alive"] is True
        assert stopped["signal"] == "SIGINT"
        assert not alive(started["pid"])

    @pytest.mark.parametrize(("expected", "outcome"), [(None, "timeout"), ([1, 1], "timeout"), ([0, 0], "ready")])
    def test_that_is_as_it_was_before_needs_fewer_polls(self, start: Any, expected: Any, outcome: str) -> None:
        too_short_s = 0.7 * READY_POLLS * READY_POLL_S  # for all the polls, and not for two
        started = start_tool(start(), "exec sleep 60", expected=expected, ready_timeout_s=too_short_s)
        assert started["outcome"] == outcome

    def test_that_ends_at_once_says_its_exit_code_and_last_words(self, start: Any) -> None:
        started = start_tool(start(), "echo no such probe >&2; exit 3", attaches="bpf")
        assert (started["outcome"], started["exit_code"], started["stderr_tail"]) == ("exited", 3, "no such probe")

    def test_that_never_attaches_times_out(self, start: Any) -> None:
        supervisor = start()
        started = start_tool(supervisor, "exec sleep 60", attaches="bpf", ready_timeout_s=0.5)
        assert started["outcome"] == "timeout"
        supervisor.ask("stop_tool")
        assert not alive(started["pid"])

    def test_that_ignores_signals_is_killed_with_its_children(self, start: Any) -> None:
        supervisor = start()
        started = start_tool(supervisor, f'sh -c "{STUBBORN}" & {STUBBORN}')
        before = time.monotonic()
        stopped = supervisor.ask("stop_tool")
        assert stopped["signal"] == "SIGKILL"
        assert time.monotonic() - before < 8
        assert not alive(started["pid"])
        assert supervisor.tree() == [supervisor.supervisor_pid]

    def test_whose_daemonised_child_left_its_session_is_ended_too(self, start: Any) -> None:
        supervisor = start()
        daemon = "import os, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); time.sleep(60)"
        start_tool(supervisor, f"{sys.executable} -c '{daemon}'; exec sleep 60")
        assert until(lambda: len(supervisor.tree()) >= 3)
        assert supervisor.ask("stop_all")["still_running"] == []
        assert supervisor.tree() == [supervisor.supervisor_pid]

    @pytest.mark.parametrize("cgroup", [True, False], ids=["cgroup", "no cgroup"])
    @pytest.mark.parametrize("leader", ["exec sleep 60", "sleep 1"], ids=["leader lives", "leader has ended"])
    def test_whose_child_left_its_session_and_its_parent_is_ended_with_it(
        self, start: Any, cgroup: bool, leader: str
    ) -> None:
        supervisor = start(cgroup=cgroup)
        started = start_tool(supervisor, f"(setsid sleep 61 &) ; {leader}")
        if leader == "sleep 1":
            assert until(lambda: not alive(started["pid"]))
        assert len(supervisor.tree()) > 1
        stopped = supervisor.ask("stop_tool")
        assert stopped["still_running"] == []
        assert supervisor.tree() == [supervisor.supervisor_pid]

    def test_a_generator_is_not_part_of_it(self, start: Any) -> None:
        """What a living generator started is not ended with the tool."""
        supervisor = start(cgroup=False)
        client = {"name": "0", "argv": ["/bin/sh", "-c", "(sleep 60 &) ; sleep 60; exit 5"]}
        files = {"stdout": f"{R}/c/out", "stderr": f"{R}/c/err"}
        start_tool(supervisor, "exec sleep 60")
        number = supervisor.send(
            "run_clients", clients=[client | files], timeout_s=30, address="127.0.0.1", monitoring=f"{R}/mon"
        )
        assert until(lambda: len(supervisor.tree()) == 5)
        supervisor.ask("stop_tool")
        stats = [stat for stat in map(stat_of, supervisor.tree()) if stat is not None]
        sleeping = [stat.pid for stat in stats if stat.comm == "sleep"]
        assert len(sleeping) == 2
        for pid in sleeping:
            os.kill(pid, signal.SIGTERM)
        (end,) = supervisor.answer(number)["clients"]
        assert end["exit_code"] == 5

    def test_that_floods_its_log_is_ended_at_the_cap(self, start: Any, tmp_path: Path) -> None:
        supervisor = start()
        started = start_tool(supervisor, "yes", log_cap_bytes=100_000)
        assert until(lambda: not alive(started["pid"]))
        stopped = supervisor.ask("stop_tool")
        assert stopped["cap_hit"] is True
        assert (tmp_path / "work" / R / "out.log").stat().st_size == 100_000
        assert [event["event"] for event in supervisor.events] in ([], ["tool_ended"])

    def test_that_dies_later_is_told_without_being_asked(self, start: Any) -> None:
        supervisor = start()
        start_tool(supervisor, "sleep 1; exit 7")
        time.sleep(1.5)
        supervisor.ask("ping")
        (event,) = supervisor.events
        assert (event["event"], event["exit_code"]) == ("tool_ended", 7)
        assert supervisor.ask("stop_tool")["alive"] is False

    def test_samples_lie_in_the_fields_formats(self, start: Any, tmp_path: Path) -> None:
        supervisor = start()
        start_tool(supervisor, "while :; do :; done")
        time.sleep(2.2)
        assert supervisor.ask("stop_tool")["sampler"]["error"] is None
        lines = {name: (tmp_path / "work" / path).read_text().splitlines() for name, path in MONITORS.items()}
        assert all(len(text) >= 3 for text in lines.values())
        cpu = [float(line.split()[2]) for line in lines["cpu"][1:]]
        assert max(cpu) > 30, "a busy loop uses much of a core"
        assert [len(line.split()) for line in lines["memory"][1:]] == [5] * (len(lines["memory"]) - 1)
        assert int(lines["memory"][1].split()[3]) > 0
        assert lines["logsize"][-1].split()[2] == "0"


class TestEnding:
    """Each way in which the run can end, with a tool that ignores everything but SIGKILL."""

    @pytest.fixture
    def supervisor(self, start: Any) -> SupervisorProcess:
        supervisor: SupervisorProcess = start(lease_s=1.5)
        start_tool(supervisor, STUBBORN)
        assert len(supervisor.tree()) >= 2
        return supervisor

    def nothing_is_left(self, supervisor: SupervisorProcess, pids: list[int]) -> None:
        assert until(lambda: not any(alive(pid) for pid in pids), 15)

    def test_when_the_channel_closes(self, supervisor: SupervisorProcess) -> None:
        pids = supervisor.tree()
        supervisor.hang_up()
        assert supervisor.wait_gone() < 5
        self.nothing_is_left(supervisor, pids)

    def test_when_the_lease_runs_out(self, supervisor: SupervisorProcess) -> None:
        pids = supervisor.tree()
        took_s = supervisor.wait_gone()
        assert 1.0 < took_s < 6
        self.nothing_is_left(supervisor, pids)

    def test_when_the_supervisor_is_killed(self, supervisor: SupervisorProcess) -> None:
        pids = supervisor.tree()
        os.kill(supervisor.supervisor_pid, signal.SIGKILL)
        assert supervisor.wait_gone() < 5
        self.nothing_is_left(supervisor, pids)

    def test_when_the_supervisor_is_stopped(self, supervisor: SupervisorProcess) -> None:
        pids = supervisor.tree()
        os.kill(supervisor.supervisor_pid, signal.SIGSTOP)
        assert supervisor.wait_gone() < 6
        self.nothing_is_left(supervisor, pids)

    def test_when_the_watchdog_is_killed(self, supervisor: SupervisorProcess) -> None:
        pids = supervisor.tree()
        os.kill(supervisor.watchdog_pid, signal.SIGKILL)
        self.nothing_is_left(supervisor, pids)

    def test_when_the_watchdog_is_killed_while_a_request_arrives(self, supervisor: SupervisorProcess) -> None:
        """The supervisor finds out by a write that nobody reads."""
        pids = supervisor.tree()
        os.kill(supervisor.supervisor_pid, signal.SIGSTOP)
        supervisor.send("ping")
        os.kill(supervisor.watchdog_pid, signal.SIGKILL)
        supervisor.wait_gone()
        os.kill(supervisor.supervisor_pid, signal.SIGCONT)
        self.nothing_is_left(supervisor, pids)

    def test_when_the_watchdog_is_killed_and_the_connection_ends_with_it(self, supervisor: SupervisorProcess) -> None:
        """sudo ends with its child, and sshd then closes the channel: the supervisor may see that first."""
        pids = supervisor.tree()
        os.kill(supervisor.supervisor_pid, signal.SIGSTOP)
        os.kill(supervisor.watchdog_pid, signal.SIGKILL)
        supervisor.wait_gone()
        supervisor.hang_up()
        os.kill(supervisor.supervisor_pid, signal.SIGCONT)
        self.nothing_is_left(supervisor, pids)

    def test_when_the_watchdog_is_told_to_end(self, supervisor: SupervisorProcess) -> None:
        pids = supervisor.tree()
        os.kill(supervisor.watchdog_pid, signal.SIGTERM)
        assert supervisor.wait_gone() < 5
        self.nothing_is_left(supervisor, pids)

    def test_when_something_else_than_a_frame_arrives(self, supervisor: SupervisorProcess) -> None:
        pids = supervisor.tree()
        supervisor._write(b"GET / HTTP/1.1\r\n\r\n")
        assert supervisor.wait_gone() < 5
        self.nothing_is_left(supervisor, pids)


class TestFiles:
    def test_placed_files_and_empty_folders_go_at_the_end(self, start: Any, tmp_path: Path) -> None:
        supervisor = start()
        placed = supervisor.ask("place", b"#!/bin/sh\n", path="tools/x/tool.sh", mode=0o755)
        assert placed["placed"] is True
        assert (tmp_path / "work/tools/x/tool.sh").stat().st_mode & 0o777 == 0o755
        supervisor.ask("write", payload=json.dumps({f"{R}/a/metadata.json": "{}"}).encode())
        supervisor.hang_up()
        supervisor.wait_gone()
        assert sorted(path.name for path in (tmp_path / "work").iterdir()) == [R]

    def test_what_was_there_before_stays(self, start: Any, tmp_path: Path) -> None:
        tool = tmp_path / "work/tools/tool.sh"
        tool.parent.mkdir(parents=True)
        tool.write_bytes(b"mine")
        supervisor = start()
        assert supervisor.ask("place", b"mine", path="tools/tool.sh", mode=0o755)["placed"] is False
        with pytest.raises(RuntimeError, match="exists with another content"):
            supervisor.ask("place", b"other", path="tools/tool.sh", mode=0o755)
        supervisor.hang_up()
        supervisor.wait_gone()
        assert tool.read_bytes() == b"mine"

    @pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "link/x"])
    def test_no_path_leads_out_of_the_workdir(self, start: Any, tmp_path: Path, path: str) -> None:
        supervisor = start()
        (tmp_path / "work").mkdir()
        (tmp_path / "work/link").symlink_to(tmp_path)
        with pytest.raises(RuntimeError, match="is not below"):
            supervisor.ask("write", payload=json.dumps({path: "x"}).encode())
        assert not (tmp_path / "x").exists()

    def test_only_results_are_removed(self, start: Any, tmp_path: Path) -> None:
        supervisor = start()
        supervisor.ask("write", payload=json.dumps({f"{R}/a/b/x": "1", f"{R}/c/y": "2", "keep": "3"}).encode())
        supervisor.ask("remove", paths=[f"{R}/a/b"], root=R)
        assert sorted(str(p.relative_to(tmp_path / "work")) for p in (tmp_path / "work").rglob("*")) == [
            "keep",
            R,
            f"{R}/c",
            f"{R}/c/y",
        ]
        for path in ("keep", R, "."):
            with pytest.raises(RuntimeError, match="is not below"):
                supervisor.ask("remove", paths=[path], root=R)


class TestGenerators:
    def server(self, tmp_path: Path) -> dict[str, object]:
        script = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(60)"
        return {
            "name": "0",
            "argv": [sys.executable, "-c", script, "{port}"],
            "stdout": f"{R}/s/out_{{port}}",
            "stderr": f"{R}/s/err",
            "ports": 1,
            "lingers": False,
        }

    def open(self, supervisor: SupervisorProcess, server: dict[str, object], ports: list[int]) -> Any:
        return supervisor.ask(
            "open_perf_test", servers=[server], address="127.0.0.1", port_range=ports, monitoring=f"{R}/mon"
        )["servers"]

    def test_a_server_listens_when_it_is_said_to_and_somebody_elses_port_is_left_alone(
        self, start: Any, tmp_path: Path, free_ports: list[int], occupy: Callable[[int], None]
    ) -> None:
        first, last = free_ports[0], free_ports[-1]
        occupy(first)
        supervisor = start()
        (opened,) = self.open(supervisor, self.server(tmp_path), [first, last])
        assert first < opened["ports"][0] <= last
        assert alive(opened["pid"])
        supervisor.ask("close_perf_test", linger_s=0)
        assert not alive(opened["pid"])
        counters = json.loads((tmp_path / "work" / R / "mon/counters.json").read_text())
        assert counters["end"]["time_ns"] > counters["start"]["time_ns"]
        assert "InDatagrams" in counters["start"]["udp"]

    def test_a_server_that_fails_is_told_with_its_words(
        self, start: Any, tmp_path: Path, free_ports: list[int]
    ) -> None:
        server = self.server(tmp_path) | {"argv": ["/bin/sh", "-c", "echo broken >&2; exit 1"]}
        with pytest.raises(RuntimeError, match=r"did not become ready: broken"):
            self.open(start(), server, [free_ports[0], free_ports[-1]])

    def test_no_free_port_is_told(self, start: Any, tmp_path: Path, free_ports: list[int], occupy: Any) -> None:
        occupy(free_ports[0])
        with pytest.raises(RuntimeError, match="no free port"):
            self.open(start(), self.server(tmp_path), [free_ports[0], free_ports[0]])

    def test_free_ports_are_counted(self, start: Any, free_ports: list[int], occupy: Any) -> None:
        supervisor = start()
        occupy(free_ports[1])
        ports = {"address": "127.0.0.1", "port_range": [free_ports[0], free_ports[2]]}
        assert supervisor.ask("free_ports", **ports, wanted=5) == {"free": 2}
        assert supervisor.ask("free_ports", **ports, wanted=1) == {"free": 1}
        with pytest.raises(RuntimeError, match=r"192\.0\.2\.1 is not on this node"):
            supervisor.ask("free_ports", **(ports | {"address": "192.0.2.1"}), wanted=1)

    def test_an_address_that_is_not_here_is_told(self, start: Any, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match=r"192\.0\.2\.1 is not on this node"):
            start().ask(
                "open_perf_test",
                servers=[self.server(tmp_path)],
                address="192.0.2.1",
                port_range=[20000, 20010],
                monitoring=f"{R}/mon",
            )

    def test_a_client_that_hangs_is_ended_and_marked(self, start: Any) -> None:
        client = {"name": "0", "argv": ["/bin/sleep", "60"], "stdout": f"{R}/c/out", "stderr": f"{R}/c/err"}
        (end,) = start().ask(
            "run_clients", clients=[client], timeout_s=0.3, address="127.0.0.1", monitoring=f"{R}/mon"
        )["clients"]
        assert end["hung"] is True
        assert end["exit_code"] == -signal.SIGTERM

    def test_clients_report_times_and_exit_codes(self, start: Any) -> None:
        argv = ["/bin/sh", "-c", "sleep 0.3; echo out; echo err >&2; exit 2"]
        client = {"name": "0", "argv": argv, "stdout": f"{R}/c/out", "stderr": f"{R}/c/err"}
        (end,) = start().ask("run_clients", clients=[client], timeout_s=5, address="127.0.0.1", monitoring=f"{R}/mon")[
            "clients"
        ]
        assert (end["exit_code"], end["stderr_tail"], end["stdout_bytes"], end["hung"]) == (2, "err", 4, False)
        assert 0.25e9 < end["end_ns"] - end["start_ns"] < 3e9

    def test_a_server_that_was_killed_says_so_though_others_are_ended_before_it(
        self, start: Any, tmp_path: Path, free_ports: list[int]
    ) -> None:
        supervisor = start()
        servers = [self.server(tmp_path) | {"name": name, "stderr": f"{R}/s/err{name}"} for name in ("0", "1", "2")]
        opened = supervisor.ask(
            "open_perf_test",
            servers=servers,
            address="127.0.0.1",
            port_range=[free_ports[0], free_ports[-1]],
            monitoring=f"{R}/mon",
        )["servers"]
        os.kill(opened[2]["pid"], signal.SIGKILL)
        assert until(lambda: not alive(opened[2]["pid"]))
        ends = supervisor.ask("close_perf_test", linger_s=0)["servers"]
        assert [end["exit_code"] for end in ends] == [-signal.SIGTERM, -signal.SIGTERM, -signal.SIGKILL]

    def test_a_program_that_is_not_there_is_told(self, start: Any) -> None:
        client = {"name": "0", "argv": ["no-such-program"], "stdout": f"{R}/c/out", "stderr": f"{R}/c/err"}
        with pytest.raises(RuntimeError, match="no-such-program cannot be started"):
            start().ask("run_clients", clients=[client], timeout_s=5, address="127.0.0.1", monitoring=f"{R}/mon")
