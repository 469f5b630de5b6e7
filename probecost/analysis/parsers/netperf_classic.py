"""Parses netperf's classic output of a request/response test: a table with a rate, without latencies.

The line under the titles has socket sizes, request and response size, elapsed time and transactions per second. One
transaction is in flight at a time, so the mean round trip is the inverse of the rate.
"""

from __future__ import annotations

import math

from probecost.analysis.parsers.netperf import LatencyResult
from probecost.analysis.parsers.text import ParseError

_VALUES = 6


def is_classic(text: str) -> bool:
    """Whether ``text`` has the titles of the classic table (and not those of latency columns)."""
    lowered = text.lower()
    return "latency" not in lowered and "trans" in lowered and "socket size" in lowered


def parse(text: str) -> LatencyResult:
    """Parse mean, rate and elapsed time. Raises ``ParseError`` if the table has no line of usable values."""
    lines = text.splitlines()
    titles_at = next((at for at, line in enumerate(lines) if "elapsed" in line.lower() and "trans" in line.lower()), 0)
    for line in lines[titles_at + 1 :]:
        try:
            values = [float(field) for field in line.split()]
        except ValueError:
            continue
        if len(values) != _VALUES:
            continue
        elapsed_s, rate = values[-2:]
        if not (math.isfinite(rate) and rate > 0 and math.isfinite(elapsed_s) and elapsed_s > 0):
            raise ParseError(f"netperf's classic table says {rate:g} transactions/s in {elapsed_s:g} s")
        return LatencyResult(mean_us=1e6 / rate, transactions_per_s=rate, elapsed_s=elapsed_s)
    raise ParseError("netperf printed the classic table's titles and no values: it was stopped in the middle")
