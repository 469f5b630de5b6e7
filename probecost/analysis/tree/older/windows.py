"""The time window of a perf test of an older tree, and its client's time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from probecost.analysis.parsers.json_fields import child, parse_object, whole
from probecost.analysis.parsers.monitors import parse_time_ns
from probecost.analysis.parsers.text import ParseError, is_folder, read_text
from probecost.analysis.tree.older import timing
from probecost.analysis.tree.older.names import stamp_ns
from probecost.analysis.tree.older.pidstat import utc_offset_ns
from probecost.analysis.tree.older.timing import Timing

TIMING_LOGS = "*_timing.log"
_COMPLETE_LOGS = "test_complete_*.log"
_MAX_NS = 3600 * 1_000_000_000
_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)")


def timings(client_dir: Path | None) -> tuple[list[Timing], list[tuple[Path, str]]]:
    """The times in the timing logs of one perf test, and the unreadable logs with reasons."""
    read: list[Timing] = []
    damage: list[tuple[Path, str]] = []
    for path in sorted(client_dir.glob(TIMING_LOGS)) if client_dir is not None and is_folder(client_dir) else ():
        try:
            read.append(timing.parse(read_text(path)))
        except ParseError as error:
            damage.append((path, str(error)))
    return read, damage


def window(read: list[Timing], folder: Path, server_dir: Path | None) -> tuple[int, int] | None:
    """First start and last end, in local time as if it were UTC (Unix ns); ``None`` if unknown.

    Without timing logs (latency perf tests have none): from the timestamp in ``folder``'s name until the server's
    ``test_complete`` log. That includes the time of set-up and tear-down.
    """
    if read:
        return min(entry.start_ns for entry in read), max(entry.end_ns for entry in read)
    start_ns, end_ns = stamp_ns(folder.name), _completed_ns(server_dir)
    if start_ns is None or end_ns is None or not 0 < end_ns - start_ns < _MAX_NS:
        return None
    return start_ns, end_ns


def client_offset_ns(read: list[Timing], client_dir: Path | None) -> int | None:
    """The client's local time minus UTC: from its timing logs and iperf3's own start in Unix time."""
    if not read or client_dir is None:
        return None
    start_ns = min(entry.start_ns for entry in read)
    epoch_s = next(_iperf3_starts(client_dir), None)
    return utc_offset_ns(start_ns, epoch_s) if epoch_s else None


def _iperf3_starts(client_dir: Path) -> Iterator[int]:
    for path in sorted(client_dir.glob("*.json")):
        try:
            document = parse_object(read_text(path))
        except ParseError:
            continue
        epoch_s = whole(child(child(document, "start"), "timestamp"), "timesecs")
        if epoch_s is not None:
            yield epoch_s


def _completed_ns(server_dir: Path | None) -> int | None:
    for path in sorted(server_dir.glob(_COMPLETE_LOGS)) if server_dir is not None else ():
        try:
            match = _TIME.search(read_text(path))
            if match:
                return parse_time_ns(match[1], match[2])
        except (ParseError, ValueError):
            continue
    return None
