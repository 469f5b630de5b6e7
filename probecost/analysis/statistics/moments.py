"""Mean and standard deviation of a few values, very often: ``statistics`` has both, exact and slow."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, hypot, sqrt


def mean(values: Sequence[float]) -> float:
    """As ``statistics.fmean``; most means are of one value.

    >>> mean([3]), mean([1.0, 2.0])
    (3.0, 1.5)
    """
    return float(values[0]) if len(values) == 1 else fsum(values) / len(values)


def sd(values: Sequence[float]) -> float:
    """The standard deviation of two values or more, with ``n - 1`` in its denominator.

    >>> sd([1.0, 2.0, 3.0]), round(sd([1.0, 2.0, 6.0]), 6)
    (1.0, 2.645751)
    """
    middle = mean(values)
    return hypot(*(value - middle for value in values)) / sqrt(len(values) - 1)
