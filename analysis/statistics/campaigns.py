"""The interval of ``signflip`` for many campaigns at once: what simulations are made of.

``effects`` are arrays of campaigns by units. The limits are the same order statistics of means of sets as in
``signflip``, taken row by row.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.signflip import EXACT_UP_TO, RANDOM_FLIPS, Floats, random_sets, rejected_sets

Booleans = NDArray[np.bool_]
_MEANS_AT_ONCE = 4_000_000  # 32 MB


def exact_intervals(effects: Floats, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """Lower and upper limits, one per campaign; infinite where there are too few units for an interval."""
    sets, rejected = _sets_and_rejected(effects.shape[1], alpha)
    if rejected < 0:
        return np.full(len(effects), -np.inf), np.full(len(effects), np.inf)
    last = len(sets) - 1 - rejected
    limits = [np.partition(means, [rejected, last], axis=1)[:, [rejected, last]] for means in _means(effects, sets)]
    low, high = np.concatenate(limits).T
    return low, high


def interval_covers(effects: Floats, truth: float, alpha: float = 0.05) -> Booleans:
    """Whether the interval of each campaign holds ``truth``: much cheaper than the interval."""
    sets, rejected = _sets_and_rejected(effects.shape[1], alpha)
    if rejected < 0:
        return np.ones(len(effects), dtype=np.bool_)
    parts = []
    for means in _means(effects - truth, sets):
        at_most_0 = np.count_nonzero(means <= 0, axis=1)
        parts.append((at_most_0 > rejected) & (len(sets) - at_most_0 > rejected))
    return np.concatenate(parts)


def _sets_and_rejected(n_units: int, alpha: float) -> tuple[Floats, int]:
    if n_units <= EXACT_UP_TO:
        return _all_sets(n_units), rejected_sets(2**n_units, 1, alpha)
    sets = random_sets(n_units, 0)
    return sets, rejected_sets(RANDOM_FLIPS + 1, 1 + RANDOM_FLIPS - len(sets), alpha)


@lru_cache(maxsize=4)
def _all_sets(n_units: int) -> Floats:
    """All non-empty sets of units, a row each: 1 / size for its members, else 0."""
    members = ((np.arange(1, 2**n_units)[:, None] >> np.arange(n_units)) & 1).astype(np.float64)
    return np.asarray(members / members.sum(axis=1, keepdims=True))


def _means(effects: Floats, sets: Floats) -> Iterator[Floats]:
    """The means of all sets for a few campaigns at a time: arrays of campaigns by sets."""
    rows = max(1, _MEANS_AT_ONCE // len(sets))
    for start in range(0, len(effects), rows):
        yield effects[start : start + rows] @ sets.T
