"""One command without a configuration of tools, and two versions of a tool in the same flows, on real hosts."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bed_access import PROJECT, LabBed, Run, busy_machine

from probecost import PACKAGE

Start = Callable[..., Run]
QUICK = ("--schedule", "switched", "--units", "8", "--calibration", "never", "--perf-tests", "latency:tcp_rr")
LONG_S = 300
MEASURED = (0, 1)  # 1: the machine was busy with something else, and the gates said so
COUNT = "tracepoint:net:netif_receive_skb { @[str(args->name)] = count(); }"

pytestmark = pytest.mark.usefixtures("clean")


def primary(tree: Path, place: Path) -> dict[str, dict[str, str]]:
    """The primary verdict of each case, whatever else keeps this machine busy: what counts here is the way to them."""
    _, settings = busy_machine(place / "settings.yaml")
    where = ["--iteration-path", str(tree), "--output-dir", str(place / "reports"), "--config", settings]
    subprocess.run([sys.executable, "-m", "probecost.analysis", *where], cwd=PROJECT, capture_output=True, check=True)
    with (place / "reports" / "verdicts.csv").open(newline="") as file:
        return {row["case_key"]: row for row in csv.DictReader(file) if row["primary"] == "yes"}


def test_a_command_is_measured_without_a_configuration_of_tools(bed: LabBed, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "probecost",
        "measure",
        "--env",
        "site",
        "--name",
        "count",
        "--duration",
        "4",
    ]
    places = ["--config-dir", str(bed.config_dir), "--results-dir", str(tmp_path / "results")]
    options = [*places, *busy_machine(tmp_path / "busy.yaml"), *QUICK]
    words = ["--", "sudo", "bpftrace", "-e", COUNT]
    done = subprocess.run([*command, *options, *words], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode in MEASURED, done.stdout + done.stderr
    found = primary((tmp_path / "results" / "latest").resolve(), tmp_path)
    assert set(found) == {"host-count", "host-null"}
    for row in found.values():
        assert row["schedule"] == "switched"
        assert int(row["n_units"]) >= 8
        assert row["verdict"]


def test_the_version_that_burns_time_per_packet_costs_more_than_one_that_burns_none(
    run: Start, bed: LabBed, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(PACKAGE / "lab/tools/control", other / "control")
    script = other / "control/dose.py"
    burning = script.read_text()
    assert burning.count("Options(found.ns,") == 1
    script.write_text(burning.replace("Options(found.ns,", "Options(0,"))
    with bed.large_dose() as dose:
        selected = ("-k", dose, "--null-case", "selected", "--duration", "5")
        done = run("--env", "site", f"--versus={other}", *selected, *QUICK)
        assert done.wait(LONG_S) in MEASURED, done.output
    assert "Two versions are compared" in done.output
    assert "it has no other version: lab/tools/packet-drop/eth_drop.bt" in done.output
    verdict = primary(done.tree, tmp_path)[dose]
    assert float(verdict["estimate_pct"]) > 0
    assert float(verdict["ci_low_pct"]) > 0
    logs = [path for path in done.tree.glob("site/*/host-server/**/*.log") if "dose" in str(path)]
    own = [path for path in logs if path.name.startswith("ebpf_output")]
    others = [path for path in logs if path.name.startswith("other_output")]
    assert own
    assert all("dose ns=16000 " in path.read_text() for path in own)
    assert others
    assert all("dose ns=0 " in path.read_text() for path in others)
    monitors = list(done.tree.glob("site/*/host-server/*/baseline/host/ebpf_monitoring/tool_cpu_usage_*.log"))
    assert len(monitors) == 1  # of the one baseline visit
    (metadata,) = {
        json.dumps(json.loads(file.read_text())["versus"], sort_keys=True)
        for file in done.tree.glob("site/**/metadata_*.json")
        if "dose" in json.loads(file.read_text())["case_key"]
    }
    assert json.loads(metadata)["file"] == "probecost-versus/control/dose.py"
    assert len(json.loads(metadata)["sha256"]) == 64
