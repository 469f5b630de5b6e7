"""The nodes' counters around one perf test, by node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probecost.analysis.parsers import counters
from probecost.analysis.parsers.counters import CountersDelta
from probecost.analysis.parsers.text import ParseError, read_text
from probecost.analysis.tree.record import PerfTestFiles
from probecost.results.layout import COUNTERS_FILE, MONITORING


@dataclass(frozen=True, slots=True)
class Counted:
    """A perf test and the counters of its nodes, the input of the gates.

    A node whose file is missing or damaged has no entry: a gate that cannot be checked voids nothing.
    """

    record: PerfTestFiles
    by_node: Mapping[str, CountersDelta]


def read_counters(record: PerfTestFiles) -> Counted:
    """Read the counters of server, client and tool node."""
    what = record.metadata
    found = {}
    for node in dict.fromkeys((what.server_node, what.client_node, what.tool_node)):
        path = record.expected(node, f"{MONITORING}/{COUNTERS_FILE}")
        try:
            found[node] = counters.parse(read_text(path))
        except ParseError:
            continue
    return Counted(record, found)
