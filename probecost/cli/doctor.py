"""``probecost doctor``: finds everything that would stop a run, before it and without traffic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probecost.cli import options
from probecost.cli.environments import find_environment
from probecost.cli.table import table
from probecost.config.find import bootstrap_command, minimal_file
from probecost.config.folder import Loaded, is_outdated, load_all, load_minimal
from probecost.errors import Attempts, ConfigError
from probecost.text import counted

if TYPE_CHECKING:
    from probecost.config.environment import Environment
    from probecost.measure.doctor import Check, Report
    from probecost.remote.node import Node

_FAILED = 1
_USAGE = 4


@dataclass(frozen=True)
class Diagnosis:
    """Findings on one environment; ``error`` is the reason that its nodes were not checked."""

    environment: str
    error: ConfigError | None
    outdated: str  # the command to type, "" if nothing is outdated
    notes: tuple[str, ...]
    reports: tuple[Report, ...]
    destinations: dict[str, str]
    unused: tuple[str, ...] = ()  # nodes that no case needs, not checked

    @property
    def exit_code(self) -> int:
        if self.error is not None:
            return _USAGE
        return _FAILED if self.outdated or any(report.problems for report in self.reports) else 0


@click.command(short_help="Check an environment without traffic.")
@click.option("--env", "environments", required=True, multiple=True, help="An environment; repeat it for several.")
@options.config_dir
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--ssh-accept-new", is_flag=True, help="Accept and remember host keys that are not known yet.")
@click.pass_context
def command(
    context: click.Context, environments: tuple[str, ...], config_dir: Path, form: str, ssh_accept_new: bool
) -> None:
    """Check the configuration of environments, the way to their nodes, and what the nodes need, without traffic.

    Exit code 0: ready to measure, 1: there are problems, 4: the configuration has mistakes.
    """
    found = [_diagnose(config_dir, name, accept_new=ssh_accept_new) for name in dict.fromkeys(environments)]
    click.echo(_as_json(found) if form == "json" else "\n\n".join(_as_text(diagnosis) for diagnosis in found))
    context.exit(max(diagnosis.exit_code for diagnosis in found))


def open_nodes(environment: Environment, names: Sequence[str], *, accept_new: bool) -> Sequence[Node]:
    """Nodes behind SSH, not yet connected."""
    from probecost.remote.node import Node
    from probecost.remote.ssh_config import read_ssh_config

    config = read_ssh_config(environment.ssh_config)
    python = environment.python_interpreter
    return [Node(environment.nodes[name], config, python=python, accept_new=accept_new) for name in names]


def _diagnose(config_dir: Path, name: str, *, accept_new: bool) -> Diagnosis:
    from probecost.measure.doctor import diagnose, local_report, nodes_needed

    try:
        folder = find_environment(config_dir, name)
        loaded = _configuration(folder)
        environment, cases = loaded.environment, loaded.cases
        needed = nodes_needed(environment, cases)
        nodes = open_nodes(environment, needed, accept_new=accept_new)
        outdated = bootstrap_command(folder) if is_outdated(folder) else ""
    except ConfigError as error:
        return Diagnosis(name, error, "", (), (), {})
    reports = (local_report(environment, cases), *diagnose(environment, nodes, cases))
    hosts = environment.nodes
    destinations = {name: f"{host.user}@{host.host}" if host.user else host.host for name, host in hosts.items()}
    unused = tuple(name for name in hosts if name not in needed)
    return Diagnosis(environment.name, None, outdated, environment.notes, reports, destinations, unused)


def _configuration(folder: Path) -> Loaded:
    """The configuration in the folder; mistakes of its minimal input are reported too."""
    attempts = Attempts()
    loaded = attempts.run(lambda: load_all(folder))
    minimal = minimal_file(folder)
    if minimal is not None:
        attempts.run(lambda: load_minimal(minimal))
    if loaded is None or attempts.problems:
        raise attempts.error
    return loaded


def _as_text(diagnosis: Diagnosis) -> str:
    head = f"environment {diagnosis.environment}"
    if diagnosis.error is not None:
        lines = [f"  {line}" for line in str(diagnosis.error).splitlines()]
        return "\n".join([f"{head}: its configuration cannot be used", *lines])
    problems = [problem for report in diagnosis.reports for problem in report.problems]
    count = len(problems) + bool(diagnosis.outdated)
    lines = [f"{head}: {counted(count, 'problem') if count else 'ready to measure'}", ""]
    if diagnosis.outdated:
        lines += ["configuration", f"  outdated: its inputs have changed; run: {diagnosis.outdated}", ""]
    if diagnosis.notes:
        lines += ["What has no counterpart in probecost:", *(f"  {note}" for note in diagnosis.notes), ""]
    for report in diagnosis.reports:
        where = diagnosis.destinations.get(report.node)
        lines += [f"{report.node} ({where})" if where else report.node]
        rows = [row for check in report.checks for row in _rows(check)]
        lines += [f"  {line}" for line in table(("CHECK", "STATE", "WHAT TO DO"), rows).splitlines()]
        lines.append("")
    if diagnosis.unused:
        lines.append(f"not looked at, no case needs them: {', '.join(diagnosis.unused)}")
    return "\n".join(lines).rstrip()


def _rows(check: Check) -> list[tuple[str, str, str]]:
    if not check.problems:
        return [(check.name, check.state, check.detail)]
    texts = [f"{item.what}: {item.remedy}" if item.remedy else item.what for item in check.problems]
    return [
        (check.name if not index else "", check.state if not index else "", text) for index, text in enumerate(texts)
    ]


def _as_json(found: Sequence[Diagnosis]) -> str:
    content: list[dict[str, Any]] = [
        {
            "environment": diagnosis.environment,
            "exit_code": diagnosis.exit_code,
            "configuration": {
                "problems": list(diagnosis.error.problems) if diagnosis.error else [],
                "hint": diagnosis.error.hint if diagnosis.error else "",
                "outdated": diagnosis.outdated,
                "unsupported": list(diagnosis.notes),
            },
            "nodes": {report.node: [asdict(check) for check in report.checks] for report in diagnosis.reports},
        }
        for diagnosis in found
    ]
    return json.dumps({"environments": content}, indent=2, ensure_ascii=False)
