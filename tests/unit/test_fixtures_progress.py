"""How much longer a run takes, as it is foretold after each unit."""

from __future__ import annotations

import pytest

from fixtures.progress import Clock, UnitDone, unit_line


class Time:
    def __init__(self) -> None:
        self.s = 100.0

    def now_s(self) -> float:
        return self.s


class TestClock:
    def test_before_anything_it_is_the_plan(self) -> None:
        assert Clock({"a": 60.0, "b": 30.0}).left_s() == 90.0

    def test_what_takes_longer_than_planned_goes_on_like_that(self) -> None:
        clock = Clock({"a": 40.0, "b": 40.0})
        clock.spent("a", 10.0, 25.0)
        assert clock.left_s() == 70.0 * 2.5

    def test_a_unit_beyond_the_plan_of_its_case_takes_nothing_from_others(self) -> None:
        clock = Clock({"a": 10.0, "b": 40.0})
        clock.spent("a", 30.0, 30.0)
        assert clock.left_s() == 40.0

    def test_a_reserve_is_not_in_the_plan(self) -> None:
        clock = Clock({"a": 20.0})
        clock.spent("a", 10.0, 10.0)
        clock.spent("a", 10.0, 10.0, is_extra=True)
        assert clock.left_s() == 10.0
        assert clock.left_s(extra_s=5.0) == 15.0

    def test_an_extra_counts_for_how_long_things_take(self) -> None:
        clock = Clock({"a": 20.0})
        clock.spent("a", 10.0, 30.0, is_extra=True)
        assert clock.left_s() == 60.0

    def test_a_case_that_ended_early_leaves_nothing(self) -> None:
        clock = Clock({"a": 40.0, "b": 40.0})
        clock.spent("a", 10.0, 10.0)
        clock.ended("a")
        clock.ended("a")
        assert clock.left_s() == 40.0

    def test_nor_do_those_that_failed_or_were_skipped(self) -> None:
        clock = Clock({"a": 40.0, "b": 40.0, "c": 40.0})
        clock.spent("a", 10.0, 10.0)
        clock.begins("c")
        assert clock.left_s() == 40.0

    def test_a_case_again_in_another_test(self) -> None:
        clock = Clock({"a": 40.0, "b": 40.0})
        clock.ended("a")
        clock.begins("b")
        clock.spent("a", 10.0, 10.0)
        assert clock.left_s() == 40.0

    def test_nothing_planned(self) -> None:
        clock = Clock({})
        clock.spent("a", 0.0, 10.0)
        assert clock.left_s() == 0.0

    def test_the_time_budget_is_the_most(self) -> None:
        time = Time()
        clock = Clock({"a": 90.0}, 60.0, time.now_s)
        assert (clock.left_s(), clock.is_over) == (60.0, False)
        time.s += 50.0
        clock.spent("a", 10.0, 50.0)
        assert (clock.left_s(), clock.is_over) == (10.0, False)
        time.s += 11.0
        assert (clock.left_s(), clock.is_over) == (0.0, True)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("a", "unit 3 of 12", 250.2, "RR +0.4 % ± 2.1"), "a: unit 3 of 12, at most 4 min 10 s left; RR +0.4 % ± 2.1"),
        (("a", "unit 12 of 12", 0.0, ""), "a: unit 12 of 12"),
        (("a", "reserve unit 13", 30.0, ""), "a: reserve unit 13, at most 30 s left"),
    ],
)  # fmt: skip
def test_the_line_of_a_unit(line: tuple[str, str, float, str], told: str) -> None:
    assert unit_line(UnitDone(*line)) == told
