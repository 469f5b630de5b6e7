"""Mean effect of paired units, its exact sign-flip test, and the interval that inverts this test.

A unit's effect is d = log(tool) - log(baseline). Under the hypothesis that the true effect is theta, each d - theta is
as likely as its negative, because a coin decides the order of the arms. The test compares the sum of the d - theta with
the sums under flipped signs: all 2^n up to ``EXACT_UP_TO`` units, else ``RANDOM_FLIPS`` random ones with the observed
one added (Phipson and Smyth 2010). Flipping the units of a set S gives at least the observed sum exactly if the mean of
S is at most theta; so the limits of the interval are order statistics of the means of sets (Hartigan 1969), and
interval and test never disagree.

Series of one length are computed together, as arrays of series by units: a run has very many short ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, floor, inf, sqrt
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 16
RANDOM_FLIPS = 100_000
_MEANS_AT_ONCE = 1 << 20  # 8 MB

Floats = NDArray[np.float64]
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimate of the mean effect from ``n`` units, in natural-log units.

    ``low`` and ``high`` limit the interval at ``level`` (0.95 for alpha 0.05); infinite if ``n`` is too small. ``p`` is
    two-sided. ``t_low`` and ``t_high`` are Student's interval, for comparison; ``sd`` is the standard deviation of the
    units (``n - 1`` in its denominator, 0 for one unit).
    """

    n: int
    mean: float
    hodges_lehmann: float
    sd: float
    p: float
    level: float
    low: float
    high: float
    t_low: float
    t_high: float


def estimate(effects: Sequence[float], alpha: float = 0.05, seed: int = 0) -> Estimate:
    """Mean, robust mean, test and intervals of ``effects``; ``seed`` is for random flips, if needed.

    ``ValueError``: there is no effect, one is not finite, or ``alpha`` is not between 0 and 1.

    >>> found = estimate([0.02, 0.05, 0.03, 0.04, 0.06, 0.01, 0.03, 0.05])
    >>> round(found.mean, 5), found.p, round(found.low, 4), round(found.high, 4)
    (0.03625, 0.0078125, 0.02, 0.05)
    """
    return estimates([effects], alpha, seed)[0]


def estimates(series: Sequence[Sequence[float]], alpha: float = 0.05, seed: int = 0) -> list[Estimate]:
    """``estimate`` of each series of effects, in order."""
    if not 0 < alpha < 1:
        raise ValueError(f"expected an alpha between 0 and 1, found {alpha}")
    return _by_length(series, lambda values: _estimates(values, alpha, seed))


def p_values(series: Sequence[Sequence[float]], seed: int = 0) -> list[float]:
    """The two-sided p alone of each series of effects."""
    return _by_length(series, lambda values: _p_values(values, *set_means(values, seed)).tolist())


def _by_length(series: Sequence[Sequence[float]], compute: Callable[[Floats], Iterable[_Result]]) -> list[_Result]:
    """Apply ``compute`` to arrays of series of one length; return the results in the order of ``series``."""
    by_length: dict[int, list[int]] = {}
    for at, effects in enumerate(series):
        by_length.setdefault(len(effects), []).append(at)
    found: dict[int, _Result] = {}
    for n, places in by_length.items():
        rows = np.array([series[at] for at in places], dtype=np.float64)
        if n == 0 or rows.ndim != 2 or not np.isfinite(rows).all():
            raise ValueError("expected one finite effect or more")
        results = (result for some in few_at_a_time(rows) for result in compute(some))
        found.update(zip(places, results, strict=True))
    return [found[at] for at in range(len(series))]


