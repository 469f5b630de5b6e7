"""What ``validate`` finds in a tree that is whole, and in the same tree with one thing wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from analysis_tree import (
    CASE,
    CASE_KEY,
    CLIENT,
    SECOND_NS,
    SERVER,
    Tree,
    full_tree,
    load_counters,
    netperf,
    stat,
    tcp_client,
    tcp_server,
)

from analysis.problems import Kind
from analysis.study import study_run
from analysis.validation import CaseValidation, State, Validation, validate
from cli.main import main
from probecost import layout
from probecost.errors import ConfigError


def whole_tree(folder: Path) -> Tree:
    """Two units, six perf tests, all that a run leaves: the node's counters of each perf test too."""
    tree = full_tree(folder)
    add_counters(tree)
    return tree


def add_counters(tree: Tree) -> None:
    for file in tree.root.rglob("metadata_*.json"):
        what = json.loads(file.read_text())
        if what["tool"] is not None:
            rewrite(file, tool={**what["tool"], "outcome": "ready"})
        monitoring = file.parent / layout.MONITORING
        monitoring.mkdir(exist_ok=True)
        for name, text in ((layout.COUNTERS_FILE, load_counters(1.0)), (layout.STAT_FILE, stat((0, 0), (50, 50)))):
            if not (monitoring / name).exists():
                (monitoring / name).write_text(text)


def rewrite(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def validated(tree: Tree) -> Validation:
    return validate(study_run(tree.root))


def only(found: Validation) -> CaseValidation:
    (case,) = found.cases
    return case


def told(found: Validation, kind: Kind) -> list[str]:
    problems = (*(problem for case in found.cases for problem in case.problems), *found.problems)
    return [problem.text(found.root) for problem in problems if problem.kind is kind]


def one(tree: Tree, pattern: str, node: str = CLIENT) -> Path:
    """The first file below the node's tree."""
    return sorted(tree.node(node).glob(pattern))[0]


def test_a_whole_tree_is_clean(tmp_path: Path) -> None:
    found = validated(whole_tree(tmp_path))
    case = only(found)
    assert found.is_clean
    assert (case.state, case.outcome) == (State.COMPLETE, "passed")
    assert [(test.perf_test, test.conn_type) for test in case.tests][:3] == [
        ("latency", "tcp_rr"),
        ("latency", "udp_rr"),
        ("throughput", "single"),
    ]
    assert {(test.n_complete, test.n_planned, test.schedule) for test in case.tests} == {(2, 2, "visits")}
    assert not told(found, Kind.MISSING) + told(found, Kind.IMPLAUSIBLE)


def delete_output(tree: Tree) -> None:
    one(tree, "ebpf/*/host/latency/tcp_rr_*/client_results/*.txt").unlink()


def truncate_output(tree: Tree) -> None:
    file = one(tree, "baseline/host/throughput/single_*/client_results/*.json")
    file.write_text(file.read_text()[:100])


def delete_visit(tree: Tree) -> None:
    for node in (CLIENT, SERVER):
        shutil.rmtree(one(tree, "ebpf/*/host/pps/multi_*", node))


def tool_not_ready(tree: Tree) -> None:
    for node in (CLIENT, SERVER):
        rewrite(one(tree, "ebpf/*/host/pps/multi_*/metadata_*", node), tool={"file": "x", "outcome": "timeout"})


def delete_counters(tree: Tree) -> None:
    one(tree, "baseline/host/latency/tcp_rr_*/monitoring/counters.json").unlink()


def damage_counters(tree: Tree) -> None:
    one(tree, "baseline/host/latency/tcp_rr_*/monitoring/counters.json").write_text("{")


def delete_stat(tree: Tree) -> None:
    one(tree, "baseline/host/throughput/single_*/monitoring/stat.log", SERVER).unlink()


def leave_half_a_file(tree: Tree) -> None:
    (tree.root / "lab" / ".x.json.part").write_text("{")


def no_end(tree: Tree) -> None:
    rewrite(tree.root / layout.RUN_FILE, ended_ns=None)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (delete_output, "latency tcp_rr: the file is missing"),
        (truncate_output, "throughput single: broken or truncated JSON"),
        (delete_visit, "unit 1, tool visit, pps multi: there are no results"),
        (tool_not_ready, "the tool did not start"),
        (delete_counters, "is not there: foreign load and set-up on host-client were not checked"),
        (damage_counters, "cannot be used: foreign load and set-up on host-client were not checked"),
        (delete_stat, "no CPU time per gigabyte"),
        (leave_half_a_file, "did not arrive whole: fetch it again (lab/.x.json.part)"),
        (no_end, "the run has no end"),
    ],
)
def test_what_is_missing_is_told(tmp_path: Path, damage: Callable[[Tree], None], reason: str) -> None:
    tree = whole_tree(tmp_path)
    damage(tree)
    found = validated(tree)
    assert not found.is_clean
    (line,) = told(found, Kind.MISSING)
    assert reason in line


