"""Where a report comes from: run, seed, version, machines, options, and the command that writes it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import join

from analysis.metadata import NodeFacts
from analysis.report.cells import code, link, markdown
from analysis.request import EVERYTHING, Request
from analysis.resources import human_size
from analysis.settings import Settings
from analysis.study import Study

_UNKNOWN = "not recorded"


@dataclass(frozen=True)
class Fact:
    """``is_command``: the text is to be typed as it is."""

    name: str
    text: str
    is_command: bool = False


@dataclass(frozen=True)
class Provenance:
    """What the reports of one study have in common. ``nodes``: environment → node → what it is, in words."""

    facts: tuple[Fact, ...]
    root: Path
    again: str
    nodes: Mapping[str, Mapping[str, str]]
    started_ns: int | None

    def lines(self, start: Path, environment: str | None = None) -> Iterator[str]:
        """A list for Markdown in the folder ``start``; with the machines of ``environment`` if one is given."""
        for fact in self.facts:
            yield f"- {fact.name}: {code(fact.text) if fact.is_command else markdown(fact.text)}"
        if environment is not None:
            yield f"- Environment: {markdown(environment) or _UNKNOWN}"
            for node, text in self.nodes.get(environment, {}).items():
                yield f"  - {markdown(node)}: {markdown(text)}"
        yield f"- Raw results: {link(self.root.name, self.root, start)}"
        yield f"- The same reports again: {code(self.again)}"

    def all_facts(self) -> Iterator[Fact]:
        """Everything as plain text, machines of all environments included."""
        yield from self.facts
        for environment, nodes in self.nodes.items():
            yield Fact("Environment", environment or _UNKNOWN)
            for node, text in nodes.items():
                yield Fact(f"Node {node}", text)
        yield Fact("Raw results", str(self.root))
        yield Fact("The same reports again", self.again, is_command=True)


def provenance(study: Study, settings: Settings, request: Request = EVERYTHING) -> Provenance:
    """What the run's file and the perf tests' metadata say; what neither says is told to be not recorded."""
    nodes = {
        environment: {node: node_text(study.nodes[environment][node]) for node in sorted(study.nodes[environment])}
        for environment in sorted(study.nodes)
    }
    again = join(request.command(study.root, settings))
    starts = [record.start_ns for record in study.records if record.start_ns is not None]
    started_ns = study.run.started_ns if study.run.started_ns is not None else min(starts, default=None)
    return Provenance(tuple(_facts(study, settings, request)), study.root, again, nodes, started_ns)


def _facts(study: Study, settings: Settings, request: Request) -> Iterator[Fact]:
    run = study.run
    runs = [run.run_id] if run.run_id else sorted({record.run_id for record in study.records if record.run_id})
    yield Fact("Run", ", ".join(runs) or _UNKNOWN)
    if run.argv:
        yield Fact("Command", join(("pytest", *run.argv)), is_command=True)
    yield Fact("Seed", _seed(study) or _UNKNOWN)
    yield Fact("probecost", run.probecost or ", ".join(study.versions) or _UNKNOWN)
    if run.started_ns is not None:
        ended = f", ended {time_text(run.ended_ns)}" if run.ended_ns is not None else ", its end is not recorded"
        yield Fact("Started", f"{time_text(run.started_ns)}{ended}")
    if run.exit_status is not None:
        yield Fact("Exit status", str(run.exit_status))
    yield Fact("Options", _options(run.options) or _UNKNOWN)
    if not request.is_everything:
        topics = f"topics {', '.join(request.topics)}" if request.topics else "all topics"
        iteration = "all iterations" if request.iteration is None else f"iteration {request.iteration}"
        yield Fact("Shown", f"{topics}, {iteration}; verdicts are those of the whole run")
    file = "the defaults" if settings.file is None else str(settings.file.resolve())
    yield Fact(
        "Settings of the analysis",
        f"{file}; margin {settings.margin_pct:g} %, foreign CPU up to {settings.foreign_cpu_limit_pct:g} %, "
        f"thresholds {settings.thresholds.text()}",
    )


def _options(options: Mapping[str, str]) -> str:
    """An empty list is that of the perf tests, where none was named."""
    return ", ".join(f"{key} {value or 'all'}" for key, value in options.items())


def _seed(study: Study) -> str:
    if seed := study.run.options.get("seed"):
        return seed
    return ", ".join(sorted({seed for record in study.records if (seed := record.options.get("seed"))}))


def node_text(facts: NodeFacts) -> str:
    """``kernel 6.1.0 x86_64, 2 x Some CPU, 4.0GB, iperf3 3.12, netperf 2.7.0, eth0 (veth, MTU 1500)``."""
    parts: Sequence[str] = (
        f"kernel {facts.kernel} {facts.arch}".rstrip() if facts.kernel else "",
        f"{facts.cpus} x {facts.cpu_model}" if facts.cpu_model else "",
        "" if facts.memory_kb is None else f"memory {human_size(facts.memory_kb * 1024)}",
        f"governor {facts.governor}" if facts.governor else "",
        f"iperf3 {facts.iperf3}" if facts.iperf3 else "",
        f"netperf {facts.netperf}" if facts.netperf else "",
        *facts.interfaces,
    )
    return ", ".join(filter(None, parts)) or _UNKNOWN


def time_text(time_ns: int | None) -> str:
    if time_ns is None:
        return "at an unknown time"
    try:
        return f"{datetime.fromtimestamp(time_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return "at an unreadable time"
