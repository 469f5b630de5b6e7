"""What the nodes counted around one perf test, by node."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from probecost.analysis.parsers import counters
from probecost.analysis.parsers.counters import CountersDelta
from probecost.analysis.parsers.text import ParseError, read_text
from probecost.analysis.tree.record import PerfTestFiles
from probecost.results.layout import COUNTERS_FILE, MONITORING

#: Several gates look into the same few perf tests, one after the other. A record is of one moment of the tree.
_recent: deque[tuple[PerfTestFiles, Mapping[str, CountersDelta]]] = deque(maxlen=32)


def readings(record: PerfTestFiles) -> Mapping[str, CountersDelta]:
    """By node; one whose file is missing or damaged is left out: a gate that cannot be checked voids nothing."""
    for known, found in _recent:
        if known is record:
            return found
    _recent.appendleft((record, _readings(record)))
    return _recent[0][1]


def _readings(record: PerfTestFiles) -> Mapping[str, CountersDelta]:
    what = record.metadata
    found = {}
    for node in dict.fromkeys((what.server_node, what.client_node, what.tool_node)):
        path = record.expected(node, f"{MONITORING}/{COUNTERS_FILE}")
        try:
            found[node] = counters.parse(read_text(path))
        except ParseError:
            continue
    return found
