"""Switched flows: rates of segments, what voids one, and verdicts whose units are flows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pytest
from helpers.analysis_tree import CASE_KEY, OFFSETS_NS, SERVER, Tree, netperf

from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.parsers.segments import parse
from probecost.analysis.parsers.text import ParseError
from probecost.analysis.report.findings.status import switched_cases, units_line
from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import Study, study_run
from probecost.analysis.values.measurement import Measurement
from probecost.results.layout import BASELINE, TOOL, CaseFolder, PerfTestFolder, VisitFolder

PAIR = [(1, BASELINE, 1000), (1, TOOL, 800)]


def rows(study: Study, metric: str) -> list[Measurement]:
    return [row for row in study.measurements if row.is_switched and row.metric == metric]


def values(study: Study, metric: str) -> list[float]:
    return [row.value for row in rows(study, metric)]


def verdict(study: Study, metric: str) -> MetricVerdict:
    (found,) = (each for each in study.verdicts if each.metric.metric == metric and each.schedule == "switched")
    return found


@pytest.mark.parametrize(
    ("perf_test", "counter", "metric", "expected"),
    [
        ("latency", "rx_packets", "mean_us", [500.0, 625.0]),
        ("latency", "rx_packets", "transactions_per_s", [2000.0, 1600.0]),
        ("throughput", "rx_bytes", "received_bps", [16000.0, 12800.0]),
        ("pps", "udp_in_datagrams", "received_pps", [2000.0, 1600.0]),
    ],
)
def test_rates_come_from_the_counters_of_the_receiving_host(
    tmp_path: Path, perf_test: str, counter: str, metric: str, expected: Sequence[float]
) -> None:
    tree = Tree(tmp_path)
    tree.flow(1, perf_test, "tcp_rr" if perf_test == "latency" else "single", PAIR, counter=counter)
    assert values(study_run(tree.root, Settings()), metric) == expected


def test_what_a_guest_received_is_what_its_tap_sent(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.flow(1, "pps", "single", PAIR, counter="tx_packets", pair_kind="vm")
    assert values(study_run(tree.root, Settings()), "received_pps") == [2000.0, 1600.0]


def test_cpu_time_per_gigabyte_stands_beside_throughput(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.flow(1, "throughput", "single", PAIR, counter="rx_bytes")
    # two CPUs, 50 of 100 ticks of 10 ms not idle, for 1,000 and 800 bytes
    assert values(study_run(tree.root, Settings()), "cpu_s_per_gb") == pytest.approx([0.5 / 1e-6, 0.5 / 0.8e-6])


def test_a_segment_without_a_transaction_is_as_slow_as_it_is_long(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.flow(1, "latency", "tcp_rr", [(1, BASELINE, 1000), (1, TOOL, 0)], counter="rx_packets")
    assert values(study_run(tree.root, Settings()), "mean_us") == [500.0, 500_000.0]


def test_flows_are_units_and_pairs_are_averaged_within_them(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    for unit in range(1, 9):
        segments = [(1, TOOL, 800 + unit), (1, BASELINE, 1000), (2, BASELINE, 1000), (2, TOOL, 700 + unit)]
        tree.flow(unit, "latency", "tcp_rr", segments, counter="rx_packets")
    found = verdict(study_run(tree.root, Settings()), "mean_us")
    assert (found.n_units, found.schedule, found.verdict.word.value) == (8, "switched", "OVERHEAD")
    assert found.cost is not None
    # the geometric mean of 1000/804.5 and 1000/704.5
    assert found.cost.estimate_pct == pytest.approx(32.83, abs=0.05)


def test_flows_decide_where_there_are_visits_too(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)])
    tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(90)])
    tree.flow(1, "latency", "tcp_rr", PAIR, counter="rx_packets")
    study = study_run(tree.root, Settings())
    assert verdict(study, "mean_us").n_units == 1
    (case,) = study.cases
    comparison = case.get("latency", "tcp_rr", "mean_us")
    assert comparison is not None
    assert comparison.tool_mean == 90  # the tables are of visits with flows of their own


def test_every_report_says_that_flows_judge(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)])
    tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(90)])
    for unit in range(1, 9):
        tree.flow(unit, "latency", "tcp_rr", PAIR, counter="rx_packets")
    overview = write_reports(tree.root)
    for page in (overview, overview.parent / "lab" / "packet_drop_overview_iteration_001.md"):
        text = page.read_text()
        assert "Pairs of visits per case: 1. The verdicts come from switched flows, not from this table." in text
        assert "Below 8 units" not in text


def test_cases_that_were_not_switched_are_told_apart(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    for case_key in (CASE_KEY, "host-other"):
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)], case_key=case_key)
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(90)], case_key=case_key)
    tree.flow(1, "latency", "tcp_rr", PAIR, counter="rx_packets")
    study = study_run(tree.root, Settings())
    assert units_line(study.cases, switched_cases(study.verdicts)) == (
        "Units per case: 1. Below 8 units these are estimates without a verdict: a difference may be the noise of the "
        "test bed. Of 1 switched case: pairs of visits per case: 1. Their verdicts come from switched flows, not from "
        "this table."
    )


def test_segments_outside_of_the_flow_are_void_and_counted(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    segments = [
        (1, BASELINE, 1000),
        (1, TOOL, 800),
        *((at, arm, 900) for at in range(2, 11) for arm in (BASELINE, TOOL)),
    ]
    tree.flow(1, "latency", "tcp_rr", segments, counter="rx_packets")  # 20 segments, the last ends at 20.5 s of 20
    study = study_run(tree.root, Settings())
    assert [row.void_reason for row in rows(study, "mean_us")] == [""] * 19 + ["the flow had ended"]
    found = verdict(study, "mean_us")
    assert (found.n_units, found.n_void_baseline, found.n_void_tool) == (1, 0, 1)
    (problem,) = (each for each in study.problems if "segment" in each.reason)
    assert problem.reason == "segment 20 (tool) is not used: the flow had ended"


def test_clocks_of_the_two_nodes_are_aligned(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    assert OFFSETS_NS[SERVER] != 0
    tree.flow(1, "latency", "tcp_rr", PAIR, counter="rx_packets")
    assert {row.void_reason for row in rows(study_run(tree.root, Settings()), "mean_us")} == {""}
    tree.flow(2, "latency", "tcp_rr", PAIR, counter="rx_packets", clocks={})
    assert {row.void_reason for row in rows(study_run(tree.root, Settings()), "mean_us")} == {
        "",
        "the flow had not begun",
    }


def test_a_flow_that_failed_is_void(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.flow(1, "latency", "tcp_rr", PAIR, counter="rx_packets", error="netperf: lost")
    assert {row.void_reason for row in rows(study_run(tree.root, Settings()), "mean_us")} == {"failed: netperf: lost"}


def test_a_damaged_file_is_a_problem_of_its_case(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    place = tree.flow(1, "latency", "tcp_rr", PAIR, counter="rx_packets")
    path = tree.node(SERVER) / place.segments
    path.write_text(path.read_text().replace("tool", "fool"))
    (problem,) = study_run(tree.root, Settings()).problems
    assert (problem.where.case_key, problem.reason) == (CASE_KEY, "line 3 is damaged: there is no arm 'fool'")


HEAD = "segment,pair,arm,start_ns,end_ns,elapsed_ns,rx_packets_start,rx_packets_end"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "lacks the columns segment, pair, arm"),
        (f"{HEAD}\n1,1,tool,5,6,0,1,2\n", "line 2 is damaged: time or a counter runs backwards"),
        (f"{HEAD}\n1,1,tool,5,6,1,3,2\n", "line 2 is damaged: time or a counter runs backwards"),
        (f"{HEAD}\n1,1,tool,5,6,1,1,2\n2,1,baseline,7\n", "line 3 is damaged"),
    ],
)
def test_what_is_no_list_of_segments(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parse(text)


def test_the_place_of_a_flow_is_built_and_parsed_alike() -> None:
    visit = VisitFolder("host", CaseFolder("eth_drop", 1, "9d5e19"))
    place = PerfTestFolder(visit, "latency", "tcp_rr", "20261122_213512_000", is_switched=True)
    assert str(place.path) == "ebpf/eth_drop_case_1_9d5e19/host/switched/latency/tcp_rr_20261122_213512_000"
    assert PerfTestFolder.parse(place.path) == place
    loaded = PerfTestFolder(visit, "throughput", "single-load2.5G", "20261122_213512_000", is_switched=True)
    assert PerfTestFolder.parse(loaded.path) == loaded
    assert PerfTestFolder.parse(PurePosixPath("baseline/host/switched/latency/tcp_rr_20261122_213512_000")) is None


def voided_visits(tree: Tree) -> None:
    """One pair of visits whose visit with the tool a gate voided."""
    for arm, reason in ((BASELINE, None), (TOOL, "others were busy")):
        tree.perf_test(arm, 1, "latency", "tcp_rr", client=[netperf(20.0)], void_reason=reason)


def test_a_void_pair_of_visits_fails_no_case_that_has_flows(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    voided_visits(tree)
    tree.flow(1, "latency", "tcp_rr", PAIR, counter="rx_packets")
    (case,) = study_run(tree.root, Settings()).cases
    assert [problem.reason for problem in case.missing if "no unit is left" in problem.reason] == []


def test_a_perf_test_without_any_usable_flow_is_missing(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    for arm in (BASELINE, TOOL):
        tree.perf_test(arm, 1, "latency", "tcp_rr", client=[netperf(20.0)])
    for unit in (1, 2):
        tree.flow(unit, "latency", "tcp_rr", PAIR, counter="rx_packets", foreign_pct={BASELINE: 50.0, TOOL: 50.0})
    (case,) = study_run(tree.root, Settings()).cases
    (problem,) = (problem for problem in case.missing if problem.where.arm == "switched")
    assert problem.reason.startswith("no flow is left: foreign processes")
    tree.flow(3, "latency", "tcp_rr", PAIR, counter="rx_packets", foreign_pct={BASELINE: 0.0, TOOL: 0.0})
    (case,) = study_run(tree.root, Settings()).cases
    assert not [problem for problem in case.missing if problem.where.arm == "switched"]


def test_what_the_idle_node_needs_is_not_the_flows(tmp_path: Path) -> None:
    """Of 0.5 s in each segment that two CPUs were busy, 1 % of all their time would have been so without any flow."""
    found = []
    for share in (0.0, 0.01):
        tree = Tree(tmp_path / str(share))
        tree.flow(1, "throughput", "single", PAIR, counter="rx_bytes", idle_busy_share=share)
        found.append(values(study_run(tree.root, Settings()), "cpu_s_per_gb"))
    assert found[1] == pytest.approx([value * 49 / 50 for value in found[0]])
