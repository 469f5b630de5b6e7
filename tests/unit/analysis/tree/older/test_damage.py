"""Trees of the older shape: what they say, alone and beside the other shape, whole and damaged at random."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

import pytest
from helpers.analysis_older_tree import FIRST, SECOND, older_tree
from helpers.analysis_tree import CASE_KEY, full_tree

from probecost.analysis.report.write import write_reports

TABLES = ("latency", "throughput", "pps", "resources")
_NUMBERS = ("NaN", "1e400", "-7", "9" * 30, "Infinity")


def _rows(reports: Path, case: str) -> dict[str, dict[str, str]]:
    """The rows of ``case``, by table."""
    found = {}
    for table in TABLES:
        for path in reports.rglob(f"*_{table}_iteration_001.csv"):
            with path.open(newline="") as file:
                for row in csv.DictReader(file):
                    if row["Tool Case"] == case:
                        found[table] = row
    return found


def _damage(chance: random.Random, path: Path) -> None:
    content = path.read_bytes()
    match chance.randrange(6):
        case 0:
            path.unlink()
        case 1:
            path.write_bytes(b"")
        case 2:
            path.write_bytes(content[: chance.randrange(len(content) // 4)])
        case 3:
            path.write_bytes(bytes(chance.choices(range(128, 256), k=300)))
        case 4:
            path.unlink()
            path.mkdir()
        case _:
            number = chance.choice(_NUMBERS)
            path.write_text(re.sub(r"\d+(\.\d+)?", number, content.decode()))


def test_all_tables_of_a_whole_tree(tmp_path: Path) -> None:
    write_reports(older_tree(tmp_path / "old"), tmp_path / "reports")
    rows = _rows(tmp_path / "reports", FIRST)
    assert (rows["latency"]["TCP RR Mean (us)"], rows["latency"]["UDP RR Diff (%)"]) == ("60.0", "20.0")
    assert (rows["latency"]["Protocol"], rows["latency"]["Direction"]) == ("tcp", "rx")
    assert rows["throughput"]["Client Multi (Gbps)"] == "8.0"
    assert rows["throughput"]["Server Single Diff (%)"] == "-50.0"
    assert (rows["pps"]["Client Multi PPS"], rows["pps"]["Server Multi PPS"]) == ("2000", "1800")
    assert (rows["resources"]["PPS Single CPU Avg (%)"], rows["resources"]["Max RSS (KB)"]) == ("7.0", "1500")
    assert rows["resources"]["Log Size (Bytes)"] == "640"
    assert not [cell for row in rows.values() for cell in row.values() if cell == "N/A"]


@pytest.mark.parametrize("seed", range(20))
def test_random_damage_is_listed_and_stays_in_its_case(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    root = older_tree(tmp_path / "old")
    write_reports(root, tmp_path / "whole")
    files = [path for path in sorted(root.rglob(f"{FIRST}/**/*")) if path.is_file()]
    damaged = [path for path in files if not path.name.startswith("test_complete") and chance.random() < 0.4]
    for path in damaged:
        _damage(chance, path)
    text = write_reports(root, tmp_path / "damaged").read_text()
    assert _rows(tmp_path / "damaged", SECOND) == _rows(tmp_path / "whole", SECOND)
    for path in damaged:
        listed = (f"{path.relative_to(root)})", f"{path.parent.relative_to(root)})")
        assert any(place in text for place in listed), path


@pytest.mark.parametrize("seed", range(8))
def test_both_shapes_in_one_tree_damaged(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    root = full_tree(tmp_path).root
    older_tree(root / "old", (SECOND,))
    assert {CASE_KEY, "host-eth_drop_case_2_udp_tx"} <= set(re.findall(r"host-[\w-]+", write_reports(root).read_text()))
    for path in sorted(path for path in (root / "old").rglob("*") if path.is_file()):
        if chance.random() < 0.5:
            _damage(chance, path)
    assert CASE_KEY in write_reports(root).read_text()
