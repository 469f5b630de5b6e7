"""Parses pidstat's output in all known forms: ``-h`` on one line, or a table each for CPU and memory.

Columns are found by their titles, so ``%wait`` and others are optional. A line starts with the seconds since 1970
(``-h`` of older versions) or with the time of day, of 24 hours, or of 12 with or without AM and PM. The day advances
when the clock passes midnight. Older scripts write ``START_DATETIME`` (local) and ``START_EPOCH`` above: both together
give the node's time zone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from probecost.analysis.parsers.monitors import CpuSample, MemorySample, Series, parse_time_ns
from probecost.analysis.parsers.text import ParseError

_SECOND_NS = 1_000_000_000
_HOUR_NS = 3600 * _SECOND_NS
_QUARTER_NS = _HOUR_NS // 4
_SLACK_NS = 60 * _SECOND_NS
_FIRST_COLUMNS = ("UID", "USER", "TGID", "PID")
_START = re.compile(r"START_DATETIME\D*(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)")
_EPOCH = re.compile(r"START_EPOCH\D*(\d{9,11})")
_BANNER = re.compile(r"^Linux .*?\s(\d{2,4}[-/.]\d\d[-/.]\d{2,4})\s", re.MULTILINE)
_BANNER_FORMS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%d.%m.%Y", "%d.%m.%y", "%d-%m-%Y")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d):(\d\d)")


@dataclass(frozen=True)
class PidstatLog:
    """``cpu``, ``memory``: one sample per time, over all processes listed; Unix ns.

    ``utc_offset_ns``: the node's local time minus UTC, ``None`` if unknown; its times are then local ones as if they
    were UTC.
    """

    cpu: Series[CpuSample]
    memory: Series[MemorySample]
    utc_offset_ns: int | None


def utc_offset_ns(local_ns: int, epoch_s: int) -> int:
    """The time zone's offset, in whole quarters of an hour.

    >>> utc_offset_ns(parse_time_ns("2026-11-22", "21:35:43.096"), 1795383343) // 3_600_000_000_000
    0
    """
    return round((local_ns - epoch_s * _SECOND_NS) / _QUARTER_NS) * _QUARTER_NS


def parse(text: str, started_ns: int | None = None) -> PidstatLog:
    """All samples in ``text``; ``started_ns``: local start, if the text itself has none.

    Raises ``ParseError`` if there is no sample, or no date for its times of day.
    """
    start, epoch = _START.search(text), _EPOCH.search(text)
    local_ns = _local(start) if start else None
    offset_ns = utc_offset_ns(local_ns, int(epoch[1])) if local_ns is not None and epoch else None
    if local_ns is None:
        local_ns = started_ns if started_ns is not None else _banner_ns(text)
    rows, damaged = _rows(text)
    clock = _Clock(local_ns, rows, offset_ns or 0)
    sums: dict[int, dict[str, float]] = {}
    for row in rows:
        values = sums.setdefault(clock.time_ns(row), {})
        for name, value in row.values.items():
            values[name] = values.get(name, 0.0) + value
    cpu = [CpuSample(at, found["%CPU"]) for at, found in sums.items() if "%CPU" in found]
    memory = [
        MemorySample(at, int(found["VSZ"]), int(found["RSS"]), found.get("%MEM", 0.0))
        for at, found in sums.items()
        if "VSZ" in found and "RSS" in found
    ]
    if not cpu and not memory:
        raise ParseError(f"holds no sample of pidstat ({damaged} damaged lines)")
    return PidstatLog(
        Series(tuple(sorted(cpu, key=lambda sample: sample.time_ns)), damaged),
        Series(tuple(sorted(memory, key=lambda sample: sample.time_ns)), damaged),
        offset_ns,
    )


@dataclass(frozen=True)
class _Row:
    """One process at one time: ``epoch_s``, or seconds of the day and AM or PM, if given."""

    epoch_s: int | None
    day_s: int
    half: str
    values: Mapping[str, float]


class _Clock:
    """Assigns days to times of day: never earlier than the previous one, except for a minute of slack."""

    def __init__(self, started_ns: int | None, rows: Sequence[_Row], offset_ns: int) -> None:
        self._last_ns = started_ns
        self._offset_ns = offset_ns
        clocks = [row for row in rows if row.epoch_s is None]
        self._period_ns = 24 * _HOUR_NS
        if clocks and started_ns is not None and not any(row.half for row in clocks):
            late = all(row.day_s < 13 * 3600 for row in clocks)
            # On a clock of 24 hours nothing starts half a day after its own start.
            ahead_ns = (clocks[0].day_s * _SECOND_NS - started_ns + _SLACK_NS) % (24 * _HOUR_NS)
            if late and ahead_ns >= 12 * _HOUR_NS:
                self._period_ns = 12 * _HOUR_NS

    def time_ns(self, row: _Row) -> int:
        if row.epoch_s is not None:
            return row.epoch_s * _SECOND_NS
        if self._last_ns is None:
            raise ParseError("its times of day belong to no day: the log does not say when it was started")
        day_s = row.day_s
        if row.half:
            day_s = day_s % (12 * 3600) + (12 * 3600 if row.half == "PM" else 0)
        least_ns = self._last_ns - _SLACK_NS
        self._last_ns = least_ns + (day_s * _SECOND_NS - least_ns) % self._period_ns
        return self._last_ns - self._offset_ns


def _rows(text: str) -> tuple[list[_Row], int]:
    columns: list[str] = []
    rows: list[_Row] = []
    damaged = 0
    for line in text.splitlines():
        fields = line.split()
        titles = _titles(fields)
        if titles:
            columns = titles
        elif not fields or fields[0].startswith(("#", "Linux", "Average")) or not columns:
            continue
        else:
            row = _row(fields, columns)
            damaged += row is None
            rows += [row] if row is not None else []
    return rows, damaged


def _titles(fields: Sequence[str]) -> list[str]:
    if "PID" not in fields and "TGID" not in fields:
        return []
    first = next(at for at, field in enumerate(fields) if field in _FIRST_COLUMNS)
    return list(fields[first:])


def _row(fields: Sequence[str], columns: Sequence[str]) -> _Row | None:
    clock = _CLOCK.fullmatch(fields[0])
    half = fields[1].upper() if len(fields) > 1 and fields[1].upper() in ("AM", "PM") else ""
    if clock is None and not (fields[0].isdecimal() and len(fields[0]) >= 9):
        return None
    values = fields[2 if half else 1 :]
    if len(values) < len(columns):
        return None
    numbers = {}
    try:
        for name, value in zip(columns, values, strict=False):
            if name in ("%CPU", "VSZ", "RSS", "%MEM"):
                numbers[name] = _positive(value)
    except ValueError:
        return None
    hours, minutes, seconds = (int(part) for part in clock.groups()) if clock else (0, 0, 0)
    return _Row(None if clock else int(fields[0]), hours * 3600 + minutes * 60 + seconds, half, numbers)


def _positive(text: str) -> float:
    value = float(text.replace(",", "."))
    if not math.isfinite(value) or value < 0:
        raise ValueError(text)
    return value


def _local(match: re.Match[str]) -> int | None:
    try:
        return parse_time_ns(match[1], match[2])
    except ValueError:
        return None


def _banner_ns(text: str) -> int | None:
    """Midnight of the day in pidstat's first line."""
    found = _BANNER.search(text)
    for form in _BANNER_FORMS if found else ():
        try:
            day = datetime.strptime(found[1] if found else "", form)
        except ValueError:
            continue
        return parse_time_ns(f"{day:%Y-%m-%d}", "00:00:00")
    return None
