"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path

import click

config_dir = click.option(
    "--config-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("config"),
    show_default=True,
    help="The folder that holds a folder per environment.",
)
