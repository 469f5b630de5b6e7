"""The main job on real parts: calibration, plan, switched flows, verdicts that are true; a campaign that goes on."""

from __future__ import annotations

import csv
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bed_access import LabBed, Run, until

Start = Callable[..., Run]
CLAIMS = ("OVERHEAD", "SMALL", "UNEXPECTED SPEED-UP", "MASKED")
TESTS = ("--perf-tests", "latency:tcp_rr,throughput:single", "--duration", "2", "--units", "8")

pytestmark = pytest.mark.usefixtures("clean")


def verdicts(run: Run) -> list[dict[str, str]]:
    with (run.tree / "reports" / "verdicts.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["primary"] == "yes"]


def claims(run: Run) -> list[str]:
    return [
        f"{row['metric']} {row['verdict']}"
        for row in verdicts(run)
        if row["tool"] == "null" and row["verdict"] in CLAIMS
    ]


@pytest.fixture(scope="module")
def measured(bed: LabBed, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """As ``make lab`` measures, of a tool whose cost no noise hides."""
    with bed.large_dose() as dose:
        options = ("--env", "site", "-k", dose, "--null-case", "always", *TESTS, "--seed", "11")
        run = Run.start(bed, tmp_path_factory.mktemp("verdicts") / "results", *options)
        assert run.wait(600) == 0, run.output
    return run


def test_an_expensive_tool_has_an_overhead_clear_of_zero(measured: Run) -> None:
    found = [row for row in verdicts(measured) if row["tool"] == "dose"]
    assert {row["schedule"] for row in found} == {"switched"}
    (latency,) = (row for row in found if row["metric"] == "mean_us")
    assert latency["verdict"] == "OVERHEAD", measured.output
    assert float(latency["ci_low_pct"]) > 0


def test_the_null_case_claims_nothing(measured: Run, run: Start) -> None:
    """One test in twenty may be wrong by chance: who claims something must do it again on fresh units to be wrong."""
    first = claims(measured)
    assert [row for row in verdicts(measured) if row["tool"] == "null" and row["verdict"]], (
        "no verdict of the null case"
    )
    if first:
        again = run("--env", "site", "-k", "null", *TESTS)
        assert again.wait(300) == 0, again.output
        assert not {claim.split()[0] for claim in first} & {claim.split()[0] for claim in claims(again)}


def test_the_plan_says_what_it_was_made_of(measured: Run) -> None:
    workflow: dict[str, Any] = json.loads((measured.tree / "workflow.json").read_text())
    switched = [cycle for cycle in workflow["test_sequence"] if cycle["cycle_type"] == "switched"]
    assert {cycle["reserve"] for cycle in switched} == {False, True}
    assert all(cycle["switching"]["segment"] > 0 for cycle in switched)
    assert set(workflow["metadata"]["primary"]) == {"throughput:single", "throughput:single-load50"}
    assert "time ledger" in measured.output
    assert "starts in" in measured.output


def test_reports_come_out_the_same_again(measured: Run, tmp_path: Path) -> None:
    from probecost.analysis.report.write import write_reports
    from probecost.analysis.settings.settings import load_settings

    write_reports(measured.tree, tmp_path / "again", load_settings(measured.settings))
    for name in ("verdicts.csv", "measurements.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (measured.tree / "reports" / name).read_bytes()


def test_an_interrupted_campaign_goes_on(run: Start, bed: LabBed) -> None:
    options = ("--perf-tests", "latency:tcp_rr", "--duration", "1", "--units", "4", "--schedule", "visits")
    first = run("--env", "site", "-k", "null", *options)
    assert until(lambda: "unit 2 of 4" in first.output, 120), first.output
    first.interrupt(signal.SIGINT)
    assert first.wait(30) == 2
    tree = first.tree
    second = Run.start(bed, first.results_dir, f"--resume={tree}")
    assert second.wait(120) == 0, second.output
    assert "unit 1 of 4" not in second.output
    assert "unit 4 of 4" in second.output
    run_json = json.loads((tree / "run.json").read_text())
    assert [case["outcome"] for case in run_json["cases"].values()] == ["passed"]
    with (tree / "reports" / "measurements.csv").open(newline="") as file:
        used = {row["unit_index"] for row in csv.DictReader(file) if not row["void_reason"]}
    assert used == {"1", "2", "3", "4"}
