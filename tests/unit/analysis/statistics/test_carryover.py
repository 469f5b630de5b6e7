"""The check on carry-over, against enumeration and on campaigns that do and do not have it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from probecost.analysis.statistics.carryover import CarryOver, OrderedEffect, carry_overs, lag_1_correlation

EFFECTS = [0.031, -0.012, 0.044, 0.002, 0.027, -0.003, 0.051, 0.010]
FIRST = [True, False, True, False, True, True, True, False]


def carry_over(units: list[list[OrderedEffect]]) -> CarryOver:
    (found,) = carry_overs([units])
    return found


def visits(effects: list[float], first: list[bool]) -> list[list[OrderedEffect]]:
    return [[OrderedEffect(effect, is_first)] for effect, is_first in zip(effects, first, strict=True)]


def test_the_order_effect_is_the_difference_of_the_two_means() -> None:
    found = carry_over(visits(EFFECTS, FIRST))
    on = [effect for effect, is_first in zip(EFFECTS, FIRST, strict=True) if is_first]
    off = [effect for effect, is_first in zip(EFFECTS, FIRST, strict=True) if not is_first]
    assert found.order_effect == pytest.approx(np.mean(on) - np.mean(off))
    assert found.n_units == 8


def test_its_p_is_the_share_of_coins_at_least_as_far_out() -> None:
    centred = np.array(EFFECTS) - np.mean(EFFECTS)
    observed = abs(sum(centred * np.where(FIRST, 1, -1)))
    flips = [abs(sum(centred * np.array(coins))) for coins in product((1, -1), repeat=8)]
    assert carry_over(visits(EFFECTS, FIRST)).order_p == sum(flip >= observed - 1e-12 for flip in flips) / len(flips)


def test_a_unit_that_costs_more_where_the_tool_came_first_is_suspicious() -> None:
    effects = [0.30 if is_first else 0.10 for is_first in FIRST]
    found = carry_over(visits([effect + 0.001 * (at % 3) for at, effect in enumerate(effects)], FIRST))
    assert any(remark.startswith("order effect: +2") for remark in found.remarks())


def test_orders_within_flows_are_compared_within_each() -> None:
    flows = [
        [OrderedEffect(level + 0.04, True), OrderedEffect(level, False), OrderedEffect(level + 0.02, False)]
        for level in (0.1, 0.9, -0.4, 0.3, 0.0, 0.5, 0.2, -0.1)
    ]
    found = carry_over(flows)
    assert found.order_effect == pytest.approx(0.03)
    assert found.order_p == 2**-7  # all eight flows alike
    assert "order effect: +3.0 % where the tool came first (p 0.008)" in list(found.remarks())


def test_flows_of_one_order_only_take_no_part() -> None:
    one_sided = [OrderedEffect(0.1, True), OrderedEffect(0.2, True)]
    mixed = [OrderedEffect(0.3, True), OrderedEffect(0.1, False)]
    assert carry_over([one_sided, mixed, mixed]).order_effect == pytest.approx(0.2)
    assert carry_over([one_sided, one_sided]).order_effect is None


@pytest.mark.parametrize("units", [[], visits([0.1], [True]), visits([0.1, 0.2], [True, True])])
def test_where_nothing_tells_the_order_there_is_no_effect_of_it(units: list[list[OrderedEffect]]) -> None:
    found = carry_over(units)
    assert (found.order_effect, found.order_p, found.lag_1) == (None, None, None)
    assert list(found.remarks()) == []


def test_lag_1_correlation_agrees_with_its_definition() -> None:
    centred = np.array(EFFECTS) - np.mean(EFFECTS)
    assert lag_1_correlation(EFFECTS) == pytest.approx(sum(centred[1:] * centred[:-1]) / sum(centred**2))
    assert lag_1_correlation([0.1] * 8) is None
    assert lag_1_correlation([0.1, 0.2]) is None


def test_units_that_follow_each_other_are_suspicious_and_others_are_not() -> None:
    (remark,) = carry_over(visits([0.01 * at for at in range(12)], [at % 3 == 0 for at in range(12)])).remarks()
    assert remark == "units depend on the one before (lag-1 correlation +0.75)"
    assert list(CarryOver(16, 0.1, 0.02, 0.49).remarks()) == []
    assert list(CarryOver(16, 0.1, None, 0.51).remarks()) != []


def test_without_carry_over_one_in_a_hundred_is_called_suspicious() -> None:
    rng = np.random.default_rng(3)
    runs = 400
    p_values = []
    for _ in range(runs):
        found = carry_over(visits(rng.normal(0.1, 0.05, 10).tolist(), (rng.random(10) < 0.5).tolist()))
        p_values.append(1.0 if found.order_p is None else found.order_p)
    assert np.mean(np.array(p_values) < 0.01) <= 0.01 + 3 * (0.01 * 0.99 / runs) ** 0.5


def test_many_metrics_at_once_are_those_of_one_at_a_time() -> None:
    flow = [OrderedEffect(0.3, True), OrderedEffect(0.1, False)]
    metrics = [
        visits([0.1, 0.2], [True, True]),
        visits(EFFECTS, FIRST),
        [],
        [flow, flow],
        visits(EFFECTS[:4], FIRST[:4]),
    ]
    assert carry_overs(metrics) == [carry_over(units) for units in metrics]
    assert [found.order_p is None for found in carry_overs(metrics)] == [True, False, True, False, False]
