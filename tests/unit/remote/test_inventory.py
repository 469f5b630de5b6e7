"""The inventory of a node tells what came and what went."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.inventory import Inventory
from probecost.remote.supervisor import inventory

R = "performance-test-results"


def take(work: Path) -> Inventory:
    return Inventory.read(inventory.take(str(work), str(work / R)))


def of(kind: str, changes: list[str]) -> list[str]:
    return [change for change in changes if change[2:].startswith(f"{kind}: ")]


def test_a_process_and_a_file_that_came(tmp_path: Path) -> None:
    before = take(tmp_path)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "x.bt").write_text("x")
    (tmp_path / R / "ebpf").mkdir(parents=True)
    process = subprocess.Popen(["sleep", "61"])
    try:
        changes = before.changes_to(take(tmp_path))
        assert of("files", changes) == ["+ files: tools", "+ files: tools/x.bt"]
        assert any(
            change.startswith(f"+ processes: {process.pid} ") and change.endswith(" sleep 61") for change in changes
        )
    finally:
        process.kill()
        process.wait()
    assert not any(f" {process.pid} " in change for change in of("processes", before.changes_to(take(tmp_path))))


def test_this_process_and_those_above_it_are_no_part_of_it(tmp_path: Path) -> None:
    lines = take(tmp_path).kinds["processes"]
    assert not any("test_remote_inventory" in line for line in lines if line.split()[2:3] == ["pytest"])


def test_two_in_a_row_have_the_same_set_up(tmp_path: Path) -> None:
    before, after = take(tmp_path), take(tmp_path)
    assert before.kinds["sysctls"]
    assert before.kinds["interfaces"]
    assert any(line.startswith("net.ipv4.tcp_congestion_control = ") for line in before.kinds["sysctls"])
    assert any(line.startswith("lo: qdisc: ") for line in before.kinds["interfaces"])
    for kind in ("sysctls", "interfaces", "files", "leases"):
        assert before.kinds[kind] == after.kinds[kind]


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert take(tmp_path / "none").kinds["files"] == frozenset()
