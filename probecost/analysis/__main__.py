"""``python -m probecost.analysis``: writes the reports of a results tree again, from its files alone."""

from __future__ import annotations

import logging
import sys
from typing import Any

import click

from probecost.analysis.command import analyze, analyze_options
from probecost.errors import ProbecostError


@click.command()
@analyze_options
def main(**options: Any) -> None:
    """Write the reports of a results tree: no SSH, no root. Warnings about missing parts go to stderr."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        click.echo(analyze(**options))
    except ProbecostError as error:
        click.echo(f"analysis: {error}", err=True)
        sys.exit(4)


if __name__ == "__main__":
    main()
