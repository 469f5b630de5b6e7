"""What the planner answers for noise that is made by hand."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, isfinite

import pytest

from probecost.analysis.judge.best_schedule import FLOWS_S, plan_tool, switched_option, visit_option
from probecost.analysis.settings.settings import Settings
from probecost.results.planning import PlanQuestion

LATENCY = "latency:tcp_rr"


def flows(sd: float = 0.05, between: float = 0.0, count: int = 3, intervals: int = 34) -> list[list[float]]:
    """Rates around 1000; ``sd`` of intervals, ``between`` of flows, both of logs."""
    draw = random.Random(7)
    found = []
    for _ in range(count):
        level = draw.gauss(0, between)
        found.append([1000 * exp(level + draw.gauss(0, sd)) for _ in range(intervals)])
    return found


@dataclass(frozen=True)
class Asked(PlanQuestion):
    """A quick tool on a quiet bed."""

    noise: Mapping[str, tuple[float, Sequence[Sequence[float]]]] = field(
        default_factory=lambda: {LATENCY: (0.1, flows())}
    )
    durations_s: Mapping[str, float] = field(default_factory=lambda: {LATENCY: 2.0})
    start_s: float | None = 0.3
    tests: int = 1
    units: int | None = None
    precision_pct: float | None = None
    schedules: Sequence[str] = ("visits", "switched")
    fixed_durations: bool = False


class TestSchedule:
    def test_a_quick_tool_is_switched(self) -> None:
        found = plan_tool(Asked(), Settings())
        assert found is not None
        assert found.schedule == "switched"
        assert found.segment_s in (0.5, 1.0)
        assert found.flows_s[LATENCY] in FLOWS_S
        assert "starts in 0.3 s" in found.reason

    def test_a_slow_tool_gets_visits(self) -> None:
        found = plan_tool(Asked(start_s=8.0), Settings())
        assert found is not None
        assert (found.schedule, found.flows_s) == ("visits", {})

    def test_a_start_that_is_not_known(self) -> None:
        found = plan_tool(Asked(start_s=None), Settings())
        assert found is not None
        assert found.schedule == "visits"
        assert "its start takes too long to tell" in found.reason

    @pytest.mark.parametrize("start_s", [0.3, None])
    def test_what_is_asked_for(self, start_s: float | None) -> None:
        found = plan_tool(Asked(schedules=("visits",), start_s=start_s), Settings())
        assert found is not None
        assert found.schedule == "visits"

    @pytest.mark.parametrize("start_s", [None, 30.0])
    def test_switching_that_has_no_room_is_never_turned_into_visits(self, start_s: float | None) -> None:
        assert plan_tool(Asked(schedules=("switched",), start_s=start_s), Settings()) is None

    def test_switching_that_was_asked_for_and_has_room(self) -> None:
        found = plan_tool(Asked(schedules=("switched",), start_s=3.0), Settings())
        assert found is not None
        assert found.schedule == "switched"

    def test_fixed_durations_are_kept_where_they_have_room(self) -> None:
        found = plan_tool(Asked(durations_s={LATENCY: 7.0}, fixed_durations=True), Settings())
        assert found is not None
        assert found.flows_s == {LATENCY: 7.0}

    def test_fixed_durations_are_longer_where_they_have_none(self) -> None:
        found = plan_tool(Asked(durations_s={LATENCY: 1.0}, fixed_durations=True), Settings())
        assert found is not None
        assert found.flows_s[LATENCY] > 1.0

    def test_a_perf_test_that_is_not_calibrated_lasts_as_asked(self) -> None:
        found = plan_tool(Asked(durations_s={LATENCY: 2.0, "pps:single": 5.0}), Settings())
        assert found is not None
        assert found.flows_s["pps:single"] == 5.0


class TestSeries:
    @pytest.mark.parametrize(
        "series",
        [[], [[]], [[1000.0]], [[0.0] * 40] * 3, flows(intervals=6)],
        ids=["no flow", "empty", "one interval", "nothing arrived", "shorter than two segments"],
    )
    def test_one_that_says_nothing_decides_nothing(self, series: list[list[float]]) -> None:
        assert plan_tool(Asked(noise={LATENCY: (0.1, series)}), Settings()) is None

    def test_intervals_in_which_nothing_arrived_are_noise(self) -> None:
        quiet = flows(0.01)
        stalled = [[0.0 if number % 9 == 0 else rate for number, rate in enumerate(flow)] for flow in quiet]
        still = [[1000.0 if number % 9 else 500.0 for number in range(len(flow))] for flow in quiet]
        for series in (stalled, still):
            option = switched_option(0.1, series, 0.5, 5.0, 0.3)
            assert option is not None
            assert isfinite(option.sd)
        assert plan_tool(Asked(noise={LATENCY: (0.1, stalled)}), Settings()) is not None

    def test_a_bed_without_noise(self) -> None:
        found = plan_tool(Asked(noise={LATENCY: (0.1, [[1000.0] * 40] * 3)}), Settings())
        assert found is not None
        assert found.units >= 8

    def test_noise_between_flows_is_in_visits_and_not_within_a_flow(self) -> None:
        shaky = flows(0.01, between=0.3)
        visits, steady = visit_option(0.1, shaky, 2.0, 0.3), visit_option(0.1, flows(0.01), 2.0, 0.3)
        assert visits.sd > 5 * steady.sd
        one, other = (switched_option(0.1, series, 0.5, 5.0, 0.3) for series in (shaky, flows(0.01)))
        assert one is not None
        assert other is not None
        assert one.sd == pytest.approx(other.sd, rel=0.3)


class TestUnits:
    def test_noise_costs_units(self) -> None:
        found = [
            plan_tool(Asked(noise={LATENCY: (0.1, flows(sd))}, start_s=None), Settings()) for sd in (0.02, 0.2, 0.8)
        ]
        units = [one.units for one in found if one is not None]
        assert units == sorted(units)
        assert units[0] < units[-1] == 24

    def test_more_units_are_narrower(self) -> None:
        def width(units: int) -> float:
            found = plan_tool(Asked(units=units), Settings())
            assert found is not None
            return float(found.reason.rpartition("±")[2].removesuffix(" %"))

        assert width(8) > width(16) > width(32)

    def test_those_asked_for(self) -> None:
        found = plan_tool(Asked(units=9), Settings())
        assert found is not None
        assert found.units == 9

    def test_all_looks_where_a_precision_is_asked_for(self) -> None:
        found = plan_tool(Asked(precision_pct=2.0), Settings())
        assert found is not None
        assert found.units == 24

    def test_as_many_as_the_tests_need(self) -> None:
        found = plan_tool(Asked(tests=2000), Settings())
        assert found is not None
        assert found.units >= 17

    def test_so_many_tests_that_no_plan_can_carry_get_the_most(self) -> None:
        found = plan_tool(Asked(tests=10_000_000), Settings())
        assert found is not None
        assert found.units == 24
