"""From raw files to figures, to differences, to the tool's own use; numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.analysis_tree import (
    CASE_KEY,
    CLIENT,
    SERVER,
    START_NS,
    Tree,
    counters,
    full_tree,
    netperf,
    tcp_client,
    tcp_server,
    udp_result,
)

from probecost.analysis.gates.counters import read_counters
from probecost.analysis.judge.baseline import Comparison, compare
from probecost.analysis.parsers.monitors import CpuSample
from probecost.analysis.settings.settings import Settings
from probecost.analysis.tree.find import find_perf_tests
from probecost.analysis.values.case import measure_case, read
from probecost.analysis.values.measurement import Measured, Measurement, measure
from probecost.analysis.values.tool_usage import CaseUsage, Window, case_usage, cpu_in
from probecost.analysis.values.visit import read_visit
from probecost.results import layout
from probecost.results.names import CaseId, PerfTestName, metric_id

CASE = CaseId("lab", 1, CASE_KEY)


def measured(tree: Tree) -> Measured:
    (record,) = find_perf_tests(tree.root).records
    return measure(read_visit(read_counters(record)), Settings())


def values(result: Measured) -> dict[str, float]:
    return {row.metric: row.value for row in result.measurements}


def reasons(result: Measured, *, missing: bool) -> list[str]:
    return [problem.reason for problem in result.problems if problem.missing == missing]


class TestThroughput:
    def test_sums_over_streams(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        clients = [tcp_client(5e9, 4e9, retransmits=3), tcp_client(7e9, 6e9, retransmits=4)]
        tree.perf_test("tool", 1, "throughput", "multi", client=clients, server=[tcp_server(4e9), tcp_server(6e9)])
        result = measured(tree)
        assert values(result) == {"sent_bps": 12e9, "received_bps": 10e9, "retransmits": 7}
        assert result.problems == ()
        assert {row.unit for row in result.measurements} == {"bit/s", "count"}

    def test_a_missing_stream_makes_the_sum_unknown(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("tool", 1, "throughput", "multi", client=[tcp_client(5e9, 4e9)], streams=2)
        result = measured(tree)
        assert values(result) == {}
        assert reasons(result, missing=True) == ["1 of 2 result files of the client are there"]

    def test_a_damaged_stream_makes_the_sum_unknown(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        place = tree.perf_test("tool", 1, "throughput", "multi", client=[tcp_client(5e9, 4e9), '{"error": "gone"}'])
        tree.write(CLIENT, f"{place.client}/{place.stream_file(5202)}.stderr", "first\niperf3: broken pipe\n")
        result = measured(tree)
        assert values(result) == {}
        assert reasons(result, missing=True) == ["iperf3 reports an error: gone; stderr: iperf3: broken pipe"]

    def test_what_the_client_does_not_know_the_server_tells(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        text = tcp_client(5e9, 4e9).replace("sum_received", "sum_unknown")
        tree.perf_test("tool", 1, "throughput", "single", client=[text], server=[tcp_server(3e9)])
        assert values(measured(tree))["received_bps"] == 3e9

    def test_nobody_knows_what_was_received(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        text = tcp_client(5e9, 4e9).replace("sum_received", "sum_unknown")
        tree.perf_test("tool", 1, "throughput", "single", client=[text])
        result = measured(tree)
        assert "received_bps" not in values(result)
        assert reasons(result, missing=True) == ["neither the client nor the server says how much was received"]

    def test_sides_that_disagree_are_noted(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("tool", 1, "throughput", "single", client=[tcp_client(5e9, 5e9)], server=[tcp_server(4.7e9)])
        result = measured(tree)
        assert values(result)["received_bps"] == 5e9
        assert reasons(result, missing=False) == [
            "the client was told 5000000000 bits/s, the server's file says 4700000000"
        ]

    def test_a_flow_that_did_not_keep_its_length_is_void(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("tool", 1, "throughput", "single", client=[tcp_client(9e9, 9e9, 0.5)], server=[tcp_server(9e9)])
        result = measured(tree)
        assert {row.void_reason for row in result.measurements} == {"iperf3 measured 0.50 s of 1 s"}
        assert reasons(result, missing=True) == []
        assert reasons(result, missing=False) == ["not used, iperf3 measured 0.50 s of 1 s"]

    def test_zero_is_data_and_flagged(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("tool", 1, "throughput", "single", client=[tcp_client(0, 0)], server=[tcp_server(0)])
        result = measured(tree)
        assert {row.void_reason for row in result.measurements} == {""}
        assert values(result)["received_bps"] == 0
        assert reasons(result, missing=True) == []
        assert reasons(result, missing=False) == [
            "0 bits/s were sent",
            "0 bits/s were received",
        ]


class TestLatency:
    def test_all_figures(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20.0, 12, 863)])
        result = measured(tree)
        assert values(result) == {
            "min_us": 12,
            "mean_us": 20,
            "max_us": 863,
            "p50_us": 20,
            "p90_us": 22,
            "p99_us": 29,
            "transactions_per_s": 50_000,
        }
        assert result.problems == ()

    def test_mean_and_rate_that_contradict_each_other(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20.0).replace("50000.000", "25000.000")])
        (reason,) = reasons(measured(tree), missing=False)
        assert reason == "mean latency x transaction rate is 0.50; it should be near 1"

    def test_too_short(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20.0, seconds=0.6)])
        assert reasons(measured(tree), missing=False) == ["not used, netperf measured 0.6 s of 1 s"]

    def test_missing_folder(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        place = tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[])
        result = measured(tree)
        assert reasons(result, missing=True) == ["the file is missing"]
        assert result.problems[0].path == tree.node(CLIENT) / place.client / "latency_tcp_rr.txt"


class TestPps:
    def test_received_are_the_nodes_datagrams_over_the_clients_seconds(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        text = udp_result(200_000, 50_000, seconds=2.0)
        tree.perf_test(
            "tool", 1, "pps", "single", client=[text], server=[text], udp_counters=counters(148_000, rcvbuf_errors=4)
        )
        result = measured(tree)
        assert values(result) == {
            "sent_pps": 100_000,
            "received_pps": 74_000,
            "lost_share": pytest.approx(0.26),
            "rcvbuf_errors": 4,
        }
        assert result.problems == ()

    def test_multi(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        texts = [udp_result(100_000, 40_000), udp_result(80_000, 20_000)]
        tree.perf_test("tool", 1, "pps", "multi", client=texts, server=texts, udp_counters=counters(120_000))
        found = values(measured(tree))
        assert (found["sent_pps"], found["received_pps"]) == (180_000, 120_000)

    def test_disagreement_with_iperf3_is_noted(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        text = udp_result(100_000, 0)
        tree.perf_test("tool", 1, "pps", "single", client=[text], server=[text], udp_counters=counters(94_000))
        assert reasons(measured(tree), missing=False) == [
            "the node counted 94000 datagrams, the server's iperf3 says 100000"
        ]

    def test_within_five_percent_is_no_disagreement(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        text = udp_result(100_000, 0)
        tree.perf_test("tool", 1, "pps", "single", client=[text], server=[text], udp_counters=counters(96_000))
        assert measured(tree).problems == ()

    def test_without_counters_nothing_was_received_as_far_as_known(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        text = udp_result(100_000, 0)
        tree.perf_test("tool", 1, "pps", "single", client=[text], server=[text])
        result = measured(tree)
        assert set(values(result)) == {"sent_pps"}
        assert reasons(result, missing=True) == ["the file is missing"]
        assert result.problems[0].path.name == "counters.json"
        assert SERVER in result.problems[0].path.parts

    def test_tcp_writes_are_no_packets(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test(
            "tool", 1, "pps", "single", client=[tcp_client(2.56e6, 2.048e6, write_bytes=64)], udp_counters=counters(5)
        )
        result = measured(tree)
        assert values(result) == {"sent_writes_per_s": 5000.0, "received_writes_per_s": 4000.0}
        assert "writes are no packets" in reasons(result, missing=True)[0]


class TestVoid:
    def test_a_failed_perf_test_keeps_its_figures_and_is_not_used(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)], error="netperf hung")
        result = measured(tree)
        assert {row.void_reason for row in result.measurements} == {"failed: netperf hung"}
        assert reasons(result, missing=True) == ["the perf test failed: netperf hung"]
        assert compare(result.measurements) == {}

    def test_a_tool_that_died_voids_its_visit(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)], tool={"stop": {"alive": False}})
        assert reasons(measured(tree), missing=True) == ["not used, the tool ended before the visit did"]

    def test_an_unknown_perf_test(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("tool", 1, "jitter", "tcp_rr", client=[])
        assert "not known" in reasons(measured(tree), missing=True)[0]


def all_rows(root: Path) -> list[Measurement]:
    return measure_case([*map(read, find_perf_tests(root).records)], Settings()).measurements


def comparison(root: Path, *metric: str) -> Comparison:
    return compare(all_rows(root))[CASE][metric_id(*metric)]


class TestCompare:
    def test_means_and_range_over_units(self, tmp_path: Path) -> None:
        found = comparison(full_tree(tmp_path).root, "latency", "tcp_rr", "mean_us")
        assert (found.tool_mean, found.baseline_mean) == (33, 25)
        assert found.diff_pct == pytest.approx(32.0)
        assert found.diff_min_pct == pytest.approx(20.0)
        assert found.diff_max_pct == pytest.approx(50.0)
        assert (found.n_units, found.unit, found.shared_baseline) == (2, "us", False)

    def test_less_received_is_a_negative_difference(self, tmp_path: Path) -> None:
        root = full_tree(tmp_path).root
        assert comparison(root, "throughput", "single", "received_bps").diff_pct == pytest.approx(-5.0)
        assert comparison(root, "throughput", "multi", "received_bps").tool_mean == 18e9
        pps = comparison(root, "pps", "single", "received_pps")
        assert (pps.tool_mean, pps.baseline_mean, pps.diff_pct) == (52_500, 105_000, pytest.approx(-50.0))

    def test_the_order_of_the_visits_does_not_matter(self, tmp_path: Path) -> None:
        swapped = full_tree(tmp_path / "a", order={1: ("tool", "baseline"), 2: ("tool", "baseline")})
        straight = full_tree(tmp_path / "b")
        one, other = compare(all_rows(swapped.root)), compare(all_rows(straight.root))
        assert one == other

    def test_a_unit_without_its_other_arm_takes_no_part(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path, units=2)
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)])
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(22)])
        tree.perf_test("tool", 2, "latency", "tcp_rr", client=[netperf(60)])
        found = comparison(tree.root, "latency", "tcp_rr", "mean_us")
        assert (found.tool_mean, found.baseline_mean, found.n_units) == (22, 20, 1)
        assert found.diff_pct == pytest.approx(10.0)

    def test_no_complete_unit_gives_values_and_no_difference(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path, units=2)
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)])
        tree.perf_test("tool", 2, "latency", "tcp_rr", client=[netperf(60)])
        found = comparison(tree.root, "latency", "tcp_rr", "mean_us")
        assert (found.tool_mean, found.baseline_mean, found.diff_pct, found.n_units) == (60, 20, None, 0)

    def test_shared_baseline(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path, units=2)
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)], shared=True)
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(22)])
        tree.perf_test("tool", 2, "latency", "tcp_rr", client=[netperf(26)])
        found = comparison(tree.root, "latency", "tcp_rr", "mean_us")
        assert (found.tool_mean, found.baseline_mean, found.n_units) == (24, 20, 2)
        assert found.diff_pct == pytest.approx(20.0)
        assert (found.diff_min_pct, found.diff_max_pct) == (pytest.approx(10.0), pytest.approx(30.0))
        assert found.shared_baseline

    def test_own_visits_go_before_a_shared_baseline(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(80)], shared=True)
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)])
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(22)])
        found = comparison(tree.root, "latency", "tcp_rr", "mean_us")
        assert (found.baseline_mean, found.shared_baseline) == (20, False)

    def test_a_baseline_of_zero_gives_no_difference(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("baseline", 1, "throughput", "single", client=[tcp_client(0, 0)])
        tree.perf_test("tool", 1, "throughput", "single", client=[tcp_client(1e9, 1e9)])
        found = comparison(tree.root, "throughput", "single", "received_bps")
        assert (found.diff_pct, found.diff_min_pct, found.baseline_mean) == (None, None, 0)


def usage_of(tree: Tree) -> tuple[CaseUsage, list[str]]:
    usage, problems = case_usage(find_perf_tests(tree.root).records)
    return usage, [problem.reason for problem in problems]


class TestResources:
    def test_samples_are_matched_by_the_tool_nodes_clock(self, tmp_path: Path) -> None:
        usage, problems = usage_of(full_tree(tmp_path))
        assert problems == []
        assert usage.cpu_avg_percent == pytest.approx(6.0)
        assert usage.cpu_max_percent == 7.0
        assert (usage.perf_tests[PerfTestName("pps", "single")].cpu_avg_percent) == pytest.approx(6.0)
        assert usage.perf_tests[PerfTestName("pps", "single")].rss_max_kb == 4002
        assert (usage.rss_max_kb, usage.virtual_max_kb) == (9000, 18000)
        assert usage.cpu_samples == 28
        assert usage.log_bytes == 1200
        assert usage.log_bytes_per_s == pytest.approx(100.0, rel=0.05)

    def test_without_clock_offsets_it_is_said(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)], clocks={})
        tree.monitors(START_NS, [(0.5, 5.0, 4000, 0)])
        usage, problems = usage_of(tree)
        assert usage.cpu_avg_percent is None
        assert problems[0].startswith("clock offsets are not recorded")

    def test_missing_and_damaged_logs(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)])
        tree.monitors(START_NS, [(0.5, 5.0, 4000, 0)])
        (cpu,) = tree.node(SERVER).rglob("tool_cpu_usage_*.log")
        cpu.write_text("rubbish\n")
        (memory,) = tree.node(SERVER).rglob("tool_memory_*.log")
        memory.unlink()
        usage, problems = usage_of(tree)
        assert (usage.cpu_avg_percent, usage.rss_max_kb, usage.log_bytes) == (None, None, 0)
        assert problems == [
            "holds no sample (1 damaged lines)",
            "no tool_memory log has a sample in this visit's perf tests",
        ]

    def test_failed_perf_tests_and_baselines_take_no_part(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)])
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)], error="hung")
        assert usage_of(tree)[0].cpu_samples == 0


class TestCpuIn:
    WINDOW = Window(100_000_000_000, 102_000_000_000)

    @staticmethod
    def samples(*pairs: tuple[float, float]) -> list[CpuSample]:
        return [CpuSample(round(at_s * 1e9), percent) for at_s, percent in pairs]

    def test_a_sample_weighs_what_it_covers_of_the_window(self) -> None:
        covered = cpu_in(self.samples((99.2, 90), (100.2, 90), (101.2, 10), (102.2, 50)), self.WINDOW)
        assert [(entry.percent, round(entry.covered_s, 3), entry.mostly_inside) for entry in covered] == [
            (90, 0.2, False),
            (10, 1.0, True),
        ]

    def test_a_short_window_between_two_samples(self) -> None:
        window = Window(100_200_000_000, 100_900_000_000)
        covered = cpu_in(self.samples((99, 1), (100, 2), (101, 30)), window)
        assert [entry.percent for entry in covered] == [30]

    def test_no_sample_near(self) -> None:
        assert cpu_in(self.samples((90, 1), (91, 1)), self.WINDOW) == []
        assert cpu_in([], self.WINDOW) == []


def test_timestamps_of_the_builder_match_the_layout() -> None:
    assert layout.timestamp(START_NS) == "20261122_213500_000"
