"""The audit: visits that used one machine at the same time are both void, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.analysis_tree import CLIENT, OFFSETS_NS, SECOND_NS, SERVER, START_NS, Tree, netperf

from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import Study, study_run
from probecost.results.layout import BASELINE, TOOL


class Trees:
    """A run over several environments; each visit lasts from one second of the run to another."""

    def __init__(self, tmp_path: Path) -> None:
        self._tmp_path = tmp_path
        self.trees: dict[str, Tree] = {}

    def visit(
        self,
        environment: str,
        arm: str,
        unit: int,
        begin_s: float,
        end_s: float,
        *,
        boots: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        tree = self.trees.setdefault(environment, Tree(self._tmp_path, environment=environment))
        tree.now_ns = START_NS + round(begin_s * SECOND_NS)
        facts = {
            node: {"hostname": node, "boot_id": boot, "pid_namespace": "pid:[1]"}
            for node, boot in (boots or {SERVER: f"{environment}-s", CLIENT: f"{environment}-c"}).items()
        }
        times = {"visit_start_ns": tree.now_ns, "visit_end_ns": START_NS + round(end_s * SECOND_NS)}
        tree.perf_test(arm, unit, "latency", "tcp_rr", client=[netperf(20.0)], **{"facts": facts, **times, **more})

    def pair(self, environment: str, unit: int, begin_s: float, **more: Any) -> None:
        """A unit of two visits of two seconds each."""
        self.visit(environment, BASELINE, unit, begin_s, begin_s + 2, **more)
        self.visit(environment, TOOL, unit, begin_s + 2, begin_s + 4, **more)

    def study(self) -> Study:
        return study_run(next(iter(self.trees.values())).root, Settings())


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    return Trees(tmp_path)


def voids(study: Study) -> set[tuple[str, int, str, str]]:
    return {
        (row.environment, row.unit_index, row.arm, row.void_reason) for row in study.measurements if row.void_reason
    }


def test_pairs_on_other_machines_may_run_at_once(trees: Trees) -> None:
    for unit, begin_s in ((1, 0.0), (2, 4.0)):
        trees.pair("one", unit, begin_s)
        trees.pair("two", unit, begin_s + 1)
    study = trees.study()
    assert voids(study) == set()
    assert study.audit.text == "Audit: 8 visits on 4 machines, never two at the same time on one."


def test_an_overlap_voids_both_with_its_reason(trees: Trees) -> None:
    shared = {SERVER: "one-s", CLIENT: "two-c"}
    trees.pair("one", 1, 0.0)
    trees.pair("one", 2, 10.0)
    trees.visit("two", BASELINE, 1, 3.0, 3.5, boots=shared)
    trees.visit("two", TOOL, 1, 20.0, 22.0, boots=shared)
    study = trees.study()
    case = "host-eth_drop-rx_protocol_tcp"
    assert voids(study) == {
        ("one", 1, "tool", f"another visit used host-server at the same time: {case}/u001/baseline of two"),
        ("two", 1, "baseline", f"another visit used host-server at the same time: {case}/u001/tool of one"),
    }
    assert (study.audit.visits, study.audit.machines, study.audit.overlapping) == (6, 3, 2)
    assert study.audit.text == "Audit: of 6 visits on 3 machines, 2 overlapped with another one and are void."
    (verdict,) = (each for each in study.verdicts if each.is_primary and each.case.environment == "one")
    assert (verdict.n_units, verdict.n_void_tool) == (1, 1)


def test_one_that_lasts_over_several_voids_all(trees: Trees) -> None:
    trees.pair("one", 1, 0.0)
    trees.pair("one", 2, 4.0)
    trees.visit("two", BASELINE, 1, 1.0, 7.0, boots={SERVER: "one-s", CLIENT: "two-c"})
    assert {void[:3] for void in voids(trees.study())} == {
        ("one", 1, "baseline"),
        ("one", 1, "tool"),
        ("one", 2, "baseline"),
        ("one", 2, "tool"),
        ("two", 1, "baseline"),
    }


def test_containers_of_one_kernel_are_machines_of_their_own(trees: Trees) -> None:
    for name in ("one", "two"):
        facts = {
            node: {"hostname": node, "boot_id": "same", "pid_namespace": f"{name} {node}"} for node in (SERVER, CLIENT)
        }
        trees.pair(name, 1, 0.0, facts=facts)
    assert trees.study().audit.machines == 4


def test_without_boot_ids_nodes_are_known_by_their_names(trees: Trees) -> None:
    trees.pair("one", 1, 0.0, facts={})
    trees.visit("one", BASELINE, 2, 1.0, 9.0, facts={})
    assert trees.study().audit.overlapping == 3


def test_perf_tests_are_compared_where_the_clocks_allow_it(trees: Trees) -> None:
    """Without the times of the visits: by the client's clock, which is ten seconds ahead of the controller's."""
    none = {"visit_start_ns": None, "visit_end_ns": None}
    trees.visit("one", BASELINE, 1, 0.0, 0.0, **none)
    trees.visit("one", TOOL, 1, 0.5, 0.0, **none)  # each perf test lasts a second
    unknown = {"clocks": {CLIENT: {"offset_ns": OFFSETS_NS[CLIENT], "uncertainty_ns": SECOND_NS}}}
    trees.visit("one", BASELINE, 2, 10.0, 0.0, **none, **unknown)
    trees.visit("one", TOOL, 2, 10.5, 0.0, **none, **unknown)
    assert {void[:2] for void in voids(trees.study())} == {("one", 1)}


def test_what_was_measured_again_counts_for_nothing(trees: Trees) -> None:
    trees.pair("one", 1, 0.0)
    trees.visit("one", BASELINE, 3, 1.0, 2.0, void_reason="left unfinished", superseded=True)
    assert trees.study().audit.overlapping == 0


def test_attempts_at_one_visit_are_not_one_long_visit(trees: Trees) -> None:
    trees.visit("one", BASELINE, 1, 0.0, 2.0, error="the connection was cut")
    trees.visit("one", TOOL, 2, 4.0, 6.0)
    trees.visit("one", BASELINE, 1, 8.0, 10.0)
    assert trees.study().audit.overlapping == 0
