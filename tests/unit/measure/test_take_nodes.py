"""Two runs that want the same nodes at the same moment: one of them gets all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from probecost.config.environment import SshHost
from probecost.errors import Gathered, NodeBusyError, NodeError
from probecost.measure.take_nodes import ATTEMPTS, RACE_S, take
from probecost.remote.node import Node


@dataclass
class FakeNode:
    name: str
    log: list[str]
    host: SshHost = field(init=False)
    is_busy: bool = False

    def __post_init__(self) -> None:
        self.host = SshHost(self.name, self.name, "/tmp/w")

    def open(self) -> None:
        self.log.append(f"open {self.name}")
        if self.is_busy:
            raise busy(self.name)

    def close(self) -> None:
        self.log.append(f"close {self.name}")


def busy(name: str, held_s: float | None = 1.0) -> NodeBusyError:
    return NodeBusyError(name, "in use by run r2", "r2", held_s)


class Bed:
    """Two nodes, and a check that raises ``errors`` one after the other."""

    def __init__(self, *errors: Exception) -> None:
        self.log: list[str] = []
        self.pauses: list[float] = []
        self.nodes = [FakeNode("b", self.log), FakeNode("a", self.log)]
        self._errors = list(errors)

    def check(self) -> None:
        self.log.append("check")
        if self._errors:
            raise self._errors.pop(0)

    def take(self) -> None:
        take("bed", cast("list[Node]", self.nodes), self.check, self.pauses.append)


def test_free_nodes_are_taken_at_once() -> None:
    bed = Bed()
    bed.take()
    assert (bed.log, bed.pauses) == (["check"], [])


def test_who_got_a_part_gives_it_back_and_takes_the_first_node_before_the_others() -> None:
    bed = Bed(busy("a"))
    bed.take()
    assert [bed.log[0], *sorted(bed.log[1:3]), *bed.log[3:]] == ["check", "close a", "close b", "open a", "check"]
    assert len(bed.pauses) == 1


def test_pauses_are_not_the_same() -> None:
    bed = Bed(busy("a"), busy("b"), busy("a"))
    bed.take()
    assert len(set(bed.pauses)) == 3


def test_who_does_not_get_the_first_node_is_refused() -> None:
    bed = Bed(busy("b"))
    bed.nodes[1].is_busy = True
    with pytest.raises(NodeBusyError, match="node a"):
        bed.take()
    assert bed.log.count("check") == 1


def test_it_does_not_go_on_for_ever() -> None:
    bed = Bed(*[busy("a") for _ in range(20)])
    with pytest.raises(NodeBusyError):
        bed.take()
    assert bed.log.count("check") == ATTEMPTS


@pytest.mark.parametrize(
    "error",
    [
        Gathered("bed", [busy("a"), busy("b")]),  # all of another run
        busy("a", RACE_S + 1),  # it has begun before
        busy("a", None),
        Gathered("bed", [busy("a"), NodeError("b", "no such host")]),
    ],
)
def test_what_is_no_race_is_told_at_once(error: Exception) -> None:
    bed = Bed(error)
    with pytest.raises(type(error)):
        bed.take()
    assert (bed.log, bed.pauses) == (["check"], [])