def nothing_received(tree: Tree) -> None:
    for node, part, text in ((CLIENT, "client_results", tcp_client(0, 0)), (SERVER, "server_results", tcp_server(0))):
        one(tree, f"ebpf/*/host/throughput/single_*/{part}/*.json", node).write_text(text)


def too_short(tree: Tree) -> None:
    one(tree, "ebpf/*/host/latency/tcp_rr_*/client_results/*.txt").write_text(netperf(30.0, seconds=0.6))


def too_quick(tree: Tree) -> None:
    file = one(tree, "ebpf/*/host/latency/tcp_rr_*/client_results/*.txt")
    file.write_text(netperf(1.5, least_us=1, most_us=20))


def more_than_sent(tree: Tree) -> None:
    file = one(tree, "baseline/host/throughput/single_*/client_results/*.json")
    file.write_text(tcp_client(10e9, 20e9))


def over_the_line(tree: Tree) -> None:
    for node in (CLIENT, SERVER):
        for file in tree.node(node).glob("baseline/host/throughput/single_*/metadata_*"):
            facts = json.loads(file.read_text())["facts"]
            facts[SERVER]["interfaces"][1]["speed_mbps"] = 10_000
            rewrite(file, facts=facts)


def backwards(tree: Tree) -> None:
    for node in (CLIENT, SERVER):
        file = one(tree, "baseline/host/latency/tcp_rr_*/metadata_*", node)
        rewrite(file, end_ns=json.loads(file.read_text())["start_ns"] - SECOND_NS)


def short_times(tree: Tree) -> None:
    for node in (CLIENT, SERVER):
        file = one(tree, "baseline/host/latency/tcp_rr_*/metadata_*", node)
        rewrite(file, end_ns=json.loads(file.read_text())["start_ns"] + SECOND_NS // 2)


def unknown_times(tree: Tree) -> None:
    for node in (CLIENT, SERVER):
        rewrite(one(tree, "baseline/host/latency/tcp_rr_*/metadata_*", node), end_ns=None)


def unknown_tool(tree: Tree) -> None:
    for node in (CLIENT, SERVER):
        rewrite(one(tree, "ebpf/*/host/pps/multi_*/metadata_*", node), tool=None)


def half_attached(tree: Tree) -> None:
    for node in (CLIENT, SERVER):
        tool = {"file": "x", "outcome": "partial", "time_to_ready_s": 1}
        rewrite(one(tree, "ebpf/*/host/pps/multi_*/metadata_*", node), tool=tool)


def measured_twice(tree: Tree) -> None:
    for node in (CLIENT, SERVER):
        folder = one(tree, "baseline/host/latency/udp_rr_*", node)
        ts = f"{folder.name.removeprefix('udp_rr_')[:-3]}999"
        copy = shutil.copytree(folder, folder.with_name(f"udp_rr_{ts}"))
        next(copy.glob("metadata_*")).rename(copy / f"metadata_{ts}.json")


def too_many_cpus(tree: Tree) -> None:
    file = one(tree, "ebpf/*/host/ebpf_monitoring/tool_cpu_usage_*", SERVER)
    file.write_text(file.read_text().replace(" 5.00\n", " 500.00\n"))


def monitor_gap(tree: Tree) -> None:
    file = one(tree, "ebpf/*/host/ebpf_monitoring/tool_memory_*", SERVER)
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:5] + lines[10:]))


