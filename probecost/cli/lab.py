"""``probecost lab``: the test bed on one machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from probecost.cli import options
from probecost.lab import control

T = TypeVar("T")

_name = click.argument("name", type=click.Choice(control.names()), default="lab")

# Exit codes of status, in addition to 0 for up.
DOWN = 3
BROKEN = 1


@click.group(short_help="The test bed on this machine.")
def command() -> None:
    """Bring the test bed on this machine up or down, or show its state. Takes root, or sudo without a password."""


@command.command()
@_name
@options.config_dir
def up(name: str, config_dir: Path) -> None:
    """Bring the lab NAME up; it stays until it is taken down."""
    click.echo(_attempt(lambda: control.up(name, config_dir)))


@command.command()
@_name
@options.any_config_dir
def down(name: str, config_dir: Path) -> None:
    """Take the lab NAME down and remove everything that it put on this machine."""
    click.echo(_attempt(lambda: control.down(name, config_dir)))


@command.command()
@_name
@options.any_config_dir
@click.pass_context
def status(ctx: click.Context, name: str, config_dir: Path) -> None:
    """Show the state of the lab NAME. Exit code 0: up, 3: down, 1: broken."""
    found = _attempt(lambda: control.status(name, config_dir))
    click.echo(f"{found.instance}: {found.condition}" + (f": {found.problem}" if found.problem else ""))
    for host, address in found.hosts:
        click.echo(f"  {host} {address}")
    ctx.exit({"up": 0, "down": DOWN}.get(found.condition, BROKEN))


def _attempt(step: Callable[[], T]) -> T:
    try:
        return step()
    except control.LabError as error:
        raise click.ClickException(str(error)) from error
