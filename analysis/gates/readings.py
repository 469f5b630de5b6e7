"""What the nodes counted around one perf test, by node."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from analysis.locate import PerfTestRecord
from analysis.parsers import counters
from analysis.parsers.counters import CountersDelta
from analysis.problems import ParseError, read_text
from probecost.layout import COUNTERS_FILE, MONITORING


def readings(record: PerfTestRecord) -> Mapping[str, CountersDelta]:
    """By node; one whose file is missing or damaged is left out: a gate that cannot be checked voids nothing."""
    what = record.metadata
    found = {}
    for node in dict.fromkeys((what.server_node, what.client_node, what.tool_node)):
        path = record.expected(node, MONITORING) / COUNTERS_FILE
        try:
            size = path.stat()
        except OSError:
            continue
        counted = _read(path, (size.st_mtime_ns, size.st_size))
        if counted is not None:
            found[node] = counted
    return found


@lru_cache(maxsize=4096)
def _read(path: Path, version: tuple[int, int]) -> CountersDelta | None:
    """Read once per file and ``version``: several gates look into it."""
    try:
        return counters.parse(read_text(path))
    except ParseError:
        return None
