"""From a calibration to the visits of every case, the time ledger, and a time budget that is too small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest
from helpers.plan_workflows import CASES, SPECS, environment

from probecost.errors import ConfigError
from probecost.plan.calibration import Calibration, Noise, PairCalibration
from probecost.plan.choose import Planner, is_calibrated, ledger
from probecost.plan.plan import Plan, Planned, PlannedItem, expected_s, plan, settled
from probecost.plan.settings import Settings
from probecost.results.planning import PlanQuestion, ToolPlan


@dataclass(frozen=True)
class Answer(ToolPlan):
    """Of whoever knows statistics."""

    schedule: Literal["visits", "switched"] = "switched"
    units: int = 8
    segment_s: float = 0.5
    flows_s: Mapping[str, float] = field(default_factory=lambda: {spec.name: 4.0 for spec in SPECS})
    reason: str = "as the test says"


class Statistician:
    def __init__(self) -> None:
        self.questions: list[PlanQuestion] = []
        self.answer: Answer | None = Answer()
        self.doubts: list[tuple[int, int, bool]] = []

    def __call__(self, question: PlanQuestion) -> Answer | None:
        self.questions.append(question)
        return self.answer

    def doubt(self, units: int, tests: int, has_looks: bool) -> str | None:
        self.doubts.append((units, tests, has_looks))
        return "no overhead can be claimed, however large it is"


def calibration(**starts_s: float | None) -> Calibration:
    noise = Noise(interval_s=0.1, flows=((1.0, 2.0),), busy_share=0.1)
    tests = {spec.name: noise for spec in SPECS}
    pair = PairCalibration(noise=tests, idle_busy_share=0.1, starts_s=starts_s)
    return Calibration(schema_version=1, measured_at="2026-11-22T21:30:00+00:00", bed={}, pairs={"host": pair})


def made(*names: str, **settings: Any) -> Plan:
    named = {name: Planned(environment(name), CASES, SPECS) for name in names or ("bed",)}
    return plan(named, Settings(order="file", **settings))


def planner(
    whole: Plan, ask: Statistician, calibrations: Mapping[str, Calibration] | None = None
) -> tuple[Planner, tuple[PlannedItem, ...]]:
    known = {"bed": calibration(a=0.5, b=0.5)} if calibrations is None else calibrations
    found = Planner(whole, whole.items, known, ask, ask.doubt)
    return found, settled(whole, whole.items, found.advise)


def units(item: PlannedItem) -> int:
    return len({visit.unit for visit in item.visits if visit.is_planned})


class TestQuestions:
    def test_one_per_tool_and_pair_that_is_calibrated(self) -> None:
        ask = Statistician()
        planner(made(), ask)
        assert len(ask.questions) == 2  # tools a and b on the host pair; of the VM pair nothing is known

    def test_what_is_known_is_in_it(self) -> None:
        ask = Statistician()
        planner(made(duration_s=3.0, precision_pct=2.0), ask, {"bed": calibration(b=0.4)})
        first, second = ask.questions
        assert (first.start_s, second.start_s) == (0.4, None)
        assert first.noise.keys() == {spec.name for spec in SPECS}
        assert (first.precision_pct, first.units, first.fixed_durations) == (2.0, None, True)
        assert first.tests == len(CASES) * len(SPECS)
        assert first.schedules == ("visits", "switched")

    @pytest.mark.parametrize(
        ("settings", "schedules"),
        [
            ({"baseline": "shared"}, ("visits",)),
            ({"schedule": "switched"}, ("switched",)),
            ({"schedule": "visits"}, ("visits",)),
        ],
    )
    def test_what_may_be_answered(self, settings: dict[str, Any], schedules: tuple[str, ...]) -> None:
        ask = Statistician()
        planner(made(**settings), ask)
        assert ask.questions[0].schedules == schedules

    def test_tests_of_all_environments_are_one_family(self) -> None:
        ask = Statistician()
        planner(made("bed", "other"), ask)
        assert ask.questions[0].tests == 2 * len(CASES) * len(SPECS)

    def test_iterations_add_no_tests(self) -> None:
        ask = Statistician()
        planner(made(iterations=3), ask)
        assert ask.questions[0].tests == len(CASES) * len(SPECS)


class TestAdvice:
    def test_all_cases_get_the_units_of_the_neediest(self) -> None:
        ask = Statistician()
        ask.answer = Answer(units=16)
        _, items = planner(made(), ask)
        assert {units(item) for item in items} == {16}

    def test_switching_is_that_of_the_answer(self) -> None:
        _, items = planner(made(), Statistician())
        switching = {item.case.pair_kind: item.switching for item in items}
        assert switching["host"] is not None
        assert (switching["host"].segment_s, switching["host"].flow_s("latency:tcp_rr", 0.0)) == (0.5, 4.0)
        assert switching["vm"] is None

    def test_without_an_answer_it_is_as_asked(self) -> None:
        ask = Statistician()
        ask.answer = None
        _, items = planner(made(schedule="switched"), ask)
        assert all(any(visit.arm == "switched" for visit in item.visits) for item in items)

    def test_without_a_calibration(self) -> None:
        ask = Statistician()
        _, items = planner(made(), ask, {})
        assert ask.questions == []
        assert {units(item) for item in items} == {8}

    def test_too_few_units_for_a_verdict_are_visits(self) -> None:
        _, items = planner(made(units=3), Statistician())
        assert {visit.arm for item in items for visit in item.visits} == {"baseline", "tool"}


class TestBudget:
    def test_as_many_units_as_fit(self) -> None:
        ask = Statistician()
        ask.answer = Answer(schedule="visits", units=24)
        _, every = planner(made(), ask)
        needs_s = expected_s(every, made().environments) + 5
        _, items = planner(made(time_budget_s=needs_s / 2), ask)
        assert 8 <= units(items[0]) < 24
        assert expected_s(items, made().environments) + 5 <= needs_s / 2
        _, same = planner(made(time_budget_s=needs_s), ask)
        assert units(same[0]) == 24

    @pytest.mark.parametrize("settings", [{}, {"precision_pct": 2.0}])
    def test_one_that_is_too_small_for_any_verdict(self, settings: dict[str, Any]) -> None:
        with pytest.raises(ConfigError) as caught:
            planner(made(time_budget_s=60.0, **settings), Statistician())
        assert "--time-budget 1 min 00 s: 4 cases with 8 units each need about" in str(caught.value)
        assert "Select fewer cases" in str(caught.value)

    def test_iterations_and_environments_count(self) -> None:
        one = sum_of(ledger(made(units=8).items, made(units=8)))
        with pytest.raises(ConfigError):
            planner(made("bed", "other", time_budget_s=one + 1), Statistician(), {})
        with pytest.raises(ConfigError):
            planner(made(iterations=2, time_budget_s=one + 1), Statistician(), {})
        planner(made(time_budget_s=one + 1), Statistician(), {})

    def test_a_precision_keeps_all_its_looks(self) -> None:
        _, items = planner(made(time_budget_s=3600.0, precision_pct=2.0), Statistician())
        assert {units(item) for item in items} == {24}


def seconds(text: str) -> float:
    words = text.split()
    factors = {"h": 3600, "min": 60, "s": 1}
    return sum(float(number) * factors[unit] for number, unit in zip(words[::2], words[1::2], strict=True))


def sum_of(lines: list[str]) -> float:
    return seconds(lines[-1].replace("total", ""))


class TestLedger:
    @pytest.mark.parametrize("settings", [{}, {"baseline": "shared"}, {"iterations": 2}, {"schedule": "visits"}])
    def test_its_sum_is_what_the_workflow_says_and_the_beds(self, settings: dict[str, Any]) -> None:
        whole = made(units=8, **settings)
        beds_s = 5.0 * settings.get("iterations", 1)
        lines = ledger(whole.items, whole)
        assert sum_of(lines) == pytest.approx(expected_s(whole.items, whole.environments) + beds_s, abs=1)

    def test_a_line_for_each_bed_and_case(self) -> None:
        whole = made(units=8, schedule="visits")
        lines = ledger(whole.items, whole)
        assert lines[0] == "probecost: time ledger (estimates)"
        assert lines[1].split() == ["bed:", "connect,", "check,", "close", "5", "s"]
        assert [line.split()[0] for line in lines[2:-1]] == [item.id for item in whole.items]
        assert all(line.endswith("8 pairs of visits") for line in lines[2:-1])

    def test_of_many_cases_is_cut(self) -> None:
        whole = made(units=8)
        many = [replace(item, id=f"{item.id}-{number}") for number in range(30) for item in whole.items]
        lines = ledger(many, whole)
        assert lines[-2] == "  and 61 more"
        assert sum_of(lines) == pytest.approx(30 * expected_s(whole.items, whole.environments) + 5, abs=60)


class TestLines:
    def test_say_what_was_chosen_and_what_cannot_be_claimed(self) -> None:
        ask = Statistician()
        found, items = planner(made(), ask)
        lines = found.lines(items)
        assert lines[0] == "probecost: b on the host pair of bed: as the test says"
        assert lines.count("probecost: no overhead can be claimed, however large it is") == 1

    @pytest.mark.parametrize(
        ("settings", "asked"),
        [
            ({"units": 9}, (9, 12, False)),
            ({"units": 9, "schedule": "visits"}, (9, 12, False)),
            ({"units": 4, "iterations": 2}, (8, 12, False)),
            ({"precision_pct": 2.0}, (24, 12, True)),
            ({}, (8, 12, False)),
        ],
    )
    def test_whether_anything_can_be_claimed_is_asked_without_a_calibration_too(
        self, settings: dict[str, Any], asked: tuple[int, int, bool]
    ) -> None:
        ask = Statistician()
        found, items = planner(made(**settings), ask, {})
        assert "probecost: no overhead can be claimed, however large it is" in found.lines(items)
        assert ask.doubts == [asked]

    @pytest.mark.parametrize("settings", [{"units": 7}, {"units": 9, "baseline": "shared"}])
    def test_where_there_are_no_verdicts_nothing_is_asked(self, settings: dict[str, Any]) -> None:
        ask = Statistician()
        found, items = planner(made(**settings), ask, {})
        assert not any("claimed" in line for line in found.lines(items))
        assert ask.doubts == []


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (Settings(), True),
        (Settings(precision_pct=2.0), True),
        (Settings(units=8), True),
        (Settings(units=8, schedule="visits"), False),
        (Settings(units=7), False),
        (Settings(units=7, schedule="switched"), False),
        (Settings(schedule="visits"), True),
    ],
)
def test_when_a_calibration_is_of_use(settings: Settings, wanted: bool) -> None:
    assert is_calibrated(settings) is wanted
