"""Where a report comes from, as text: command, version, times, the facts of nodes, and how to make it again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from shlex import join

from analysis.metadata import NodeFacts
from analysis.resources import human_size
from analysis.runfile import RunInfo
from analysis.study import Study

#: What the reports show of a node: a title, and how to get it; empty text where it was not recorded.
NODE_FACTS: tuple[tuple[str, Callable[[NodeFacts], str]], ...] = (
    ("Kernel", lambda node: f"{node.kernel} {node.arch}".strip()),
    ("CPU", lambda node: f"{node.cpus} x {node.cpu_model}" if node.cpu_model else node.cpus),
    ("Memory", lambda node: "" if node.memory_kb is None else human_size(node.memory_kb * 1024)),
    ("Frequency governor", lambda node: node.governor),
    ("iperf3", lambda node: node.iperf3),
    ("netperf", lambda node: node.netperf),
    ("Interfaces", lambda node: ", ".join(node.interfaces)),
)


def run_name(study: Study) -> str:
    return study.run.run_id or study.root.name


def run_command(run: RunInfo) -> str:
    """The command of the run, quoted for a shell; empty where it is not recorded."""
    return join(("pytest", *run.argv)) if run.argv else ""


def run_version(study: Study) -> str:
    """The version of probecost that measured; several where the metadata name several."""
    return study.run.probecost or ", ".join(study.versions)


def again_command(study: Study) -> str:
    """The command that makes the same reports again."""
    return join(("probecost", "analyze", "--iteration-path", str(study.root)))


def time_text(time_ns: int | None) -> str:
    """``2026-11-22 21:35:00 UTC``.

    >>> time_text(1795383300_000_000_000), time_text(None)
    ('2026-11-22 21:35:00 UTC', 'at an unknown time')
    """
    if time_ns is None:
        return "at an unknown time"
    try:
        return f"{datetime.fromtimestamp(time_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return "at an unreadable time"
