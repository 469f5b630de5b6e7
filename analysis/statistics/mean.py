"""The mean, which is mostly that of one value."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean


def mean(values: Sequence[float]) -> float:
    """As ``statistics.fmean``, which is slow to start.

    >>> mean([3]), mean([1.0, 2.0])
    (3.0, 1.5)
    """
    return float(values[0]) if len(values) == 1 else fmean(values)
