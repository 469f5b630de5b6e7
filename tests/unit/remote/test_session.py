"""A conversation with a node that falls silent, stalls or takes nothing any more is given up, in bounded time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from helpers.fake_ssh import Answer, FakeChannel, FakeConnection

from probecost.deadline import Deadline
from probecost.errors import ConnectionLostError, RemoteError, SupervisorError, UnreachableError
from probecost.remote.session import PROGRESS_BYTES, Session
from probecost.remote.ssh import Connection
from probecost.remote.supervisor.frames import Frame

Start = Callable[..., tuple[Session, FakeConnection]]
LONG_S = 60.0


def nothing(channel: FakeChannel, frame: Frame) -> None:
    """A node that takes everything and says nothing."""


def echo(channel: FakeChannel, frame: Frame) -> None:
    if "id" in frame:
        channel.say({"id": frame["id"], "result": frame["verb"]})


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Session] = []

    def start_one(answer: Answer, silence_s: float = LONG_S) -> tuple[Session, FakeConnection]:
        connection = FakeConnection(answer)
        session = Session(
            cast(Connection, connection),
            python="python3",
            sudo=False,
            config={"mark": "x", "workdir": "w"},
            deadline=Deadline.after(LONG_S),
            renew_s=0.05,
            silence_s=silence_s,
        )
        started.append(session)
        return session, connection

    yield start_one
    for session in started:
        session.close(0.1)


class TestSilence:
    def test_a_request_ends_when_the_node_falls_silent(self, start: Start) -> None:
        session, connection = start(nothing, silence_s=0.6)
        with pytest.raises(ConnectionLostError, match=r"node node-a: facts: no sign of life for 0.6 s"):
            session.request("facts", deadline=Deadline.after(LONG_S))
        assert not session.alive
        assert connection.aborted.wait(LONG_S)

    def test_it_is_noticed_without_a_request_too(self, start: Start) -> None:
        session, connection = start(nothing, silence_s=0.6)
        assert connection.aborted.wait(LONG_S)
        assert not session.alive

    def test_a_send_that_is_stuck_does_not_hide_it(self, start: Start) -> None:
        session, connection = start(nothing, silence_s=0.6)
        connection.channel.stuck.set()
        with pytest.raises(ConnectionLostError, match="no sign of life"):
            session.request("place", deadline=Deadline.after(LONG_S), payload=b"x")

    def test_signs_of_life_are_enough(self, start: Start) -> None:
        """A node that is busy with one request says nothing else for long."""

        def slowly(channel: FakeChannel, frame: Frame) -> None:
            if "id" in frame:
                threading.Thread(target=live_on, args=(channel, frame["id"])).start()

        def live_on(channel: FakeChannel, number: int) -> None:
            for _ in range(30):
                time.sleep(0.1)
                channel.say({"event": "alive"})
            channel.say({"id": number, "result": "done"})

        session, _ = start(slowly, silence_s=2.5)
        assert session.request("run_clients", deadline=Deadline.after(LONG_S)) == "done"
        assert session.events.empty()

    def test_what_this_side_takes_for_its_data_is_not_the_nodes_silence(self, start: Start) -> None:
        def archive(channel: FakeChannel, frame: Frame) -> None:
            if frame["verb"] == "archive":
                channel.say({"id": frame["id"], "more": True}, b"data")
                channel.say({"id": frame["id"], "result": 1})

        session, _ = start(archive, silence_s=2.0)
        took = session.request("archive", deadline=Deadline.after(LONG_S), on_data=lambda _: time.sleep(2.6))
        assert took == 1


class TestDeadlines:
    def test_a_transfer_without_progress_fails(self, start: Start) -> None:
        def two_chunks(channel: FakeChannel, frame: Frame) -> None:
            if frame["verb"] == "archive":
                channel.say({"id": frame["id"], "more": True}, b"one")
                channel.say({"id": frame["id"], "more": True}, b"two")

        session, _ = start(two_chunks)
        seen: list[bytes] = []
        with pytest.raises(RemoteError, match=r"archive: nothing, or next to nothing, came for 0.5 s"):
            session.request("archive", deadline=Deadline.never(), on_data=seen.append, stall_s=0.5)
        assert seen == [b"one", b"two"]

    def test_a_transfer_may_take_long_while_it_makes_progress(self, start: Start) -> None:
        def trickle(channel: FakeChannel, number: int) -> None:
            for _ in range(20):
                time.sleep(0.1)
                channel.say({"id": number, "more": True}, bytes(PROGRESS_BYTES))
            channel.say({"id": number, "result": 20})

        def archive(channel: FakeChannel, frame: Frame) -> None:
            if frame["verb"] == "archive":
                threading.Thread(target=trickle, args=(channel, frame["id"])).start()

        session, _ = start(archive)
        assert session.request("archive", deadline=Deadline.never(), on_data=lambda _: None, stall_s=1.5) == 20

    def test_a_limit_ends_requests_that_wait_already(self, start: Start) -> None:
        session, _ = start(nothing)

        def interrupt() -> None:
            session.limit = Deadline.after(0)

        timer = threading.Timer(0.3, interrupt)
        timer.start()
        with pytest.raises(RemoteError, match="archive: no answer in time"):
            session.request("archive", deadline=Deadline.never())
        timer.join()

    @pytest.mark.parametrize("stuck", [True, False])
    def test_closing_does_not_wait_for_a_node_that_does_not_end(self, start: Start, stuck: bool) -> None:
        session, connection = start(nothing)
        if stuck:
            connection.channel.stuck.set()
        before = time.monotonic()
        session.close(0.5)
        assert time.monotonic() - before < LONG_S / 2
        assert connection.channel.closed

    def test_a_node_that_answers_is_believed(self, start: Start) -> None:
        session, connection = start(echo)
        assert session.request("facts", deadline=Deadline.after(LONG_S)) == "facts"
        assert session.alive
        assert not connection.aborted.is_set()


def test_a_lost_session_takes_no_more_requests(start: Start) -> None:
    session, connection = start(echo)
    session.close(0.1)
    with pytest.raises(ConnectionLostError, match="the connection was closed"):
        session.request("facts", deadline=Deadline.after(LONG_S))
    answered: Any = connection.channel.closed
    assert answered


class Hanging(FakeConnection):
    """A node on which the supervisor never says that it is ready; what stands on its standard error is ``said``."""

    said = b""

    def open_channel(self, command: str, deadline: object) -> Any:
        channel = super().open_channel(command, deadline)
        channel._program_bytes += 1
        channel.recv_stderr_ready = lambda: bool(self.said)
        channel.recv_stderr = lambda size: self._take()
        return channel

    def _take(self) -> bytes:
        taken, self.said = self.said, b""
        return taken


@pytest.mark.parametrize(
    ("said", "kind", "text"),
    [
        (b"", UnreachableError, "nothing came from its supervisor"),
        (b"sudo: a password is required", SupervisorError, "sudo asks for a password"),
    ],
)
def test_a_start_that_is_not_answered_is_a_node_that_is_gone(said: bytes, kind: type[Exception], text: str) -> None:
    """What it lacks need not be asked for by another connection then, while the other nodes wait."""
    connection = Hanging(nothing)
    connection.said = said
    with pytest.raises(kind, match=text) as told:
        Session(
            cast(Connection, connection),
            python="python3",
            sudo=True,
            config={"mark": "x", "workdir": "w"},
            deadline=Deadline.after(1.0),
        )
    assert type(told.value) is kind
