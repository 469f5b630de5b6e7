"""Adjusted p-values, against published worked examples and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from probecost.analysis.statistics.families import benjamini_hochberg, holm


def test_holm_keeps_the_order_given_and_never_decreases() -> None:
    assert holm([0.04, 0.01, 0.03, 0.005]) == pytest.approx([0.06, 0.03, 0.06, 0.02])


def test_holm_counts_tests_that_were_planned_and_gave_nothing() -> None:
    assert holm([0.01], m=5) == pytest.approx([0.05])
    assert holm([0.01, 0.02], m=4) == pytest.approx([0.04, 0.06])


def test_holm_stops_at_1() -> None:
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_more_tests_than_planned_are_refused() -> None:
    with pytest.raises(ValueError, match="2 tests in a family of 1"):
        holm([0.1, 0.2], m=1)


def test_no_tests_are_no_error() -> None:
    assert holm([]) == []
    assert benjamini_hochberg([]) == []


def test_benjamini_hochberg() -> None:
    assert benjamini_hochberg([0.01, 0.02, 0.03, 0.5]) == pytest.approx([0.04, 0.04, 0.04, 0.5])


def test_benjamini_hochberg_gives_what_scipy_gives() -> None:
    values = [round(p, 2) for p in np.random.default_rng(0).random(50)]  # with ties
    assert benjamini_hochberg(values) == list(stats.false_discovery_control(values))
