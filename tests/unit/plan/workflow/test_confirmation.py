"""The key ``confirmation`` of workflow.json: read back as written, refused where it makes no sense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.plan_workflows import Edit, move, put, refusal

from probecost.plan.workflow.read import read_workflow
from unit.plan.workflow.test_reserves import both, file_of


def without(first: int, last: int) -> Edit:
    return lambda sequence: sequence.__delitem__(slice(first, last))


class TestReadBack:
    @pytest.mark.parametrize(("schedule", "visits"), [("visits", 2), ("switched", 1)])
    def test_fresh_units(self, tmp_path: Path, schedule: str, visits: int) -> None:
        file = file_of(tmp_path, schedule=schedule)
        (item,) = read_workflow(file).items
        fresh = [visit for visit in item.visits if visit.confirmation]
        assert [visit.unit for visit in fresh] == [unit for unit in range(11, 19) for _ in range(visits)]
        assert not any(visit.is_planned or visit.reserve for visit in fresh)
        entries = json.loads(file.read_text())["test_sequence"]
        assert [entry["cycle_id"].split("/")[-2] for entry in entries if entry["confirmation"]] == [
            f"c{visit.unit:03d}" for visit in fresh
        ]

    def test_a_file_without_them(self, tmp_path: Path) -> None:
        (item,) = read_workflow(file_of(tmp_path, without(20, 36), schedule="visits")).items
        assert len(item.visits) == 20
        assert not any(visit.confirmation for visit in item.visits)

    def test_a_file_from_before_there_were_any(self, tmp_path: Path) -> None:
        def edit(sequence: list[dict[str, object]]) -> None:
            del sequence[20:]
            for entry in sequence:
                del entry["confirmation"]

        assert len(read_workflow(file_of(tmp_path, edit, schedule="visits")).items[0].visits) == 20

    def test_they_cost_nothing_that_is_planned(self, tmp_path: Path) -> None:
        content = json.loads(file_of(tmp_path, schedule="visits").read_text())
        planned = content["test_sequence"][:16]
        total_s = sum(entry["expected_duration"] for entry in planned)
        assert content["metadata"]["estimated_duration"] == pytest.approx(total_s)

    def test_there_are_none_where_nothing_is_tested(self, tmp_path: Path) -> None:
        (item,) = read_workflow(file_of(tmp_path, schedule="visits", baseline="shared")).items
        assert not any(visit.confirmation for visit in item.visits)


#: Cycles of ``file_of`` with visits: 0-15 planned, 16-19 reserves, 20-35 of confirmation.
class TestRefused:
    @pytest.mark.parametrize(
        ("edit", "told"),
        [
            (put(20, "confirmation", "perhaps"), 'test_sequence[20].confirmation = "perhaps": expected true or false'),
            (put(20, "confirmation", False), "differs from that of the other cycle of unit 11"),
            (put(20, "reserve", True), "a reserve replaces a void unit, and confirms nothing"),
            (move(20, 16, 2), "test_sequence[16].confirmation = true: a unit of confirmation must come after all"),
            (without(34, 36), "host-b-rx has 7 units of confirmation: 8 or none"),
            (both(put(0, "confirmation", True), put(1, "confirmation", True)), "has 9 units of confirmation"),
        ],
    )  # fmt: skip
    def test_visits(self, tmp_path: Path, edit: Edit, told: str) -> None:
        assert told in refusal(file_of(tmp_path, edit, schedule="visits"))

    def test_visits_of_a_case_whose_units_are_flows(self, tmp_path: Path) -> None:
        edit = both(put(0, "confirmation", True), put(1, "confirmation", True))
        assert "units of this case are its switched flows" in refusal(file_of(tmp_path, edit, schedule="switched"))

    def test_against_a_shared_baseline(self, tmp_path: Path) -> None:
        file = file_of(tmp_path, put(0, "confirmation", True), schedule="visits", baseline="shared")
        assert "test_sequence[0].confirmation = true: expected false: a shared baseline is made once" in refusal(file)
        other = file_of(tmp_path, put(1, "confirmation", True), schedule="visits", baseline="shared")
        assert "nothing is tested against a shared baseline" in refusal(other)
