"""The gate on the tested interface's set-up: it must be the same in both arms of a pair, and during a perf test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from probecost.analysis.gates.counters import Counted


class Pair(NamedTuple):
    """One perf test in both arms of a unit."""

    baseline: Counted
    tool: Counted


class Change(NamedTuple):
    """A changed ``key`` of ``node``'s interface, for instance ``MTU`` of ``eth0`` from ``1500`` to ``1400``."""

    node: str
    interface: str
    key: str
    first: str
    last: str

    @property
    def text(self) -> str:
        where = "" if self.key.startswith("sysctl ") or not self.interface else f" of {self.interface}"
        return f"{self.key}{where} on {self.node}: {self.first} and {self.last}"


def in_window(perf_test: Counted) -> tuple[Change, ...]:
    """Changes between both ends of the perf test."""
    return tuple(
        Change(node, counted.interface, key, value, counted.setup_end[key])
        for node, counted in perf_test.by_node.items()
        for key, value in counted.setup_start.items()
        if counted.setup_end.get(key, value) != value
    )


def listed(changes: Sequence[Change]) -> str:
    return "; ".join(change.text for change in changes)


def programs_of_others(perf_test: Counted) -> Iterator[str]:
    """A remark for each node on which BPF programs came or went; the tool's own are the same at both ends."""
    for node, counted in perf_test.by_node.items():
        came, went = (", ".join(map(str, some)) for some in (counted.new_programs, counted.gone_programs))
        if came or went:
            moved = ", ".join(f"{ids} {word}" for ids, word in ((came, "came"), (went, "went")) if ids)
            yield f"BPF programs on {node} during the perf test: {moved}"


def between_arms(pair: Pair) -> tuple[Change, ...]:
    """Differences between the two perf tests of a pair, at any of their ends."""
    found = []
    tool = pair.tool.by_node
    for node, baseline in pair.baseline.by_node.items():
        if node not in tool:
            continue
        sides = (baseline.setup_start, baseline.setup_end, tool[node].setup_start, tool[node].setup_end)
        if all(side == sides[0] for side in sides):
            continue  # the usual case, and there are very many
        for key in sorted(set(sides[0]).intersection(*sides[1:])):
            values = list(dict.fromkeys(side[key] for side in sides))
            if len(values) > 1:
                found.append(Change(node, baseline.interface, key, values[0], values[-1]))
    return tuple(found)


def of_the_tool(pairs: Sequence[Pair]) -> set[tuple[str, str]]:
    """Node and key of the tool's own changes: different in every tool visit, and restored after each."""
    candidates: set[tuple[str, str]] | None = None
    for pair in pairs:
        here = {(change.node, change.key) for change in between_arms(pair)}
        candidates = here if candidates is None else candidates & here
    return {place for place in candidates or () if _is_the_tools(place, pairs)}


def _is_the_tools(place: tuple[str, str], pairs: Sequence[Pair]) -> bool:
    node, key = place
    baseline = {value for pair in pairs for value in _values(pair.baseline, node, key)}
    tool = {value for pair in pairs for value in _values(pair.tool, node, key)}
    return len(baseline) == 1 and not baseline & tool


def _values(perf_test: Counted, node: str, key: str) -> Iterator[str]:
    counted = perf_test.by_node[node]
    yield from (side[key] for side in (counted.setup_start, counted.setup_end) if key in side)
