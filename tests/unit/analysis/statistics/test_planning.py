"""The planner's figures, against published values, scipy and simulations."""

from __future__ import annotations

from math import inf, log, sinh, sqrt

import numpy as np
import pytest
from scipy import stats

from bench.simulation import exact_intervals
from probecost.analysis.statistics.looks import FIXED, LOOKS, Look
from probecost.analysis.statistics.planning import (
    allan_deviation,
    figure_of_merit,
    half_width_pct,
    pair_sd,
    plan_units,
    power,
    predicted_half_width_pct,
    unit_sd,
)

# The 1000-point test suite of NIST Special Publication 1065 (Riley 2008), section 12.4: a linear congruential
# generator, and the overlapping Allan deviation of its values at averaging factors 1, 10 and 100.
NIST_DEVIATIONS = [0.2922319, 0.09159953, 0.03241343]


def nist_series() -> list[float]:
    values, number = [], 1234567890
    for _ in range(1000):
        values.append(number / 2147483647)
        number = 16807 * number % 2147483647
    return values


def test_allan_deviation_of_the_published_series() -> None:
    assert allan_deviation(nist_series(), 0.25, [0.25, 2.5, 25.0]) == pytest.approx(NIST_DEVIATIONS, rel=1e-6)


def test_white_noise_falls_with_the_root_of_the_averaging_time_and_a_walk_grows() -> None:
    noise = np.random.default_rng(4).normal(0, 0.1, 40_000)
    one, sixteen = allan_deviation(noise, 0.1, [0.1, 1.6])
    assert one is not None
    assert sixteen is not None
    assert one == pytest.approx(0.1, rel=0.02)
    assert sixteen == pytest.approx(one / 4, rel=0.05)
    near, far = allan_deviation(np.cumsum(noise), 0.1, [0.1, 1.6])
    assert near is not None
    assert far is not None
    assert far > 3 * near


def test_a_pair_differs_by_the_root_of_two_allan_deviations() -> None:
    series = np.random.default_rng(5).normal(0, 0.02, 2000)
    (deviation,) = allan_deviation(series, 0.5, [1.0])
    assert deviation is not None
    assert pair_sd(series, 0.5, 1.0) == pytest.approx(sqrt(2) * deviation, rel=0.01)


def test_rates_of_a_segment_are_averaged_and_not_their_logs() -> None:
    series = [log(rate) for rate in (1.0, 3.0, 2.0, 2.0, 1.0, 3.0, 2.0, 2.0)]  # any two neighbours from 1: mean 2
    assert pair_sd(series[:6], 1.0, 2.0, gap_s=0.0) == pytest.approx(
        sqrt(np.mean([log(2 / 2) ** 2, log(1.5 / 2.5) ** 2, log(2 / 2) ** 2]))
    )


def test_drift_counts_as_noise_and_grows_with_the_gap() -> None:
    drift = np.arange(50) * 0.01
    assert pair_sd(drift, 0.1, 0.1) == pytest.approx(0.01)
    assert pair_sd(drift, 0.1, 0.1, gap_s=0.2) == pytest.approx(0.03)


def test_a_series_that_is_too_short_has_no_deviation() -> None:
    assert allan_deviation([0.0, 1.0, 0.0, 1.0], 1.0, [1.0, 2.0, 3.0]) == [pytest.approx(sqrt(0.5)), None, None]
    assert pair_sd([0.0, 1.0], 1.0, 1.0) is None
    assert pair_sd([], 1.0, 1.0) is None


