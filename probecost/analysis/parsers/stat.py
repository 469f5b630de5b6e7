"""Parses ``stat.log``: /proc/stat sampled once a second and at both ends, each sample under a line ``# <Unix ns>``."""

from __future__ import annotations

from dataclasses import dataclass

from probecost.analysis.parsers.ranges import TOLERANCE, rest
from probecost.analysis.parsers.text import ParseError

TICKS_PER_S = 100  # USER_HZ, the same on every Linux
_IDLE = slice(4, 6)  # of "cpu user nice system idle iowait": these two are measured, the busy times only sampled


@dataclass(frozen=True)
class CpuTime:
    """Seconds summed over all online CPUs between the first sample and the last; busy is all but idle and iowait."""

    busy_s: float
    total_s: float


@dataclass(frozen=True)
class _Sample:
    time_ns: int
    idle_ticks: int
    cpus: int


def parse(text: str) -> CpuTime:
    """Parse the CPU time between the first and the last sample. Raises ``ParseError`` if there are not two."""
    samples = [_sample(*part.split("\n", 1)) for part in _parts(text) if "\ncpu " in part]
    if len(samples) < 2:
        raise ParseError(f"has {len(samples)} samples of all CPUs, expected one at each end")
    first, last = samples[0], samples[-1]
    if first.cpus != last.cpus:
        raise ParseError(f"{first.cpus} CPUs were online at its start and {last.cpus} at its end")
    total_s = first.cpus * (last.time_ns - first.time_ns) / 1e9
    idle_s = (last.idle_ticks - first.idle_ticks) / TICKS_PER_S
    if total_s <= 0 or idle_s < 0:
        raise ParseError("its CPU times ran backwards: the ends are swapped or the node restarted")
    return CpuTime(rest(idle_s, total_s, "idle seconds of all CPUs", TOLERANCE), total_s)


def _parts(text: str) -> list[str]:
    return text.removeprefix("# ").split("\n# ")


def _sample(time: str, lines: str) -> _Sample:
    rows = [line.split() for line in lines.splitlines()]
    every = next(row for row in rows if row[:1] == ["cpu"])
    idle = every[_IDLE]
    if not time.isdecimal() or len(idle) < 2 or not all(field.isdecimal() for field in idle):
        raise ParseError("a line of CPU times is damaged")
    cpus = sum(row[:1] != ["cpu"] and row[0].startswith("cpu") for row in rows if row)
    if not cpus:
        raise ParseError("does not tell how many CPUs there are")
    return _Sample(int(time), sum(map(int, idle)), cpus)
