"""Groups of test pairs that share nodes and so cannot be measured at the same time; the time of several workers.

A group is the transitive closure of test pairs that share a node: they are measured one after the other. The host of a
guest is a node of the guest's pair.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from probecost.config.environment import Environment, PairKind, SshHost
from probecost.plan.plan import Planned, PlannedItem

#: A test pair of an environment, by the environment's name.
PairPlace = tuple[str, PairKind]

#: Address and port of a node, after ssh's own configuration was applied.
Address = Callable[[Environment, SshHost], tuple[str, int]]


@dataclass(frozen=True)
class Group:
    """Test pairs that are measured one after the other, and their machines."""

    pairs: tuple[PairPlace, ...]
    nodes: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(f"{environment} {kind}" for environment, kind in self.pairs)


@dataclass(frozen=True)
class Lanes:
    """Groups that may be measured at the same time: the number of each test pair's group, and the number of workers.

    With at most one worker everything is measured one after the other.
    """

    groups: Mapping[PairPlace, int] = field(default_factory=dict)
    workers: int = 1

    def whole_s(self, seconds: Iterable[tuple[PairPlace, float]]) -> float:
        """Time of the whole work in seconds, given the time of each part and its test pair."""
        by_group: dict[int, float] = {}
        for place, part_s in seconds:
            group = self.groups.get(place, 0)
            by_group[group] = by_group.get(group, 0.0) + part_s
        return makespan_s([], sorted(by_group.values(), reverse=True), max(1, self.workers))


def as_written(environment: Environment, host: SshHost) -> tuple[str, int]:
    """An ``Address`` without ssh's configuration."""
    return host.host, host.port or 22


def place_of(item: PlannedItem) -> PairPlace:
    """The test pair of ``item``."""
    return item.turn.environment, item.case.pair_kind


def groups_of(
    environments: Mapping[str, Planned], items: Iterable[PlannedItem], address: Address = as_written
) -> tuple[Group, ...]:
    """The groups of the test pairs that ``items`` use, in the order of their first items.

    Two nodes are one machine if they have the same address and port, or the same UUID of a VM.
    """
    places = dict.fromkeys(map(place_of, items))
    found: list[tuple[list[PairPlace], dict[str, None]]] = []
    for place in places:
        own = dict.fromkeys(_machines(environments[place[0]].environment, place[1], address))
        joined: list[PairPlace] = []
        machines: dict[str, None] = {}
        apart = []
        for pairs, known in found:
            if known.keys() & own.keys():
                joined += pairs
                machines |= known
            else:
                apart.append((pairs, known))
        found = [*apart, ([*joined, place], machines | own)]
    order = list(places)
    groups = [Group(tuple(sorted(pairs, key=order.index)), tuple(machines)) for pairs, machines in found]
    return tuple(sorted(groups, key=lambda group: order.index(group.pairs[0])))


def _machines(environment: Environment, kind: PairKind, address: Address) -> Iterable[str]:
    pair = environment.pairs[kind]
    for name in pair.nodes:
        host, port = address(environment, environment.nodes[name])
        yield f"{host.lower()}:{port}"
    for side in (pair.server, pair.client):
        if side.uuid:
            yield f"VM {side.uuid.lower()}"


def makespan_s(running_s: Sequence[float], waiting_s: Iterable[float], workers: int) -> float:
    """Seconds until running and waiting work is done; a free worker takes the next waiting part.

    >>> makespan_s([], [30.0, 20.0, 10.0], workers=2)
    30.0
    >>> makespan_s([5.0, 8.0], [10.0], workers=2)
    15.0
    """
    free = [0.0] * max(0, workers - len(running_s)) + list(running_s)
    if not free:
        return 0.0
    heapq.heapify(free)
    for seconds in waiting_s:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)
