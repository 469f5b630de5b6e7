"""The interval of ``signflip`` for many campaigns at once: what simulations are made of.

``effects`` are arrays of campaigns by units.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from probecost.analysis.statistics.signflip import Floats, few_at_a_time, intervals, rejected_sets, set_means

Booleans = NDArray[np.bool_]


def exact_intervals(effects: Floats, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """Lower and upper limits, one per campaign; infinite where there are too few units for an interval."""
    limits = [intervals(*set_means(some, seed=0), alpha) for some in few_at_a_time(effects)]
    low, high = (np.concatenate(side) for side in zip(*limits, strict=True))
    return low, high


def interval_covers(effects: Floats, truth: float, alpha: float = 0.05) -> Booleans:
    """Whether the interval of each campaign holds ``truth``: much cheaper than the interval."""
    return np.concatenate([_covers(some, truth, alpha) for some in few_at_a_time(effects)])


def _covers(effects: Floats, truth: float, alpha: float) -> Booleans:
    means, observed = set_means(effects - truth, seed=0)
    sets = means.shape[1]
    rejected = rejected_sets(sets + observed, observed, alpha)
    at_most_0 = np.count_nonzero(means <= 0, axis=1)
    return np.asarray((at_most_0 > rejected) & (sets - at_most_0 > rejected))
