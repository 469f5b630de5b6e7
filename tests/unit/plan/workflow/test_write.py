"""Workflow files: what is written comes back."""

from __future__ import annotations

import gc
import os
from dataclasses import fields, replace
from pathlib import Path

import pytest
from helpers.plan_workflows import (
    CASES,
    SPECS,
    environment,
    plain,
    planned,
    written,
)

from probecost.config.budgets import budgets_of
from probecost.config.environment import Case, OtherVersion, PerfTestSpec
from probecost.errors import ConfigError, ProbecostError, ToolError
from probecost.plan.plan import Planned, expected_s, plan
from probecost.plan.settings import Settings
from probecost.plan.workflow.changes import changes
from probecost.plan.workflow.mapping import case_entry, case_of, perf_test_entries, specs_of
from probecost.plan.workflow.read import read_workflow
from probecost.plan.workflow.write import workflow, write_workflow
from probecost.results.offered_load import Load

ALL_SETTINGS = (
    Settings(),
    Settings(units=3, seed=5, iterations=2),
    Settings(units=2, baseline="shared", seed=1, iterations=2, perf_tests=("latency",), duration_s=0.5),
    Settings(units=3, seed=2, schedule="switched"),
    Settings(units=2, baseline="shared", schedule="switched"),
    Settings(precision_pct=2.5, time_budget_s=7200.0, units=24, schedule="switched"),
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
        assert (found.settings, found.environments) == (plain(settings), ("one", "two"))
        assert found.perf_tests == {"one": SPECS, "two": SPECS}
        assert "\n" not in (tmp_path / "w.json").read_text()[:-1]

    def test_single_values(self) -> None:
        assert specs_of(perf_test_entries(SPECS), "host") == SPECS
        for one in CASES:
            assert case_of(case_entry(one), "bed", one.pair_kind) == one

    def test_nothing_of_a_case_or_a_perf_test_is_left_out(self) -> None:
        """A field that is new in either must be in the file too: with another value it must come back."""
        other = {"str": "other", "int": 77, "float": 7.5, "str | None": "other", "PerfType": "pps", "ConnType": "multi"}
        other |= {"PairKind": "vm", "Attaches": "none", "tuple[tuple[str, str], ...]": (("a", "b"),)}
        other["tuple[Budget, ...]"] = budgets_of({"latency_p99:udp_rr": 2.5, "pps:multi": 30.0})
        other |= {"Load | None": Load.parse("25%"), "int | None": 77}
        other["OtherVersion | None"] = OtherVersion("other", "tools/other")
        for field in fields(PerfTestSpec):
            if field.name in ("resolved_rate", "pair_kind"):  # they belong to a load in percent
                changed = {"load": Load.parse("25%"), "resolved_rate": 7.5, "pair_kind": "vm"}
            else:
                changed = {field.name: other[str(field.type)]}
            spec = replace(SPECS[0], **changed)
            assert specs_of(perf_test_entries([spec]), "vm") == (spec,), field.name
        for field in fields(Case):
            one = replace(CASES[0], **{field.name: "abcdef" if field.name == "hash" else other[str(field.type)]})
            assert case_of(case_entry(one), one.environment, one.pair_kind) == one, field.name

    def test_metadata(self) -> None:
        whole = planned(Settings(units=2, seed=7, iterations=3))
        metadata = workflow(whole, whole.items[:2], 1_795_383_300.9).metadata
        assert metadata.generation_time == "2026-11-22T21:35:00Z"
        assert (metadata.total_test_cycles, metadata.environments, metadata.seed) == (8, ("bed",), 7)
        assert metadata.estimated_duration == pytest.approx(expected_s(whole.items[:2], whole.environments))

    def test_the_estimate_of_a_shared_baseline(self) -> None:
        whole = planned(Settings(units=2, baseline="shared"))
        metadata = workflow(whole, whole.items, 0.0).metadata
        assert metadata.estimated_duration == pytest.approx(expected_s(whole.items, whole.environments))

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
        whole = plan({"bed": Planned(environment(local_tools_dir=tools), CASES[:1], SPECS)}, plain(Settings()))
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
        whole = plan({"bed": Planned(environment(local_tools_dir=tmp_path), CASES[:1], SPECS)}, plain(Settings()))

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
