"""pidstat's output in all forms of the field: ``-h`` on one line, or a table each for CPU and memory.

Columns are found by their titles, so ``%wait`` and some more may be there or not; a line that does not fit the titles
above it is damaged. A line starts with the seconds since 1970 (``-h`` of older versions) or with the time of day as the
locale writes it, of 24 hours, or of 12 with or without a word for the half. Days are counted on when the clock passes
midnight. The field's script writes ``START_DATETIME`` (local) and ``START_EPOCH`` above: both together give the node's
time zone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probecost.analysis.parsers.monitors import CpuSample, MemorySample, Series, parse_time_ns
from probecost.analysis.parsers.text import ParseError
from probecost.analysis.tree.older.local_time import TimeOfDay, read_date, read_time

_SECOND_NS = 1_000_000_000
_HOUR_NS = 3600 * _SECOND_NS
_QUARTER_NS = _HOUR_NS // 4
_SLACK_NS = 60 * _SECOND_NS
_FIRST_COLUMNS = ("UID", "USER", "TGID", "PID")
_START = re.compile(r"START_DATETIME\D*(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)")
_EPOCH = re.compile(r"START_EPOCH\D*(\d{9,11})")
_BANNER = re.compile(r"^Linux [^\t\n]*?(?:\t([^\t\n]+)\t|\s(\d{2,4}[-/.]\d\d[-/.]\d{2,4})\s)", re.MULTILINE)
_MOST_WORDS = 7  # of a time of day, such as "05:20:17 p. m. IST" or "17 h 20 min 05 s"
_IDS = ("PID", "TGID", "TID")
_COUNTS = ("UID", "CPU", "VSZ", "RSS", "StkSize", "StkRef", "threads", "fd-nr", "iodelay")
_ID = re.compile(r"\d+|-")
_COUNT = re.compile(r"\d+")
_NUMBER = re.compile(r"\d+(?:[.,\u066b]\d+)?|-1[.,]00")
_ANY = re.compile(r"\S+")


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
        time_ns = clock.time_ns(row)
        if time_ns is None:
            damaged += 1
            continue
        values = sums.setdefault(time_ns, {})
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
    """One process at one time: ``epoch_s``, or a time of day. ``process``: its TGID, PID and TID as written."""

    epoch_s: int | None
    time: TimeOfDay | None
    process: tuple[str | None, str | None, str | None]
    values: Mapping[str, float]

    @property
    def is_thread(self) -> bool:
        """True for a thread (``-t``), which its process's row holds already."""
        return self.process[2] not in (None, "-")


class _Clock:
    """Assigns days to times of day: never earlier than the previous one, except for a minute of slack."""

    def __init__(self, started_ns: int | None, rows: Sequence[_Row], offset_ns: int) -> None:
        self._last_ns = started_ns
        self._has_begun = False
        self._offset_ns = offset_ns
        clocks = [row.time for row in rows if row.time is not None]
        self._period_ns = 24 * _HOUR_NS
        if clocks and started_ns is not None and not any(time.half for time in clocks):
            late = all(time.day_s < 13 * 3600 for time in clocks)
            # On a clock of 24 hours nothing starts half a day after its own start.
            ahead_ns = (clocks[0].day_s * _SECOND_NS - started_ns + _SLACK_NS) % (24 * _HOUR_NS)
            if late and ahead_ns >= 12 * _HOUR_NS:
                self._period_ns = 12 * _HOUR_NS

    def time_ns(self, row: _Row) -> int | None:
        """Unix time of a row, ``None`` for a row at the wrong place: half a day after the row before."""
        if row.time is None:
            return (row.epoch_s or 0) * _SECOND_NS
        if self._last_ns is None:
            raise ParseError("its times of day belong to no day: the log does not say when it was started")
        day_s = row.time.day_s
        if row.time.half:
            day_s = day_s % (12 * 3600) + (12 * 3600 if row.time.half == "PM" else 0)
        least_ns = self._last_ns - _SLACK_NS
        time_ns = least_ns + (day_s * _SECOND_NS - least_ns) % self._period_ns
        if self._has_begun and time_ns - self._last_ns > self._period_ns // 2:
            return None
        self._last_ns, self._has_begun = time_ns, True
        return self._last_ns - self._offset_ns


