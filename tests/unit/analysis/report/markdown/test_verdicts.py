"""Verdicts in the reports: the file, the overview's section and the terminal, from trees of real files."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from helpers.analysis_tree import Tree, netperf

from probecost.analysis.report.tables.verdicts import VERDICT_COLUMNS
from probecost.analysis.report.terminal import verdict_lines
from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import Settings
from probecost.analysis.statistics.looks import LOOKS
from probecost.analysis.study.run import study_run
from probecost.results.layout import CaseFolder

WIGGLE_US = (0.0, 0.2, 0.1, -0.2, -0.1, 0.15, 0.05, -0.05)
NULL, PRINT = CaseFolder("null", 1, "aaaaaa"), CaseFolder("packet_print", 2, "bbbbbb")


def tree_of(results_dir: Path, *, null_us: float = 20.0, print_us: float = 30.0, units: int = 8) -> Tree:
    """TCP RR of two tools, 20 us without them."""
    tree = Tree(results_dir, units=units)
    for case, key, cost_us in ((NULL, "host-null", null_us), (PRINT, "host-packet_print", print_us)):
        for unit in range(1, units + 1):
            wiggle_us = WIGGLE_US[unit - 1]
            tree.perf_test("baseline", unit, "latency", "tcp_rr", client=[netperf(20)], case=case, case_key=key)
            tree.perf_test(
                "tool", unit, "latency", "tcp_rr", client=[netperf(cost_us + wiggle_us)], case=case, case_key=key
            )
    tree.run_file({key: {"outcome": "passed", "message": ""} for key in ("host-null", "host-packet_print")})
    return tree


def rows(results_dir: Path, tree: Tree) -> list[dict[str, str]]:
    with (write_reports(tree.root).parent / "verdicts.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_file_has_a_row_per_metric(tmp_path: Path) -> None:
    found = rows(tmp_path, tree_of(tmp_path))
    assert tuple(found[0]) == VERDICT_COLUMNS
    assert len(found) == 2 * 7
    primary = {row["case_key"]: row for row in found if row["primary"] == "yes"}
    assert primary["host-packet_print"] == {
        "run_id": "20261122_213458_123_ab12",
        "environment": "lab",
        "pair_kind": "host",
        "case_key": "host-packet_print",
        "tool": "packet_print",
        "perf_test": "latency",
        "conn_type": "tcp_rr",
        "metric": "mean_us",
        "unit": "us",
        "primary": "yes",
        "schedule": "visits",
        "n_units": "8",
        "n_void_baseline": "0",
        "n_void_tool": "0",
        "estimate_pct": "50.092451",
        "ci_low_pct": "49.499443",
        "ci_high_pct": "50.666344",
        "ci_level": "0.95",
        "p": "0.007812",
        "p_adjusted": "0.015625",
        "family_m": "2",
        "margin_pct": "3",
        "verdict": "OVERHEAD",
        "reason": "50.1 % [49.5 %, 50.7 %]",
        "budget_pct": "",
        "budget_result": "",
    }
    assert primary["host-null"]["verdict"] == "NEGLIGIBLE"


def test_the_overview_shows_the_worst_first_and_the_control_last(tmp_path: Path) -> None:
    text = write_reports(tree_of(tmp_path).root).read_text()
    section = text[text.index("## Verdicts") : text.index("## Environment")].splitlines()
    assert section[2] == "Measured over 8 pairs of visits."
    assert section[4] == "| Case | TCP RR latency |"
    assert section[6].startswith("| host-packet_print | OVERHEAD +50.1 % \\[+49.5 %, +50.7 %\\] |")
    assert section[7].startswith("| host-null | NEGLIGIBLE ≤ ")
    assert "- host-null only sleeps, and its only test does not claim an effect; what this bed can tell apart: " in text


def test_a_control_that_costs_something_is_told(tmp_path: Path) -> None:
    text = write_reports(tree_of(tmp_path, null_us=25).root).read_text()
    assert "- host-null only sleeps and still: TCP RR latency OVERHEAD +25.1 %" in text
    assert "Do not believe verdicts of this size on this bed." in text


def test_inconclusive_is_explained_and_only_where_it_stands(tmp_path: Path) -> None:
    words = "INCONCLUSIVE does not mean that there is no cost"
    assert words not in write_reports(tree_of(tmp_path / "clear").root).read_text()
    noisy = tree_of(tmp_path / "noisy", print_us=20)
    for unit, us in enumerate((15, 26, 18, 23, 16, 25, 19, 22), start=1):
        client = [netperf(us)]
        noisy.perf_test("tool", unit, "latency", "udp_rr", client=client, case=PRINT, case_key="host-packet_print")
        client = [netperf(20)]
        noisy.perf_test("baseline", unit, "latency", "udp_rr", client=client, case=PRINT, case_key="host-packet_print")
    assert words in write_reports(noisy.root).read_text()


def test_units_that_cannot_carry_the_plan_are_told_and_so_is_what_was_seen(tmp_path: Path) -> None:
    tree = tree_of(tmp_path)
    planned = {f"host-{number}": {"outcome": "not run", "message": ""} for number in range(11)}
    tree.run_file({key: {"outcome": "passed", "message": ""} for key in ("host-null", "host-packet_print")} | planned)
    warning = "8 units cannot carry 13 primary tests: no overhead can be claimed, however large it is. 10 units can"
    text = write_reports(tree.root).read_text()
    assert f"- **{warning}, or fewer cases and perf tests.**" in text
    assert "| host-packet_print | INCONCLUSIVE, +50.1 % \\[+49.5 %, +50.7 %\\] in this test alone |" in text
    assert list(verdict_lines(study_run(tree.root, Settings()).verdicts))[-1].startswith(warning)
    assert "cannot carry" not in write_reports(tree_of(tmp_path / "few").root).read_text()


def test_below_8_units_there_is_no_section(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, units=7)
    assert "## Verdicts" not in write_reports(tree.root).read_text()
    assert list(verdict_lines(study_run(tree.root, Settings()).verdicts)) == []
    assert {row["verdict"] for row in rows(tmp_path, tree)} == {""}


def test_where_there_is_no_interval_it_has_no_ends(tmp_path: Path) -> None:
    (row, _) = (row for row in rows(tmp_path, tree_of(tmp_path, units=3)) if row["primary"] == "yes")
    assert (row["ci_low_pct"], row["ci_high_pct"]) == ("", "")
    assert row["estimate_pct"] != ""


def test_the_terminal_shows_the_same(tmp_path: Path) -> None:
    lines = list(verdict_lines(study_run(tree_of(tmp_path).root, Settings()).verdicts))
    assert lines[:2] == ["", "Verdicts (8 pairs of visits; cost in percent, positive is worse):"]
    assert lines[2] == "host-packet_print  TCP RR latency: OVERHEAD +50.1 % [+49.5 %, +50.7 %]"
    assert lines[3].startswith("host-null          TCP RR latency: NEGLIGIBLE ≤ ")
    assert lines[4].startswith("host-null only sleeps, and its only test does not claim an effect; what")


def test_another_margin(tmp_path: Path) -> None:
    found = {
        each.case.case_key: each
        for each in study_run(tree_of(tmp_path).root, Settings(margin_pct=60.0)).verdicts
        if each.is_primary
    }
    assert found["host-packet_print"].verdict.word == "NEGLIGIBLE"
    assert found["host-packet_print"].margin_pct == 60.0


def loaded_tree(results_dir: Path, *, null_ticks: int = 0) -> Tree:
    """A tool that needs more CPU for the same offered load, and the control that does not: eight flows each."""
    tree = Tree(results_dir, units=8)
    for case, key, cost in ((NULL, "host-null", null_ticks), (PRINT, "host-packet_print", 100)):
        for unit in range(1, 9):
            wiggle = (0, 3, 1, -3, -1, 2, 1, -2)[unit - 1]
            segments = [(1, "baseline", 1_000_000), (1, "tool", 1_000_000 + wiggle)]
            place = tree.flow(
                unit, "throughput", "single-load50", segments, counter="rx_bytes", case=case, case_key=key,
                offered_rate=16_100_000,
            )  # fmt: skip
            path = tree.node("host-server") / place.segments
            lines = path.read_text().splitlines()
            for at, ticks in ((1, 500), (2, 500 + cost + wiggle)):
                lines[at] = lines[at].rsplit(",", 4)[0] + f",0,{1000 - ticks},20,20"  # of 20 CPUs
            path.write_text("\n".join(lines) + "\n")
    return tree


def test_a_masked_rate_says_where_the_cost_is_and_never_that_there_is_none(tmp_path: Path) -> None:
    tree = loaded_tree(tmp_path)
    text = write_reports(tree.root).read_text()
    masked = "MASKED at 99 % of the offered load, CPU per byte 20.0 % "
    assert "| Case | Throughput single at 50 % load |" in text
    assert f"| host-packet_print | {masked}" in text
    assert "| host-null | NEGLIGIBLE ≤ 0.0 % |" in text
    assert "- MASKED: this rate stands at what was offered" in text
    lines = list(verdict_lines(study_run(tree.root, Settings()).verdicts))
    assert lines[2].startswith(f"host-packet_print  Throughput single at 50 % load: {masked}")
    assert lines[3].startswith("host-null ")


def test_a_control_that_is_masked_is_told(tmp_path: Path) -> None:
    text = write_reports(loaded_tree(tmp_path, null_ticks=50).root).read_text()
    assert "- host-null only sleeps and still: Throughput single at 50 % load MASKED at 99 %" in text


def test_the_primary_metric_that_the_plan_chose_is_the_one_that_is_shown(tmp_path: Path) -> None:
    tree = loaded_tree(tmp_path)
    tree.run_file({}, primary={"throughput:single-load50": "cpu_s_per_gb"})
    text = write_reports(tree.root).read_text()
    assert "| Case | CPU per GB, throughput single at 50 % load |" in text
    assert "| host-packet_print | OVERHEAD +20.0 % " in text
    assert "MASKED" not in text


def test_a_run_without_a_primary_metric_says_so(tmp_path: Path) -> None:
    tree = tree_of(tmp_path)
    tree.run_file({}, primary={"latency:tcp_rr": None})
    assert (
        "No primary metric was measured: what there is stands in verdicts.csv." in write_reports(tree.root).read_text()
    )


def test_a_run_with_looks_says_its_levels(tmp_path: Path) -> None:
    tree = tree_of(tmp_path)
    tree.run_file({}, options={"precision_pct": 2.0})
    assert "intervals at 99.2 %, which pays for 4 looks." in write_reports(tree.root).read_text()
    assert {row["ci_level"] for row in rows(tmp_path, tree)} == {"0.992"}


@pytest.mark.parametrize("precision", ["2 %", 0, -1, True, [2]])
def test_a_precision_that_cannot_be_read_is_a_remark_and_claims_no_more(tmp_path: Path, precision: object) -> None:
    tree = tree_of(tmp_path)
    tree.run_file({}, options={"precision_pct": precision})
    study = study_run(tree.root, Settings())
    assert study.run.rule == LOOKS
    (problem,) = (each for each in study.problems if "precision_pct" in each.reason)
    assert f"expected a percentage above 0, found {precision!r}" in problem.reason


def test_a_primary_metric_that_does_not_exist_is_a_remark(tmp_path: Path) -> None:
    tree = tree_of(tmp_path)
    tree.run_file({}, primary={"latency:tcp_rr": "mean_ms", "pps:single": None})
    study = study_run(tree.root, Settings())
    assert study.run.primary == {"pps:single": None}
    (problem,) = (each for each in study.problems if "primary" in each.reason)
    assert problem.reason.startswith("run file: primary.latency:tcp_rr: expected one of sent_bps, ")
    assert {each.metric.metric for each in study.verdicts if each.is_primary} == {"mean_us"}
