"""One run at a time on a node: the second is told who has it, and nobody has it when its holder is dead."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from helpers.fake_ssh import FakeChannel, FakeConnection
from helpers.supervisor_process import SupervisorProcess, until

from probecost.deadline import Deadline
from probecost.errors import NodeBusyError, SupervisorError
from probecost.remote.lease import Holder, in_use_by
from probecost.remote.session import Session
from probecost.remote.ssh import Connection
from probecost.remote.supervisor.frames import Frame
from probecost.remote.supervisor.lease import Busy, Lease

ALICE = {"token": "a", "run": "run-1", "user": "alice", "host": "laptop"}
BOB = {"token": "b", "run": "run-2", "user": "bob", "host": "server"}
Take = Callable[[dict[str, str]], Lease]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "probecost.lease"


@pytest.fixture
def take(file: Path) -> Take:
    return lambda holder: Lease.take(holder, str(file))


class TestLease:
    def test_a_second_run_is_told_who_has_it(self, take: Take) -> None:
        held = take(ALICE)
        with pytest.raises(Busy) as told:
            take(BOB)
        assert {key: told.value.holder[key] for key in ALICE} == ALICE
        assert told.value.holder["since_ns"] > 0
        held.release()
        take(BOB).release()

    def test_for_how_long_it_is_held(self, take: Take) -> None:
        held = take(ALICE)
        with pytest.raises(Busy) as told:
            take(BOB)
        assert told.value.held_s is not None
        assert 0 <= told.value.held_s < 60
        held.release()
        assert Busy({}).held_s is None
        assert Busy({"since_ns": "x"}).held_s is None

    def test_sessions_of_one_run_hold_it_together_until_the_last_is_gone(self, take: Take) -> None:
        first, second = take(ALICE), take(ALICE)
        first.release()
        with pytest.raises(Busy):
            take(BOB)
        second.release()
        take(BOB).release()

    def test_nothing_is_left_and_only_the_owner_may_open_it(self, take: Take, file: Path) -> None:
        held = take(ALICE)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        held.release()
        assert not file.exists()

    def test_what_a_dead_run_left_stops_nobody(self, take: Take, file: Path) -> None:
        file.write_text('{"token": "dead", "run": "run-0"}')
        take(ALICE).release()

    @pytest.mark.parametrize("text", ["", "nonsense", "[]", "\xff"])
    def test_a_record_that_cannot_be_read_is_not_taken_for_ones_own(self, take: Take, file: Path, text: str) -> None:
        held = take(ALICE)
        file.write_text(text, encoding="latin-1")
        with pytest.raises(Busy) as told:
            take(ALICE)
        assert told.value.holder == {}
        held.release()

    def test_a_link_is_not_followed(self, take: Take, file: Path, tmp_path: Path) -> None:
        file.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(OSError, match="symbolic link"):
            take(ALICE)
        assert not (tmp_path / "elsewhere").exists()


class TestSupervisor:
    @pytest.fixture
    def start(self, tmp_path: Path, file: Path) -> Iterator[Callable[..., SupervisorProcess]]:
        started: list[SupervisorProcess] = []

        def start_one(holder: dict[str, str] | None) -> SupervisorProcess:
            # Two workdirs and two users: the lease is the machine's.
            folder = tmp_path / f"work-{len(started)}"
            started.append(SupervisorProcess(folder, lease=holder, lease_file=str(file), cgroup=False))
            return started[-1]

        yield start_one
        for process in started:
            process.close()

    def test_the_second_run_ends_at_once_and_who_only_asks_does_not(self, start: Any) -> None:
        holding = start(ALICE)
        refused = start(BOB)
        assert refused.greeting["event"] == "busy"
        assert refused.greeting["holder"]["run"] == "run-1"
        assert "token" not in refused.greeting["holder"]
        refused.wait_gone()
        assert start(None).ask("ping")["time_ns"] > 0
        assert start(ALICE).greeting == {"event": "ready"}
        assert holding.ask("ping")["time_ns"] > 0

    def test_it_is_free_when_the_run_has_ended(self, start: Any, file: Path) -> None:
        holding = start(ALICE)
        holding.hang_up()
        holding.wait_gone()
        assert not file.exists()
        assert start(BOB).greeting == {"event": "ready"}

    def test_it_is_held_until_the_watchdog_has_cleared_up(self, start: Any) -> None:
        holding = start(ALICE)
        os.kill(holding.watchdog_pid, signal.SIGSTOP)
        os.kill(holding.supervisor_pid, signal.SIGKILL)
        assert start(BOB).greeting["event"] == "busy"
        os.kill(holding.watchdog_pid, signal.SIGCONT)
        holding.wait_gone()
        assert start(BOB).greeting == {"event": "ready"}

    def test_the_kernel_frees_it_when_its_holders_are_killed(self, start: Any, file: Path) -> None:
        holding = start(ALICE)
        os.kill(holding.supervisor_pid, signal.SIGSTOP)
        os.kill(holding.watchdog_pid, signal.SIGKILL)
        os.kill(holding.supervisor_pid, signal.SIGKILL)

        def is_free() -> bool:
            try:
                Lease.take(BOB, str(file)).release()
            except Busy:
                return False
            return True

        assert until(is_free)

    def test_where_it_cannot_be_taken_the_reason_is_told(self, tmp_path: Path) -> None:
        process = SupervisorProcess(tmp_path, lease=ALICE, lease_file=str(tmp_path / "none" / "lease"))
        assert process.greeting["event"] == "refused"
        assert "the node's lease cannot be taken" in process.greeting["reason"]
        process.close()


class TestController:
    def open(self, greeting: Frame) -> None:
        class Refusing(FakeChannel):
            def say(self, frame: Frame, payload: bytes = b"") -> None:
                super().say(greeting if frame == {"event": "ready"} else frame, payload)

        connection: Any = FakeConnection(lambda channel, frame: None)

        def open_channel(command: str, deadline: object) -> Any:
            size = int(command.rpartition("read(")[2].partition(")")[0])
            connection.channel = Refusing(lambda channel, frame: None, size)
            return connection.channel

        connection.open_channel = open_channel
        Session(
            cast(Connection, connection), python="python3", sudo=True, config={"mark": "x"}, deadline=Deadline.after(60)
        )

    def test_the_holder_is_named(self) -> None:
        holder = {**ALICE, "since_ns": 1_795_383_298_000_000_000}
        with pytest.raises(
            NodeBusyError, match=r"node node-a: in use by run run-1 of alice@laptop, since 2026-11-22 21:34:58 UTC"
        ):
            self.open({"event": "busy", "holder": holder})
        with pytest.raises(NodeBusyError) as told:
            self.open({"event": "busy", "holder": holder, "held_s": 2.5})
        assert (told.value.run, told.value.held_s) == ("run-1", 2.5)

    def test_another_refusal_is_told_as_it_is(self) -> None:
        with pytest.raises(SupervisorError, match="node node-a: cannot be taken"):
            self.open({"event": "refused", "reason": "cannot be taken"})

    @pytest.mark.parametrize("holder", [{}, {"run": "r", "since_ns": "x"}, {"run": "r", "since_ns": 10**40}])
    def test_whatever_the_node_says_of_it_can_be_told(self, holder: dict[str, object]) -> None:
        assert "in use by" in in_use_by(holder)

    def test_a_process_is_one_run(self) -> None:
        first, second = Holder.of_this_process("run-1"), Holder.of_this_process("run-1")
        assert first == second
        assert first.user
        assert first.host
