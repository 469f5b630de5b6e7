"""Budgets from trees of real files: what is said of them at a case's end, in the reports, and again from the tree."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from helpers.analysis_tree import CASE_KEY, Tree, netperf

from probecost.analysis.judge.budgets import Result
from probecost.analysis.plugin import AnalysisPlugin
from probecost.analysis.report.terminal import budget_lines
from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.case_properties import CaseResults
from probecost.analysis.study.run import study_run
from probecost.results.layout import RunTree

WIGGLE_US = (0.0, 0.2, -0.1, 0.1, -0.2, 0.15, -0.05, 0.05, 0.1, -0.1)


def budget(percent: float, metric: str = "latency_mean", figure: str = "mean_us") -> dict[str, Any]:
    place = {"perf_type": "latency", "conn_type": "tcp_rr"}
    return {"metric": metric, "figure": figure, "percent": percent, **place}


def tree_of(
    tmp_path: Path, *budgets: Mapping[str, Any], cost_us: float = 30.0, spread: float = 1.0, units: int = 8,
    strict: bool = False, others: int = 0, void: int = 0,
) -> Tree:  # fmt: skip
    """TCP RR of 20 us without the tool."""
    tree = Tree(tmp_path, units=units)
    for unit in range(1, units + 1):
        tree.perf_test("baseline", unit, "latency", "tcp_rr", client=[netperf(20)])
        with_tool_us = cost_us + spread * WIGGLE_US[unit - 1]
        tree.perf_test("tool", unit, "latency", "tcp_rr", client=[netperf(with_tool_us)])
    for unit in range(units + 1, units + 1 + void):
        tree.perf_test("baseline", unit, "latency", "tcp_rr", client=[netperf(20)])
        tree.perf_test("tool", unit, "latency", "tcp_rr", client=[netperf(20)], void_reason="foreign load")
    known = {"outcome": "running", "message": "", "environment": "lab", "iteration": 1, "case_key": CASE_KEY}
    cases = {CASE_KEY: known | {"budgets": list(budgets)}}
    cases |= {f"host-{n}": {"outcome": "not run", "environment": "lab", "iteration": 1} for n in range(others)}
    tree.run_file(cases, options={"strict_budgets": strict})
    return tree


def results(tree: Tree, iteration: int = 1) -> CaseResults:
    return AnalysisPlugin(Settings()).pytest_probecost_case_results(RunTree(tree.root), "lab", iteration, CASE_KEY)


def said(tree: Tree) -> list[tuple[str, str]]:
    """The columns of verdicts.csv, of the metrics with a budget."""
    with (write_reports(tree.root).parent / "verdicts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [(row["budget_pct"], row["budget_result"]) for row in rows if row["budget_pct"] or row["budget_result"]]


def test_broken_where_the_whole_interval_is_beyond(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, budget(5))
    found = results(tree)
    text = "broken: latency_mean:tcp_rr costs +50.1 % [+49.5 %, +50.7 %] over 8 pairs of visits, its budget is 5 %"
    assert found.problems[0] == f"budget {text}"
    assert found.figures["budget_latency_mean_tcp_rr"] == text
    look = found.problems[1]
    case_folder = tree.node("host-server") / "ebpf" / "eth_drop_case_1_9d5e19"
    where = "and, when the run is over, at overview.md and verdicts.csv in"
    assert look == f"look at {case_folder}\n{where} {tree.root / 'reports'}"
    assert said(tree) == [("5", "broken")]


def test_within_where_the_whole_interval_is_at_or_below(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, budget(55), strict=True)
    found = results(tree)
    assert found.problems == ()
    assert str(found.figures["budget_latency_mean_tcp_rr"]).startswith("within: ")
    assert said(tree) == [("55", "within")]


@pytest.mark.parametrize("strict", [False, True])
def test_inconclusive_where_the_interval_reaches_to_both_sides(tmp_path: Path, strict: bool) -> None:
    tree = tree_of(tmp_path, budget(50), strict=strict)
    found = results(tree)
    assert str(found.figures["budget_latency_mean_tcp_rr"]).startswith(
        "inconclusive: latency_mean:tcp_rr costs +50.1 %"
    )
    assert [line.split(" costs")[0] for line in found.problems[:1]] == (
        ["budget inconclusive: latency_mean:tcp_rr"] if strict else []
    )
    assert said(tree) == [("50", "inconclusive")]


def test_an_end_that_is_the_budget(tmp_path: Path) -> None:
    (entry,) = (each for each in study_run(tree_of(tmp_path).root, Settings()).verdicts if each.is_primary)
    assert entry.cost is not None
    at_its_end = tree_of(tmp_path / "high", budget(entry.cost.high_pct))
    assert study_run(at_its_end.root, Settings()).budgets[0].result is Result.WITHIN
    at_its_start = tree_of(tmp_path / "low", budget(entry.cost.low_pct))
    assert study_run(at_its_start.root, Settings()).budgets[0].result is Result.INCONCLUSIVE


def test_below_8_units_nothing_is_broken(tmp_path: Path) -> None:
    found = results(tree_of(tmp_path, budget(5), units=7))
    assert found.problems == ()
    assert str(found.figures["budget_latency_mean_tcp_rr"]).endswith("its budget is 5 %: 7 units, 8 are needed")
    assert found.figures["verdict_latency_tcp_rr"] == "7 units: below 8 there is an estimate and no verdict"
    assert "verdict" not in found.figures


def test_a_gate_that_failed_decides_nothing(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, budget(5), void=8)
    found = results(tree)
    assert "INVALID: void visits prefer an arm" in str(found.figures["budget_latency_mean_tcp_rr"])
    assert str(found.figures["verdict_latency_tcp_rr"]).startswith("INVALID: void visits prefer an arm")
    assert not any(problem.startswith("budget") for problem in found.problems)
    assert said(tree) == [("5", "inconclusive")]


def test_a_metric_that_was_not_measured(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, budget(5, "cpu_per_gb", "cpu_s_per_gb"))
    assert results(tree).figures["budget_cpu_per_gb_tcp_rr"] == (
        "inconclusive: cpu_per_gb:tcp_rr, its budget is 5 %: nothing was measured"
    )
    assert said(tree) == []


def test_strict_fails_verdicts_that_cannot_tell_unless_a_budget_does(tmp_path: Path) -> None:
    def problems(name: str, *budgets: Mapping[str, Any], strict: bool = True) -> tuple[str, ...]:
        return results(tree_of(tmp_path / name, *budgets, cost_us=20, spread=10, strict=strict)).problems

    assert problems("alone")[0].startswith("verdict of TCP RR latency: INCONCLUSIVE, floor ")
    assert problems("lenient", strict=False) == ()
    assert problems("answered", budget(40)) == ()


def test_a_verdict_that_others_hold_back_says_where_it_is_adjusted(tmp_path: Path) -> None:
    alone = results(tree_of(tmp_path / "alone")).figures
    assert alone["verdict_latency_tcp_rr"] == "OVERHEAD +50.1 % [+49.5 %, +50.7 %]"
    assert alone["verdict"] == "TCP RR latency: OVERHEAD +50.1 % [+49.5 %, +50.7 %]"
    many = results(tree_of(tmp_path / "many", budget(5), others=20))
    assert many.figures["verdict_latency_tcp_rr"] == (
        "INCONCLUSIVE, +50.1 % [+49.5 %, +50.7 %] in this test alone (adjusted at the end of the run: see verdicts.csv)"
    )
    assert many.problems[0].startswith("budget broken: ")  # an interval needs no family


def test_units_of_earlier_iterations_count(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, budget(5), units=4)
    tree.iteration = 2
    for unit in range(1, 5):
        more = {"iteration": 2}
        tree.perf_test("baseline", unit, "latency", "tcp_rr", client=[netperf(20)], **more)
        tree.perf_test("tool", unit, "latency", "tcp_rr", client=[netperf(30 + WIGGLE_US[unit])], **more)
    known = {"outcome": "running", "environment": "lab", "case_key": CASE_KEY, "budgets": [budget(5)]}
    tree.run_file({f"{CASE_KEY}-{number}": known | {"iteration": number} for number in (1, 2)})
    assert results(tree, 1).problems == ()
    assert results(tree, 2).problems[0].startswith("budget broken: ")
    assert said(tree) == [("5", "broken")]


def test_the_reports_are_the_same_again_and_list_the_worst_first(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, budget(55), budget(5, "latency_p99", "p99_us"), budget(47.5, "latency_p50", "p50_us"))
    text = write_reports(tree.root).read_text()
    section = text[text.index("## Budgets") : text.index("## Environment")].splitlines()
    assert section[2] == "1 broken, 1 inconclusive, 1 within."
    assert [line.split(" | ")[1] for line in section[6:9]] == [
        "latency_p99:tcp_rr", "latency_p50:tcp_rr", "latency_mean:tcp_rr",
    ]  # fmt: skip
    assert write_reports(tree.root, tmp_path / "again").read_text() == text
    lines = list(budget_lines(study_run(tree.root, Settings()).budgets))
    assert lines[1] == "Budgets: 1 broken, 1 inconclusive, 1 within"
    assert lines[2].startswith(f"{CASE_KEY}  broken: latency_p99:tcp_rr costs ")
    assert len(lines) == 4


def test_a_case_that_was_not_started_has_no_checks(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, budget(5))
    tree.run_file({CASE_KEY: {"outcome": "not run", "budgets": [budget(5)]}})
    assert study_run(tree.root, Settings()).budgets == ()
    assert "## Budgets" not in write_reports(tree.root).read_text()


@pytest.mark.parametrize("damaged", [None, 5, {}, [None, "x", {"metric": "latency_mean"}, {"percent": "5"}]])
def test_a_damaged_list_loses_nothing_else(tmp_path: Path, damaged: object) -> None:
    tree = tree_of(tmp_path)
    tree.run_file({CASE_KEY: {"outcome": "passed", "budgets": damaged}})
    study = study_run(tree.root, Settings())
    assert study.budgets == ()
    assert study.cases[0].outcome is not None
    assert study.cases[0].outcome.outcome == "passed"