@pytest.mark.parametrize(
    ("series", "step_s", "tau_s", "message"),
    [
        ([0.0, inf], 1.0, 1.0, "finite log rates"),
        ([0.0, 1.0], 0.0, 1.0, "expected a step above 0 s, found 0"),
        ([0.0, 1.0], 1.0, 1.5, "expected a multiple of 1 s, found 1.5 s"),
        ([0.0, 1.0], 1.0, 0.0, "expected a multiple of 1 s, found 0 s"),
    ],
)
def test_what_is_no_series(series: list[float], step_s: float, tau_s: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        allan_deviation(series, step_s, [tau_s])


def test_pairs_of_a_flow_narrow_its_effect_and_not_the_spread_between_flows() -> None:
    assert unit_sd(0.05, 25) == pytest.approx(0.01)
    assert unit_sd(0.05, 1_000_000, spread=0.03) == pytest.approx(0.03, rel=1e-3)
    with pytest.raises(ValueError, match="expected pairs"):
        unit_sd(0.05, 0)


def test_half_width_is_students_at_the_level_that_the_test_attains() -> None:
    # 16 units: the test rejects 1638 of 65,536 patterns on each side
    expected_sd = 0.05 * stats.chi(15).mean() / sqrt(15)
    half = stats.t.ppf(1 - 1638 / 65_536, 15) * expected_sd / 4
    assert half_width_pct(0.05, 16) == pytest.approx(100 * sinh(half))
    assert half_width_pct(0.05, 7, 0.008) == inf


def test_half_width_at_the_first_look_is_half_the_range_of_the_units() -> None:
    # the expected range of 8 normal values is 2.8472 (Tippett's d2)
    assert half_width_pct(0.01, 8, 0.008) == pytest.approx(100 * sinh(0.01 * 2.8472 / 2), rel=1e-4)


@pytest.mark.parametrize("look", [Look(8, 0.05), *LOOKS.planned[:2], Look(12, 0.05)])
def test_half_width_agrees_with_simulated_campaigns(look: Look) -> None:
    effects = np.random.default_rng(8).normal(0, unit_sd(0.1, 4, 0.02), (2000, look.n_units))
    low, high = exact_intervals(effects, look.alpha)
    simulated = 50 * float(np.mean(np.exp(high) - np.exp(low)))
    predicted = predicted_half_width_pct(0.1, look.n_units, 4, look.alpha, spread=0.02)
    assert predicted == pytest.approx(simulated, rel=0.05)


@pytest.mark.parametrize("tests", [1, 3, 12])
@pytest.mark.parametrize("look", [Look(8, 0.05), Look(8, 0.008), Look(12, 0.05), Look(12, 0.010)])
@pytest.mark.parametrize("ratio", [0.8, 1.2, 1.8])
def test_power_agrees_with_simulated_campaigns(look: Look, tests: int, ratio: float) -> None:
    predicted = power(0.05, 0.05 * ratio, look, tests)
    if not look.can_claim(tests):
        assert predicted == 0.0
        return
    effects = np.random.default_rng(9).normal(0.05 * ratio, 0.05, (2000, look.n_units))
    low, _ = exact_intervals(effects, look.alpha / tests)
    assert predicted == pytest.approx(float(np.mean(low > 0)), abs=0.045)


def test_power_of_an_outermost_pattern_is_that_of_equal_signs() -> None:
    assert power(1.0, 1.5, LOOKS.planned[0]) == pytest.approx(stats.norm.cdf(1.5) ** 8)


def test_power_at_24_units_is_that_of_the_noncentral_t() -> None:
    quantile = stats.t.ppf(0.99, 23)
    expected = stats.nct.sf(quantile, 23, 0.6 * sqrt(24))
    assert power(0.1, 0.06, LOOKS.planned[-1]) == pytest.approx(expected, abs=0.002)


def test_power_without_noise_and_without_an_effect() -> None:
    assert power(0.0, 0.01, Look(8, 0.05)) == 1.0
    assert power(0.0, 0.0, Look(8, 0.05)) == 0.0
    assert power(0.1, 0.0, Look(12, 0.05)) == pytest.approx(0.025, abs=0.001)


def test_units_are_the_fewest_with_the_power() -> None:
    found = plan_units(0.06, tests=4)
    assert found.n_units is not None
    assert found.power >= 0.8
    assert power(0.06, log(1.06), Look(found.n_units - 1, 0.05), 4) < 0.8


def test_looks_are_the_only_numbers_of_units_of_a_plan_with_looks() -> None:
    assert {plan_units(sd, tests, LOOKS).n_units for sd in (0.01, 0.04, 0.05, 0.07) for tests in (1, 12)} <= {
        8, 12, 16, 24, None,
    }  # fmt: skip
    assert plan_units(0.001, 582, LOOKS).n_units == 24
    assert plan_units(0.001, 12, LOOKS).n_units == 12


def test_where_no_look_has_the_power_that_of_24_units_is_told() -> None:
    found = plan_units(0.2, tests=6)
    assert found.n_units is None
    assert found.power == pytest.approx(power(0.2, log(1.06), Look(24, 0.05), 6))
    assert 0 < found.power < 0.8
    assert plan_units(0.001, tests=100_000, rule=FIXED) == type(found)(None, 0.0)


def test_a_larger_margin_needs_fewer_units() -> None:
    narrow, wide = plan_units(0.08, 1, margin_pct=3.0), plan_units(0.08, 1, margin_pct=6.0)
    assert narrow.n_units is not None
    assert wide.n_units is not None
    assert wide.n_units < narrow.n_units


def test_figure_of_merit_does_not_change_where_four_times_the_time_halves_the_width() -> None:
    assert figure_of_merit(3.0, 1.0) == figure_of_merit(1.5, 4.0) == 3.0
