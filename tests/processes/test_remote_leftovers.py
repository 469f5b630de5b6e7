"""What a dead session left is found by its mark and ended; everybody else's is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.supervisor_process import SupervisorProcess, alive, until

from probecost.remote.leftovers import Leftovers
from probecost.remote.supervisor import cgroups, lease, leftovers, placed
from probecost.remote.supervisor.cgroups import Cgroup
from probecost.remote.supervisor.lease import Lease
from probecost.remote.supervisor.owner import Owner
from probecost.remote.supervisor.processes import OWNER, descendants

R = "performance-test-results"
SPEC = {"stdout": f"{R}/out.log", "stderr": f"{R}/err.log", "attaches": "none", "ready_timeout_s": 5}
ALICE = {"token": "a", "run": "run-1", "user": "alice", "host": "laptop"}
US = {"token": "us", "run": "cleanup", "user": "bob", "host": "server"}
MONITORS = {name: f"{R}/mon/{name}" for name in ("cpu", "memory", "logsize")}
Die = Callable[..., list[int]]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


@pytest.fixture(autouse=True)
def lease_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "probecost.lease"
    monkeypatch.setattr(lease, "places", lambda: [str(file)])
    monkeypatch.setattr(leftovers, "GRACE_S", 0.5)
    return file


@pytest.fixture
def start(work: Path) -> Iterator[Callable[..., SupervisorProcess]]:
    started: list[SupervisorProcess] = []

    def start_one(mark: str = "", **options: Any) -> SupervisorProcess:
        chosen = {"mark": mark} if mark else {}
        started.append(SupervisorProcess(work, **options, **chosen))
        return started[-1]

    yield start_one
    for process in started:
        process.close()


@pytest.fixture
def die(start: Any) -> Iterator[Die]:
    """A session whose watchdog and supervisor are killed at the same moment; the processes of its tool."""
    left: list[int] = []

    def die_one(command: str, **options: Any) -> list[int]:
        session = start(**options)
        spec = SPEC | {"command": command, "stop_signal": "SIGINT", "log_cap_bytes": 1_000_000}
        assert session.ask("start_tool", spec=spec, monitors=MONITORS)["outcome"] == "ready"
        pids = [pid for pid in session.tree() if pid != session.supervisor_pid]
        left.extend(pids)
        kill(session)
        return pids

    yield die_one
    for pid in filter(alive, left):
        os.kill(pid, signal.SIGKILL)
    for group in (group for group in Cgroup.orphans() if is_ours(group.mark)):
        assert group.remove_orphan()


def kill(session: SupervisorProcess) -> None:
    os.kill(session.supervisor_pid, signal.SIGSTOP)
    os.kill(session.watchdog_pid, signal.SIGKILL)
    session.process.wait(5)
    os.kill(session.supervisor_pid, signal.SIGKILL)
    assert until(lambda: not alive(session.supervisor_pid))


def find(work: Path) -> Leftovers:
    """What sessions of this test left: those of tests that run beside it are on the same machine."""
    found = Leftovers.read(leftovers.find(str(work), str(work / R)))
    return replace(
        found,
        processes=tuple(one for one in found.processes if is_ours(one.mark)),
        cgroups=tuple(path for path in found.cgroups if is_ours(Path(path).name.removeprefix("probecost-"))),
    )


def is_ours(mark: str) -> bool:
    return str(os.getpid()) in mark.split("-")


def end(work: Path, shown: Leftovers, *, keep_results: bool = False) -> list[str]:
    return leftovers.end(shown.as_sent, str(work), str(work / R), keep_results, US)


@pytest.mark.parametrize("cgroup", [True, False], ids=["cgroup", "environment"])
class TestProcesses:
    def test_those_of_a_dead_session_are_found_with_their_children_and_ended(
        self, die: Die, work: Path, cgroup: bool
    ) -> None:
        """The second one bears no mark in its environment, as what sudo starts."""
        command = "sleep 600 & exec env -i /bin/sh -c 'trap \"\" TERM; while :; do sleep 1; done'"
        pids = die(f"{command} & wait", cgroup=cgroup)
        assert len(pids) >= 3
        shown = find(work)
        found = {process.pid for process in shown.processes}
        assert set(filter(alive, pids)) <= found
        assert end(work, shown) == []
        assert not any(map(alive, pids))
        assert find(work).processes == ()
        assert find(work).cgroups == ()

    def test_those_of_a_living_session_are_not(self, start: Any, work: Path, cgroup: bool) -> None:
        session = start(cgroup=cgroup)
        session.ask(
            "start_tool",
            spec=SPEC | {"command": "sleep 600", "stop_signal": "SIGINT", "log_cap_bytes": 1_000_000},
            monitors=MONITORS,
        )
        shown = find(work)
        own = set(session.tree())
        assert not own & {process.pid for process in shown.processes}
        assert not any(session.supervisor_pid == process.pid for process in shown.processes)
        os.kill(session.watchdog_pid, signal.SIGSTOP)  # one of the two is enough
        assert not own & {process.pid for process in find(work).processes}
        os.kill(session.watchdog_pid, signal.SIGCONT)

    def test_what_belongs_to_the_run_that_has_the_lease_is_left_alone(
        self, die: Die, work: Path, lease_file: Path, cgroup: bool
    ) -> None:
        """Its session on this node died, another one of it may still come back for what is there."""
        held = Lease.take(ALICE)
        mark = f"{lease.group_of('a')}-node-{os.getpid()}-{time.time_ns():x}"
        pids = die("exec sleep 600", cgroup=cgroup, mark=mark)
        shown = find(work)
        assert shown.holder is not None
        assert shown.holder["run"] == "run-1"
        assert "token" not in shown.holder
        assert not set(pids) & {process.pid for process in shown.processes}
        assert shown.results is None
        held.release()
        shown = find(work)
        assert set(pids) <= {process.pid for process in shown.processes}
        assert end(work, shown) == []

    def test_another_runs_remains_are_ended_while_one_has_the_lease(self, die: Die, work: Path, cgroup: bool) -> None:
        held = Lease.take(ALICE)
        pids = die("exec sleep 600", cgroup=cgroup)
        shown = find(work)
        assert set(pids) <= {process.pid for process in shown.processes}
        assert end(work, shown) == []
        assert not any(map(alive, pids))
        assert (work / R / "out.log").exists(), "results may be those of the run that goes on"
        held.release()

    def test_a_run_that_does_not_say_who_it_is_may_own_all_of_it(
        self, die: Die, work: Path, lease_file: Path, cgroup: bool
    ) -> None:
        held = Lease.take(ALICE)
        lease_file.write_text("nonsense")
        pids = die("exec sleep 600", cgroup=cgroup)
        assert not set(pids) & {process.pid for process in find(work).processes}
        held.release()


def test_only_what_was_shown_is_ended(die: Die, work: Path) -> None:
    first = die("exec sleep 600", cgroup=False)
    shown = find(work)
    second = die("exec sleep 600", cgroup=False)
    assert end(work, shown) == []
    assert not any(map(alive, first))
    assert all(map(alive, second))


@pytest.mark.parametrize("value", ["", "x", "x - -", "x boot ns one.two", f"{'x' * 10000} "])
def test_an_environment_that_only_looks_like_ours_is_nobodys(work: Path, value: str) -> None:
    stranger = subprocess.Popen(["sleep", "60"], env={OWNER: value, "PROBECOST": "x"})
    try:
        assert stranger.pid not in {process["pid"] for process in leftovers.find(str(work), str(work / R))["processes"]}
    finally:
        stranger.kill()
        stranger.wait()


def test_one_that_nothing_ends_is_told(die: Die, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (pid,) = die("exec sleep 600", cgroup=False)
    shown = find(work)
    monkeypatch.setattr(leftovers, "end_processes", lambda find, steps: None)
    assert end(work, shown) == [f"sleep (pid {pid}) does not end"]


class TestFiles:
    @pytest.fixture
    def placed_and_dead(self, start: Any, work: Path) -> Callable[[], Path]:
        def place() -> Path:
            session = start(cgroup=False)
            assert session.ask("place", b"#!/bin/sh\n", path="tools/x/tool.sh", mode=0o755)["placed"] is True
            session.ask("write", payload=json.dumps({f"{R}/a/metadata.json": "{}"}).encode())
            kill(session)
            return work / "tools/x/tool.sh"

        return place

    def test_what_was_placed_goes_with_its_folders(self, placed_and_dead: Callable[[], Path], work: Path) -> None:
        tool = placed_and_dead()
        (work / "tools" / "mine").write_text("not ours")
        shown = find(work)
        assert [record.files for record in shown.records] == [(str(tool),)]
        assert shown.results is not None
        assert (shown.results.path, shown.results.files) == (str(work / R), 1)
        assert end(work, shown) == []
        assert sorted(str(path.relative_to(work)) for path in work.rglob("*")) == ["tools", "tools/mine"]

    def test_what_was_changed_since_stays_and_is_told(self, placed_and_dead: Callable[[], Path], work: Path) -> None:
        tool = placed_and_dead()
        tool.write_text("edited")
        assert end(work, find(work)) == [f"{tool} was changed since it was placed: it stays"]
        assert tool.read_text() == "edited"

    def test_results_can_be_kept(self, placed_and_dead: Callable[[], Path], work: Path) -> None:
        placed_and_dead()
        assert end(work, find(work), keep_results=True) == []
        assert [str(path.relative_to(work)) for path in work.rglob("*") if path.is_file()] == [f"{R}/a/metadata.json"]

    def test_while_a_run_has_the_lease_it_may_use_them(
        self, placed_and_dead: Callable[[], Path], work: Path, lease_file: Path
    ) -> None:
        tool = placed_and_dead()
        before = find(work)
        held = Lease.take(ALICE)
        assert find(work).records == ()
        assert end(work, before) == []
        assert tool.exists()
        held.release()

    def test_a_record_that_was_cut_still_counts(self, placed_and_dead: Callable[[], Path], work: Path) -> None:
        tool = placed_and_dead()
        (record,) = (work / placed.FOLDER).iterdir()
        with record.open("a") as file:
            file.write('["file", "/some')
        assert [one.files for one in find(work).records] == [(str(tool),)]

    @pytest.mark.parametrize("hop", ["outside", "link/victim", "work/../victim"])
    def test_a_record_leads_to_nothing_outside(self, work: Path, tmp_path: Path, hop: str) -> None:
        victim = tmp_path / "victim"
        victim.write_text("precious")
        work.mkdir()
        (work / "link").symlink_to(tmp_path)
        path = {"outside": victim}.get(hop, work / hop if hop.startswith("link") else tmp_path / hop)
        dead = Owner("dead", "another", "pid:[1]", ((1, 1),))
        (work / placed.FOLDER).mkdir()
        record = placed.record_of(str(work), dead)
        placed.append(record, dead, "file", str(path), placed._sha256(str(victim)))
        placed.append(record, dead, "dir", str(tmp_path / "work"))
        shown = find(work)
        assert [one.files for one in shown.records] == [()]
        assert end(work, shown) == []
        assert victim.read_text() == "precious"
        assert not Path(record).exists()

    @pytest.mark.parametrize("text", ["", "nonsense", "[]", '"no owner"', json.dumps("x b n 1.1 y")])
    def test_what_is_no_record_is_left_alone(self, work: Path, text: str) -> None:
        (work / placed.FOLDER).mkdir(parents=True)
        (work / placed.FOLDER / "file").write_text(text)
        assert find(work).records == ()

    def test_a_record_by_somebody_else_is_none(
        self, placed_and_dead: Callable[[], Path], work: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        placed_and_dead()
        monkeypatch.setattr(placed.os, "getuid", lambda: os.geteuid() + 1)
        assert find(work).records == ()

    def test_that_of_a_living_session_is_not_left(self, start: Any, work: Path) -> None:
        session = start(cgroup=False)
        session.ask("place", b"#!/bin/sh\n", path="tool.sh", mode=0o755)
        assert find(work).records == ()


class TestLease:
    def test_a_file_that_nobody_holds_is_removed(self, work: Path, lease_file: Path) -> None:
        lease_file.write_text('{"token": "dead", "run": "run-0"}')
        shown = find(work)
        assert shown.leases == (str(lease_file),)
        assert shown.holder is None
        assert end(work, shown) == []
        assert not lease_file.exists()

    def test_one_file_with_two_names_is_one(
        self, work: Path, tmp_path: Path, lease_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lease_file.write_text("{}")
        (tmp_path / "var").symlink_to(tmp_path)
        monkeypatch.setattr(lease, "places", lambda: [str(lease_file), str(tmp_path / "var" / lease_file.name)])
        assert find(work).leases == (str(lease_file),)

    def test_one_that_is_held_by_now_stays(self, work: Path, lease_file: Path) -> None:
        lease_file.write_text("{}")
        shown = find(work)
        held = Lease.take(ALICE)
        assert end(work, shown) == []
        assert lease_file.exists()
        held.release()


class TestOwner:
    def test_is_read_as_it_was_written(self) -> None:
        owner = Owner.of("mark-1", os.getpid(), os.getppid())
        assert Owner.parse(owner.text) == owner
        assert owner.alive

    def test_a_number_that_another_process_has_by_now_is_not_alive(self) -> None:
        owner = Owner.of("mark-1", os.getpid())
        assert not owner._replace(holders=((os.getpid(), 1),)).alive

    def test_nothing_lives_through_a_boot(self) -> None:
        assert not Owner.of("mark-1", os.getpid())._replace(boot="another").alive

    def test_what_cannot_be_seen_from_here_is_taken_for_alive(self) -> None:
        assert Owner.of("mark-1")._replace(namespace="pid:[1]", holders=((999999999, 1),)).alive


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("probecost-5d0c7b1e-host-server-9f86d081", True),
        ("probecost-node-9f86d081", True),
        ("probecost-nightly.slice", False),
        ("probecost-9f86d081", False),
        ("system.slice", False),
    ],
)
def test_a_cgroup_is_ours_by_its_whole_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_ours: bool
) -> None:
    monkeypatch.setattr(cgroups, "_PLACES", (str(tmp_path),))
    (tmp_path / "cgroup.procs").write_text("")
    (tmp_path / name).mkdir()
    assert [group.path for group in Cgroup.orphans()] == ([str(tmp_path / name)] if is_ours else [])


def test_what_is_shown_cannot_steer_the_terminal() -> None:
    answer = {"holder": None, "cgroups": [], "leases": [], "records": [], "results": None}
    process = {"pid": 1, "command": "\x1b[2J\nroot: all is well", "by": "cgroup", "mark": "x"}
    (line,) = Leftovers.read(answer | {"processes": [process]}).lines()
    assert line == "process 1, cgroup: \\x1b[2J root: all is well"


def test_a_session_gives_its_mark_to_what_it_starts(start: Any, work: Path) -> None:
    session = start(cgroup=False)
    client = {"name": "0", "argv": [sys.executable, "-c", f"import os; print(os.environ['{OWNER}'])"]}
    files = {"stdout": f"{R}/out", "stderr": f"{R}/err"}
    session.ask("run_clients", clients=[client | files], timeout_s=30, address="127.0.0.1", monitoring=f"{R}/mon")
    owner = Owner.parse((work / R / "out").read_text().strip())
    assert owner is not None
    assert [pid for pid, _ in owner.holders] == [session.watchdog_pid, session.supervisor_pid]
    assert descendants(session.watchdog_pid)
