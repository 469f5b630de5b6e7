"""The stop rules: which look has been reached, what it may claim, and when a campaign is precise enough."""

from __future__ import annotations

from math import inf

import pytest

from probecost.analysis.statistics.looks import FIXED, LOOKS, Look, is_precise_enough, smallest_p
from probecost.analysis.statistics.signflip import RANDOM_FLIPS, estimate


def test_the_alphas_of_the_looks_add_up_to_5_percent() -> None:
    assert sum(look.alpha for look in LOOKS.planned) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("usable", "reached"),
    [(7, None), (8, (8, 0.008)), (11, (8, 0.008)), (12, (12, 0.010)), (16, (16, 0.012)), (23, (16, 0.012)),
     (24, (24, 0.020)), (40, (24, 0.020))],
)  # fmt: skip
def test_the_last_look_that_was_reached(usable: int, reached: tuple[int, float] | None) -> None:
    assert LOOKS.look(usable) == (None if reached is None else Look(*reached))


def test_a_fixed_plan_has_one_look_at_all_of_its_units() -> None:
    assert FIXED.look(7) is None
    assert FIXED.look(8) == Look(8, 0.05)
    assert FIXED.look(31) == Look(31, 0.05)


@pytest.mark.parametrize(
    ("tests", "units"),
    [(1, [8, 12, 16, 24]), (2, [12, 16, 24]), (4, [12, 16, 24]), (12, [12, 16, 24]), (32, [16, 24]), (300, [16, 24]),
     (582, [24]), (2000, [])],
)  # fmt: skip
def test_looks_that_many_tests_can_reach(tests: int, units: list[int]) -> None:
    assert [look.n_units for look in LOOKS.reachable(tests)] == units


def test_more_tests_than_any_number_of_units_can_carry() -> None:
    assert FIXED.units_to_claim(2500) == 17
    assert FIXED.units_to_claim(2501) is None
    assert LOOKS.units_to_claim(2000) is None


@pytest.mark.parametrize("n", [1, 2, 8, 16, 17, 24])
def test_no_effects_have_a_smaller_p_than_equal_ones(n: int) -> None:
    assert smallest_p(n) <= estimate([0.1] * n).p
    assert smallest_p(n) >= 2 / (RANDOM_FLIPS + 1)
    assert n > 16 or smallest_p(n) == estimate([0.1] * n).p


def test_precise_enough_is_the_precision_itself() -> None:
    assert is_precise_enough(2.0, 2.0)
    assert not is_precise_enough(2.01, 2.0)
    assert not is_precise_enough(inf, 2.0)
