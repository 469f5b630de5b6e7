"""What ``validate`` finds in switched flows and their segments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.analysis_tree import (
    CASE_KEY,
    CLIENT,
    SECOND_NS,
    Tree,
    netperf,
)
from helpers.validation_tree import (
    add_counters,
    only,
    rewrite,
    told,
    validated,
)

from probecost.analysis.tree.problem import Kind
from probecost.results import layout

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
