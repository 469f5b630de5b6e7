"""``stat.log``: /proc/stat sampled once a second and at both ends, each sample under a line ``# <Unix ns>``."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.problems import ParseError

TICKS_PER_S = 100  # USER_HZ, the same on every Linux
_FIELDS = 8  # user nice system idle iowait irq softirq steal; a guest's time is in user's already
_IDLE = (3, 4)


@dataclass(frozen=True)
class CpuTime:
    """Seconds of all CPUs together between the first sample and the last; busy is all but idle and iowait."""

    busy_s: float
    total_s: float


def parse(text: str) -> CpuTime:
    """What passed between the first and the last sample. Raises ``ParseError`` where there are not two."""
    samples = [line.split()[1:] for line in text.splitlines() if line.startswith("cpu ")]
    if len(samples) < 2:
        raise ParseError(f"has {len(samples)} samples of all CPUs, expected one at each end")
    first, last = _ticks(samples[0]), _ticks(samples[-1])
    passed = [after - before for before, after in zip(first, last, strict=True)]
    total = sum(passed)
    busy = total - sum(passed[place] for place in _IDLE)
    if total <= 0 or busy < 0:
        raise ParseError("its CPU times ran backwards: the ends are swapped or the node restarted")
    return CpuTime(busy / TICKS_PER_S, total / TICKS_PER_S)


def _ticks(fields: list[str]) -> list[int]:
    if len(fields) < _FIELDS or not all(field.isdecimal() for field in fields[:_FIELDS]):
        raise ParseError("a line of CPU times is damaged")
    return [int(field) for field in fields[:_FIELDS]]
