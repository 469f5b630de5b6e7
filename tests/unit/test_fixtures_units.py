"""Which units are made: looks that are asked only when they are reached, reserves for void ones, what is finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from plan_workflows import CASES

from fixtures.units import Batch, State, Units
from probecost.plan.schedule import Baseline, Schedule, VisitPlan, confirmation_units, reserve_units, visits
from probecost.plan.sequence import PlannedItem, ToolKey, Turn

LATENCY, PPS = "latency:tcp_rr", "pps:single"


def item(units: int, schedule: Schedule = "visits", baseline: Baseline = "paired") -> PlannedItem:
    case = CASES[0]
    made = visits(case, units, 3, baseline, 1, schedule, reserve_units(units), confirmation_units(units))
    return PlannedItem(case.key, ToolKey(Turn("bed"), "host", case.tool_id), case, made)


def units_of(planned: PlannedItem, precision_pct: float | None = None, finished: Sequence[VisitPlan] = ()) -> Units:
    return Units(planned, planned.visits, precision_pct, frozenset(finished))


def made(units: Units, state: Callable[[int, Batch], State | None]) -> list[Batch]:
    """Every batch; ``state`` says what is known after the so-many-th of them, from 1."""
    batches = []
    for batch in units.batches():
        batches.append(batch)
        units.learn(state(len(batches), batch))
    return batches


def usable(count: int, width: float | None = 9.0) -> State:
    return State({LATENCY: count}, {LATENCY: width})


class TestFixed:
    @pytest.mark.parametrize("schedule", ["visits", "switched"])
    def test_all_of_them_and_no_reserve(self, schedule: Schedule) -> None:
        units = units_of(item(8, schedule))
        first = 1 if schedule == "switched" else 0  # its pair of visits
        batches = made(units, lambda count, _: usable(max(1, count - first)))
        assert [batch.unit for batch in batches] == [*([0] if first else []), *range(1, 9)]
        assert (units.ended, units.done, units.planned) == ("", 8, 8)

    def test_a_void_pair_of_visits_beside_flows_is_made_once_more(self) -> None:
        batches = made(units_of(item(8, "switched")), lambda count, _: usable(0 if count == 1 else max(1, count - 2)))
        assert [(batch.unit, batch.only) for batch in batches[:3]] == [(0, ()), (0, (LATENCY,)), (1, ())]
        assert [visit.unit for visit in batches[1].visits] == [2, 2]

    def test_the_visits_of_a_unit_stay_together(self) -> None:
        for batch in made(units_of(item(8)), lambda count, _: usable(count)):
            assert {visit.unit for visit in batch.visits} == {batch.unit}
            assert {visit.arm for visit in batch.visits} == {"baseline", "tool"}

    def test_narrow_intervals_end_nothing(self) -> None:
        assert len(made(units_of(item(12)), lambda count, _: usable(count, 0.1))) == 12

    def test_where_nobody_can_tell_there_is_no_reserve(self) -> None:
        assert len(made(units_of(item(8)), lambda *_: None)) == 8


class TestReserves:
    def test_as_many_as_are_void(self) -> None:
        batches = made(units_of(item(8)), lambda count, _: usable(count - 1))
        assert [(batch.unit, batch.is_reserve) for batch in batches[7:]] == [(8, False), (9, True)]
        assert batches[-1].only == (LATENCY,)

    def test_only_the_perf_tests_that_lack(self) -> None:
        batches = made(units_of(item(8)), lambda count, _: State({LATENCY: count, PPS: min(count, 7)}, {}))
        assert [batch.only for batch in batches[8:]] == [(PPS,), (PPS,)]
        assert all(batch.only == () for batch in batches[:8])

    def test_are_used_up(self) -> None:
        units = units_of(item(8))
        batches = made(units, lambda *_: usable(0, None))
        assert [batch.unit for batch in batches] == [*range(1, 11)]
        assert (units.done, units.owed) == (8, [])

    def test_what_is_owed_by_now(self) -> None:
        units = units_of(item(8))
        for batch in units.batches():
            units.learn(usable(batch.unit - (batch.unit >= 3)))
            if batch.unit == 4:
                assert {visit.unit for visit in units.owed} == {9}
                break

    def test_none_against_a_shared_baseline(self) -> None:
        """It has no units that could be tested, so that none of them is usable."""
        units = units_of(item(8, baseline="shared"))
        batches = made(units, lambda *_: usable(0, None))
        assert [batch.unit for batch in batches] == [0, *range(1, 9)]
        assert units.owed == []


class TestPrecision:
    def test_ends_at_the_first_look_that_is_precise(self) -> None:
        units = units_of(item(24), 2.0)
        assert len(made(units, lambda count, _: usable(count, 1.9 if count >= 12 else 2.1))) == 12
        assert units.ended == "precise enough at the look at 12 units"

    def test_not_between_looks(self) -> None:
        units = units_of(item(24), 2.0)
        batches = made(units, lambda count, _: usable(count, 2.1 if count in (8, 12, 16, 24) else 0.1))
        assert (len(batches), units.ended) == (24, "")

    @pytest.mark.parametrize("width", [None, 2.01])
    def test_one_wide_interval_is_enough_to_go_on(self, width: float | None) -> None:
        units = units_of(item(24), 2.0)
        batches = made(units, lambda count, _: State({LATENCY: count, PPS: count}, {LATENCY: 0.1, PPS: width}))
        assert len(batches) == 24

    def test_the_perf_test_with_the_fewest_units_decides(self) -> None:
        units = units_of(item(24), 2.0)
        batches = made(units, lambda count, _: State({LATENCY: count, PPS: count - 2}, {LATENCY: 0.1, PPS: 0.1}))
        assert (len(batches), units.ended) == (10, "precise enough at the look at 8 units")

    def test_a_look_that_only_reserves_reach(self) -> None:
        units = units_of(item(24), 2.0)
        batches = made(units, lambda count, _: usable(count - 2, 3.0))
        assert (len(batches), units.ended) == (26, "")
        assert [batch.is_reserve for batch in batches[23:]] == [False, True, True]

    def test_no_usable_unit(self) -> None:
        units = units_of(item(24), 2.0)
        assert len(made(units, lambda *_: usable(0, None))) == 30
        assert units.ended == ""

    def test_no_perf_test_at_all(self) -> None:
        assert len(made(units_of(item(24), 2.0), lambda *_: State({}, {}))) == 24


class TestFinished:
    def finished(self, planned: PlannedItem, units: int) -> list[VisitPlan]:
        return [visit for visit in planned.visits if visit.unit <= units]

    def test_units_are_not_made_again(self) -> None:
        planned = item(8)
        units = units_of(planned, finished=self.finished(planned, 3))
        assert [batch.unit for batch in made(units, lambda _, batch: usable(batch.unit))] == [4, 5, 6, 7, 8]
        assert units.done == 8

    def test_half_a_unit_is_made_again_as_a_whole(self) -> None:
        planned = item(8)
        units = units_of(planned, finished=planned.visits[:3])
        first = next(units.batches())
        assert (first.unit, first.visits) == (2, planned.visits[2:4])

    def test_the_stop_rule_knows_what_is_there(self) -> None:
        planned = item(24)
        units = units_of(planned, 2.0, self.finished(planned, 8))
        units.learn(usable(8, 1.0))
        assert made(units, lambda *_: pytest.fail("nothing is to be made")) == []
        assert units.ended == "precise enough at the look at 8 units"

    def test_voids_among_them_are_replaced(self) -> None:
        planned = item(8)
        units = units_of(planned, finished=self.finished(planned, 8))
        units.learn(usable(7))
        assert [batch.unit for batch in made(units, lambda *_: usable(8))] == [9]

    def test_a_reserve_is_not_made_twice(self) -> None:
        planned = item(8)
        units = units_of(planned, finished=self.finished(planned, 9))
        units.learn(usable(7))
        assert [batch.unit for batch in made(units, lambda *_: usable(8))] == [10]


class TestConfirmation:
    """Eight fresh units behind the reserves of a plan of eight: 11 to 18."""

    faster = State({LATENCY: 8, PPS: 8}, {LATENCY: 1.0}, (LATENCY,))

    @pytest.mark.parametrize("schedule", ["visits", "switched"])
    def test_all_fresh_units_of_what_seems_faster(self, schedule: Schedule) -> None:
        units = units_of(item(8, schedule))
        fresh = [batch for batch in made(units, lambda *_: self.faster) if batch.confirmation]
        assert [(batch.unit, batch.confirmation, batch.only) for batch in fresh] == [
            (10 + number, number, (LATENCY,)) for number in range(1, 9)
        ]
        assert units.spelled(fresh[2]) == "confirmation unit 3 of 8"
        assert (units.planned, units.done, units.owed) == (8, 8, [])

    def test_none_without_a_speed_up(self) -> None:
        assert not any(batch.confirmation for batch in made(units_of(item(8)), lambda count, _: usable(count)))

    def test_what_seems_faster_only_before_the_end_is_not_confirmed(self) -> None:
        found = made(units_of(item(8)), lambda count, _: self.faster if count < 8 else usable(8))
        assert len(found) == 8

    def test_they_do_not_end_when_the_speed_up_is_gone(self) -> None:
        """The fresh units are not asked: all of them are made."""
        found = made(units_of(item(8)), lambda count, _: self.faster if count <= 8 else usable(8))
        assert len(found) == 16

    def test_no_fresh_units_in_a_plan_without_verdicts(self) -> None:
        state = State({LATENCY: 7}, {}, (LATENCY,))
        assert len(made(units_of(item(7)), lambda *_: state)) == 7

    def test_after_a_look_that_was_precise(self) -> None:
        state = State({LATENCY: 8}, {LATENCY: 1.0}, (LATENCY,))
        found = made(units_of(item(24), 2.0), lambda *_: state)
        assert sum(bool(batch.confirmation) for batch in found) == 8

    def test_finished_ones_are_not_made_again(self) -> None:
        planned = item(8)
        finished = [visit for visit in planned.visits if visit.is_planned or visit.unit in (11, 12, 13)]
        units = units_of(planned, finished=finished)
        units.learn(self.faster)
        found = made(units, lambda *_: self.faster)
        assert [(batch.unit, batch.confirmation) for batch in found] == [(10 + n, n) for n in range(4, 9)]

    def test_how_far_it_came_when_the_time_is_over(self) -> None:
        units = units_of(item(8))
        for batch in units.batches():
            if batch.confirmation == 3:
                assert units.before(batch) == "before confirmation unit 3 of 8"
                assert {visit.unit for visit in units.owed} == set(range(14, 19))  # besides the one at hand
                break
            units.learn(self.faster)
