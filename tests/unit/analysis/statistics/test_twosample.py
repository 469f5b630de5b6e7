"""The difference of two runs: golden values, scipy as a second opinion, coverage, and the edges."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from scipy import stats

from probecost.analysis.statistics.signflip import Floats
from probecost.analysis.statistics.twosample import shift

A = [0.021, -0.013, 0.054, 0.032, 0.008, 0.061, -0.004, 0.027]
B = [0.060, 0.035, 0.082, 0.047, 0.111, 0.052, 0.029, 0.075]


def welch_t(a: Floats, b: Floats, axis: int = -1) -> Floats:
    return np.asarray(stats.ttest_ind(b, a, equal_var=False, axis=axis).statistic)


def test_golden_values() -> None:
    found = shift(A, B)
    assert (found.n_a, found.n_b, found.level) == (8, 8, 0.95)
    assert found.mean == pytest.approx(0.038125)
    assert found.hodges_lehmann == pytest.approx(0.039)
    assert (found.p, found.p_permutation) == pytest.approx((0.0123215, 170 / 12870), abs=1e-6)
    assert (found.low, found.high) == pytest.approx((0.009648, 0.066602), abs=1e-6)


@pytest.mark.parametrize(("n", "m"), [(2, 5), (5, 6), (8, 8), (6, 11)])
def test_agrees_with_scipy(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.normal(0.0, 0.03, n), rng.normal(0.03, 0.06, m)
    found = shift(a.tolist(), b.tolist())
    other = stats.ttest_ind(b, a, equal_var=False)
    interval = other.confidence_interval(0.95)
    assert (found.p, found.low, found.high) == pytest.approx((other.pvalue, interval.low, interval.high))
    if n > 2:  # scipy's own t has no value for a split without scatter
        permuted = stats.permutation_test((a, b), welch_t, n_resamples=np.inf, vectorized=True)
        assert found.p_permutation == pytest.approx(permuted.pvalue)


def test_random_splits_agree_with_scipy_and_repeat() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.0, 0.03, 12), rng.normal(0.05, 0.03, 16) - 0.025
    found = shift(a.tolist(), b.tolist())
    permuted = stats.permutation_test((a, b), welch_t, n_resamples=10_000, vectorized=True, batch=2000, rng=rng)
    assert found.p_permutation == pytest.approx(permuted.pvalue, abs=0.03)
    assert shift(a.tolist(), b.tolist()) == found


@pytest.mark.parametrize(
    ("sizes", "spreads"),
    [((8, 8), (0.03, 0.03)), ((8, 8), (0.06, 0.02)), ((8, 24), (0.06, 0.02)), ((8, 24), (0.02, 0.06))],
)
def test_the_interval_covers_the_truth_whatever_the_spreads(
    sizes: tuple[int, int], spreads: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probecost.analysis.statistics.twosample._permutation_p", lambda *_: 1.0)
    rng, runs = np.random.default_rng(20), 2000
    covered = 0
    for _ in range(runs):
        a, b = rng.normal(0.1, spreads[0], sizes[0]), rng.normal(0.15, spreads[1], sizes[1])
        found = shift(a.tolist(), b.tolist())
        covered += found.low <= 0.05 <= found.high
    assert 0.94 <= covered / runs <= 0.96


def test_swapped_runs_are_the_same_with_the_other_sign() -> None:
    there, back = shift(A, B[:6]), shift(B[:6], A)
    assert (back.mean, back.low, back.high) == pytest.approx((-there.mean, -there.high, -there.low))
    assert (back.p, back.p_permutation) == pytest.approx((there.p, there.p_permutation))


def test_one_unit_has_no_interval() -> None:
    found = shift([0.1], [0.2, 0.3])
    assert (found.mean, found.low, found.high, found.p, found.p_permutation) == pytest.approx((0.15, -inf, inf, 1, 1))


def test_units_without_any_scatter() -> None:
    same, apart = shift([0.25] * 8, [0.25] * 8), shift([0.25] * 8, [0.5] * 8)
    assert (same.low, same.high, same.p, same.p_permutation) == (0, 0, 1, 1)
    assert (apart.low, apart.high, apart.p) == (0.25, 0.25, 0)
    assert apart.p_permutation == pytest.approx(2 / 12870)


@pytest.mark.parametrize(("a", "b"), [([], [0.1]), ([0.1], []), ([0.1, inf], [0.1]), ([0.1], [float("nan")])])
def test_what_is_no_effect_is_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match="one finite effect or more of each run"):
        shift(a, b)


def test_alpha_is_a_probability() -> None:
    with pytest.raises(ValueError, match="alpha between 0 and 1"):
        shift(A, B, alpha=5)
