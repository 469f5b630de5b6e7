"""Workflow files: what is written comes back, what was edited runs or is refused with file, line and key path."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from probecost.config.models import Case, Environment, PairKind, PairSide, PerfTestSpec, SshHost, TestPair
from probecost.errors import ConfigError, ProbecostError, ToolError
from probecost.plan.schedule import expected_duration_s
from probecost.plan.sequence import Plan, Planned, Settings, by_name, cycles, plan
from probecost.plan.workflow import case_entry, case_of, perf_test_entries, specs_of, workflow, write_workflow
from probecost.plan.workflow_changes import changes
from probecost.plan.workflow_reading import Workflow, read_workflow

SPECS = (
    PerfTestSpec("throughput", "single", 2.0),
    PerfTestSpec("throughput", "multi", 2.5, 4, "10G"),
    PerfTestSpec("latency", "tcp_rr", 1.0),
)
Content = dict[str, Any]
Edit = Callable[[list[Content]], object]


def case(key: str, number: int, kind: PairKind = "host") -> Case:
    tool = key.split("-")[1]
    parameters = (("direction", "rx"), ("protocol", "tcp"))
    command = f"sudo tools/{tool}.bt '{key}' \u00e4"
    return Case("bed", key, number, key, command, tool, "c/d", kind, parameters, "abc123", 10.0, f"tools/{tool}.bt")


def environment(name: str = "bed", **more: Any) -> Environment:
    nodes = {node: SshHost(node, "192.0.2.1", "/tmp/w") for node in ("a", "b")}
    sides = [PairSide(node, f"198.51.100.{number}", "eth1", node) for number, node in enumerate(nodes, 1)]
    pairs: dict[PairKind, TestPair] = {kind: TestPair(kind, *sides) for kind in ("host", "vm")}
    values: dict[str, Any] = {
        "name": name,
        "folder": Path("config") / name,
        "nodes": nodes,
        "ssh_config": None,
        "pairs": pairs,
        "perf_tests": SPECS,
        "tools_dir": "tools",
        "local_tools_dir": None,
        "python_interpreter": "python3",
        "port_range": (20000, 29999),
        "variables": {"vm": {"VM_INTERFACE": "vnet3"}},
    }
    return Environment(**values | more)


CASES = (case("host-b-rx", 1), case("vm-a-rx", 2, "vm"), case("host-a-rx", 3), case("host-b-tx", 4))
KEYS = ["host-b-rx", "host-b-tx", "host-a-rx", "vm-a-rx"]


def planned(settings: Settings, *names: str) -> Plan:
    return plan({name: Planned(environment(name), CASES, SPECS) for name in names or ("bed",)}, settings)


def written(tmp_path: Path, settings: Settings, *names: str, edit: Edit | None = None) -> Path:
    """A workflow file, with its cycles edited; one line per value, so that lines tell."""
    file = tmp_path / "w.json"
    whole = planned(settings, *names)
    write_workflow(workflow(whole, whole.items, 0.0), file, pretty=True)
    if edit is not None:
        content = json.loads(file.read_text())
        edit(content["test_sequence"])
        file.write_text(json.dumps(content, indent=1))
    return file


def refusal(file: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_workflow(file)
    return str(caught.value)


class TestSequence:
    def test_iteration_environment_pair_tool_case(self) -> None:
        found = planned(Settings(iterations=2), "one", "two").items
        assert [item.case.key for item in found] == KEYS * 4
        assert [item.id for item in found[3:5]] == ["one:vm-a-rx-iteration_001", "two:host-b-rx-iteration_001"]
        assert [item.turn.iteration for item in found] == [1] * 8 + [2] * 8

    def test_ids_hold_no_more_than_they_must(self) -> None:
        assert [item.id for item in planned(Settings()).items] == KEYS
        assert planned(Settings(), "one", "two").items[0].id == "one:host-b-rx"
        assert planned(Settings(iterations=2)).items[0].id == "host-b-rx-iteration_001"

    def test_cycles_are_all_visits_in_a_row(self) -> None:
        items = planned(Settings(units=3)).items
        found = list(cycles([*items, *items]))
        assert [cycle.visit for cycle in found] == [visit for item in items for visit in item.visits]
        assert len({cycle.id for cycle in found}) == 24

    def test_a_shared_baseline_is_there_once_per_turn_and_pair(self) -> None:
        found = list(cycles(planned(Settings(units=2, baseline="shared", iterations=2)).items))
        shared = [cycle.id for cycle in found if cycle.visit.shared]
        assert shared == [f"bed/iteration_00{n}/{kind}/shared/baseline" for n in (1, 2) for kind in ("host", "vm")]
        assert len(found) == 2 * (2 + 4 * 2)

    def test_switched_flows_come_after_one_pair_of_visits(self) -> None:
        found = list(cycles(planned(Settings(units=2, schedule="switched")).items))
        assert [cycle.id.split("/", 3)[3] for cycle in found[:4]] == [
            "u001/tool" if found[0].visit.arm == "tool" else "u001/baseline",
            "u001/baseline" if found[0].visit.arm == "tool" else "u001/tool",
            "u001/switched",
            "u002/switched",
        ]
        assert len(found) == 4 * (2 + 2)

    def test_flows_are_not_switched_where_nothing_counts_them(self) -> None:
        blind = environment(variables={"vm": {"VM_INTERFACE": ""}})
        settings = Settings(schedule="switched")
        with pytest.raises(ConfigError, match="bed: the server's interface on the vm pair is not known") as caught:
            plan({"bed": Planned(blind, CASES, SPECS)}, settings)
        assert "--schedule visits" in str(caught.value)
        hosts_only = tuple(case for case in CASES if case.pair_kind == "host")
        assert plan({"bed": Planned(blind, hosts_only, SPECS)}, settings).items

    def test_two_environments_of_one_name(self) -> None:
        one = Planned(environment(), CASES, SPECS)
        with pytest.raises(ConfigError, match="both declare the environment 'bed'"):
            by_name([one, replace(one, environment=environment(folder=Path("elsewhere")))])


ALL_SETTINGS = (
    Settings(),
    Settings(units=3, seed=5, iterations=2),
    Settings(units=2, baseline="shared", seed=1, iterations=2, perf_tests=("latency",), duration_s=0.5),
    Settings(units=3, seed=2, schedule="switched"),
    Settings(units=2, baseline="shared", schedule="switched"),
)


class TestRoundTrip:
    @pytest.mark.parametrize("settings", ALL_SETTINGS)
    def test_what_is_written_comes_back(self, tmp_path: Path, settings: Settings) -> None:
        whole = planned(settings, "one", "two")
        content = workflow(whole, whole.items, 0.0)
        write_workflow(content, tmp_path / "w.json")
        found = read_workflow(tmp_path / "w.json")
        assert found.content == content
        assert found.items == tuple(
            replace(item, case=replace(item.case, environment=item.turn.environment)) for item in whole.items
        )
        assert (found.settings, found.environments) == (settings, ("one", "two"))
        assert found.perf_tests == {"one": SPECS, "two": SPECS}
        assert "\n" not in (tmp_path / "w.json").read_text()[:-1]

    def test_single_values(self) -> None:
        assert specs_of(perf_test_entries(SPECS)) == SPECS
        for one in CASES:
            assert case_of(case_entry(one), "bed", one.pair_kind) == one

    def test_nothing_of_a_case_or_a_perf_test_is_left_out(self) -> None:
        """A field that is new in either must be in the file too: with another value it must come back."""
        other = {"str": "other", "int": 77, "float": 7.5, "str | None": "other", "PerfType": "pps", "ConnType": "multi"}
        other |= {"PairKind": "vm", "Attaches": "none", "tuple[tuple[str, str], ...]": (("a", "b"),)}
        for field in fields(PerfTestSpec):
            spec = replace(SPECS[0], **{field.name: other[str(field.type)]})
            assert specs_of(perf_test_entries([spec])) == (spec,), field.name
        for field in fields(Case):
            one = replace(CASES[0], **{field.name: "abcdef" if field.name == "hash" else other[str(field.type)]})
            assert case_of(case_entry(one), one.environment, one.pair_kind) == one, field.name

    def test_metadata(self) -> None:
        whole = planned(Settings(units=2, seed=7, iterations=3))
        metadata = workflow(whole, whole.items[:2], 1_795_383_300.9).metadata
        assert metadata.generation_time == "2026-11-22T21:35:00Z"
        assert (metadata.total_test_cycles, metadata.environments, metadata.seed) == (8, ("bed",), 7)
        assert metadata.estimated_duration == pytest.approx(expected_duration_s(CASES[:2], SPECS, units=2))

    def test_the_estimate_of_a_shared_baseline(self) -> None:
        whole = planned(Settings(units=2, baseline="shared"))
        metadata = workflow(whole, whole.items, 0.0).metadata
        assert metadata.estimated_duration == pytest.approx(expected_duration_s(CASES, SPECS, 2, "shared"))

    def test_a_cycle(self) -> None:
        whole = planned(Settings(seed=3))
        tool, baseline = sorted(
            workflow(whole, whole.items[:1], 0.0).test_sequence, key=lambda entry: entry.ebpf_case is None
        )
        assert tool.cycle_id == "bed/iteration_001/host-b-rx/u001/tool"
        assert tool.result_path == "bed/iteration_001/*/performance-test-results/ebpf/b_case_1_abc123/host"
        assert baseline.result_path == "bed/iteration_001/*/performance-test-results/baseline/host"
        assert tool.test_cycle.init_hook.ebpf_startup_command == CASES[0].command
        assert (tool.expected_duration, baseline.expected_duration) == (10.0, 7.0)
        assert (baseline.cycle_type, baseline.case_key, baseline.ebpf_case) == ("baseline", "host-b-rx", None)

    def test_files_of_tools_with_odd_names(self, tmp_path: Path) -> None:
        tools = tmp_path / "tools"
        tools.mkdir()
        for name in (b"b.bt", b"\xff.bt", "\u00e4 '\n.bt".encode()):
            Path(os.fsdecode(os.fsencode(tools) + b"/" + name)).write_text("x")
        whole = plan({"bed": Planned(environment(local_tools_dir=tools), CASES[:1], SPECS)}, Settings())
        write_workflow(workflow(whole, whole.items, 0.0), tmp_path / "w.json")
        found = read_workflow(tmp_path / "w.json")
        assert list(found.content.global_config.environments["bed"].tool_files) == [
            "tools/\\udcff.bt",
            "tools/b.bt",
            "tools/\u00e4 '\n.bt",
        ]
        assert changes(found, whole.environments) == []

    def test_a_tool_file_that_cannot_be_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "b.bt").write_text("x")
        whole = plan({"bed": Planned(environment(local_tools_dir=tmp_path), CASES[:1], SPECS)}, Settings())

        def refuse(file: Path) -> bytes:
            raise PermissionError(13, "Permission denied", str(file))

        monkeypatch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(ToolError, match=r"b\.bt cannot be read: Permission denied"):
            workflow(whole, whole.items, 0.0)

    def test_the_garbage_collector_runs_again(self, tmp_path: Path) -> None:
        assert gc.isenabled()
        with pytest.raises(ConfigError):
            read_workflow(tmp_path / "missing.json")
        read_workflow(written(tmp_path, Settings()))
        assert gc.isenabled()

    def test_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        whole = planned(Settings())
        with pytest.raises(ProbecostError, match=r"w\.json: the workflow cannot be written"):
            write_workflow(workflow(whole, whole.items, 0.0), tmp_path / "missing" / "w.json")


def move(old: int, new: int, count: int) -> Edit:
    def edit(sequence: list[Content]) -> None:
        part = [sequence.pop(old) for _ in range(count)]
        sequence[new:new] = part

    return edit


def remove(*indexes: int) -> Edit:
    return lambda sequence: [sequence.pop(index) for index in sorted(indexes, reverse=True)]


def put(index: int, path: str, value: object) -> Edit:
    def edit(sequence: list[Content]) -> None:
        target: Any = sequence[index]
        *parts, last = path.split(".")
        for part in parts:
            target = target[int(part)] if part.isdigit() else target[part]
        target[last] = value

    return edit


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
            (move(4, 2, 4), "case_key = \"host-b-rx\": the cycles of a case stand together: others of host-b-rx are"),
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
            (remove(0), "no shared baseline of the host pair of bed stands before it"),
            (move(0, 1, 1), "no shared baseline of the host pair of bed stands before it"),
            (move(7, 1, 1), "a shared baseline stands right before the first case of the vm pair"),
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
        assert "and 110 more like these" in text


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


class TestChanges:
    def changes(self, tmp_path: Path, now: Planned, edit: Edit | None = None) -> list[str]:
        return changes(read_workflow(written(tmp_path, Settings(), edit=edit)), {"bed": now})

    def test_none(self, tmp_path: Path) -> None:
        assert self.changes(tmp_path, Planned(environment(), CASES, SPECS)) == []
        assert self.changes(tmp_path, Planned(environment(), (*CASES, case("host-new", 9)), SPECS)) == []
        assert self.changes(tmp_path, Planned(environment(folder=Path("x/y")), CASES[::-1], SPECS)) == []

    def test_cases(self, tmp_path: Path) -> None:
        now = (replace(CASES[0], command="other", stop_signal="SIGTERM"), *CASES[2:])
        assert self.changes(tmp_path, Planned(environment(), now, SPECS)) == [
            f'bed: case host-b-rx: command: "{CASES[0].command}" -> "other"',
            'bed: case host-b-rx: stop_signal: "SIGINT" -> "SIGTERM"',
            "bed: case vm-a-rx: is not among its cases any more",
        ]

    def test_environment(self, tmp_path: Path) -> None:
        nodes = {"a": SshHost("a", "192.0.2.1", "/tmp/w", port=2222), "b": SshHost("b", "192.0.2.7", "/tmp/w")}
        now = environment(nodes=nodes, port_range=(1000, 2000), perf_tests=SPECS[1:])
        assert self.changes(tmp_path, Planned(now, CASES, now.perf_tests)) == [
            "bed: nodes.a.port: null -> 2222",
            'bed: nodes.b.host: "192.0.2.1" -> "192.0.2.7"',
            "bed: port_range: [20000, 29999] -> [1000, 2000]",
            "bed: perf test throughput:single: is gone",
        ]

    def test_a_pair_that_no_case_needs(self, tmp_path: Path) -> None:
        full = environment()
        now = Planned(environment(pairs={"host": full.pairs["host"]}), CASES, SPECS)
        assert self.changes(tmp_path, now) == ["bed: test_pairs.vm: is gone"]
        assert self.changes(tmp_path, now, edit=remove(6, 7)) == []

    def test_perf_tests_in_another_order(self, tmp_path: Path) -> None:
        found = self.changes(tmp_path, Planned(environment(perf_tests=SPECS[::-1]), CASES, SPECS))
        assert found == [
            "bed: perf tests: another order: throughput:single, throughput:multi, latency:tcp_rr -> "
            "latency:tcp_rr, throughput:multi, throughput:single"
        ]

    def test_files_of_tools_that_were_removed_from_the_workflow(self, tmp_path: Path) -> None:
        tools = tmp_path / "tools"
        for name in ("a", "b"):
            (tools / name).mkdir(parents=True)
            (tools / name / "x.bt").write_text(name)
        own = tuple(replace(one, tool_file=f"tools/{one.tool_id}/x.bt") for one in CASES)
        now = Planned(environment(local_tools_dir=tools), own, SPECS)
        whole = plan({"bed": now}, Settings())
        write_workflow(workflow(whole, whole.items, 0.0), tmp_path / "w.json")
        (tools / "a" / "x.bt").write_text("changed")
        found = changes(read_workflow(tmp_path / "w.json"), {"bed": now})
        assert [line.split(": ")[1] for line in found] == ["tool_files.tools/a/x.bt"]
        content = json.loads((tmp_path / "w.json").read_text())
        content["test_sequence"] = content["test_sequence"][:4]
        (tmp_path / "w.json").write_text(json.dumps(content))
        assert changes(read_workflow(tmp_path / "w.json"), {"bed": now}) == []