def no_monitor(tree: Tree) -> None:
    one(tree, "ebpf/*/host/ebpf_monitoring/tool_logsize_*", SERVER).unlink()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (nothing_received, "0 bits/s were received"),
        (too_short, "netperf measured 0.6 s of 1 s"),
        (too_quick, "a mean round trip of 1.5 us: no network stack answers within 2 us"),
        (more_than_sent, "more was received than sent: 20000000000 and 10000000000 bits/s"),
        (over_the_line, "bits/s were received over a line of 10000000000"),
        (backwards, "ends 1 s before it starts"),
        (short_times, "ran 0.50 s by its times, 1 s were asked for"),
        (unknown_times, "start or end of the perf test is unknown"),
        (unknown_tool, "does not tell whether the tool was ever ready"),
        (half_attached, "not all of the tool's programs were attached"),
        (measured_twice, "was measured twice: also in baseline/host/latency/udp_rr_"),
        (too_many_cpus, "the tool used 500 % of a core on a node of 2 CPUs"),
        (monitor_gap, "holds no sample for 6 s of this visit's perf tests"),
        (no_monitor, "no tool_logsize log has a sample in this visit's perf tests"),
    ],
)
def test_what_cannot_be_true_is_told(tmp_path: Path, damage: Callable[[Tree], None], reason: str) -> None:
    tree = whole_tree(tmp_path)
    damage(tree)
    found = validated(tree)
    assert not found.is_clean
    assert any(reason in line for line in told(found, Kind.IMPLAUSIBLE)), told(found, Kind.IMPLAUSIBLE)


def test_what_a_gate_voided_is_no_fault_while_a_unit_is_left(tmp_path: Path) -> None:
    tree = whole_tree(tmp_path)
    for node in (CLIENT, SERVER):
        one(tree, "baseline/host/latency/tcp_rr_*/monitoring/counters.json", node).write_text(load_counters(80.0))
    found = validated(tree)
    (line,) = told(found, Kind.VOID)
    assert "used 80 % of a core" in line
    assert found.is_clean
    assert [test.n_complete for test in only(found).tests] == [1, 2, 2, 2, 2, 2]


PAIRS = [(pair, arm, 1000) for pair in (1, 2) for arm in ("baseline", "tool")]


def flow_tree(folder: Path, flows: int = 3, segments: list[tuple[int, str, int]] = PAIRS, **metadata: Any) -> Tree:
    """One pair of visits and flows of latency, of which three were asked for."""
    tree = Tree(folder, units=3)
    for arm in layout.ARMS:
        tree.perf_test(arm, 1, "latency", "tcp_rr", client=[netperf(20.0)], planned_units=[1])
    tree.monitors(tree.now_ns - 2 * SECOND_NS, [(0.5 + at, 5.0, 4000, 100) for at in range(-1, 3)])
    for unit in range(1, flows + 1):
        given = segments if unit == 1 else PAIRS
        more = metadata if unit == 1 else {}
        tool = {"outcome": "ready", "time_to_ready_s": 0.1}
        tree.flow(unit, "latency", "tcp_rr", given, counter="rx_packets", tool=tool, planned_units=[1], **more)
    tree.run_file({CASE_KEY: {"outcome": "passed", "message": ""}})
    add_counters(tree)
    return tree


def test_flows_are_counted_apart_from_visits(tmp_path: Path) -> None:
    found = validated(flow_tree(tmp_path))
    assert [(test.schedule, test.n_complete, test.n_planned) for test in only(found).tests] == [
        ("visits", 1, 1),
        ("switched", 3, 3),
    ]
    assert found.is_clean, told(found, Kind.MISSING)


def test_a_flow_that_is_not_there_is_missing(tmp_path: Path) -> None:
    found = validated(flow_tree(tmp_path, flows=2))
    (line,) = told(found, Kind.MISSING)
    assert line.startswith("unit 3, switched visit, latency tcp_rr: the flow is not there")


def test_a_plan_that_stops_by_itself_does_not_say_how_many_flows_there_are(tmp_path: Path) -> None:
    tree = flow_tree(tmp_path, flows=2)
    rewrite(tree.root / layout.RUN_FILE, options={"precision_pct": 3})
    assert validated(tree).is_clean


@pytest.mark.parametrize(
    ("segments", "kind", "reason"),
    [
        (PAIRS[:3], Kind.MISSING, "pair 2 has no segment of the tool"),
        ([*PAIRS[:3], (2, "tool", 0)], Kind.IMPLAUSIBLE, "nothing arrived in 1 of 4 segments"),
        ([*PAIRS[:3], (2, "tool", 400_000)], Kind.IMPLAUSIBLE, "a mean round trip of 1.25 us"),
    ],
)
def test_segments_are_looked_at(tmp_path: Path, segments: list[tuple[int, str, int]], kind: Kind, reason: str) -> None:
    found = validated(flow_tree(tmp_path, segments=segments))
    assert any(reason in line for line in told(found, kind)), told(found, kind)
    assert not found.is_clean


def test_a_flow_with_a_clock_that_nobody_knows_is_told(tmp_path: Path) -> None:
    clocks = {CLIENT: {"offset_ns": 10 * SECOND_NS}}
    found = validated(flow_tree(tmp_path, clocks=clocks))
    assert any("the clock offset of host-server is unknown" in line for line in told(found, Kind.IMPLAUSIBLE))


