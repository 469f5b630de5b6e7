"""Adjusts p-values of many tests: Holm over a plan's primary tests, Benjamini and Hochberg over the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float], m: int | None = None) -> list[float]:
    """Holm's adjusted p-values, in order. ``m``: planned size of the family, tests without a p included.

    A planned test without a p-value still counts: it makes the rest no stronger. ``ValueError``: more p-values than
    ``m``.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=np.float64)
    planned = values.size if m is None else m
    if planned < values.size:
        raise ValueError(f"{values.size} tests in a family of {planned}")
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    adjusted[order] = np.maximum.accumulate(values[order] * (planned - np.arange(values.size)))
    return [float(min(1.0, p)) for p in adjusted]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that control the false discovery rate, in order.

    >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.04, 0.03])]
    [0.03, 0.04, 0.04]
    """
    from scipy import stats  # takes a second: only where something is computed

    return [float(p) for p in stats.false_discovery_control(p_values)] if p_values else []
