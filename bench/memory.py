"""Memory of the controller and time per case after 100 and after 1,000 cases, over an engine without hosts.

One pytest session with a thousand cases, everything as in a real run but the nodes: visits leave metadata, results are
read, verdicts are formed, reports are written. No root and no network. ``python -m bench.memory`` alone, and a part of
``make bench``.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
TOOLS, CASES_PER_TOOL = 50, 20
EARLY, LATE = 100, TOOLS * CASES_PER_TOOL
LIMIT_S = 1800.0
#: Cases over which the time per case is taken, up to the one that is named.
WINDOW = 50
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024

#: Visits leave what netperf says and whole metadata; memory (pages) and time (s) are noted when each case is over.
_WATCH = """
import gc
import json
import time
from pathlib import Path

import fake_engine
import pytest
from helpers.analysis_tree import netperf
from probecost.fixtures.engine import ENGINE

SERVER, CLIENT = "host-server", "host-client"

class BenchCase(fake_engine.FakeCase):
    def _write(self, visit, place):
        super()._write(visit, place)
        ended_ns = visit.ended_ns
        more = {
            "nodes": {"server": SERVER, "client": CLIENT, "tool": SERVER},
            "start_ns": ended_ns - 10**9, "end_ns": ended_ns, "visit_start_ns": ended_ns - 10**9, "duration_s": 1.0,
        }
        for node in self._nodes:
            file = node / place.metadata
            file.write_text(json.dumps(json.loads(file.read_text()) | more))
        output = self._nodes[1] / place.client / place.stream_file(5201)
        output.parent.mkdir(exist_ok=True)
        output.write_text(netperf(100.0 if visit.arm == "baseline" else 105.0 + visit.unit))

fake_engine.FakeCase = BenchCase

def pytest_configure(config):
    config.stash[ENGINE] = fake_engine.engine()

@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish():
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    with Path("watched").open("a") as out:
        out.write(f"{pages} {time.monotonic()}\\n")
"""


@dataclass(frozen=True)
class Watched:
    """By case: resident memory after it in MB, and the time of its end in seconds of some clock."""

    megabytes: Sequence[float]
    ends_s: Sequence[float]

    def case_s(self, number: int) -> float:
        """Median seconds per case of the ``WINDOW`` cases up to this one."""
        ends = self.ends_s[number - WINDOW - 1 : number]
        return statistics.median(after - before for before, after in itertools.pairwise(ends))


def make_project(folder: Path) -> None:
    """Our conftest.py, its plugins and perftests/ over the engine of our own tests, with ``LATE`` cases."""
    sys.path.insert(0, str(PROJECT / "tests"))
    from helpers.fake_project import case_entries, full_config

    shutil.copy(PROJECT / "tests" / "helpers" / "fake_engine.py", folder)
    shutil.copytree(PROJECT / "perftests", folder / "perftests")
    (folder / "conftest.py").write_text(_WATCH)
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = perftests\n")
    (folder / "faults.json").write_text(json.dumps({"keep metadata": True}))
    place = folder / "config" / "bed"
    place.mkdir(parents=True)
    (place / "bed-full.yaml").write_text(json.dumps(full_config("bed")))
    cases = [f"tool_{number // CASES_PER_TOOL:02d} rx_{number % CASES_PER_TOOL}" for number in range(LATE)]
    (place / "bed-cases.json").write_text(json.dumps({"test_cases": case_entries(cases)}))


def measure() -> Watched:
    """Run all cases once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_project(folder)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--env", "bed", "--units", "2"]
        command += ["--null-case", "selected", "--order", "file", "--junitxml", "junit.xml", "--html", "report.html"]
        path = os.pathsep.join([str(folder), str(PROJECT), str(PROJECT / "tests")])
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=LIMIT_S,
        )
        rows = [line.split() for line in (folder / "watched").read_text().splitlines()]
        if done.returncode or len(rows) != LATE:
            raise RuntimeError(
                f"exit code {done.returncode}, {len(rows)} of {LATE} cases ran:\n{done.stdout.decode()[-2000:]}"
            )
    return Watched([int(pages) * PAGE_KB / 1024 for pages, _ in rows], [float(end_s) for _, end_s in rows])


def lines(watched: Watched) -> list[str]:
    """The figures as they are printed."""
    first, last = watched.megabytes[EARLY - 1], watched.megabytes[LATE - 1]
    per_case_kb = (last - first) * 1024 / (LATE - EARLY)
    return [
        f"controller over {LATE} cases without hosts (aim: flat)",
        f"  resident memory after {EARLY} cases: {first:.1f} MB, after {LATE}: {last:.1f} MB "
        f"({per_case_kb:+.1f} kB per case)",
        f"  time per case at the {EARLY}th: {1000 * watched.case_s(EARLY):.1f} ms, at the {LATE}th: "
        f"{1000 * watched.case_s(LATE):.1f} ms",
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines(measure())) + "\n")
