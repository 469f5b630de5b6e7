"""The test and its interval: golden values, scipy as a second opinion, and what they do at the edges."""

from __future__ import annotations

from dataclasses import astuple
from itertools import product
from math import inf, isinf, log

import numpy as np
import pytest
from scipy import stats

from probecost.analysis.statistics.signflip import (
    Floats,
    cost_pct,
    estimate,
    estimates,
    hodges_lehmann,
    p_values,
    units_needed,
)

EFFECTS = [0.021, -0.013, 0.054, 0.032, 0.008, 0.061, -0.004, 0.027]


def by_enumeration(effects: list[float]) -> float:
    """The definition, without any trick: the share of sign patterns at least as far out as the observed one."""
    observed = abs(sum(effects))
    sums = [abs(sum(sign * d for sign, d in zip(signs, effects, strict=True))) for signs in product((1, -1), repeat=8)]
    return sum(value >= observed - 1e-12 for value in sums) / len(sums)


def test_golden_values() -> None:
    found = estimate(EFFECTS)
    assert found.n == 8
    assert found.mean == pytest.approx(0.02325)
    assert found.p == pytest.approx(0.046875)
    assert (found.low, found.high) == pytest.approx((0.004 / 3, 0.0465))
    assert found.hodges_lehmann == pytest.approx(0.024)


def test_p_is_the_share_of_sign_patterns_at_least_as_far_out() -> None:
    assert estimate(EFFECTS).p == by_enumeration(EFFECTS)


