"""The whole way on real parts: from a minimal input to reports whose figures mean what they say."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from bed_access import HOSTS, WORKDIR, LabBed, Run

from probecost import PACKAGE

Start = Callable[..., Run]
COLUMNS = {"latency": 13, "throughput": 15, "pps": 15, "resources": 20}

pytestmark = pytest.mark.usefixtures("clean")


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def done(bed: LabBed, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two cases, two units, all six perf tests; with junit and HTML."""
    folder = tmp_path_factory.mktemp("pipeline")
    run = Run.start(
        bed,
        folder / "results",
        *("--env", "site", "-k", "null or (packet_print and rx_protocol_tcp)"),
        *("--units", "2", "--duration", "1"),
        *(f"--junitxml={folder / 'junit.xml'}", f"--html={folder / 'report.html'}"),
    )
    assert run.wait(240) == 0, run.output
    return run


class TestReports:
    def test_every_table_has_its_columns_and_values(self, done: Run) -> None:
        for kind, count in COLUMNS.items():
            files = sorted((done.tree / "reports").rglob(f"*_{kind}_iteration_001.csv"))
            assert len(files) == 2, "a table per topic"
            for file in files:
                (row,) = rows(file)
                assert len(row) == count
                missing = [name for name, value in row.items() if value == "N/A"]
                assert set(missing) <= {"Protocol", "Direction"}, f"{file.name}: {missing}"

    def test_received_packets_are_no_more_than_sent_ones(self, done: Run) -> None:
        for file in (done.tree / "reports").rglob("*_pps_iteration_001.csv"):
            (row,) = rows(file)
            assert 0 < float(row["Server Single PPS"]) <= 1.02 * float(row["Client Single PPS"])

    def test_the_tool_was_watched(self, done: Run) -> None:
        (file,) = (done.tree / "reports").rglob("packet_trace_resources_iteration_001.csv")
        (row,) = rows(file)
        assert float(row["Max RSS (KB)"]) > 10_000
        assert int(row["Log Size (Bytes)"]) > 100_000

    def test_the_expensive_tool_shows_and_the_null_tool_does_not(self, done: Run) -> None:
        """In its own use. What it does to latency may even be a gain, where it keeps an idle machine awake."""
        files = (done.tree / "reports" / "site").glob("*_resources_iteration_001.csv")
        cases = {row["Tool Case"].partition("_case_")[0]: row for file in files for row in rows(file)}
        expensive, null = cases["packet_print"], cases["null"]
        assert float(expensive["TP Single CPU Avg (%)"]) > 5 * float(null["TP Single CPU Avg (%)"]) + 1
        assert int(expensive["Log Size (Bytes)"]) > 10_000
        assert int(null["Log Size (Bytes)"]) == 0

    def test_junit_and_html_carry_figures_and_links(self, done: Run) -> None:
        folder = done.results_dir.parent
        junit = (folder / "junit.xml").read_text()
        assert 'name="latency_tcp_rr_mean_us"' in junit
        assert 'name="artifact"' in junit
        html = (folder / "report.html").read_text()
        assert "host-packet_print-rx_protocol_tcp" in html
        assert "ebpf_output_" in html

    def test_metadata_tells_what_a_figure_was_measured_on(self, done: Run) -> None:
        files = sorted(done.tree.glob("site/iteration_001/host-client/**/metadata_*.json"))
        assert len(files) == 2 * 2 * 2 * 6, "cases, arms, units, perf tests"
        for file in files:
            found = json.loads(file.read_text())
            facts = found["facts"]["host-server"]
            assert facts["kernel"]
            assert facts["iperf3"]
            assert facts["netperf"]
            assert found["end_ns"] - found["start_ns"] > 0.9e9
            assert (found["tool"] is None) == (found["arm"] == "baseline")
            if found["arm"] == "tool":
                assert len(found["tool"]["sha256"]) == 64

    def test_nothing_but_plain_results_was_fetched(self, done: Run) -> None:
        assert not [path for path in done.tree.rglob("*") if path.is_symlink()]
        for host in HOSTS:
            assert (done.tree / "site/iteration_001" / host / "performance-test-results").is_dir()


def test_one_tool_alone_has_its_own_baseline(run: Start) -> None:
    done = run(
        "--env", "site", "-k", "eth_drop and rx_protocol_tcp", "--duration", "1", "--perf-tests", "latency:tcp_rr"
    )
    assert done.wait() == 0, done.output
    arms = {row["arm"] for row in rows(done.tree / "reports" / "measurements.csv")}
    assert arms == {"baseline", "tool"}


def test_a_shared_baseline_is_measured_once(run: Start) -> None:
    done = run(
        *("--env", "site", "-k", "null or (eth_drop and rx_protocol_tcp)", "--baseline", "shared"),
        *("--duration", "1", "--perf-tests", "latency:tcp_rr"),
    )
    assert done.wait() == 0, done.output
    folder = done.tree / "site/iteration_001/host-client/performance-test-results"
    assert len(list(folder.glob("baseline/host/latency/tcp_rr_*"))) == 1
    assert len(list(folder.glob("ebpf/*/host/latency/tcp_rr_*"))) == 2
    for file in (done.tree / "reports").rglob("*_latency_iteration_001.csv"):
        (row,) = rows(file)
        assert row["TCP RR Baseline (us)"] != "N/A"


def test_results_stay_on_the_nodes_when_asked_to(bed: LabBed, run: Start) -> None:
    done = run("--env", "site", "-k", "null", "--duration", "1", "--perf-tests", "latency:tcp_rr", "--keep-remote")
    assert done.wait() == 0, done.output
    tree = f"{WORKDIR}/performance-test-results"
    try:
        for host in HOSTS:
            remote = bed.run(host, f"cd {WORKDIR} && find performance-test-results -type f").split()
            local = done.tree / "site/iteration_001" / host
            assert sorted(remote) == sorted(str(p.relative_to(local)) for p in local.rglob("*") if p.is_file())
    finally:
        for host in HOSTS:
            bed.run(host, f"rm -r {tree}")


def test_a_second_run_overwrites_nothing_and_two_environments_are_measured_in_turn(bed: LabBed, run: Start) -> None:
    short = ("-k", "null", "--duration", "1", "--perf-tests", "latency:tcp_rr")
    first = run("--env", "site", *short)
    assert first.wait() == 0, first.output
    tree = first.tree
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*") if path.is_file()}
    second = run("--env", "site", "--env", "lab", *short)
    assert second.wait() == 0, second.output
    assert second.tree != tree
    assert before == {path: path.stat().st_mtime_ns for path in tree.rglob("*") if path.is_file()}
    assert sorted(path.name for path in second.tree.iterdir() if path.is_dir()) == ["lab", "reports", "site"]
    assert "2 passed" in second.output


def test_nothing_outside_the_lab_knows_of_it() -> None:
    """The rooms that measure hold no word of the lab: what works there works on machines of one's own."""
    for room in ("analysis", "config", "discovery", "measure", "plan", "remote", "results"):
        for file in (PACKAGE / room).rglob("*.py"):
            assert "probecost.lab" not in file.read_text()
            assert "import lab" not in file.read_text()
