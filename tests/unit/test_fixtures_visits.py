"""What is kept of a case that is over, and how run.json is put together."""

from __future__ import annotations

import json
import weakref
from collections.abc import Sequence
from typing import Any

import pytest

from fixtures.outcomes import CaseOutcome, with_cases
from fixtures.visits import Visits
from probecost.config.models import Budget, Case
from probecost.measure.records import VisitRecord
from probecost.plan.schedule import VisitPlan
from probecost.plan.sequence import PlannedItem, ToolKey, Turn


def item(key: str, kind: Any = "host", iteration: int = 1) -> PlannedItem:
    case = Case("bed", key, 1, "x", "x", "x", "c", kind, (), "abc123", 10.0)
    return PlannedItem(key, ToolKey(Turn("bed", iteration), kind, "x"), case, (VisitPlan(1, 1, "tool", 1),))


class Engine:
    """An engine that has made visits."""

    def __init__(self, *visits: VisitRecord) -> None:
        self.visits: Sequence[VisitRecord] = visits

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is not asked for")


def visit(unit: int, *, shared: bool = False, error: str | None = None) -> VisitRecord:
    tool = {"stderr_tail": "x" * 10_000}
    return VisitRecord("baseline", unit, unit, 1, shared, 1, 2, error, 0.5, tool)


def test_a_case_that_is_over_keeps_what_became_of_its_visits() -> None:
    visits, one = Visits(), item("a")
    first, second = Engine(visit(1), visit(2, error="lost")), Engine(visit(2))
    visits.follow(one, first)
    visits.follow(one, second)
    assert [each.tool is not None for each in visits.of(one)] == [True] * 3
    visits.pack(one)
    assert [(each.unit, each.error, each.tool) for each in visits.of(one)] == [
        (1, None, None),
        (2, "lost", None),
        (2, None, None),
    ]
    gone = weakref.ref(first)
    del first
    assert gone() is None


def test_a_case_that_is_measured_by_another_test_too() -> None:
    visits, one = Visits(), item("a")
    for unit in (1, 2):
        visits.follow(one, Engine(visit(unit)))
        visits.pack(one)
    visits.pack(one)
    assert [each.unit for each in visits.of(one)] == [1, 2]
    assert visits.of(item("b")) == []


@pytest.mark.parametrize("is_over", [False, True])
def test_a_shared_baseline_is_made_once_per_pair_and_turn(is_over: bool) -> None:
    visits, one = Visits(), item("a")
    visits.follow(one, Engine(visit(0, shared=True)))
    assert visits.has_shared(one)
    if is_over:
        visits.pack(one)
        assert visits.has_shared(item("b"))
    assert not visits.has_shared(item("b", "vm"))
    assert not visits.has_shared(item("b", iteration=2))


def test_one_that_failed_is_none() -> None:
    visits, one = Visits(), item("a")
    visits.follow(one, Engine(visit(0, shared=True, error="lost")))
    visits.pack(one)
    assert not visits.has_shared(one)


def test_run_json_has_a_line_for_each_case() -> None:
    outcome = CaseOutcome.of(item("a"))
    outcome.budgets = [Budget("latency_mean", "latency", "tcp_rr", "mean_us", 5.0)]
    earlier = {"outcome": "passed"}
    content = {"argv": ['"cases": {}'], "cases": {}, "notes": []}
    text = with_cases(content, {"a": outcome, 'b"\n': earlier})
    read = json.loads(text)
    assert list(read) == ["argv", "cases", "notes"]
    assert (read["argv"], read["cases"]['b"\n']) == (['"cases": {}'], earlier)
    assert (read["cases"]["a"]["case_key"], read["cases"]["a"]["outcome"]) == ("a", "not run")
    assert read["cases"]["a"]["budgets"][0]["percent"] == 5.0
    assert len([line for line in text.splitlines() if '"outcome"' in line]) == 2
    assert json.loads(with_cases({"cases": {}}, {})) == {"cases": {}}
