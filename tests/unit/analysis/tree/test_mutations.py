"""What is wrong with a run is never taken for what a tool costs: never NEGLIGIBLE, never OVERHEAD."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers.analysis_tree import OFFSETS_NS, SECOND_NS, SERVER, Tree, load_counters, netperf

from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import Settings
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.study.run import study_run
from probecost.results.layout import BASELINE, TOOL

UNITS = 12
MEAN_US = {BASELINE: 20.0, TOOL: 26.0}
SWAPPED = {BASELINE: TOOL, TOOL: BASELINE}

Change = Callable[[str, int], dict[str, Any]]


def unchanged(arm: str, unit: int) -> dict[str, Any]:
    return {"udp_counters": load_counters(2.0)}


def visits(tree: Tree, change: Change = unchanged, mean_us: dict[str, float] = MEAN_US) -> None:
    """Units whose tool costs 30 % of latency, the coin having fallen to either side in turn."""
    for unit in range(1, UNITS + 1):
        for arm in (BASELINE, TOOL) if unit % 2 else (TOOL, BASELINE):
            result = netperf(mean_us[arm] + 0.1 * (unit % 3))
            tree.perf_test(arm, unit, "latency", "tcp_rr", client=[result], **change(arm, unit))


def flows(tree: Tree, loaded: Sequence[int] = (), **changes: Any) -> None:
    """The same in flows; in those of the units ``loaded``, others take half a core in the tool's segments."""
    for unit in range(1, UNITS + 1):
        segments = [(pair, arm, (1000 if arm == BASELINE else 750) + unit) for pair in (1, 2) for arm in MEAN_US]
        tool = {"guard_s": 0.1, "outcome": "ready"}
        load = {BASELINE: 2.0, TOOL: 50.0 if unit in loaded else 2.0}
        more = {"tool": tool, "foreign_pct": load, **changes}
        tree.flow(unit, "latency", "tcp_rr", segments, counter="rx_packets", **more)


def primary(tree: Tree) -> MetricVerdict | None:
    """``None`` where nothing is left that could have a verdict."""
    return next((each for each in study_run(tree.root, Settings()).verdicts if each.is_primary), None)


def claims_nothing(tree: Tree) -> bool:
    found = primary(tree)
    return found is None or found.verdict.word not in (Word.NEGLIGIBLE, Word.OVERHEAD, Word.SMALL)


def test_without_a_mutation_both_schedules_see_the_cost(tmp_path: Path) -> None:
    for name, make in (("visits", visits), ("flows", flows)):
        tree = Tree(tmp_path / name)
        make(tree)
        found = primary(tree)
        assert found is not None
        assert found.verdict.word is Word.OVERHEAD


def test_arms_swapped(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    visits(tree, mean_us={arm: MEAN_US[other] for arm, other in SWAPPED.items()})
    found = primary(tree)
    assert found is not None
    assert found.verdict.word is Word.SPEED_UP


@pytest.mark.parametrize(
    "tool",
    [{"outcome": "exited"}, {"outcome": "timeout"}, {"outcome": "ready", "stop": {"alive": False}}],
    ids=["exited", "not attached", "died"],
)
@pytest.mark.parametrize("mean_us", [MEAN_US, dict.fromkeys(MEAN_US, 20.0)], ids=["with effect", "without"])
def test_a_tool_that_was_not_there(tmp_path: Path, tool: dict[str, Any], mean_us: dict[str, float]) -> None:
    tree = Tree(tmp_path)
    visits(tree, lambda arm, unit: {"tool": tool} if arm == TOOL else {}, mean_us)
    assert claims_nothing(tree)


def test_a_visit_of_another_day(tmp_path: Path) -> None:
    """In every unit, one of the two visits was put in from the day before."""
    tree = Tree(tmp_path)

    def another_day(arm: str, unit: int) -> dict[str, Any]:
        tree.now_ns += 86_400 * SECOND_NS
        return {}

    visits(tree, another_day)
    assert claims_nothing(tree)


def test_a_visit_of_another_day_in_one_unit_costs_that_unit(tmp_path: Path) -> None:
    tree = Tree(tmp_path)

    def in_the_third(arm: str, unit: int) -> dict[str, Any]:
        if (arm, unit) == (TOOL, 3):
            tree.now_ns -= 86_400 * SECOND_NS
        elif (arm, unit) == (BASELINE, 4):
            tree.now_ns += 86_400 * SECOND_NS
        return {}

    visits(tree, in_the_third)
    found = primary(tree)
    assert found is not None
    assert found.n_units < UNITS
    assert found.n_void_baseline == found.n_void_tool == UNITS - found.n_units


def test_a_clock_that_drifts(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    clocks = {node: {"offset_ns": ns, "uncertainty_ns": 1000} for node, ns in OFFSETS_NS.items()}
    clocks[SERVER]["drift_ns"] = 400_000_000
    flows(tree, clocks=clocks)
    assert claims_nothing(tree)


@pytest.mark.parametrize("mean_us", [MEAN_US, dict.fromkeys(MEAN_US, 20.0)], ids=["with effect", "without"])
@pytest.mark.parametrize("loaded", [BASELINE, TOOL])
def test_a_foreign_load_in_one_arm(tmp_path: Path, loaded: str, mean_us: dict[str, float]) -> None:
    tree = Tree(tmp_path)
    visits(tree, lambda arm, unit: {"udp_counters": load_counters(50.0 if arm == loaded else 2.0)}, mean_us)
    assert claims_nothing(tree)


def test_a_foreign_load_in_all_segments_of_the_tool(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    flows(tree, loaded=range(1, UNITS + 1))
    assert claims_nothing(tree)


def test_a_foreign_load_in_some_flows_of_the_tool_is_a_gate(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    flows(tree, loaded=(1, 4, 7, 10))
    found = primary(tree)
    assert found is not None
    assert found.verdict.word is Word.INVALID
    assert found.verdict.reason.startswith("void visits prefer an arm: 0 of the baseline, 8 of the tool")


def test_a_foreign_load_in_most_visits_of_one_arm_is_a_gate(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    visits(tree, lambda arm, unit: {"udp_counters": load_counters(50.0 if arm == TOOL and unit > 3 else 2.0)})
    found = primary(tree)
    assert found is not None
    assert found.verdict.word is Word.INVALID
    assert (found.n_units, found.n_void_baseline, found.n_void_tool) == (3, 0, 9)


def test_replay_gives_every_byte_again(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "results")
    visits(tree, lambda arm, unit: {"udp_counters": load_counters(50.0 if unit == 5 else 2.0)})
    flows(tree)
    for name in ("one", "two"):
        write_reports(tree.root, tmp_path / name)
    for file in ("verdicts.csv", "measurements.csv", "overview.md"):
        first = (tmp_path / "one" / file).read_bytes()
        assert first == (tmp_path / "two" / file).read_bytes()
    assert (
        b"foreign processes on host-server used 50 % of a core" in (tmp_path / "one" / "measurements.csv").read_bytes()
    )
    assert b"foreign processes on host-server used 50 % of a core" in (tmp_path / "one" / "overview.md").read_bytes()
