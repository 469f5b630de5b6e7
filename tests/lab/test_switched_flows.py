"""Switched flows on real hosts: the tool goes on and off inside one flow, and a verdict comes out at the end."""

from __future__ import annotations

import csv
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bed_access import WORKDIR, LabBed, Run, until

Start = Callable[..., Run]
Cases = Callable[..., None]
SWITCHED = ("--env", "site", "--schedule", "switched", "--duration", "5", "--calibration", "never")
LATENCY = ("--perf-tests", "latency:tcp_rr")

pytestmark = pytest.mark.usefixtures("clean")


def segments(run: Run) -> list[list[dict[str, str]]]:
    """The rows of each flow's file, in the order of the flows."""
    files = sorted(run.tree.glob("site/*/host-server/**/segments.csv"), key=lambda file: file.parent.name)
    return [list(csv.DictReader(file.read_text().splitlines())) for file in files]


def test_eight_flows_give_a_verdict(run: Start) -> None:
    done = run(*SWITCHED, "-k", "null", "--units", "8", *LATENCY)
    assert done.wait() == 0, done.output
    flows = segments(done)
    assert 8 <= len(flows) <= 10  # two stand by for void ones
    for rows in flows:
        pairs = {row["pair"] for row in rows}
        assert rows
        assert {(row["pair"], row["arm"]) for row in rows} == {
            (pair, arm) for pair in pairs for arm in ("baseline", "tool")
        }
        # netperf ran all through the first pair: each transaction is one packet that arrives
        assert all(int(row["rx_packets_end"]) > int(row["rx_packets_start"]) for row in rows[:2])
    with (done.tree / "reports" / "verdicts.csv").open(newline="") as file:
        (verdict,) = (row for row in csv.DictReader(file) if row["primary"] == "yes")
    assert (verdict["schedule"], verdict["n_units"], verdict["metric"]) == ("switched", "8", "mean_us")
    assert verdict["verdict"] != ""
    assert "## Verdicts" in (done.tree / "reports" / "overview.md").read_text()
    assert "only sleeps" in done.output


def test_a_tool_that_does_not_start_again_fails_the_case(run: Start, cases: Cases, tmp_path: Path) -> None:
    once = f"/run/{tmp_path.name}"  # of the host, which has a /run of its own
    cases(once=f"sudo sh -c 'test ! -e {once} || exit 5; touch {once}; exec sleep 600'")
    done = run(*SWITCHED, "--units", "8", *LATENCY)
    assert done.wait() == 1, done.output
    assert "node host-server: once ended at once with exit code 5" in done.output
    results = json.loads((done.tree / "workflow-results.json").read_text())
    assert [(cycle["cycle_type"], cycle["status"]) for cycle in results["cycles"][2:-10]] == [
        ("switched", "failed"),
        *[("switched", "not run")] * (7 + 2),  # and two that stand by
    ]
    # So do a pair of visits, and eight flows that would confirm a speed-up.
    assert {cycle["status"] for cycle in results["cycles"][-10:]} == {"not run"}


def test_an_interruption_inside_a_flow_leaves_nothing(bed: LabBed, run: Start, cases: Cases) -> None:
    cases(good="exec sleep 1000")
    started = run(*SWITCHED, "--duration", "12", "--units", "8", *LATENCY)
    flows = f"find {WORKDIR} -path '*/switched/*' -name 'ebpf_output_2.log'"
    assert until(lambda: started.process.poll() is None and bool(bed.run("host-server", flows)), 120), started.output
    before = time.monotonic()
    started.interrupt(signal.SIGINT)
    assert started.wait(30) == 2, started.output
    assert time.monotonic() - before < 15
    (rows,) = segments(started)
    assert rows  # what was counted before the interruption is kept
