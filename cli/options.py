"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource


def _must_exist(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    is_given = context.get_parameter_source(parameter.name or "") is not ParameterSource.DEFAULT
    if is_given and not value.is_dir():
        raise click.BadParameter(f"there is no folder {value}", context, parameter)
    return value


_FOLDER = click.Path(file_okay=False, path_type=Path)
_HELP = "The folder that holds a folder per environment."

#: A folder that is there.
config_dir = click.option(
    "--config-dir", type=_FOLDER, default=Path("config"), show_default=True, callback=_must_exist, help=_HELP
)
#: For what must also work when the folder is gone.
any_config_dir = click.option("--config-dir", type=_FOLDER, default=Path("config"), show_default=True, help=_HELP)
