"""On beds whose truth is known the interval is wrong as often as it says, and the methods that must fail do fail."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import simulation
from analysis.statistics.signflip import Floats
from analysis.statistics.simulation import BEDS, exact_interval, false_positive_rate, percentile_bootstrap

RUNS = 1000
# Three standard errors of a share of 5 % over RUNS campaigns; the seeds are fixed, so a result is the same each time.
TOLERANCE = 3 * (0.05 * 0.95 / RUNS) ** 0.5


@pytest.mark.parametrize("n_units", [8, 12])
@pytest.mark.parametrize("name", BEDS)
def test_false_positives_are_at_most_5_percent_on_any_bed(name: str, n_units: int) -> None:
    rate = false_positive_rate(
        lambda rng: simulation.paired_effects(rng, BEDS[name], n_units), exact_interval, RUNS, seed=11
    )
    assert rate <= 0.05 + TOLERANCE


def test_the_truth_is_covered_where_there_is_an_effect() -> None:
    def misses(rng: np.random.Generator) -> Floats:
        return simulation.paired_effects(rng, simulation.heavy_tails, 8, effect=0.3) - 0.3

    assert 0.02 <= false_positive_rate(misses, exact_interval, RUNS, seed=5) <= 0.05 + TOLERANCE


@pytest.mark.parametrize("name", BEDS)
def test_the_percentile_bootstrap_fails_with_8_units(name: str) -> None:
    rate = false_positive_rate(
        lambda rng: simulation.paired_effects(rng, BEDS[name], 8), percentile_bootstrap, RUNS, seed=11
    )
    assert rate > 0.05 + TOLERANCE


def test_a_fixed_order_fails_where_interference_is_in_phase() -> None:
    rate = false_positive_rate(
        lambda rng: simulation.fixed_order_effects(rng, simulation.periodic, 8), exact_interval, 200, seed=11
    )
    assert rate > 0.99


def test_flows_are_units_and_their_pairs_are_not() -> None:
    def student(effects: Floats) -> tuple[float, float]:
        half = float(stats.t.ppf(0.975, effects.size - 1)) * float(effects.std(ddof=1)) / effects.size**0.5
        return float(effects.mean()) - half, float(effects.mean()) + half

    flows = false_positive_rate(
        lambda rng: simulation.flow_effects(rng, 8, 12).mean(axis=1), exact_interval, RUNS, seed=11
    )
    pairs = false_positive_rate(lambda rng: simulation.flow_effects(rng, 8, 12).ravel(), student, RUNS, seed=11)
    assert flows <= 0.05 + TOLERANCE
    assert pairs > 0.3
