"""What ``validate`` finds in a tree that is whole, and in the same tree with one thing wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.analysis_tree import (
    CASE_KEY,
    CLIENT,
    SECOND_NS,
    SERVER,
    Tree,
    load_counters,
    netperf,
    tcp_client,
    tcp_server,
)
from helpers.validation_tree import (
    delete_output,
    leave_half_a_file,
    one,
    only,
    rewrite,
    told,
    too_many_cpus,
    validated,
    whole_tree,
)

from probecost.analysis.check.completeness import State, validate
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import study_run
from probecost.analysis.tree.problem import Kind
from probecost.errors import ConfigError
from probecost.results import layout


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


def more_lost_than_sent(tree: Tree) -> None:
    file = one(tree, "baseline/host/pps/single_*/client_results/*.txt")
    what = json.loads(file.read_text())
    for summary in what["end"].values():
        if isinstance(summary, dict) and "packets" in summary:
            summary["lost_packets"] = 2 * summary["packets"] + 100
    file.write_text(json.dumps(what))


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
        (more_lost_than_sent, "datagrams lost of those sent: "),
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
        validate(study_run(tmp_path, Settings()))


def test_an_empty_tree_is_a_tree_with_everything_missing(tmp_path: Path) -> None:
    (tmp_path / "node" / layout.TREE).mkdir(parents=True)
    found = validate(study_run(tmp_path, Settings()))
    assert not found.is_clean
    assert told(found, Kind.MISSING) == ["holds no case that was measured (.)"]
