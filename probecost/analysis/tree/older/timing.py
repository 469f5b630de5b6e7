"""Parses ``*_timing.log`` of older trees: start and end of a generator's process, in the client's local time.

It has two forms: ``Start:``, ``End:`` for a single stream; ``Process_Start:``, ``Actual_Launch:``, ``Test_End:`` for
several.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from probecost.analysis.parsers.monitors import parse_time_ns
from probecost.analysis.parsers.text import ParseError

_LINE = re.compile(r"\s*(\w+):\s*(\d{4}-\d\d-\d\d)[ _T](\d\d:\d\d:\d\d(?:[.,]\d+)?)")
_STARTS = ("actual_launch", "start", "process_start")
_ENDS = ("test_end", "end")


@dataclass(frozen=True)
class Timing:
    """Start and end of one generator: local time as if it were UTC, Unix ns."""

    start_ns: int
    end_ns: int


def parse(text: str) -> Timing:
    """Parse the times. Raises ``ParseError`` if one is absent or the end is not after the start."""
    times = {}
    for line in text.splitlines():
        if match := _LINE.match(line):
            try:
                times[match[1].lower()] = parse_time_ns(match[2], match[3].replace(",", "."))
            except ValueError:
                continue
    start_ns = next((times[key] for key in _STARTS if key in times), None)
    end_ns = next((times[key] for key in _ENDS if key in times), None)
    if start_ns is None or end_ns is None:
        raise ParseError(f"the timing log has no {'start' if start_ns is None else 'end'}")
    if end_ns <= start_ns:
        raise ParseError("the timing log's end is not after its start")
    return Timing(start_ns, end_ns)
