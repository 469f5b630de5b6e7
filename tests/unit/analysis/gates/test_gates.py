"""The gates: what voids a perf test, a segment or a pair of visits, and what is only remarked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from helpers.analysis_tree import (
    CLIENT,
    OFFSETS_NS,
    SECOND_NS,
    SERVER,
    START_NS,
    Tree,
    load_counters,
    netperf,
    udp_result,
)

from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import Study, study_run
from probecost.analysis.tree.problem import Problem
from probecost.analysis.values.measurement import Measurement
from probecost.results.layout import BASELINE, COUNTERS_FILE, TOOL

FLOW = [(pair, arm, 1000) for pair in range(1, 4) for arm in (BASELINE, TOOL)]


def unit(tree: Tree, number: int, baseline: Mapping[str, Any], tool: Mapping[str, Any]) -> None:
    for arm, more in ((BASELINE, baseline), (TOOL, tool)):
        tree.perf_test(arm, number, "latency", "tcp_rr", client=[netperf(20.0)], **more)


def counted(server: str, client: str = "") -> dict[str, str]:
    return {"udp_counters": server, "client_counters": client}


def problems(study: Study) -> list[Problem]:
    return [*study.problems, *(problem for case in study.cases for problem in case.problems)]


def remarks(study: Study) -> list[str]:
    """All but what these small trees lack: the logs of the tool's monitors."""
    return [each.reason for each in problems(study) if not each.missing and "has a sample" not in each.reason]


def voids(study: Study) -> list[str]:
    """The reasons of all latencies by unit, the baseline's first."""
    return [row.void_reason for row in sorted(of(study, "mean_us"), key=lambda row: (row.unit_index, row.arm))]


def of(study: Study, metric: str, *, is_switched: bool = False) -> list[Measurement]:
    return [row for row in study.measurements if row.metric == metric and row.is_switched == is_switched]


