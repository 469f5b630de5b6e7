"""A pps test over TCP, as older configurations have it: writes per second under that name, never packets."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from helpers.analysis_older_tree import FIRST, older_tree
from helpers.analysis_tree import tcp_client

from probecost.analysis.report.write import write_reports

MEASURED = 10_000.0


def with_tcp(root: Path, write_bytes: int = 64) -> Path:
    """Every stream of a pps test writes 10,000 times a second, with a tool half as often."""
    for path in older_tree(root).rglob("client_results/pps/**/*.json"):
        bps = MEASURED * 64 * 8 * (0.5 if "ebpf" in path.parts else 1.0)
        path.write_text(tcp_client(bps, bps, write_bytes=write_bytes))
    return root


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    write_reports(with_tcp(tmp_path / "old"), tmp_path / "reports")
    return tmp_path / "reports"


def test_overview_names_them_and_compares(reports: Path) -> None:
    lines = (reports / "overview.md").read_text().splitlines()
    head = lines.index("| Case | sent single | received single | sent multi | received multi |")
    assert lines[head - 2].startswith("Writes per second of the pps tests over TCP")
    single, multi = "10,000 → 5,000, -50.0 %", "20,000 → 10,000, -50.0 %"
    assert [cell.strip() for cell in lines[head + 2].strip("|").split("|")][1:] == [single, single, multi, multi]
    after = lines[head:]
    assert after[after.index("") + 1].startswith("All cases are compared with one shared baseline")


def test_no_table_calls_them_packets(reports: Path) -> None:
    (file,) = reports.rglob("*_pps_iteration_001.csv")
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert {cell for row in rows for key, cell in row.items() if "PPS" in key or "Diff" in key} == {"N/A"}
    with (reports / "measurements.csv").open(newline="") as opened:
        metrics = {row["metric"]: row["unit"] for row in csv.DictReader(opened) if row["perf_test"] == "pps"}
    assert metrics == {"sent_writes_per_s": "writes/s", "received_writes_per_s": "writes/s"}
    assert "the stream is TCP: its writes are no packets" in (reports / "overview.md").read_text()


def test_without_the_size_of_a_write_nothing_is_counted(tmp_path: Path) -> None:
    text = write_reports(with_tcp(tmp_path / "old", write_bytes=0), tmp_path / "reports").read_text()
    assert "Writes per second" not in text
    assert "its writes are no packets, nothing is counted" in text
    assert FIRST in text


def test_datagrams_that_nobody_counted_are_no_writes(tmp_path: Path) -> None:
    root = older_tree(tmp_path / "old")
    for path in root.rglob("client_results/pps/**/*.json"):
        path.write_text(path.read_text().replace('"packets"', '"damaged"'))
    assert "Writes per second" not in write_reports(root, tmp_path / "reports").read_text()
