"""Parses netperf's omni output (``-o`` selectors, CSV): a headline, the column titles, the values.

Two forms are common: the three latency columns alone, and with percentiles, rate and elapsed time. Columns are found by
their titles, so their order and further columns do not matter.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass

from probecost.analysis.parsers.text import ParseError

_TITLES = {
    "minimum latency microseconds": "min_us",
    "mean latency microseconds": "mean_us",
    "maximum latency microseconds": "max_us",
    "50th percentile latency microseconds": "p50_us",
    "90th percentile latency microseconds": "p90_us",
    "99th percentile latency microseconds": "p99_us",
    "transaction rate tran/s": "transactions_per_s",
    "elapsed time (sec)": "elapsed_s",
}
# netperf truncates the minimum and the maximum to whole microseconds, but not the mean.
_ROUNDING_US = 1.0


@dataclass(frozen=True)
class LatencyResult:
    """Round-trip times of one request/response run; ``None`` for absent columns."""

    mean_us: float
    min_us: float | None = None
    max_us: float | None = None
    p50_us: float | None = None
    p90_us: float | None = None
    p99_us: float | None = None
    transactions_per_s: float | None = None
    elapsed_s: float | None = None


def parse(text: str) -> LatencyResult:
    """Parse the figures of one run. Raises ``ParseError`` if there are none or they contradict each other."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    titles_at = next((at for at, line in enumerate(lines) if "mean latency microseconds" in line.lower()), None)
    if titles_at is None:
        tail = lines[-1][:200] if lines else "nothing"
        raise ParseError(f"netperf printed no latency columns; its last line: {tail}")
    if titles_at + 1 >= len(lines):
        raise ParseError("netperf printed the column titles and no values: it was stopped in the middle")
    titles, values = (next(csv.reader([line])) for line in lines[titles_at : titles_at + 2])
    if len(titles) != len(values):
        raise ParseError(f"netperf printed {len(values)} values under {len(titles)} titles")
    figures: dict[str, float] = {}
    for title, value in zip(titles, values, strict=True):
        name = _TITLES.get(title.strip().lower())
        if name is not None:
            figures[name] = _finite(value, title.strip())
    if figures["mean_us"] <= 0:
        raise ParseError(f"netperf's mean latency is {figures['mean_us']:g} us: no transaction was completed")
    result = LatencyResult(**figures)
    _check_order(result)
    return result


def _finite(value: str, title: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise ParseError(f"netperf's value under {title!r} is no usable number: {value[:40]!r}")
    return number


def _check_order(result: LatencyResult) -> None:
    """Detect swapped or mixed columns: min <= mean <= max and p50 <= p90 <= p99."""
    least = result.mean_us if result.min_us is None else result.min_us
    most = result.mean_us if result.max_us is None else result.max_us
    if not least - _ROUNDING_US <= result.mean_us <= most + _ROUNDING_US:
        raise ParseError(f"min {least:g}, mean {result.mean_us:g}, max {most:g} us contradict each other")
    percentiles = [value for value in (result.p50_us, result.p90_us, result.p99_us) if value is not None]
    if percentiles != sorted(percentiles):
        raise ParseError(f"percentiles are not in order: {', '.join(f'{value:g}' for value in percentiles)} us")
