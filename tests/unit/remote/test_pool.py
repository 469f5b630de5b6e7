"""All nodes at once, and what an interruption leaves them."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any, cast

import pytest

from probecost.deadline import Deadline
from probecost.errors import Gathered, ProbecostError
from probecost.remote import pool
from probecost.remote.node import Node


class SlowNode:
    """A node whose ``wait`` lasts until it is told to hurry, and no longer than that."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.hurried = threading.Event()

    def hurry(self, deadline: Deadline) -> None:
        self.hurried.set()

    def wait(self) -> str:
        self.hurried.wait(60)
        raise ProbecostError("no answer in time")


def nodes(*names: str) -> list[Node]:
    return cast(list[Node], [SlowNode(name) for name in names])


def interrupt_soon() -> None:
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.daemon = True
    timer.start()


def test_an_interruption_hurries_all_nodes_and_waits_for_them() -> None:
    asked = nodes("a", "b")
    ended: list[str] = []

    def wait(node: Any) -> None:
        try:
            node.wait()
        finally:
            ended.append(node.name)

    interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        pool.each(asked, wait)
    assert sorted(ended) == ["a", "b"]


def test_an_interruption_waits_for_what_takes_a_while_to_end() -> None:
    asked = nodes("a", "b")
    interrupted, ended = threading.Event(), []

    def wait(node: Any) -> None:
        node.hurried.wait(60)
        if node.name == "a":  # the one that is waited for when the interruption comes
            interrupted.wait(0.5)
        ended.append(node.name)

    interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        pool.each(asked, wait)
    interrupted.set()
    assert sorted(ended) == ["a", "b"]


def test_what_does_not_end_in_time_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "INTERRUPTED_S", 0.2)
    forever = threading.Event()
    interrupt_soon()
    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        pool.each(nodes("a"), lambda _: forever.wait(60))
    assert time.monotonic() - before < 30
    forever.set()


def test_every_failure_is_told_and_results_come_by_name() -> None:
    def call(node: Node) -> str:
        if node.name != "a":
            raise ProbecostError(f"{node.name} failed")
        return "fine"

    assert pool.on_all("asking", nodes("a"), call) == {"a": "fine"}
    with pytest.raises(Gathered, match=r"(?s)asking: 2 errors.*b failed.*c failed"):
        pool.on_all("asking", nodes("a", "b", "c"), call)
