"""Workflow files that were edited or damaged: they run, or are refused with file, line and key path."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.plan_workflows import (
    KEYS,
    Content,
    Edit,
    move,
    planned,
    put,
    refusal,
    remove,
    written,
)

from probecost.plan.settings import Settings
from probecost.plan.workflow.read import Workflow, read_workflow


def swap_all(sequence: list[Content]) -> None:
    sequence.reverse()


class TestEdited:
    """Four cases of two units: cycles 0-3, 4-7, 8-11, 12-15; seed 0."""

    def read(self, tmp_path: Path, edit: Edit, baseline: str = "paired") -> Workflow:
        settings = Settings(units=2, baseline="shared" if baseline == "shared" else "paired")
        return read_workflow(written(tmp_path, settings, edit=edit))

    def test_cases_in_another_order(self, tmp_path: Path) -> None:
        found = self.read(tmp_path, move(8, 0, 4))
        assert [item.id for item in found.items] == ["host-a-rx", "host-b-rx", "host-b-tx", "vm-a-rx"]

    def test_everything_backwards(self, tmp_path: Path) -> None:
        found = self.read(tmp_path, swap_all)
        assert [item.id for item in found.items] == KEYS[::-1]
        for item, original in zip(found.items[::-1], planned(Settings(units=2)).items, strict=True):
            assert [(visit.arm, visit.unit) for visit in item.visits] == [
                (visit.arm, visit.unit) for visit in original.visits[::-1]
            ]
            assert [visit.order for visit in item.visits] == [1, 2, 1, 2]

    def test_units_and_cases_removed(self, tmp_path: Path) -> None:
        found = self.read(tmp_path, remove(0, 1, 4, 5, 6, 7))
        assert [item.id for item in found.items] == ["host-b-rx", "host-a-rx", "vm-a-rx"]
        assert [visit.unit for visit in found.items[0].visits] == [2, 2]

    def test_flows_removed_and_moved(self, tmp_path: Path) -> None:
        settings = Settings(units=2, schedule="switched")  # cycles 0, 1: visits; 2, 3: flows; 4: the next case

        def flows_first(sequence: list[Content]) -> None:
            sequence[:4] = [sequence[3], *sequence[:2]]

        found = read_workflow(written(tmp_path, settings, edit=flows_first)).items[0].visits
        assert [(visit.arm == "switched", visit.unit, visit.order) for visit in found] == [
            (True, 2, 1), (False, 1, 1), (False, 1, 2)
        ]  # fmt: skip

    def test_a_unit_of_flows_that_is_there_twice(self, tmp_path: Path) -> None:
        file = written(tmp_path, Settings(units=2, schedule="switched"), edit=put(3, "unit", 1))
        assert "test_sequence[3].unit = 1: host-b-rx has this unit of switched flows already" in refusal(file)

    def test_an_iteration_removed_leaves_the_ids(self, tmp_path: Path) -> None:
        file = written(tmp_path, Settings(iterations=2), edit=remove(*range(8)))
        assert [item.id for item in read_workflow(file).items] == [f"{key}-iteration_002" for key in KEYS]

    def test_shared_baseline_with_other_cases_behind_it(self, tmp_path: Path) -> None:
        found = self.read(tmp_path, move(1, 3, 2), "shared")
        assert [item.case.key for item in found.items][:2] == ["host-b-tx", "host-b-rx"]
        assert all(item.visits[0].shared for item in found.items)

    @pytest.mark.parametrize(
        ("edit", "told"),
        [
            (move(4, 2, 4), "case_key = \"host-b-rx\": the cycles of a case must be consecutive: more of host-b-rx"),
            (remove(0), "test_sequence[0]: unit 1 of host-b-rx has no"),
            (remove(3), "test_sequence[2]: unit 2 of host-b-rx has no"),
            (move(1, 2, 1), "has this unit already"),
            (put(1, "cycle_id", "bed/iteration_001/host-b-rx/u001/x"), ""),
            (put(0, "unit", 2), "test_sequence[0]: unit 2 of host-b-rx has no"),
            (put(0, "unit", 0), "test_sequence[0].unit = 0: expected a number greater than or equal to 1"),
            (put(0, "unit", "one"), 'test_sequence[0].unit = "one": expected a whole number'),
            (put(0, "environment", "moon"), "environment = \"moon\": global_config.environments does not have it"),
            (put(0, "enviroment", "moon"), "enviroment = \"moon\": unknown key (did you mean 'environment'?)"),
            (put(0, "pair_kind", "vm"), "pair_kind = \"host\": differs from that of the case's other cycles"),
            (put(0, "pair_kind", "VM"), "expected 'host' or 'vm'"),
            (put(0, "case_key", None), "expected a case: metadata.options.baseline is paired"),
            (put(5, "monitoring_config.interval", 2), "test_sequence[5].monitoring_config: cannot be changed here"),
            (put(5, "test_cycle.post_hook.tasks", ["rm"]), "post_hook.tasks: cannot be changed here; hooks add tasks"),
            (
                put(5, "test_cycle.performance_tests.0.configs.0.duration", 9),
                "test_sequence[5].test_cycle.performance_tests: differs from test_sequence[0]",
            ),
            (put(5, "test_cycle.performance_tests", []), "performance_tests = []: must not be empty"),
            (lambda sequence: sequence.append(sequence[0]), "test_sequence[0] has this id too"),
            (lambda sequence: sequence.clear(), "test_sequence = []: must not be empty"),
        ],
    )  # fmt: skip
    def test_what_makes_no_sense_is_refused(self, tmp_path: Path, edit: Edit, told: str) -> None:
        file = written(tmp_path, Settings(units=2), edit=edit)
        if not told:
            assert read_workflow(file).items
            return
        text = refusal(file)
        assert told in text
        assert text.startswith(f"{file}:")
        assert "Traceback" not in text

    def test_what_is_wrong_with_a_tool_cycle(self, tmp_path: Path) -> None:
        original = json.loads(written(tmp_path, Settings(units=2)).read_text())["test_sequence"]
        index = next(number for number, entry in enumerate(original) if entry["ebpf_case"])
        for edit, told in (
            (put(index, "ebpf_case", None), "ebpf_case = null: expected a case: the cycle is of type ebpf_test"),
            (put(index, "cycle_type", "baseline"), "ebpf_case: expected null: the cycle is a baseline"),
            (put(index, "ebpf_case.case_key", "x"), "ebpf_case.case_key is 'x'"),
            (put(index, "ebpf_case.hash", "../../"), "hash"),
            (put(index, "case_key", "../x"), 'case_key = "../x": expected text of the form'),
            (put(index, "ebpf_case.case_key", ".."), 'case_key = "..": expected text of the form'),
            (put(index, "ebpf_case.command", "rm"), 'ebpf_startup_command = "sudo'),
            (put(index, "ebpf_case.log_cap_bytes", 1), "ebpf_case: differs from that of the case's other cycles"),
        ):
            assert told in refusal(written(tmp_path, Settings(units=2), edit=edit))

    @pytest.mark.parametrize(
        ("edit", "told"),
        [
            (remove(0), "no shared baseline of the host pair of bed comes before it"),
            (move(0, 1, 1), "no shared baseline of the host pair of bed comes before it"),
            (move(7, 1, 1), "a shared baseline must come right before the first case of the vm pair"),
            (lambda sequence: sequence.insert(3, sequence[0] | {"cycle_id": "x"}), "has a shared baseline already"),
            (
                lambda sequence: sequence.append(sequence[0] | {"cycle_id": "x"}),
                "[10]: the host pair has a shared baseline",
            ),
            (put(0, "case_key", "host-b-rx"), "expected null: metadata.options.baseline is shared"),
        ],
    )
    def test_shared_baselines_out_of_place(self, tmp_path: Path, edit: Edit, told: str) -> None:
        assert told in refusal(written(tmp_path, Settings(units=2, baseline="shared"), edit=edit))

    def test_all_mistakes_at_once_with_their_lines(self, tmp_path: Path) -> None:
        def two(sequence: list[Content]) -> None:
            sequence[0]["environment"] = "moon"
            sequence[9]["environment"] = "mars"

        file = written(tmp_path, Settings(units=2), edit=two)
        lines = file.read_text().splitlines()
        expected = [number for number, line in enumerate(lines, 1) if '"moon"' in line or '"mars"' in line]
        problems = refusal(file).splitlines()
        for number, name in zip(expected, ("moon", "mars"), strict=True):
            assert any(line.startswith(f"{file}:{number}: ") and f'"{name}"' in line for line in problems)

    def test_a_perf_test_that_is_there_twice(self, tmp_path: Path) -> None:
        def twice(sequence: list[Content]) -> None:
            for entry in sequence:
                tests = entry["test_cycle"]["performance_tests"]
                tests.append(tests[0])

        text = refusal(written(tmp_path, Settings(), edit=twice))
        assert "test_sequence[0].test_cycle.performance_tests: lists a perf test twice" in text

    def test_many_mistakes_are_not_all_listed(self, tmp_path: Path) -> None:
        file = written(tmp_path, Settings(units=20), edit=lambda sequence: [entry.pop("unit") for entry in sequence])
        text = refusal(file)
        assert len(text.splitlines()) == 52  # with the hint
        assert "and 214 more like these" in text


class TestDamaged:
    def test_a_newer_version(self, tmp_path: Path) -> None:
        file = written(tmp_path, Settings())
        file.write_text(file.read_text().replace('"schema_version": 1', '"schema_version": 9'))
        assert "metadata.schema_version = 9: this version reads up to 1" in refusal(file)

    @pytest.mark.parametrize("text", ["", "[]", "null", "1", '{"a": 1, "a": 2}', '{"metadata": 1}', "\x00"])
    def test_other_files(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "w.json"
        file.write_text(text)
        assert str(file) in refusal(file)

    def test_cut_anywhere(self, tmp_path: Path) -> None:
        file = written(tmp_path, Settings())
        text = file.read_text()
        for end in range(0, len(text) - 2, 997):
            file.write_text(text[:end])
            assert f"{file}:" in refusal(file)