def few_at_a_time(rows: Floats) -> Iterator[Floats]:
    """Batches of series that fit into memory with the means of their sets."""
    n = rows.shape[1]
    together = max(1, _MEANS_AT_ONCE // (2**n if n <= EXACT_UP_TO else RANDOM_FLIPS))
    for start in range(0, len(rows), together):
        yield rows[start : start + together]


def _estimates(values: Floats, alpha: float, seed: int) -> Iterator[Estimate]:
    n = values.shape[1]
    mean = values.mean(axis=1)
    means, observed = set_means(values, seed)
    low, high = intervals(means, observed, alpha)
    sd = values.std(axis=1, ddof=1) if n > 1 else np.zeros(len(values))
    half = _student(1 - alpha / 2, n - 1) * sd / sqrt(n) if n > 1 else np.full(len(values), inf)
    columns = (
        mean,
        hodges_lehmann(values),
        sd,
        _p_values(values, means, observed),
        low,
        high,
        mean - half,
        mean + half,
    )
    lists = (column.tolist() for column in columns)
    for centre, robust, spread, p, lowest, highest, t_low, t_high in zip(*lists, strict=True):
        yield Estimate(n, centre, robust, spread, p, 1 - alpha, lowest, highest, t_low, t_high)


@lru_cache(maxsize=256)
def _student(share: float, degrees: int) -> float:
    """A quantile of Student's distribution, cached: a run needs few different ones."""
    from scipy.special import stdtrit  # what scipy.stats calls, which takes a second and 50 MB more to import

    return float(stdtrit(degrees, share))


def hodges_lehmann(values: Floats) -> Floats:
    """The median of the means of all pairs of each row, each unit with itself included: a robust mean.

    >>> hodges_lehmann(np.array([[1.0, 2.0, 3.0, 90.0]])).tolist()
    [2.75]
    """
    rows, columns = _pairs(values.shape[1])
    return np.asarray(np.median((values[:, rows] + values[:, columns]) / 2, axis=1))


@lru_cache(maxsize=256)
def _pairs(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The indices of all pairs of ``n`` units."""
    rows, columns = np.triu_indices(n)
    return rows, columns


def units_needed(sd: float, effect: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Units of a new test that detects ``effect`` with ``power``, by the normal approximation, at least 2.

    >>> units_needed(sd=0.06, effect=0.06)
    8
    """
    from scipy import stats  # takes a second: only where something is computed

    z = float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power))
    return max(2, -floor(-((z * sd / effect) ** 2)))


def cost_pct(effect: float, lower_is_better: bool) -> float:
    """An effect as cost in percent: positive is worse, whether the metric is a latency or a rate.

    >>> round(cost_pct(0.0953, lower_is_better=True), 1), round(cost_pct(-0.1054, lower_is_better=False), 1)
    (10.0, 10.0)
    """
    if abs(effect) == inf:
        worse = (effect > 0) == lower_is_better
        return (inf if worse else -100.0) if lower_is_better else (100.0 if worse else -inf)
    return (exp(effect) - 1 if lower_is_better else 1 - exp(effect)) * 100


def set_means(values: Floats, seed: int) -> tuple[Floats, int]:
    """Series by sets: the means of the flipped sets of units, and the number of flips of no unit.

    (The observed pattern is one of the latter.)
    """
    n = values.shape[1]
    if n <= EXACT_UP_TO:
        return np.asarray(values @ _all_sets(n).T), 1
    sets = _random_sets(n, seed)
    return np.asarray(values @ sets.T), 1 + RANDOM_FLIPS - len(sets)


@lru_cache(maxsize=EXACT_UP_TO)
def _all_sets(n: int) -> Floats:
    """All non-empty sets of ``n`` units, a row each: 1 / size for its members, else 0."""
    members = ((np.arange(1, 2**n)[:, None] >> np.arange(n)) & 1).astype(np.float64)
    return np.asarray(members / members.sum(axis=1, keepdims=True))


@lru_cache(maxsize=4)
def _random_sets(n: int, seed: int) -> Floats:
    """Random sets of ``n`` units, like ``_all_sets``."""
    flipped = np.random.default_rng(seed).integers(0, 2, (RANDOM_FLIPS, n)).astype(np.float64)
    sizes = flipped.sum(axis=1)
    shares: Floats = flipped[sizes > 0] / sizes[sizes > 0, None]
    return shares


def _p_values(values: Floats, means: Floats, observed: int) -> Floats:
    """Two-sided p: twice the smaller tail, at most 1; means that differ from 0 by rounding alone are ties."""
    rounding = 1e-12 * np.abs(values).max(axis=1, keepdims=True)
    above = np.count_nonzero(means <= rounding, axis=1)
    below = np.count_nonzero(means >= -rounding, axis=1)
    return np.asarray(np.minimum(1.0, 2 * (observed + np.minimum(above, below)) / (means.shape[1] + observed)))


def intervals(means: Floats, observed: int, alpha: float) -> tuple[Floats, Floats]:
    """Limits of all theta that the test at ``alpha`` does not reject, for each row of ``means``."""
    rejected = rejected_sets(means.shape[1] + observed, observed, alpha)
    if rejected < 0:
        return np.full(len(means), -inf), np.full(len(means), inf)
    last = means.shape[1] - 1 - rejected
    low, high = np.partition(means, [rejected, last], axis=1)[:, [rejected, last]].T
    return low, high


def rejected_sets(patterns: int, observed: int, alpha: float) -> int:
    """The number of means of sets outside the interval at each end; negative if there is no finite interval."""
    return floor(alpha / 2 * patterns + 1e-9) - observed
