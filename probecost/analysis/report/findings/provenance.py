"""Provenance of a report: run, seed, version, machines, options, and the command that writes it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import join

from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import Study
from probecost.analysis.study.selection import EVERYTHING, Request
from probecost.analysis.tree.metadata import NodeFacts
from probecost.analysis.tree.run import RunInfo
from probecost.analysis.values.tool_usage import human_size

UNKNOWN = "not recorded"
#: Facts of a node in the reports: a title, and how to get it; empty text if it was not recorded.
NODE_FACTS: tuple[tuple[str, Callable[[NodeFacts], str]], ...] = (
    ("Kernel", lambda node: f"{node.kernel} {node.arch}".strip()),
    ("CPU", lambda node: f"{node.cpus} x {node.cpu_model}" if node.cpu_model else node.cpus),
    ("Memory", lambda node: "" if node.memory_kb is None else human_size(node.memory_kb * 1024)),
    ("Frequency governor", lambda node: node.governor),
    ("iperf3", lambda node: node.iperf3),
    ("netperf", lambda node: node.netperf),
    ("Interfaces", lambda node: ", ".join(node.interfaces)),
)


@dataclass(frozen=True)
class Fact:
    """A name and unescaped plain text. ``is_command``: the text is a command."""

    name: str
    text: str
    is_command: bool = False


@dataclass(frozen=True)
class Provenance:
    """The common provenance of all reports of one study.

    ``facts`` are of the run and the analysis, in the order of display. ``nodes``: environment → node → its facts on one
    line. ``again``: the command that writes the same reports. ``started_ns``: start of measuring (Unix ns), ``None`` if
    unknown.
    """

    run: str
    facts: tuple[Fact, ...]
    nodes: Mapping[str, Mapping[str, str]]
    root: Path
    again: str
    started_ns: int | None

    def all_facts(self) -> Iterator[Fact]:
        """Everything as plain text, the machines of all environments included: for workbooks and pages."""
        yield from self.facts
        for environment, nodes in self.nodes.items():
            yield Fact("Environment", environment or UNKNOWN)
            for node, text in nodes.items():
                yield Fact(f"Node {node}", text)
        yield Fact("Raw results", str(self.root))
        yield Fact("The same reports again", self.again, is_command=True)


def provenance(study: Study, settings: Settings, request: Request = EVERYTHING) -> Provenance:
    """From the run's file and the perf tests' metadata; a fact that is in neither is shown as not recorded."""
    nodes = {
        environment: {node: node_text(study.nodes[environment][node]) for node in sorted(study.nodes[environment])}
        for environment in sorted(study.nodes)
    }
    starts = [record.start_ns for record in study.records if record.start_ns is not None]
    return Provenance(
        run=run_name(study),
        facts=tuple(_facts(study, settings, request)),
        nodes=nodes,
        root=study.root,
        again=join(request.command(study.root, settings)),
        started_ns=study.run.started_ns if study.run.started_ns is not None else min(starts, default=None),
    )


def run_name(study: Study) -> str:
    """The run's id, or all ids in the metadata; the folder's name if none is recorded."""
    ids = [study.run.run_id] if study.run.run_id else sorted({record.run_id for record in study.records} - {""})
    return ", ".join(ids) or study.root.name


def run_command(run: RunInfo) -> str:
    """The command of the run, quoted for a shell; empty if it is not recorded."""
    return join(("pytest", *run.argv)) if run.argv else ""


def run_version(study: Study) -> str:
    """The version of probecost that measured, or all versions in the metadata; empty if none is recorded."""
    return study.run.probecost or ", ".join(study.versions)


def node_text(facts: NodeFacts) -> str:
    """``Kernel 6.1.0 x86_64, CPU 2 x Some CPU, Memory 4.0GB, iperf3 3.12, Interfaces eth0 (veth, MTU 1500)``."""
    return ", ".join(f"{name} {text}" for name, of in NODE_FACTS if (text := of(facts))) or UNKNOWN


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


def _facts(study: Study, settings: Settings, request: Request) -> Iterator[Fact]:
    run = study.run
    yield Fact("Run", run_name(study))
    command = run_command(run)
    yield Fact("Command", command or UNKNOWN, is_command=bool(command))
    yield Fact("Seed", _seed(study) or UNKNOWN)
    yield Fact("probecost", run_version(study) or UNKNOWN)
    if run.started_ns is not None:
        ended = f", ended {time_text(run.ended_ns)}" if run.ended_ns is not None else ", its end is not recorded"
        yield Fact("Started", f"{time_text(run.started_ns)}{ended}")
    if run.exit_status is not None:
        yield Fact("Exit status", str(run.exit_status))
    yield Fact("Options", _options(run.options) or UNKNOWN)
    if not request.is_everything:
        yield Fact("Shown", f"{request.words()}; verdicts are those of the whole run")
    file = "the defaults" if settings.file is None else str(settings.file.resolve())
    yield Fact(
        "Settings of the analysis",
        f"{file}; margin {settings.margin_pct:g} %, foreign CPU up to {settings.foreign_cpu_limit_pct:g} %, "
        f"thresholds {settings.thresholds.text()}",
    )


def _options(options: Mapping[str, str]) -> str:
    """The options as text. An empty list of perf tests means all, any other empty list none."""
    return ", ".join(f"{key} {value or ('all' if key == 'perf_tests' else 'none')}" for key, value in options.items())


def _seed(study: Study) -> str:
    if seed := study.run.options.get("seed"):
        return seed
    return ", ".join(sorted({record.options.get("seed", "") for record in study.records} - {""}))
