"""``probecost bootstrap``: makes full.yaml and cases.json from minimal-input.yaml."""

from __future__ import annotations

import functools
from pathlib import Path

import click

from probecost.cli import options
from probecost.cli.environments import find_environment
from probecost.cli.table import table
from probecost.config.find import minimal_file
from probecost.discovery.bootstrap import BootstrapResult, NodeProbe, bootstrap
from probecost.errors import ConfigError, printable
from probecost.text import counted

_NODES = ("NODE", "ROLE", "SSH", "KERNEL", "PYTHON", "IPERF3", "NETPERF", "BTF", "PROBLEM")
_PATHS = ("NODE", "TEST ADDRESS", "BRIDGES", "UPLINK", "TAP", "QEMU PID", "VHOST WORKERS")


def node_probe(*, accept_new: bool) -> NodeProbe:
    """The probe that asks the nodes over SSH."""
    from probecost.remote.facts import collect

    return functools.partial(collect, accept_new=accept_new)


@click.command(short_help="Discover an environment and generate its files.")
@click.option("--minimal-input", type=click.Path(dir_okay=False, path_type=Path), help="The minimal-input.yaml.")
@click.option("--env", "environment", help="Instead of --minimal-input: an environment below --config-dir.")
@options.config_dir
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files are written; the folder of the minimal input if absent.",
)
@click.option("--dry-run", is_flag=True, help="Ask the nodes and show the result, write nothing.")
@click.option("--force", is_flag=True, help="Overwrite files that were edited since they were generated.")
@click.option("--ssh-accept-new", is_flag=True, help="Accept and remember host keys that are not known yet.")
def command(
    minimal_input: Path | None,
    environment: str | None,
    config_dir: Path,
    output_dir: Path | None,
    dry_run: bool,
    force: bool,
    ssh_accept_new: bool,
) -> None:
    """Ask all nodes of a minimal-input.yaml what they have and write <env>-full.yaml and <env>-cases.json."""
    minimal = _minimal(minimal_input, environment, config_dir)
    probe = node_probe(accept_new=ssh_accept_new)
    result = bootstrap(minimal, output_dir or minimal.parent, probe, force=force, dry_run=dry_run)
    _show(result)
    result.raise_for_problems()


def _minimal(file: Path | None, environment: str | None, config_dir: Path) -> Path:
    if (file is None) == (environment is None):
        raise click.UsageError("give either --minimal-input FILE or --env NAME")
    if file is not None:
        return file
    assert environment is not None
    folder = find_environment(config_dir, environment)
    found = minimal_file(folder)
    if found is None:
        raise ConfigError(f"{folder}: has no minimal-input.yaml")
    return found


def _show(result: BootstrapResult) -> None:
    nodes = [
        (
            row.node,
            row.role,
            row.destination,
            row.kernel,
            row.python,
            row.iperf3,
            row.netperf,
            row.btf,
            "see below" if row.problem else "",
        )
        for row in result.rows
    ]
    click.echo(table(_NODES, nodes))
    paths = [(row.node, row.interface, row.bridge, row.uplink, row.tap, row.qemu_pid, row.vhost) for row in result.rows]
    if any(any(path[1:]) for path in paths):
        click.echo("\n" + table(_PATHS, paths) + "\n")
    for note in result.notes:
        click.echo(printable(f"note: {note}"))
    for change in result.files:
        if change.state != "edited":
            click.echo(f"{change.state}: {change.path}")
            if result.dry_run and change.difference:
                click.echo(printable(change.difference))
    if result.is_ok:
        count = counted(result.cases, "case")
        click.echo(f"{result.environment}: {count}" + (" (nothing was written)" if result.dry_run else ""))
