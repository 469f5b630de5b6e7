"""Wall time of 1, 2 and 4 test pairs that share no node, with ``-n`` against one after the other.

Over an engine that only waits, so that the cores of this machine do not decide. No root and no network.
``python -m bench.parallel`` alone, and a part of ``make bench``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PAIRS = (1, 2, 4)
CASES = 20
VISIT_S = 1.0
AIM = 3.8

#: Our own conftest.py over an engine whose visits are naps.
_CONFTEST = """
import time
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from probecost.fixtures.engine import ENGINE, Engine
from probecost.measure.visit_record import VisitRecord


class Case:
    def __init__(self):
        self.visits = []

    def measure(self, planned, around, only=()):
        for plan in planned:
            visit = VisitRecord(plan.arm, plan.unit, plan.pair, plan.order, plan.shared, started_ns=time.time_ns())
            self.visits.append(visit)
            time.sleep(VISIT_S)
            visit.ended_ns = time.time_ns()

    def stop(self): pass
    def fetch(self): pass
    def artifacts(self): return ()


class Bed:
    facts = {}
    def prepare_tool(self, tool_id, cases): pass
    def rebooted(self, names): return ()
    def interruptible(self): return nullcontext()
    def close(self): pass


def pytest_configure(config):
    config.stash[ENGINE] = Engine(open_bed=lambda *_: Bed(), case_on=lambda *_: Case(), lab_names=lambda: ())


@pytest.hookimpl(tryfirst=True)
def pytest_probecost_case_results():
    return SimpleNamespace(figures={}, problems=[])
"""


@dataclass(frozen=True)
class Walls:
    """Seconds of one command for ``pairs`` test pairs: one after the other, and with a worker for each."""

    pairs: int
    serial_s: float
    parallel_s: float

    @property
    def ratio(self) -> float:
        return self.serial_s / self.parallel_s


def make_project(folder: Path, pairs: int, cases: int, visit_s: float) -> list[str]:
    """A project with an environment for each pair; the options that name them."""
    engine = f"{_CONFTEST}\nVISIT_S = {visit_s}\n"
    (folder / "conftest.py").write_text(engine)
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = perftests\n")
    (folder / "perftests").mkdir()
    for file in (PROJECT / "perftests").glob("test_ebpf_tools.py"):
        (folder / "perftests" / file.name).write_text(file.read_text())
    options = []
    for number in range(pairs):
        name = f"pair{number}"
        _make_environment(folder / "config" / name, name, number, cases)
        options += ["--env", name]
    return options


def _make_environment(folder: Path, name: str, number: int, cases: int) -> None:
    folder.mkdir(parents=True)
    sides = {side: f"192.0.2.{2 * number + offset}" for offset, side in ((1, "server"), (2, "client"))}
    full = {
        "environment": name,
        "ssh": {"ssh_hosts": {side: {"host": host, "workdir": "/tmp/w"} for side, host in sides.items()}},
        "environments": {
            "host": {
                side: {"ssh_ref": side, "test_ip": f"198.51.100.{place}", "interface": "eth0"}
                for place, side in ((1, "server"), (2, "client"))
            }
        },
    }
    entries = [
        {
            "id": index,
            "name": f"case_{index}",
            "command": f"tool {index}",
            "script": "tool.sh",
            "category": "waiting",
            "environment": "host",
            "parameters": {"number": str(index)},
            "duration": 1,
        }
        for index in range(1, cases + 1)
    ]
    (folder / f"{name}-full.yaml").write_text(json.dumps(full))
    (folder / f"{name}-cases.json").write_text(json.dumps({"test_cases": entries}))


def wall_s(folder: Path, passed: int, *options: str) -> float:
    """One command from its start to its end; ``RuntimeError`` unless so many cases passed and nothing else came."""
    plain = ("--units", "1", "--null-case", "selected", "--perf-tests", "latency:tcp_rr", "-q")
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plain, *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or f"\n{passed} passed in " not in done.stdout:
        raise RuntimeError(f"exit code {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    return time.monotonic() - start


def measure(pairs: int, cases: int = CASES, visit_s: float = VISIT_S) -> Walls:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        names = make_project(folder, pairs, cases, visit_s)
        passed = pairs * cases
        return Walls(pairs, wall_s(folder, passed, *names), wall_s(folder, passed, *names, "-n", "auto"))


def lines(found: list[Walls], cases: int = CASES) -> list[str]:
    """The figures as they are printed."""
    head = f"{cases} cases on each of several test pairs, two visits of {VISIT_S:g} s each; start and end included"
    rows = [
        f"  {one.pairs} pair{'s' if one.pairs > 1 else ' '}: one after the other {one.serial_s:6.1f} s, "
        f"-n auto {one.parallel_s:6.1f} s, ratio {one.ratio:.2f}" + (f" (aim {AIM})" if one.pairs == 4 else "")
        for one in found
    ]
    return [head, *rows]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines([measure(pairs) for pairs in PAIRS])) + "\n")
