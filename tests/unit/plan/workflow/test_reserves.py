"""The keys ``reserve`` and ``switching`` of workflow.json: read back as written, refused where they make no sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.plan_workflows import CASES, SPECS, Content, Edit, environment, move, put, refusal

from probecost.plan.plan import Advice, Planned, plan
from probecost.plan.settings import Settings
from probecost.plan.visits import SwitchPlan
from probecost.plan.workflow.read import read_workflow
from probecost.plan.workflow.write import workflow, write_workflow

SWITCHING = SwitchPlan(0.5, tuple(sorted((spec.name, 4.0) for spec in SPECS)))


def file_of(tmp_path: Path, edit: Edit | None = None, **settings: Any) -> Path:
    """One case of eight units and two reserves: with visits cycles 0-15, 16-19, switched 0-1, 2-9, 10-11, 12-13."""
    asked = Settings(units=8, order="file", **settings)
    switching = SWITCHING if asked.schedule == "switched" else None
    whole = plan(
        {"bed": Planned(environment(), CASES[:1], SPECS)},
        asked,
        lambda *_: Advice("switched" if switching else "visits", 8, switching),
    )
    content = workflow(whole, whole.items, 0.0)
    file = tmp_path / "w.json"
    write_workflow(content, file, pretty=True)
    if edit is not None:
        changed = json.loads(file.read_text())
        edit(changed["test_sequence"])
        file.write_text(json.dumps(changed, indent=1))
    return file


def both(*edits: Edit) -> Edit:
    def edit(sequence: list[Content]) -> None:
        for one in edits:
            one(sequence)

    return edit


class TestReadBack:
    def test_reserves(self, tmp_path: Path) -> None:
        (item,) = read_workflow(file_of(tmp_path, schedule="visits")).items
        assert [visit.unit for visit in item.visits if visit.reserve] == [9, 9, 10, 10]

    def test_reserves_against_a_shared_baseline(self, tmp_path: Path) -> None:
        (item,) = read_workflow(file_of(tmp_path, schedule="visits", baseline="shared")).items
        assert [visit.unit for visit in item.visits if visit.reserve] == [9, 10]

    def test_switching(self, tmp_path: Path) -> None:
        (item,) = read_workflow(file_of(tmp_path, schedule="switched")).items
        assert item.switching == SWITCHING
        assert [visit.unit for visit in item.visits if visit.reserve] == [9, 10, 2, 2]

    def test_without_reserves(self, tmp_path: Path) -> None:
        file = file_of(tmp_path, lambda sequence: sequence.__delitem__(slice(16, 20)), schedule="visits")
        (item,) = read_workflow(file).items
        assert not any(visit.reserve for visit in item.visits)


class TestRefused:
    @pytest.mark.parametrize(
        ("edit", "told"),
        [
            (put(0, "reserve", "perhaps"), 'test_sequence[0].reserve = "perhaps": expected true or false'),
            (put(16, "reserve", False), "unit 9"),
            (both(put(0, "reserve", True), put(1, "reserve", True)), "[0].reserve = true: a reserve must come"),
            (move(16, 4, 2), "test_sequence[4].reserve = true: a reserve must come after all other cycles of its case"),
            (lambda sequence: sequence.__delitem__(slice(0, 16)), "host-b-rx has nothing but reserves"),
            (put(0, "switching", {"segment": 0.5, "flows": {}}), "test_sequence[0].switching: expected null"),
        ],
    )  # fmt: skip
    def test_reserves(self, tmp_path: Path, edit: Edit, told: str) -> None:
        assert told in refusal(file_of(tmp_path, edit, schedule="visits"))

    @pytest.mark.parametrize(
        ("edit", "told"),
        [
            (put(2, "switching.segment", 0), "switching.segment = 0: expected a number greater than 0"),
            (put(2, "switching.segment", 0.7), "switching: differs from that of the case's other cycles"),
            (put(2, "switching.flows", {"latency:tcp_rr": -1}), "latency:tcp_rr = -1: expected a number greater"),
            (put(2, "switching.segments", 1), "switching.segments = 1: unknown key"),
            (put(2, "switching.flows", {"pps:single": 4.0}), "pps:single = 4.0: is none of its perf tests: latency:"),
            (move(10, 3, 1), "test_sequence[3].reserve = true: a reserve must come after all other cycles of its case"),
        ],
    )  # fmt: skip
    def test_switching(self, tmp_path: Path, edit: Edit, told: str) -> None:
        assert told in refusal(file_of(tmp_path, edit, schedule="switched"))

    def test_of_a_shared_baseline(self, tmp_path: Path) -> None:
        edit = both(put(0, "reserve", True), put(0, "switching", {"segment": 0.5, "flows": {}}))
        text = refusal(file_of(tmp_path, edit, schedule="visits", baseline="shared"))
        assert "test_sequence[0].reserve = true: expected false: a shared baseline is made once" in text
        assert "test_sequence[0].switching: expected null: the cycle is of type baseline" in text
