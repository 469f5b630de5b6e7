"""The gates on real hosts: what others do there voids what is measured meanwhile, and is said."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bed_access import LabBed, Run

Start = Callable[..., Run]

pytestmark = pytest.mark.usefixtures("clean")


@pytest.fixture
def busy(bed: LabBed, clean: object) -> Iterator[None]:
    """A process of another user on the server that takes all of a CPU; gone before the hosts are looked at again."""
    start = "setsid setpriv --reuid=nobody --clear-groups sh -c 'while :; do :; done' >/dev/null 2>&1 & echo $!"
    pid = bed.run("host-server", start).strip()
    yield
    bed.run("host-server", f"kill -9 {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.05; done")


def void_reasons(run: Run) -> set[str]:
    with (run.tree / "reports" / "measurements.csv").open(newline="") as file:
        return {row["void_reason"] for row in csv.DictReader(file)}


@pytest.mark.usefixtures("busy")
def test_a_busy_process_of_another_user_voids_what_is_measured(run: Start, tmp_path: Path) -> None:
    settings = tmp_path / "limit.yaml"
    settings.write_text("foreign_cpu_limit_pct: 10\n")
    options = ("--units", "1", "--duration", "1", "--perf-tests", "latency:tcp_rr", "--analysis-config", str(settings))
    done = run("--env", "site", "-k", "null", *options)
    assert done.wait(120) == 1, done.output
    reasons = void_reasons(done)
    assert all(reason.startswith("foreign processes on host-server and host-client used ") for reason in reasons)
    assert reasons
    assert "the limit is 10 %" in done.output
    assert "foreign processes on" in (done.tree / "reports" / "overview.md").read_text()


def test_what_the_gates_need_is_recorded_on_both_nodes(run: Start) -> None:
    done = run("--env", "site", "-k", "null", "--units", "1", "--duration", "1", "--perf-tests", "latency:tcp_rr")
    done.wait(120)
    files = sorted(done.tree.glob("site/*/host-*/**/counters.json"))
    assert len(files) == 4  # two nodes, two arms
    boots = set()
    for file in files:
        found = json.loads(file.read_text())
        boots.add(found["boot_id"])
        assert found["interface"] != ""
        for end in (found["start"], found["end"]):
            assert {"MTU", "XDP", "qdisc", "offload tso"} <= end["setup"].keys()
            assert len(end["cpu"]["own_user_usec"]) == 2, "each sees the cgroups of both hosts"
    assert boots == {Path("/proc/sys/kernel/random/boot_id").read_text().strip()}
    (metadata, *_) = done.tree.glob("site/*/host-server/**/metadata_*.json")
    clocks = json.loads(metadata.read_text())["clocks"]
    assert all(abs(clock["drift_ns"]) < 50_000_000 for clock in clocks.values())


def test_what_a_tool_burns_is_the_runs_own(run: Start, cases: Callable[..., None]) -> None:
    """A tool that takes a CPU would void each of its perf tests if it counted as foreign."""
    cases(busy="exec sh -c 'while :; do :; done'")
    done = run("--env", "site", "--duration", "2", "--perf-tests", "latency:tcp_rr")
    assert done.wait(120) == 0, done.output
    (file,) = done.tree.glob("site/*/host-server/**/ebpf/**/counters.json")
    found = json.loads(file.read_text())
    before, after = (found[end]["cpu"]["own_user_usec"] for end in ("start", "end"))
    (server,) = (group for group in after if "-host-server-" in group)
    assert after[server] - before[server] > 2 * 0.1 * 1e6, "more than the limit would be, of two seconds"
