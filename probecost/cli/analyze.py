"""``probecost analyze``: writes the reports of a run again, from its files."""

from __future__ import annotations

from typing import Any

import click

from probecost.analysis.command import analyze, analyze_options


@click.command(short_help="Write the reports of a run again.")
@analyze_options
def command(**options: Any) -> None:
    """Read the raw files of a run and write its reports: tables, overview, measurements, verdicts."""
    click.echo(f"reports: {analyze(**options)}")
