"""Parses ``segments.csv``: the segments of a switched flow, with the node's counters at both ends of each."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from probecost.analysis.parsers.stat import TICKS_PER_S
from probecost.analysis.parsers.text import ParseError
from probecost.results.layout import ARMS

_PLAIN = ("segment", "pair", "arm", "start_ns", "end_ns", "elapsed_ns")
# Not known everywhere (an empty cell), and less at the end than at the start if a process of ours has just ended.
_MAY_LACK = ("user_usec", "carriers_user_usec", "own_user_usec")
_GROUPS = "own_groups"
_CPUS = "cpus"


@dataclass(frozen=True)
class Segment:
    """One segment of the flow in one arm. Times are Unix ns of the counting node; ``counts``: end minus start.

    ``own_groups``: number of this run's cgroups visible on the node. ``cpus``: number of online CPUs; 0 if unknown or
    changed.
    """

    number: int
    pair: int
    arm: str
    start_ns: int
    end_ns: int
    seconds: float
    counts: Mapping[str, int]
    own_groups: int = 0
    cpus: int = 0

    @property
    def cpu_busy_s(self) -> float | None:
        """CPU time over all CPUs that was not idle: the kernel samples busy time, but measures idle time."""
        if not self.cpus or "cpu_idle_ticks" not in self.counts:
            return None
        return self.cpus * self.seconds - self.counts["cpu_idle_ticks"] / TICKS_PER_S


def parse(text: str) -> tuple[Segment, ...]:
    """Parse the rows. Raises ``ParseError`` for a damaged one: a shorter list would be another measurement."""
    try:
        return _segments(text)
    except csv.Error as error:
        raise ParseError(f"is no table: {error}") from None


def _segments(text: str) -> tuple[Segment, ...]:
    reader = csv.DictReader(io.StringIO(text))
    names = reader.fieldnames or []
    absent = [name for name in _PLAIN if name not in names]
    if absent:
        raise ParseError(f"lacks the columns {', '.join(absent)}")
    counters = [name.removesuffix("_start") for name in names if name.endswith("_start")]
    segments: dict[int, Segment] = {}
    for line, row in enumerate(reader, 2):
        try:
            segment = _segment(row, counters)
        except (ValueError, TypeError, KeyError) as error:
            raise ParseError(f"line {line} is damaged: {error}") from None
        if segment.number in segments:
            raise ParseError(f"line {line} is damaged: segment {segment.number} is there twice")
        segments[segment.number] = segment
    return tuple(segments.values())


def _segment(row: Mapping[str, str], counters: list[str]) -> Segment:
    if None in row:
        raise ValueError("it has more values than there are columns")
    if row["arm"] not in ARMS:
        raise ValueError(f"there is no arm {row['arm']!r}")
    seconds = int(row["elapsed_ns"]) / 1e9
    counts = {}
    for name in counters:
        first, last = row[f"{name}_start"], row[f"{name}_end"]
        if name in (_GROUPS, _CPUS) or (name in _MAY_LACK and (first == "" or last == "" or int(last) < int(first))):
            continue
        counts[name] = int(last) - int(first)
    if seconds <= 0 or any(count < 0 for count in counts.values()):
        raise ValueError("time or a counter runs backwards")
    cpus = _ends(row, _CPUS)
    return Segment(
        number=int(row["segment"]),
        pair=int(row["pair"]),
        arm=row["arm"],
        start_ns=int(row["start_ns"]),
        end_ns=int(row["end_ns"]),
        seconds=seconds,
        counts=counts,
        own_groups=min(_ends(row, _GROUPS)),
        cpus=cpus[0] if cpus[0] == cpus[1] else 0,
    )


def _ends(row: Mapping[str, str], name: str) -> tuple[int, int]:
    """A figure that is no counter, at the start and at the end; 0 if unknown."""
    return int(row.get(f"{name}_start") or 0), int(row.get(f"{name}_end") or 0)
