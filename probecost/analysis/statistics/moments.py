"""A fast mean of few values; the one of ``statistics`` is slower."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum


def mean(values: Sequence[float]) -> float:
    """Like ``statistics.fmean``, but fast for the common case of one value.

    >>> mean([3]), mean([1.0, 2.0])
    (3.0, 1.5)
    """
    return float(values[0]) if len(values) == 1 else fsum(values) / len(values)
