"""What is said of a case after each unit: the same that the reports say of it when all units are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.analysis_tree import CASE_KEY, ENVIRONMENT, Tree, netperf

from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.live import LiveRun
from probecost.analysis.study.progress import CaseProgress
from probecost.analysis.study.run import study_run
from probecost.results.layout import ARMS, BASELINE
from probecost.results.names import CaseId

TCP, UDP = "latency:tcp_rr", "latency:udp_rr"


def unit(tree: Tree, number: int, *, void: str | None = None, tests: tuple[str, ...] = ("tcp_rr", "udp_rr")) -> None:
    """A pair of visits in which the tool costs about 10 %."""
    for arm in ARMS:
        for conn_type in tests:
            mean_us = 100.0 if arm == BASELINE else 110.0 + number % 3
            tree.perf_test(arm, number, "latency", conn_type, client=[netperf(mean_us)], void_reason=void)


def progress(tree: Tree) -> CaseProgress:
    return LiveRun(Settings()).progress(tree.root, CaseId(ENVIRONMENT, 1, CASE_KEY))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path, units=8)


def asked(tree: Tree, precision_pct: float | None) -> None:
    (tree.root / "run.json").write_text(json.dumps({"options": {"precision_pct": precision_pct}}))


def test_a_perf_test_without_a_primary_metric_lacks_no_units(tree: Tree) -> None:
    """Nothing is claimed from it, but its units are there: no reserve is to be spent on it."""
    tree.run_file({}, primary={UDP: None})
    unit(tree, 1)
    unit(tree, 2)
    unit(tree, 3, tests=("tcp_rr",))
    found = progress(tree)
    assert found.usable == {TCP: 3, UDP: 2}
    assert found.half_widths_pct.keys() == {TCP}


class TestAgreesWithTheReports:
    @pytest.mark.parametrize("precision_pct", [None, 2.0])
    def test_after_every_unit(self, tree: Tree, precision_pct: float | None) -> None:
        asked(tree, precision_pct)
        for number in range(1, 11):
            unit(tree, number)
            found = progress(tree)
            final = {
                f"{one.metric.perf_test}:{one.metric.conn_type}": one
                for one in study_run(tree.root, Settings()).verdicts
                if one.is_primary
            }
            assert final.keys() == found.usable.keys() == {TCP, UDP}
            for name, one in final.items():
                assert found.usable[name] == one.n_units + one.n_unused == number
                assert one.cost is not None
                width = found.half_widths_pct[name]
                assert width is None or width == one.cost.half_width_pct
                assert f"+{one.cost.estimate_pct:.1f} %" in found.text
            if number >= 8:
                assert all(width is not None and width > 0 for width in found.half_widths_pct.values())

    def test_between_looks_the_interval_is_that_of_the_look(self, tree: Tree) -> None:
        asked(tree, 2.0)
        for number in range(1, 9):
            unit(tree, number)
        at_look = progress(tree)
        unit(tree, 9)
        unit(tree, 10)
        later = progress(tree)
        assert later.half_widths_pct == at_look.half_widths_pct
        assert later.usable == {TCP: 10, UDP: 10}


class TestCounts:
    def test_a_void_unit_is_not_usable(self, tree: Tree) -> None:
        unit(tree, 1)
        unit(tree, 2, void="somebody else was busy")
        assert progress(tree).usable == {TCP: 1, UDP: 1}

    def test_a_perf_test_without_any_usable_unit_is_counted(self, tree: Tree) -> None:
        unit(tree, 1, tests=("tcp_rr",))
        unit(tree, 2, tests=("udp_rr",), void="somebody else was busy")
        assert progress(tree).usable == {TCP: 1, UDP: 0}

    def test_nothing_usable_says_nothing(self, tree: Tree) -> None:
        unit(tree, 1, void="somebody else was busy")
        found = progress(tree)
        assert (found.usable, found.half_widths_pct, found.text) == ({TCP: 0, UDP: 0}, {}, "")

    def test_nothing_there(self, tree: Tree) -> None:
        found = progress(tree)
        assert (found.usable, found.half_widths_pct, found.text) == ({}, {}, "")

    def test_another_case_is_left_out(self, tree: Tree) -> None:
        unit(tree, 1)
        tree.perf_test(BASELINE, 1, "latency", "tcp_rr", client=[netperf(100.0)], case_key="host-other")
        assert LiveRun(Settings()).progress(tree.root, CaseId(ENVIRONMENT, 1, "host-other")).usable == {TCP: 0}


def test_half_a_unit_of_an_interrupted_run_counts_nowhere_and_is_listed(tree: Tree) -> None:
    half = "left unfinished when the run was interrupted: its unit was measured again"
    for number in range(1, 9):
        if number == 3:
            tree.perf_test(BASELINE, number, "latency", "tcp_rr", client=[netperf(900.0)], void_reason=half)
        unit(tree, number)
    found = study_run(tree.root, Settings())
    (verdict,) = (one for one in found.verdicts if one.is_primary and one.metric.conn_type == "tcp_rr")
    assert (verdict.n_units, verdict.n_void_baseline, verdict.n_void_tool) == (8, 1, 0)
    assert verdict.cost is not None
    assert 9 < verdict.cost.estimate_pct < 13
    assert half in {row.void_reason for row in found.measurements}
