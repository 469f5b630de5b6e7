"""On beds whose truth is known the interval is wrong as often as it says, and the methods that must fail do fail.

The seeds are fixed, so a result is the same each time; ``make bench`` does the same with many more campaigns.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from bench.campaigns import exact_intervals, interval_covers
from bench.simulation import (
    BEDS,
    SCENARIOS,
    after_all_units,
    fixed_order_effects,
    half_widths,
    paired_effects,
    percentile_bootstrap,
    periodic,
    quiet,
    segment_effects,
    student,
    until_claim,
    until_precise,
)
from probecost.analysis.statistics.looks import LOOKS, Look
from probecost.analysis.statistics.signflip import Floats, estimate

RUNS = 1000
RUNS_WITH_LOOKS = 400
EFFECT = 0.06


def tolerance(share: float, runs: int) -> float:
    """Three standard errors of a share over ``runs`` campaigns."""
    return 3 * sqrt(share * (1 - share) / runs)


def excludes(limits: tuple[Floats, Floats], truth: float = 0.0) -> float:
    low, high = limits
    return float(np.mean((low > truth) | (high < truth)))


def generator(seed: int = 11) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("n_units", "alpha"), [(5, 0.05), (8, 0.05), (8, 0.008), (12, 0.01), (24, 0.02)])
def test_many_intervals_at_once_are_those_of_one_at_a_time(n_units: int, alpha: float) -> None:
    effects = paired_effects(generator(), quiet, 4, n_units, EFFECT)
    low, high = exact_intervals(effects, alpha)
    one_by_one = [estimate(row.tolist(), alpha) for row in effects]
    assert low == pytest.approx([found.low for found in one_by_one])
    assert high == pytest.approx([found.high for found in one_by_one])
    for truth in (0.0, EFFECT, 0.2):
        assert list(interval_covers(effects, truth, alpha)) == [
            found.low <= truth <= found.high for found in one_by_one
        ]


@pytest.mark.parametrize("n_units", [8, 12])
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_fixed_plan_has_5_percent_of_false_positives_and_covers_the_truth(name: str, n_units: int) -> None:
    nothing = after_all_units(SCENARIOS[name](generator(), RUNS, n_units, 0.0), 0.0)
    assert np.mean(nothing.excludes_0) <= 0.05 + tolerance(0.05, RUNS)
    there = after_all_units(SCENARIOS[name](generator(5), RUNS, n_units, EFFECT), EFFECT)
    assert 0.94 - tolerance(0.05, RUNS) <= np.mean(there.is_covered) <= 0.96 + tolerance(0.05, RUNS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_looks_keep_5_percent_whatever_stops_the_campaign(name: str) -> None:
    effects = SCENARIOS[name](generator(), RUNS_WITH_LOOKS, 24, 0.0)
    precision = float(np.median(half_widths(effects, LOOKS.planned[1])))
    precise, claimed = until_precise(effects, 0.0, LOOKS.planned, precision), until_claim(effects, 0.0, LOOKS.planned)
    for found in (precise, claimed):
        assert np.mean(found.excludes_0) <= 0.05 + tolerance(0.05, RUNS_WITH_LOOKS)
        assert np.mean(found.is_covered) >= 0.95 - tolerance(0.05, RUNS_WITH_LOOKS)
    assert {8, 12, 16} <= set(precise.n_units)  # campaigns did stop early


def test_looks_cover_an_effect_and_stop_early_where_it_is_clear() -> None:
    effects = SCENARIOS["flows_differ"](generator(), RUNS_WITH_LOOKS, 24, EFFECT)
    found = until_claim(effects, EFFECT, LOOKS.planned)
    assert np.mean(found.is_covered) >= 0.95 - tolerance(0.05, RUNS_WITH_LOOKS)
    assert np.mean(found.excludes_0) > 0.99
    assert np.mean(found.n_units) < 16


def test_four_looks_at_5_percent_fail() -> None:
    looks = tuple(Look(look.n_units, 0.05) for look in LOOKS.planned)
    found = until_claim(SCENARIOS["quiet"](generator(), RUNS, 24, 0.0), 0.0, looks)
    assert np.mean(found.excludes_0) > 0.10


@pytest.mark.parametrize("name", BEDS)
def test_the_percentile_bootstrap_fails_with_8_units(name: str) -> None:
    rate = excludes(percentile_bootstrap(paired_effects(generator(), BEDS[name], RUNS, 8)))
    assert rate > 0.05 + tolerance(0.05, RUNS)


def test_a_fixed_order_fails_where_interference_is_in_phase() -> None:
    assert excludes(exact_intervals(fixed_order_effects(generator(), periodic, RUNS, 8))) > 0.99


def test_flows_are_units_and_their_pairs_are_not() -> None:
    pairs = segment_effects(generator(), RUNS, 8)
    assert excludes(exact_intervals(pairs.mean(axis=2))) <= 0.05 + tolerance(0.05, RUNS)
    assert excludes(student(pairs.reshape(RUNS, -1))) > 0.3
