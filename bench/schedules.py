"""The plan that probecost chooses against visits of fixed length: what a minute of each buys, on the lab.

``python -m bench.schedules`` measures TCP_RR of the null case and of a tool that prints each packet, 8 units each way.
The merit is half-width x sqrt(minutes): of two plans with the same, one needs the same time for the same interval.
Minutes are those that generators ran; between visits more time passes than between flows, so this favours visits.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.half_width import lines
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import study_run

PROJECT = Path(__file__).resolve().parents[1]
PLANS: dict[str, tuple[str, ...]] = {
    "the plan chosen": (),
    "visits of 2 s": ("--schedule", "visits", "--duration", "2"),
    "visits of 5 s": ("--schedule", "visits", "--duration", "5"),
    "visits of 10 s": ("--schedule", "visits", "--duration", "10"),
}
CASES = ("--env", "lab", "-k", "null or packet_print-rx_protocol_tcp", "--perf-tests", "latency:tcp_rr", "--units", "8")


def print_schedules(results: Path, say: Callable[[str], None]) -> None:
    """A campaign per plan, then its lines; a campaign that fails is told and the next one made."""
    for name, options in PLANS.items():
        command = [sys.executable, "-m", "pytest", "-q", "--results-dir", str(results), *CASES, *options]
        done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            say(f"{name}: pytest ended with {done.returncode}: {' '.join(done.stdout.split()[-20:])}")
            continue
        heading, *rows = lines(study_run((results / "latest").resolve(), Settings()))
        say(f"{name}: {heading.partition(': ')[2]}")
        for row in rows:
            say(row)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    print_schedules(PROJECT / "results" / "schedules", _say)