def _rows(text: str) -> tuple[list[_Row], int]:
    """Rows of processes, and how many lines are none, have no titles above them or come twice."""
    columns: Sequence[str] | None = ()
    rows: dict[tuple[object, ...], _Row] = {}
    damaged = 0
    for line in text.splitlines():
        fields = line.split()
        if not fields:
            columns = ()
        elif {"PID", "TGID"} & set(fields) and (titles := _titles(fields)) is not None:
            columns = titles.columns if titles.is_of_samples else None
        elif fields[0].startswith("#"):
            # Remarks of scripts, and unreadable titles: the lines after these fit no titles.
            columns = () if {"PID", "UID", "%CPU", "RSS"} & set(fields) else columns
        elif fields[0] != "Linux" and columns is not None and not _is_of_averages(fields[0]):
            row = _row(fields, columns) if columns else None
            key = None if row is None else (row.epoch_s, row.time, row.process, tuple(row.values))
            if row is None or key is None or key in rows:
                damaged += 1
            elif not row.is_thread:
                rows[key] = row
    return list(rows.values()), damaged


@dataclass(frozen=True)
class _Titles:
    """A line of titles; ``is_of_samples`` is false above averages, which have no time."""

    columns: Sequence[str]
    is_of_samples: bool


def _titles(fields: Sequence[str]) -> _Titles | None:
    """``# Time UID PID ... Command``, or the same after a time of day or after the word for averages."""
    for first in range(1, min(_MOST_WORDS, len(fields) - 1) + 1):
        columns, before = fields[first:], " ".join(fields[:first])
        if columns[0] not in _FIRST_COLUMNS or columns[-1] != "Command" or len(set(columns)) < len(columns):
            continue
        if before in ("#", "# Time") or read_time(before) is not None:
            return _Titles(columns, is_of_samples=True)
        if _is_of_averages(before):
            return _Titles(columns, is_of_samples=False)
    return None


def _is_of_averages(text: str) -> bool:
    """True for ``Average:`` in any language."""
    return text.endswith(":") and not any(character.isdigit() for character in text)


def _row(fields: Sequence[str], columns: Sequence[str]) -> _Row | None:
    """The row, if there is exactly one way to divide it into a time and values that fit the titles."""
    found = [row for width in range(1, _MOST_WORDS + 1) if (row := _divided(fields, width, columns)) is not None]
    return found[0] if len(found) == 1 else None


def _divided(fields: Sequence[str], width: int, columns: Sequence[str]) -> _Row | None:
    time, values = " ".join(fields[:width]), fields[width:]
    is_epoch = time.isdecimal() and 9 <= len(time) <= 11
    clock = None if is_epoch else read_time(time)
    if (clock is None and not is_epoch) or len(values) < len(columns):
        return None
    named = dict(zip(columns[:-1], values, strict=False))  # the last one is the command, which may hold blanks
    if any(not _form(name).fullmatch(value) for name, value in named.items()):
        return None
    numbers: dict[str, float] = {
        name: float(_decimal(named[name])) for name in ("%CPU", "VSZ", "RSS", "%MEM") if name in named
    }
    process = (named.get("TGID"), named.get("PID"), named.get("TID"))
    return _Row(int(time) if is_epoch else None, clock, process, numbers)


def _form(column: str) -> re.Pattern[str]:
    if column == "USER":
        return _ANY
    if column in _IDS:
        return _ID
    return _COUNT if column in _COUNTS else _NUMBER


def _decimal(text: str) -> str:
    return text.replace(",", ".").replace("\u066b", ".")


def _local(match: re.Match[str]) -> int | None:
    try:
        return parse_time_ns(match[1], match[2])
    except ValueError:
        return None


def _banner_ns(text: str) -> int | None:
    """Midnight of the day in pidstat's first line: after the machine's name, set off by tabs in newer versions."""
    found = _BANNER.search(text)
    if found is None:
        return None
    # Where clocks say AM the month stands first, and in the plain locale, which has two figures for the year.
    is_month_first = bool(re.search(r"\d [AP]M\b", text)) or not re.search(r"\d,\d\d\b", text)
    day = read_date(found[1] or found[2], is_month_first=is_month_first)
    return None if day is None else parse_time_ns(f"{day:%Y-%m-%d}", "00:00:00")
