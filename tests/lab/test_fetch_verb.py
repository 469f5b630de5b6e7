"""``probecost fetch`` over real SSH: what lies on a host comes home, once, and a run that measures is left alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bed_access import PROJECT, WORKDIR, LabBed

from probecost.config.folder import load_environment
from probecost.remote.lease import Holder
from probecost.remote.node import Node
from probecost.remote.ssh_config import read_ssh_config
from probecost.results.layout import TREE

HOST = "host-server"
pytestmark = pytest.mark.usefixtures("clean")


def fetch(bed: LabBed, local_dir: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "probecost", "fetch", "--host", HOST, "--env", "site"]
    command += ["--config-dir", str(bed.config_dir), "--remote-path", TREE, "--local-dir", str(local_dir)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


@pytest.fixture
def kept(bed: LabBed) -> Iterator[str]:
    """Results that a run has left on the host."""
    tree = f"{WORKDIR}/{TREE}"
    bed.run(
        HOST,
        f"mkdir -p {tree}/baseline/host; seq 100000 >{tree}/baseline/host/x.txt; ln -s /etc/passwd {tree}/link;"
        f"chown -R probe {WORKDIR}",
    )
    yield tree
    bed.run(HOST, f"rm -rf {tree}")


def test_results_come_home_once(bed: LabBed, kept: str, tmp_path: Path) -> None:
    first = fetch(bed, tmp_path)
    assert first.returncode == 0, first.stderr
    file = tmp_path / HOST / TREE / "baseline/host/x.txt"
    assert file.read_text() == bed.run(HOST, f"cat {kept}/baseline/host/x.txt")
    assert not (tmp_path / HOST / TREE / "link").exists()
    assert "1 file transferred" in first.stdout
    assert "left out: 1 link or device" in first.stdout
    second = fetch(bed, tmp_path)
    assert "0 files transferred (0.0 MB), 1 here already" in second.stdout
    bed.run(HOST, f"echo more >>{kept}/baseline/host/x.txt")
    assert "1 file transferred" in fetch(bed, tmp_path).stdout
    assert file.read_text().endswith("100000\nmore\n")


def test_a_run_that_measures_is_left_alone(bed: LabBed, kept: str, tmp_path: Path) -> None:
    environment = load_environment(bed.config_dir / "site")
    holder = Holder("run-1", "alice", "laptop", "a")
    config = read_ssh_config(environment.ssh_config)
    node = Node(environment.nodes[HOST], config, python="python3", holder=holder)
    node.open()
    try:
        refused = fetch(bed, tmp_path)
    finally:
        node.close()
    assert refused.returncode == 1
    assert "in use by run run-1 of alice@laptop" in refused.stderr


def test_what_is_not_there_is_told(bed: LabBed, tmp_path: Path) -> None:
    done = fetch(bed, tmp_path)
    assert done.returncode == 1
    assert f"node {HOST}: manifest: {WORKDIR}/{TREE} is not there" in done.stderr
