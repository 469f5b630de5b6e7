"""Parses the three monitor logs of a tool: CPU, memory and log size of its process tree, a sample per line.

A line starts with ``YYYY-MM-DD HH:MM:SS.fff`` (UTC, any number of decimals), then the values; further columns and lines
that start with ``#`` are skipped. A damaged line loses its sample and is counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Generic, TypeVar

from probecost.analysis.parsers.text import ParseError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class CpuSample:
    """CPU use of the tool's process tree since the sample before, in percent of one core."""

    time_ns: int
    cpu_percent_of_core: float


@dataclass(frozen=True)
class MemorySample:
    """Memory of the tool's process tree at one moment."""

    time_ns: int
    virtual_kb: int
    resident_kb: int
    memory_percent: float


@dataclass(frozen=True)
class LogSizeSample:
    """Total bytes in the tool's stdout and stderr files at one moment."""

    time_ns: int
    size_bytes: int


SampleT = TypeVar("SampleT", CpuSample, MemorySample, LogSizeSample)


@dataclass(frozen=True)
class Series(Generic[SampleT]):
    """The samples of one log in the order of time, and its number of unreadable lines."""

    samples: tuple[SampleT, ...]
    damaged_lines: int


def parse_time_ns(date: str, time: str) -> int:
    """Unix time in ns of ``2026-11-22``, ``21:35:43.268`` (UTC); ``ValueError``: it is no time.

    >>> parse_time_ns("2026-11-22", "21:35:43.268884459")
    1795383343268884459
    """
    whole, _, fraction = time.partition(".")
    minute, _, seconds = whole.rpartition(":")
    if not (seconds.isdecimal() and int(seconds) < 62):  # leap seconds
        raise ValueError(f"{date} {time}")
    whole_s = _minute_s(date, minute) + int(seconds)
    return whole_s * 1_000_000_000 + (int(fraction[:9].ljust(9, "0")) if fraction else 0)


@lru_cache(maxsize=64)
def _minute_s(date: str, minute: str) -> int:
    """Unix time of ``2026-11-22``, ``21:35`` in seconds; cached, as consecutive lines mostly share the minute."""
    since = datetime.strptime(f"{date} {minute}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC) - _EPOCH
    return since.days * 86400 + since.seconds


def parse_cpu(text: str) -> Series[CpuSample]:
    """Parse ``timestamp cpu%`` lines. Raises ``ParseError`` if there is no sample at all."""
    return _parse(text, 1, lambda time_ns, values: CpuSample(time_ns, _positive(values[0])))


def parse_memory(text: str) -> Series[MemorySample]:
    """Parse ``timestamp virt rss pmem`` lines (KB, KB, percent). Raises ``ParseError`` if there is no sample at all."""
    return _parse(
        text,
        3,
        lambda time_ns, values: MemorySample(
            time_ns, int(_positive(values[0])), int(_positive(values[1])), _positive(values[2])
        ),
    )


def parse_logsize(text: str) -> Series[LogSizeSample]:
    """Parse ``timestamp bytes`` lines. Raises ``ParseError`` if there is no sample at all."""
    return _parse(text, 1, lambda time_ns, values: LogSizeSample(time_ns, int(_positive(values[0]))))


def _positive(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise ValueError(text)
    return value


def _parse(text: str, count: int, build: Callable[[int, list[str]], SampleT]) -> Series[SampleT]:
    samples: list[SampleT] = []
    damaged = 0
    for line in text.splitlines():
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        try:
            if len(fields) < 2 + count:
                raise ValueError(line)
            samples.append(build(parse_time_ns(fields[0], fields[1]), fields[2 : 2 + count]))
        except ValueError:
            damaged += 1
    if not samples:
        raise ParseError(f"holds no sample ({damaged} damaged lines)" if damaged else "holds no sample")
    return Series(tuple(sorted(samples, key=lambda sample: sample.time_ns)), damaged)