class TestForeignCpu:
    def test_what_is_ours_is_not_foreign(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        ours = {"probecost-run-a": 800_000, "probecost-run-b": 700_000}
        unit(tree, 1, counted(load_counters(9.9, own=ours)), counted(load_counters(4.0, own=ours)))
        study = study_run(tree.root, Settings())
        assert [row.value for row in of(study, "foreign_cpu_pct")] == pytest.approx([9.9, 4.0])
        assert {row.void_reason for row in study.measurements} == {""}

    def test_a_tenth_of_a_core_voids_the_perf_test(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        unit(tree, 1, counted(load_counters(3.0)), counted(load_counters(53.0)))
        unit(tree, 2, counted(load_counters(3.0)), counted(load_counters(3.0)))
        study = study_run(tree.root, Settings())
        reason = "foreign processes on host-server used 53 % of a core in user mode, the limit is 10 %"
        assert voids(study) == ["", reason, "", ""]
        (verdict,) = (each for each in study.verdicts if each.is_primary)
        assert (verdict.n_units, verdict.n_void_baseline, verdict.n_void_tool) == (1, 0, 1)
        assert remarks(study) == [f"not used, {reason}"]
        assert study.cases[0].missing == ()

    def test_the_limit_can_be_set(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        unit(tree, 1, counted(load_counters(3.0)), counted(load_counters(53.0)))
        tree.flow(1, "latency", "tcp_rr", FLOW, counter="rx_packets", foreign_pct={BASELINE: 2.0, TOOL: 30.0})
        assert {row.void_reason for row in study_run(tree.root, Settings(foreign_cpu_limit_pct=60)).measurements} == {
            ""
        }

    def test_where_no_unit_is_left_the_case_lacks_data(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        unit(tree, 1, counted(load_counters(3.0)), counted(load_counters(53.0)))
        (case,) = study_run(tree.root, Settings()).cases
        (missing,) = case.missing
        assert missing.reason.startswith("no unit is left: not used, foreign processes on host-server used 53 %")

    def test_nodes_of_one_kernel_are_one_machine(self, tmp_path: Path) -> None:
        """Each sees only its own cgroup, and the user time of both: half a core of the other is not foreign."""
        tree = Tree(tmp_path)
        server = load_counters(55.0, own={"probecost-server": 100_000})
        client = load_counters(15.0, own={"probecost-client": 500_000})
        unit(tree, 1, counted(server, client), counted(server, client))
        study = study_run(tree.root, Settings())
        assert [row.value for row in of(study, "foreign_cpu_pct")] == pytest.approx([5.0, 5.0])

    def test_nodes_of_two_kernels_are_judged_each(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        both = counted(load_counters(1.0), load_counters(20.0, boot_id="boot-2"))
        unit(tree, 1, both, both)
        reasons = {row.void_reason for row in of(study_run(tree.root, Settings()), "mean_us")}
        assert reasons == {"foreign processes on host-client used 20 % of a core in user mode, the limit is 10 %"}

    def test_virtual_machines_are_not_foreign(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        unit(tree, 1, *(counted(load_counters(2.0, carriers_user_usec=900_000)),) * 2)
        assert [row.value for row in of(study_run(tree.root, Settings()), "foreign_cpu_pct")] == pytest.approx(
            [2.0, 2.0]
        )

    def test_without_cgroups_it_is_not_checked_and_said(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        unit(tree, 1, *(counted(load_counters(90.0, own={})),) * 2)
        study = study_run(tree.root, Settings())
        assert of(study, "foreign_cpu_pct") == []
        assert {row.void_reason for row in study.measurements} == {""}
        assert remarks(study) == ["foreign CPU time is not observable on host-server: there is no cgroup"]

    def test_a_segment_with_foreign_load_is_void(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.flow(1, "latency", "tcp_rr", FLOW, counter="rx_packets", foreign_pct={BASELINE: 2.0, TOOL: 30.0})
        study = study_run(tree.root, Settings())
        reason = "foreign processes on host-server used 30 % of a core in user mode, the limit is 10 %"
        assert [row.void_reason for row in of(study, "mean_us", is_switched=True)] == ["", reason] * 3
        assert sum(reason in each for each in remarks(study)) == 3

    def test_a_flow_is_void_by_load_on_any_machine_beside_the_one_that_counts(self, tmp_path: Path) -> None:
        """A guest received, its host counted: the client's machine comes after the guest's, which is quiet."""
        tree = Tree(tmp_path)
        nodes = {"server": "guest", "client": CLIENT, "tool": SERVER}
        place = tree.flow(1, "latency", "tcp_rr", FLOW, counter="rx_packets", nodes=nodes)
        for node, percent in (("guest", 2.0), (CLIENT, 50.0)):
            tree.write(node, f"{place.monitoring}/{COUNTERS_FILE}", load_counters(percent, boot_id=node))
        reason = "foreign processes on host-client used 50 % of a core in user mode, the limit is 10 %"
        assert {row.void_reason for row in study_run(tree.root, Settings()).measurements} == {reason}

    def test_segments_say_nothing_where_a_node_of_the_kernel_is_out_of_sight(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        facts = {node: {"boot_id": "same"} for node in (SERVER, CLIENT, "third")}
        load = {BASELINE: 2.0, TOOL: 30.0}
        tree.flow(1, "latency", "tcp_rr", FLOW, counter="rx_packets", foreign_pct=load, facts=facts)
        study = study_run(tree.root, Settings())
        assert {row.void_reason for row in study.measurements} == {""}
        assert remarks(study) == ["foreign CPU time is not observable on host-server"]

    def test_carriers_of_nodes_that_do_not_see_each_other_add_up(self, tmp_path: Path) -> None:
        """Each host of a machine has a switch of its own, which takes 40 % of a core; 80 % in all are not foreign."""
        own = {"probecost-run-a": 1000, "probecost-run-b": 1000}
        each = load_counters(40.0, own=own, carriers_user_usec=400_000)
        for spaces, expected in (("pid:[1] pid:[2]", 0.0), ("pid:[1] pid:[1]", 40.0)):
            facts = {
                node: {"boot_id": "boot-1", "pid_namespace": space}
                for node, space in zip((SERVER, CLIENT), spaces.split(), strict=True)
            }
            tree = Tree(tmp_path / spaces.replace(":", ""))
            unit(tree, 1, {**counted(each, each), "facts": facts}, {**counted(each, each), "facts": facts})
            found = [row.value for row in of(study_run(tree.root, Settings()), "foreign_cpu_pct")]
            assert found == pytest.approx([expected] * 2)


class TestSetUp:
    def test_a_change_between_the_arms_voids_the_pair(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        plain, jumbo = load_counters(1.0), load_counters(1.0, setup={"MTU": "9000", "XDP": "none"})
        unit(tree, 1, counted(plain), counted(jumbo))
        unit(tree, 2, counted(jumbo), counted(jumbo))  # it stayed: nothing that the tool takes away again
        study = study_run(tree.root, Settings())
        reason = "the set-up differs between the arms: MTU of eth0 on host-server: 1500 and 9000"
        assert voids(study) == [reason, reason, "", ""]
        (verdict,) = (each for each in study.verdicts if each.is_primary)
        assert (verdict.n_void_baseline, verdict.n_void_tool) == (1, 1)

    def test_what_the_tool_itself_attaches_is_said_once(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        for number in (1, 2, 3):
            attached = load_counters(1.0, setup={"MTU": "1500", "XDP": f"program {number}"})
            unit(tree, number, counted(load_counters(1.0)), counted(attached))
        study = study_run(tree.root, Settings())
        assert {row.void_reason for row in study.measurements} == {""}
        assert remarks(study) == [
            "in every tool visit, and in no other: XDP of eth0 on host-server: none and program 1. "
            "The tool changes that itself"
        ]

    def test_a_change_in_the_window_is_flagged(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        changing = load_counters(1.0, setup_end={"MTU": "1400", "XDP": "none"})
        unit(tree, 1, counted(load_counters(1.0)), counted(load_counters(1.0)))
        unit(tree, 2, counted(changing), counted(load_counters(1.0)))
        study = study_run(tree.root, Settings())
        assert "the set-up changed during the perf test: MTU of eth0 on host-server: 1500 and 1400" in remarks(study)
        assert [bool(reason) for reason in voids(study)] == [False, False, True, True]

    def test_programs_of_others_are_flagged_and_void_nothing(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        unit(tree, 1, counted(load_counters(1.0, programs=([5, 6], [6, 8]))), counted(load_counters(1.0)))
        study = study_run(tree.root, Settings())
        assert remarks(study) == ["BPF programs on host-server during the perf test: 8 came, 5 went"]
        assert {row.void_reason for row in study.measurements} == {""}

    def test_a_change_during_a_flow_voids_it(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        place = tree.flow(1, "latency", "tcp_rr", FLOW, counter="rx_packets")
        changing = load_counters(1.0, setup_end={"MTU": "1400", "XDP": "none"}, programs=([5], [5, 9]))
        tree.write(SERVER, f"{place.monitoring}/counters.json", changing)
        study = study_run(tree.root, Settings())
        reason = "the set-up changed during the flow: MTU of eth0 on host-server: 1500 and 1400"
        assert {row.void_reason for row in study.measurements} == {reason}
        assert "BPF programs on host-server during the perf test: 9 came" in remarks(study)


class TestDistance:
    def test_a_visit_of_another_day_voids_its_unit(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        unit(tree, 1, {}, {})
        tree.perf_test(BASELINE, 2, "latency", "tcp_rr", client=[netperf(20.0)])
        tree.now_ns += 86_400 * SECOND_NS
        tree.perf_test(TOOL, 2, "latency", "tcp_rr", client=[netperf(20.0)])
        reason = "the two visits of unit 2 lie 86401 s apart, the limit is 10 times their length (1.0 s)"
        assert voids(study_run(tree.root, Settings())) == ["", "", reason, reason]

    def test_the_length_of_a_visit_is_that_of_all_of_it(self, tmp_path: Path) -> None:
        """A tool that compiles for half a minute belongs to its visit."""
        tree = Tree(tmp_path)
        tree.perf_test(BASELINE, 1, "latency", "tcp_rr", client=[netperf(20.0)])
        began_ns, tree.now_ns = tree.now_ns, tree.now_ns + 30 * SECOND_NS
        span = {"visit_start_ns": began_ns, "visit_end_ns": tree.now_ns + 2 * SECOND_NS}
        tree.perf_test(TOOL, 1, "latency", "tcp_rr", client=[netperf(20.0)], **span)
        assert {row.void_reason for row in study_run(tree.root, Settings()).measurements} == {""}


class TestClocks:
    def flow(self, tmp_path: Path, **clock: int) -> set[str]:
        tree = Tree(tmp_path)
        clocks = {node: {"offset_ns": ns, "uncertainty_ns": 1000} for node, ns in OFFSETS_NS.items()}
        clocks[SERVER] |= clock
        tree.flow(1, "latency", "tcp_rr", FLOW, counter="rx_packets", tool={"guard_s": 0.1}, clocks=clocks)
        return {row.void_reason for row in study_run(tree.root, Settings()).measurements}

    def test_one_that_is_known_to_less_than_half_the_guard(self, tmp_path: Path) -> None:
        assert self.flow(tmp_path, uncertainty_ns=50_000_000, drift_ns=-50_000_000) == {""}

    def test_one_that_is_not(self, tmp_path: Path) -> None:
        reason = "the clock of host-server is known to 60.0 ms, half the guard is 50.0 ms"
        assert self.flow(tmp_path, uncertainty_ns=60_000_000) == {reason}

    def test_one_that_drifts(self, tmp_path: Path) -> None:
        reason = "the clock of host-server drifted by -80.0 ms, half the guard is 50.0 ms"
        assert self.flow(tmp_path, drift_ns=-80_000_000) == {reason}


class TestPackets:
    def reconciled(self, tmp_path: Path, **device: int) -> tuple[Study, list[str]]:
        def side(datagrams: int, errors: int, device: Mapping[str, int], time_ns: int) -> dict[str, Any]:
            udp = {"InDatagrams": datagrams, "RcvbufErrors": errors}
            return {"time_ns": time_ns, "udp": udp, "net_dev": {"eth0": device}}

        first = side(0, 0, dict.fromkeys(device, 0), START_NS)
        last = side(90_000, 6_000, device, START_NS + SECOND_NS)
        text = json.dumps({"interface": "eth0", "start": first, "end": last})
        tree = Tree(tmp_path)
        both = udp_result(100_000, 10_000)
        tree.perf_test(BASELINE, 1, "pps", "single", client=[both], server=[both], udp_counters=text)
        study = study_run(tree.root, Settings())
        return study, [each for each in remarks(study) if "interface" in each]

    def test_drops_stand_beside_the_rate(self, tmp_path: Path) -> None:
        study, doubts = self.reconciled(tmp_path, rx_packets=98_000, rx_dropped=2_000)
        assert [row.value for row in of(study, "interface_drops")] == [2000]
        assert [row.value for row in of(study, "rcvbuf_errors")] == [6000]
        assert doubts == []

    def test_packets_that_are_no_datagrams_are_a_remark(self, tmp_path: Path) -> None:
        study, doubts = self.reconciled(tmp_path, rx_packets=120_000, rx_dropped=0)
        assert doubts == ["datagrams, rcvbuf errors and drops are 96000 packets, the interface counted 120000"]
        assert {row.void_reason for row in study.measurements} == {""}
