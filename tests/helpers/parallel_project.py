"""Runs with ``-n`` over the fake engine, with real workers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from helpers.fake_project import ROOT, Project, plain

WAIT_S = 120.0


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    code: int
    output: str

    @property
    def counts(self) -> dict[str, int]:
        """Of pytest's last line: ``{"passed": 2}``."""
        *_, last = (line for line in self.output.splitlines() if re.search(r" in [\d.]+s", line))
        return {
            word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error|skipped|deselected)", last)
        }


def add_pairs(project: Project, count: int, cases: Sequence[str] = ("a rx", "a tx", "b rx")) -> list[str]:
    """Environments ``one``, ``two`` ... that share nothing; the options that name them."""
    names = ("one", "two", "three", "four")[:count]
    for number, name in enumerate(names):
        own = [f"{name}-{case}" for case in cases]
        project.add_environment(name, own, addresses=(f"192.0.2.{2 * number + 1}", f"192.0.2.{2 * number + 2}"))
    return [word for name in names for word in ("--env", name)]


def start(project: Project, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *plain(arguments), *arguments],
        cwd=project.path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "", "PYTEST_XDIST_WORKER": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(project: Project, *arguments: str) -> Ended:
    """In this process; only its workers are others."""
    result = project.pytester.runpytest_inprocess(*plain(arguments), *arguments)
    return Ended(int(result.ret), result.stdout.str() + "\n" + result.stderr.str())
