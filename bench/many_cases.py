"""Generating, listing and collecting 10,000 cases: seconds and memory, against what a bare pytest needs for as many.

No root and no network. ``python bench/many_cases.py`` alone, and a part of ``make bench``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from probecost.config.folder import load_full
from probecost.discovery.generated import cases_text
from probecost.plan.matrix import expand
from probecost.plan.registry import origins

PROJECT = Path(__file__).resolve().parents[1]
TOOLS, VALUES = 50, 50
CASES = TOOLS * VALUES * 4  # two protocols, two directions
LIMIT_S = 120.0
AIM_S, AIM_MB = 5.0, 500.0

_REFERENCE = f"""
import pytest

@pytest.mark.parametrize("number", range({CASES}), ids=lambda number: f"host-tool-rx_protocol_tcp_port_{{number}}")
def test_case(number):
    pass
"""


@dataclass(frozen=True)
class Cost:
    """Wall time, CPU time and peak resident memory of one process."""

    seconds: float
    cpu_s: float
    megabytes: float


def make_environment(folder: Path) -> None:
    """An environment with ``CASES`` cases: its full.yaml, and the cases generated from it."""
    folder.mkdir(parents=True)
    tools = [
        {
            "script": f"tool_{number}.bt",
            "template": "sudo bpftrace {path} --src {SRC_IP} --dst {DST_IP} --protocol {protocol} --port {port}",
            "parameters": {"protocol": ["tcp", "udp"], "port": list(range(1000, 1000 + VALUES))},
        }
        for number in range(TOOLS)
    ]
    nodes = {name: {"host": "192.0.2.1", "workdir": "/tmp/w"} for name in ("host-server", "host-client")}
    content = {
        "environment": "many",
        "ssh": {"ssh_hosts": nodes},
        "environments": {
            "host": {
                "server": {"ssh_ref": "host-server", "test_ip": "198.51.100.1"},
                "client": {"ssh_ref": "host-client", "test_ip": "198.51.100.2"},
            }
        },
        "tools": {"categories": {"drops": {"environment": "host", "directions": ["rx", "tx"], "tools": tools}}},
    }
    (folder / "many-full.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    full = load_full(folder)
    entries = expand(full.file, origins(full.document)).entries
    (folder / "many-cases.json").write_text(cases_text("many", entries))


def run(command: Sequence[str], folder: Path) -> Cost:
    """Run a command to its end, which must be a good one; killed after ``LIMIT_S``."""
    start = time.monotonic()
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    break
                if time.monotonic() - start > LIMIT_S:
                    process.kill()
                time.sleep(0.01)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - start
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode} after {seconds:.1f} s: {' '.join(command)}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measure() -> dict[str, Cost]:
    """What each command costs for ``CASES`` cases; ``reference`` is a bare pytest that collects as many items."""
    with tempfile.TemporaryDirectory() as place:
        config, bare = Path(place) / "config", Path(place) / "bare"
        make_environment(config / "many")
        bare.mkdir()
        (bare / "test_many.py").write_text(_REFERENCE)
        python = [sys.executable, "-m"]
        collect = ["pytest", "-q", "--collect-only", "-p", "no:cacheprovider"]
        environment = ["--env", "many", "--config-dir", str(config)]
        return {
            "reference": run([*python, *collect, "-c", "/dev/null", "--rootdir", str(bare), str(bare)], bare),
            "cases": run([*python, "probecost", "cases", *environment], PROJECT),
            "collect": run([*python, *collect, *environment, "--results-dir", place], PROJECT),
        }


def lines(costs: dict[str, Cost]) -> list[str]:
    """The figures as they are printed."""
    reference = costs["reference"]
    aim = f"aim: under {AIM_S:g} s and {AIM_MB:g} MB"
    names = {"cases": "probecost cases (generates, loads, compares)", "collect": "pytest --collect-only -q"}
    found = [f"{CASES} cases ({aim}); a bare pytest that collects as many: {_spell(reference)}"]
    for key, name in names.items():
        ratio = costs[key].cpu_s / reference.cpu_s
        found.append(f"  {name}: {_spell(costs[key])}, ratio of CPU times {ratio:.2f}")
    return found


def _spell(cost: Cost) -> str:
    return f"{cost.seconds:.1f} s ({cost.cpu_s:.1f} s of CPU), {cost.megabytes:.0f} MB"


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines(measure())) + "\n")
