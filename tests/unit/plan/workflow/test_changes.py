"""Where an environment is not any more what a workflow was written for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from helpers.plan_workflows import (
    CASES,
    SPECS,
    Edit,
    case,
    environment,
    plain,
    remove,
    written,
)

from probecost.config.environment import SshHost
from probecost.plan.plan import Planned, plan
from probecost.plan.settings import Settings
from probecost.plan.workflow.changes import changes
from probecost.plan.workflow.read import read_workflow
from probecost.plan.workflow.write import workflow, write_workflow


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
        whole = plan({"bed": now}, plain(Settings()))
        write_workflow(workflow(whole, whole.items, 0.0), tmp_path / "w.json")
        (tools / "a" / "x.bt").write_text("changed")
        found = changes(read_workflow(tmp_path / "w.json"), {"bed": now})
        assert [line.split(": ")[1] for line in found] == ["tool_files.tools/a/x.bt"]
        content = json.loads((tmp_path / "w.json").read_text())
        content["test_sequence"] = content["test_sequence"][:4]
        (tmp_path / "w.json").write_text(json.dumps(content))
        assert changes(read_workflow(tmp_path / "w.json"), {"bed": now}) == []