def test_a_case_that_was_not_run_is_told(tmp_path: Path) -> None:
    tree = whole_tree(tmp_path)
    other = {"case_key": "host-other", "environment": "lab", "iteration": 1, "outcome": "not run"}
    tree.run_file({CASE_KEY: {"outcome": "passed"}, "host-other": other})
    found = validated(tree)
    assert [(case.id.case_key, case.state) for case in found.cases] == [
        (CASE_KEY, State.COMPLETE),
        ("host-other", State.NOT_RUN),
    ]
    assert not found.is_clean


def test_a_node_that_was_started_anew_is_a_remark(tmp_path: Path) -> None:
    tree = whole_tree(tmp_path)
    for number, file in enumerate(sorted(tree.root.rglob("metadata_*.json"))):
        facts = json.loads(file.read_text())["facts"]
        facts[SERVER]["boot_id"] = f"boot-{number % 2}"
        rewrite(file, facts=facts)
    found = validated(tree)
    assert any("started anew during the iteration: 2 boots" in line for line in told(found, Kind.REMARK))
    assert found.is_clean


def test_what_is_no_results_tree_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is no results folder: there is no run\.json in it"):
        validate(study_run(tmp_path))


def test_an_empty_tree_is_a_tree_with_everything_missing(tmp_path: Path) -> None:
    (tmp_path / "node" / layout.TREE).mkdir(parents=True)
    found = validate(study_run(tmp_path))
    assert not found.is_clean
    assert told(found, Kind.MISSING) == ["holds no case that was measured (.)"]


def test_the_command_says_what_is_complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = whole_tree(tmp_path)
    assert main(["validate", "--results", str(tree.root)]) == 0
    out = capsys.readouterr().out
    assert f"{CASE_KEY}  1          complete  passed   visits 2 of 2" in out
    assert out.endswith(f"{tree.root}: 1 of 1 case complete and plausible\n")


def test_the_command_says_what_is_wrong_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = whole_tree(tmp_path)
    delete_output(tree)
    too_many_cpus(tree)
    assert main(["validate", "--results", str(tree.root)]) == 1
    out = capsys.readouterr().out
    assert "visits (latency tcp_rr 1 of 2, latency udp_rr 2 of 2," in out
    assert "  missing: unit 1, tool visit, latency tcp_rr: the file is missing (lab/iteration_001/host-client/" in out
    assert "  implausible: unit" not in out
    assert "  implausible: tool visit: the tool used 500 % of a core on a node of 2 CPUs (lab/" in out
    assert out.endswith("0 of 1 case complete and plausible (1 incomplete)\n")


def test_long_lists_are_cut_unless_all_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = whole_tree(tmp_path)
    for file in tree.node(CLIENT).rglob("counters.json"):
        file.unlink()
    assert main(["validate", "--results", str(tree.root)]) == 1
    assert "  missing: 16 more, with --all" in capsys.readouterr().out
    assert main(["validate", "--results", str(tree.root), "--all"]) == 1
    assert capsys.readouterr().out.count("  missing: ") == 24


def test_json_holds_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = whole_tree(tmp_path)
    delete_output(tree)
    leave_half_a_file(tree)
    assert main(["validate", "--results", str(tree.root), "--format", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    (case,) = document["cases"]
    assert document["complete"] is False
    assert (case["case_key"], case["state"], case["iteration"]) == (CASE_KEY, "incomplete", 1)
    assert case["perf_tests"][0] == {
        "perf_test": "latency",
        "conn_type": "tcp_rr",
        "schedule": "visits",
        "n_planned": 2,
        "n_complete": 1,
    }
    problem = next(entry for entry in case["problems"] if entry["kind"] == "missing")
    assert problem["file"].startswith(f"lab/iteration_001/{CLIENT}/{layout.TREE}/ebpf/{CASE.name}/host/latency/")
    assert (problem["arm"], problem["unit"], problem["perf_test"]) == ("tool", 1, "latency")
    assert document["problems"][0]["file"] == "lab/.x.json.part"


@pytest.mark.parametrize("folder", ["", "not-there"])
def test_the_command_refuses_what_is_no_results_tree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    assert main(["validate", "--results", str(tmp_path / folder)]) == 4
    assert str(tmp_path / folder) in capsys.readouterr().err


def test_a_folder_of_runs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole_tree(tmp_path)
    assert main(["validate", "--results", str(tmp_path)]) == 4
    assert "holds runs, and is none itself" in capsys.readouterr().err
