"""The pipe between workers and the process that was started, and the word to stop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.parallel.meeting import Meeting, Member, Message, unit_of
from fixtures.progress import UnitDone

DONE = UnitDone("host-a-rx", "reserve unit 3", 61.5, "TCP RR +0.4 % ± 2.1")


class Room:
    """A meeting with what was heard in it."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.meeting = Meeting(self.heard.append)
        self.member = Member(self.meeting.folder, "gw1")

    def after(self) -> list[Any]:
        self.meeting.close()
        return self.heard


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.meeting.close()


def test_all_that_was_said_is_heard_in_order(room: Room) -> None:
    room.member.hello()
    room.member.line("one line")
    room.member.unit(DONE)
    hello, line, unit = room.after()
    assert hello == {"worker": "gw1", "kind": "hello", "pid": os.getpid()}
    assert line == {"worker": "gw1", "kind": "line", "text": "one line"}
    assert unit_of(unit) == DONE


def test_what_is_too_long_is_cut_and_stays_one_line(room: Room) -> None:
    room.member.line("±" * 5000)
    room.member.line("two\nlines")
    long, short = room.after()
    assert long["text"] == "±" * 1000
    assert short["text"] == "two\nlines"


def test_a_line_that_is_none_of_ours_is_left_out(room: Room) -> None:
    (room.meeting.folder / "said").open("w").close()
    with (room.meeting.folder / "said").open("w") as pipe:
        pipe.write("not JSON\n\n")
    room.member.line("after it")
    assert [message["text"] for message in room.after()] == ["after it"]


def test_nobody_is_held_up_where_nobody_listens(room: Room) -> None:
    room.meeting.close()
    room.member.line("into the void")
    assert room.heard == []
    assert not room.meeting.folder.exists()


def test_the_word_to_stop(room: Room) -> None:
    assert room.member.told_to_stop() == ""
    room.meeting.stop("stopping after 1 failures")
    assert room.member.told_to_stop() == "stopping after 1 failures"


def test_only_the_user_may_come_in(room: Room) -> None:
    assert room.meeting.folder.stat().st_mode & 0o077 == 0