@pytest.mark.parametrize("n", [2, 5, 8, 11, 16])
def test_agrees_with_scipy(n: int) -> None:
    effects = np.random.default_rng(n).normal(0.02, 0.04, n)
    other = stats.permutation_test(
        (effects,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided", vectorized=True
    )
    found = estimate(effects.tolist())
    assert found.p == pytest.approx(other.pvalue)
    t_interval = stats.ttest_1samp(effects, 0).confidence_interval(0.95)
    assert (found.t_low, found.t_high) == pytest.approx((t_interval.low, t_interval.high))


@pytest.mark.parametrize("alpha", [0.05, 0.02, 0.2, 0.008])
def test_the_interval_holds_what_the_test_does_not_reject(alpha: float) -> None:
    found = estimate(EFFECTS, alpha)
    for theta, is_inside in (
        (found.low - 1e-6, False),
        (found.low + 1e-6, True),
        (found.high - 1e-6, True),
        (found.high + 1e-6, False),
    ):
        assert (estimate([d - theta for d in EFFECTS]).p > alpha) is is_inside


def test_the_smallest_p_of_n_units() -> None:
    assert estimate([0.1, 0.2, 0.3, 0.4, 0.5]).p == 2 ** (1 - 5)


def test_too_few_units_for_an_interval_give_an_infinite_one() -> None:
    found = estimate([0.1, 0.2, 0.3, 0.4, 0.5])  # p cannot be below 0.0625
    assert (found.low, found.high) == (-inf, inf)


def test_one_unit_has_a_mean_and_nothing_else() -> None:
    found = estimate([0.1])
    assert (found.n, found.mean, found.sd, found.p) == (1, 0.1, 0.0, 1.0)
    assert isinf(found.t_low)


def test_many_units_are_tested_with_random_flips_that_a_seed_repeats() -> None:
    effects = np.random.default_rng(3).normal(0.02, 0.05, 24).tolist()
    found = estimate(effects, seed=1)
    assert found == estimate(effects, seed=1)
    exact = estimate(effects[:16])
    assert exact.p == estimate(effects[:16], seed=2).p  # no flip is random there
    assert found.p == pytest.approx(estimate(effects, seed=2).p, rel=0.1)
    assert found.low == pytest.approx(found.t_low, abs=0.005)
    assert found.high == pytest.approx(found.t_high, abs=0.005)


def two_halves(effects: Floats) -> float:
    """The exact p of many units: each half's sign sums, sorted, and how many of their sums are as far out."""
    first, second = (
        np.sort((((np.arange(2 ** len(half))[:, None] >> np.arange(len(half))) & 1) * 2 - 1) @ half)
        for half in np.array_split(effects, 2)
    )
    observed = effects.sum() - 1e-12
    at_least = len(second) - np.searchsorted(second, observed - first, side="left")
    return 2 * float(at_least.sum()) / (len(first) * len(second))


def test_random_flips_agree_with_all_16_million() -> None:
    effects = np.random.default_rng(6).normal(0.01, 0.05, 24)
    exact = two_halves(effects)
    assert 0.01 < exact < 0.5
    assert estimate(effects.tolist()).p == pytest.approx(exact, abs=4 * (exact / 100_000) ** 0.5)


def test_the_interval_of_many_units_inverts_the_same_flips() -> None:
    effects = np.random.default_rng(6).normal(0.02, 0.05, 24)
    found = estimate(effects.tolist(), 0.02)
    for theta, is_inside in ((found.low - 1e-6, False), (found.low + 1e-6, True), (found.high + 1e-6, False)):
        assert (estimate((effects - theta).tolist()).p > 0.02) is is_inside


def test_random_flips_never_give_a_p_of_0() -> None:
    assert 0 < estimate([1.0 + 0.01 * at for at in range(40)]).p <= 4 / 100_000


def test_ties_are_counted_in_spite_of_rounding() -> None:
    effects = [0.1, 0.2, -0.3]  # their sum is 5.6e-17 and should be 0
    assert estimate(effects).p == 1.0


@pytest.mark.parametrize("effects", [[], [0.1, inf], [float("nan")]])
def test_what_is_no_effect_is_refused(effects: list[float]) -> None:
    with pytest.raises(ValueError, match="expected one finite effect or more"):
        estimate(effects)


def test_an_alpha_outside_of_0_to_1_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha between 0 and 1"):
        estimate(EFFECTS, 0.0)


def test_hodges_lehmann_does_not_follow_an_outlier() -> None:
    calm = [0.01, 0.02, 0.03, 0.02, 0.01, 0.02, 0.03, 0.02]
    assert hodges_lehmann(np.array([[*calm[:-1], 5.0]]))[0] == pytest.approx(0.02, abs=0.006)
    assert np.mean([*calm[:-1], 5.0]) > 0.6


@pytest.mark.parametrize(
    ("effect", "lower_is_better", "cost"),
    [
        (log(1.1), True, 10.0),
        (log(0.9), False, 10.0),
        (log(1.25), False, -25.0),
        (inf, True, inf),
        (-inf, False, 100.0),
    ],
)
def test_cost_is_positive_where_the_tool_makes_it_worse(effect: float, lower_is_better: bool, cost: float) -> None:
    assert cost_pct(effect, lower_is_better) == pytest.approx(cost)


def test_units_needed_grow_with_the_square_of_the_noise() -> None:
    assert units_needed(0.2, 0.06) == pytest.approx(4 * units_needed(0.1, 0.06), rel=0.05)


@pytest.mark.parametrize("alpha", [0.05, 0.008])
def test_many_series_at_once_are_those_of_one_at_a_time(alpha: float) -> None:
    """Lengths are mixed, and there are more long ones than are computed together."""
    draw = np.random.default_rng(1)
    series = [draw.normal(0.02, 0.04, n).tolist() for n in (8, 1, 3, 8, 5, *[16] * 40, 8, 17, 3, 17)]
    together = estimates(series, alpha)
    for effects, found in zip(series, together, strict=True):
        alone = estimate(effects, alpha)
        assert astuple(found) == pytest.approx(astuple(alone), rel=1e-12)
        assert found.p == alone.p
        assert found.mean == pytest.approx(np.mean(effects))
    assert p_values(series) == [found.p for found in together]
    assert (estimates([]), p_values([])) == ([], [])


@pytest.mark.parametrize("series", [[[0.1], []], [[0.1], [inf]], [[0.1, 0.2], [0.1, float("nan")]]])
def test_one_series_that_cannot_be_is_an_error_for_all(series: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="finite effect"):
        estimates(series)
