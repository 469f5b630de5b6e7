"""The numerics: mean effect of paired units, its exact sign-flip test, and the interval that inverts this test.

A unit's effect is d = log(tool) - log(baseline). Under the hypothesis that the true effect is theta, each d - theta is
as likely as its negative, because a coin decided which arm came first. The test compares the sum of the d - theta with
the sums under flipped signs: all 2^n up to ``EXACT_UP_TO`` units, else ``RANDOM_FLIPS`` random ones with the observed
one added (Phipson and Smyth 2010). Flipping the units of a set S gives at least the observed sum exactly where the mean
of S is at most theta; so the limits of the interval are order statistics of the means of sets (Hartigan 1969), and
interval and test never disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, floor, inf, sqrt

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 16
RANDOM_FLIPS = 100_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What ``n`` units say of the mean effect, in natural-log units.

    ``low`` and ``high`` limit the interval at ``level`` (0.95 for alpha 0.05); infinite where ``n`` is too small for
    it. ``p`` is two-sided. ``t_low`` and ``t_high`` are Student's interval, for comparison; ``sd`` is the standard
    deviation of the units (``n - 1`` in its denominator, 0 for one unit).
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
    """Mean, robust twin, test and intervals of ``effects``; ``seed`` draws the random flips where those are needed.

    ``ValueError``: there is no effect, one is not finite, or ``alpha`` is not between 0 and 1.

    >>> found = estimate([0.02, 0.05, 0.03, 0.04, 0.06, 0.01, 0.03, 0.05])
    >>> round(found.mean, 5), found.p, round(found.low, 4), round(found.high, 4)
    (0.03625, 0.0078125, 0.02, 0.05)
    """
    values = np.asarray(effects, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError("expected one finite effect or more")
    if not 0 < alpha < 1:
        raise ValueError(f"expected an alpha between 0 and 1, found {alpha}")
    n = int(values.size)
    mean = float(values.mean())
    means, observed = _set_means(values, seed)
    low, high = _interval(means, observed, alpha)
    sd = float(values.std(ddof=1)) if n > 1 else 0.0
    half = _student(1 - alpha / 2, n - 1) * sd / sqrt(n) if n > 1 else inf
    return Estimate(
        n=n,
        mean=mean,
        hodges_lehmann=hodges_lehmann(values),
        sd=sd,
        p=_p_value(means, observed, float(np.abs(values).max())),
        level=1 - alpha,
        low=low,
        high=high,
        t_low=mean - half,
        t_high=mean + half,
    )


@lru_cache(maxsize=256)
def _student(share: float, degrees: int) -> float:
    """A quantile of Student's distribution: the same few for all metrics of a run."""
    from scipy.special import stdtrit  # what scipy.stats calls, which takes a second and 50 MB more to import

    return float(stdtrit(degrees, share))


def hodges_lehmann(effects: Sequence[float] | Floats) -> float:
    """The median of the means of all pairs, each unit with itself included: the mean's robust twin.

    >>> hodges_lehmann([1.0, 2.0, 3.0, 90.0])
    2.75
    """
    values = np.asarray(effects, dtype=np.float64)
    rows, columns = _pairs(values.size)
    return float(np.median((values[rows] + values[columns]) / 2))


@lru_cache(maxsize=256)
def _pairs(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The indices of all pairs of ``n`` units."""
    rows, columns = np.triu_indices(n)
    return rows, columns


def units_needed(sd: float, effect: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """How many units a new test needs to see ``effect`` with ``power``, from the normal approximation, at least 2.

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


def _set_means(values: Floats, seed: int) -> tuple[Floats, int]:
    """The means of the sets of units that are flipped, and how many flips flip nothing, the observed included."""
    if values.size <= EXACT_UP_TO:
        sums, counts = np.zeros(1), np.zeros(1)
        for value in values:
            sums, counts = np.concatenate([sums, sums + value]), np.concatenate([counts, counts + 1])
        return sums[1:] / counts[1:], 1
    shares = random_sets(values.size, seed)
    return shares @ values, 1 + RANDOM_FLIPS - len(shares)


@lru_cache(maxsize=4)
def random_sets(n: int, seed: int) -> Floats:
    """Random non-empty sets of ``n`` units, a row each: 1 / size for its members, else 0."""
    flipped = np.random.default_rng(seed).integers(0, 2, (RANDOM_FLIPS, n)).astype(np.float64)
    sizes = flipped.sum(axis=1)
    shares: Floats = flipped[sizes > 0] / sizes[sizes > 0, None]
    return shares


def _p_value(means: Floats, observed: int, scale: float) -> float:
    """Twice the smaller tail, at most 1; means that differ from 0 by rounding alone are ties."""
    rounding = 1e-12 * scale
    above = observed + int((means <= rounding).sum())
    below = observed + int((means >= -rounding).sum())
    return min(1.0, 2 * min(above, below) / (means.size + observed))


def _interval(means: Floats, observed: int, alpha: float) -> tuple[float, float]:
    """All theta that the test at ``alpha`` does not reject."""
    rejected = rejected_sets(means.size + observed, observed, alpha)
    if rejected < 0:
        return -inf, inf
    last = means.size - 1 - rejected
    ordered = np.partition(means, [rejected, last])
    return float(ordered[rejected]), float(ordered[last])


def rejected_sets(patterns: int, observed: int, alpha: float) -> int:
    """How many means of sets the interval leaves out at each end; negative where not even the outermost pattern."""
    return floor(alpha / 2 * patterns + 1e-9) - observed
