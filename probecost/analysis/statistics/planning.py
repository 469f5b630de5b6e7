"""Plans a campaign before it starts: from the noise of an untouched flow to units and half-width.

Effects and standard deviations are natural logs, times seconds, half-widths percent of cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, floor, inf, lgamma, log1p, sinh, sqrt

import numpy as np

from probecost.analysis.statistics.looks import FIXED, Look, StopRule
from probecost.analysis.statistics.signflip import EXACT_UP_TO, RANDOM_FLIPS, Floats
from probecost.analysis.statistics.verdict import ALPHA, DEFAULT_MARGIN_PCT

_FEWEST_DIFFERENCES = 2
_EDGE = 1e-9


@dataclass(frozen=True)
class UnitsPlan:
    """A plan. ``n_units``: the fewest planned units with the required power, ``None`` if no look has it.

    ``power``: at that look, else at the last one, 0 to 1.
    """

    n_units: int | None
    power: float


def allan_deviation(log_rates: Sequence[float] | Floats, step_s: float, taus_s: Sequence[float]) -> list[float | None]:
    """Overlapping Allan deviation of equally spaced log rates, one for each averaging time.

    sqrt(mean((y(t + tau) - y(t))^2) / 2) with y the mean over ``tau`` (IEEE Std 1139). ``None`` if the series is too
    short for two differences. ``ValueError``: a rate is not finite, a time is not above 0, or a tau is not a multiple
    of ``step_s``.

    >>> allan_deviation([0.0, 1.0] * 4, 1.0, [1.0, 2.0, 4.0])
    [0.7071067811865476, 0.0, None]
    """
    values = _series(log_rates, step_s)
    found: list[float | None] = []
    for tau_s in taus_s:
        means = _moving_mean(values, _steps(tau_s, step_s))
        found.append(_root_mean_square(means, _steps(tau_s, step_s), sqrt(0.5)))
    return found


def pair_sd(log_rates: Sequence[float] | Floats, step_s: float, tau_s: float, gap_s: float = 0.0) -> float | None:
    """Standard deviation of the log ratio of two equal segments of ``tau_s`` with ``gap_s`` between them.

    The rate of a segment is the mean of its rates, like a counter's. A coin decides the sign of the ratio, so its mean
    is 0 and drift counts as noise. ``None`` and ``ValueError`` as for ``allan_deviation``.

    >>> round(pair_sd([0.0, 0.1] * 4, 1.0, 1.0), 3)
    0.1
    """
    means = np.log(_moving_mean(np.exp(_series(log_rates, step_s)), _steps(tau_s, step_s)))
    apart = _steps(tau_s, step_s) + (_steps(gap_s, step_s) if gap_s else 0)
    return _root_mean_square(means, apart, 1.0)


def unit_sd(sd_of_pair: float, pairs_per_unit: int, spread: float = 0.0) -> float:
    """Standard deviation of the effect of a unit of several pairs; ``spread``: of the units' own true effects.

    >>> unit_sd(0.04, 16), round(unit_sd(0.04, 16, spread=0.03), 4)
    (0.01, 0.0316)
    """
    if pairs_per_unit < 1 or sd_of_pair < 0 or spread < 0:
        raise ValueError(f"expected pairs and no negative sd, found {pairs_per_unit}, {sd_of_pair}, {spread}")
    return sqrt(sd_of_pair**2 / pairs_per_unit + spread**2)


def half_width_pct(sd_of_unit: float, n_units: int, alpha: float = ALPHA) -> float:
    """Expected half width of the interval of cost with ``n_units``, in percent; infinite if there is none.

    It is Student's interval at the level that the sign-flip test attains, with the expected sample deviation; if the
    test rejects only the outermost pattern, its interval is the range of the units (Tippett 1925). It is within 4 % of
    simulated widths for normal units.

    >>> round(half_width_pct(0.05, 8), 1), round(half_width_pct(0.05, 8, 0.008), 1), half_width_pct(0.05, 5)
    (4.1, 7.1, inf)
    """
    from scipy import stats  # takes a second: only where something is computed

    rejected, patterns = _rejected(n_units, alpha)
    if rejected == 0:
        return inf
    if rejected == 1 and n_units <= EXACT_UP_TO:
        return 100 * sinh(sd_of_unit * _expected_range(n_units) / 2)
    expected_sd = sqrt(2 / (n_units - 1)) * exp(lgamma(n_units / 2) - lgamma((n_units - 1) / 2))
    quantile = float(stats.t.ppf(1 - rejected / patterns, n_units - 1))
    return 100 * sinh(quantile * expected_sd * sd_of_unit / sqrt(n_units))


def predicted_half_width_pct(
    sd_of_pair: float, n_units: int, pairs_per_unit: int = 1, alpha: float = ALPHA, spread: float = 0.0
) -> float:
    """``half_width_pct`` of ``n_units`` of ``pairs_per_unit`` pairs each."""
    return half_width_pct(unit_sd(sd_of_pair, pairs_per_unit, spread), n_units, alpha)


def power(sd_of_unit: float, effect: float, look: Look, tests: int = 1) -> float:
    """Probability that an effect is claimed, with its sign, at ``look`` after Holm over ``tests``, 0 to 1.

    The other tests are assumed to have no effect: Holm multiplies the p by all of them.

    For normal units it is the noncentral t at the level that the sign-flip test attains. If only the outermost pattern
    is rejected, all units must have one sign, whose probability is exact; the excess of t in that case falls about as
    one over the number of rejected patterns. It is within 0.045 of simulated powers.
    """
    from scipy import stats  # takes a second: only where something is computed

    n = look.n_units
    rejected, patterns = _rejected(n, look.alpha / max(1, tests))
    if rejected == 0:
        return 0.0
    if sd_of_unit == 0:
        return 1.0 if effect else 0.0
    ratio = abs(effect) / sd_of_unit
    promised = _student_power(ratio, n, rejected / patterns)
    one_sign = float(stats.norm.cdf(ratio) ** n)
    too_much = max(0.0, _student_power(ratio, n, 2.0**-n) - one_sign)
    equivalent = rejected / patterns * 2.0**n
    return max(0.0, promised - too_much / max(1.0, equivalent))


def plan_units(
    sd_of_unit: float,
    tests: int,
    rule: StopRule = FIXED,
    margin_pct: float = DEFAULT_MARGIN_PCT,
    least_power: float = 0.8,
) -> UnitsPlan:
    """The fewest units that claim an effect of twice the margin with ``least_power``, after Holm over ``tests``.

    >>> plan_units(0.05, tests=1).n_units, plan_units(0.05, tests=12).n_units, plan_units(0.5, tests=1).n_units
    (9, 15, None)
    """
    effect = log1p(2 * margin_pct / 100)
    reached = 0.0
    for look in rule.planned:
        reached = power(sd_of_unit, effect, look, tests)
        if reached >= least_power:
            return UnitsPlan(look.n_units, reached)
    return UnitsPlan(None, reached)


def figure_of_merit(half_width: float, minutes: float) -> float:
    """Half-width in percent times the square root of its minutes: equal for equally good plans.

    >>> figure_of_merit(2.0, 9.0)
    6.0
    """
    return half_width * sqrt(minutes)


def _series(log_rates: Sequence[float] | Floats, step_s: float) -> Floats:
    values = np.asarray(log_rates, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError("expected a series of finite log rates")
    if not step_s > 0:
        raise ValueError(f"expected a step above 0 s, found {step_s}")
    return values


def _steps(time_s: float, step_s: float) -> int:
    steps = round(time_s / step_s)
    if steps < 1 or abs(steps * step_s - time_s) > 1e-6 * time_s:
        raise ValueError(f"expected a multiple of {step_s:g} s, found {time_s:g} s")
    return steps


def _moving_mean(values: Floats, steps: int) -> Floats:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray((sums[steps:] - sums[:-steps]) / steps)


def _root_mean_square(means: Floats, apart: int, factor: float) -> float | None:
    """Root mean square of the differences of means ``apart`` steps from each other, times ``factor``."""
    differences = means[apart:] - means[:-apart]
    if differences.size < _FEWEST_DIFFERENCES:
        return None
    return factor * float(np.sqrt(np.mean(differences**2)))


def _rejected(n_units: int, alpha: float) -> tuple[int, int]:
    """The number of rejected sign patterns of each tail at ``alpha``, and the number of all patterns."""
    patterns = 2**n_units if n_units <= EXACT_UP_TO else RANDOM_FLIPS + 1
    return floor(alpha / 2 * patterns + _EDGE), patterns


def _student_power(ratio: float, n: int, tail: float) -> float:
    from scipy import stats  # takes a second: only where something is computed

    quantile = float(stats.t.ppf(1 - tail, n - 1))
    return float(stats.nct.sf(quantile, n - 1, ratio * sqrt(n)))


def _expected_range(n: int) -> float:
    """Expected range of ``n`` standard normal values: the integral of 1 - F^n - (1 - F)^n."""
    from scipy import integrate, stats  # takes a second: only where something is computed

    def integrand(x: float) -> float:
        below = float(stats.norm.cdf(x))
        return 1 - below**n - (1 - below) ** n

    return float(integrate.quad(integrand, -10, 10, epsabs=1e-10)[0])
