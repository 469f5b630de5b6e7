"""Options that several verbs share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from probecost.fixtures.options.table import BY_NAME, TABLE
from probecost.plan.settings import Settings


def _must_exist(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    is_given = context.get_parameter_source(parameter.name or "") is not ParameterSource.DEFAULT
    if is_given and not value.is_dir():
        raise click.BadParameter(f"there is no folder {value}", context, parameter)
    return value


class Parsed(click.ParamType[object]):
    """A type of options parsed by ``parse``, whose error is a usage error."""

    name = "text"

    def __init__(self, parse: Callable[[str], object]) -> None:
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> object:
        try:
            return self._parse(value)
        except argparse.ArgumentTypeError as error:
            self.fail(str(error), param, ctx)


_FOLDER = click.Path(file_okay=False, path_type=Path)
_HELP = "The folder that holds a folder per environment."

#: An existing folder.
config_dir = click.option(
    "--config-dir", type=_FOLDER, default=Path("config"), show_default=True, callback=_must_exist, help=_HELP
)
#: A folder that may be missing.
any_config_dir = click.option("--config-dir", type=_FOLDER, default=Path("config"), show_default=True, help=_HELP)
#: ``None`` for the settings in analysis/config.yaml.
analysis_settings = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=BY_NAME["--analysis-config"].help,
)


def of_measurement(name: str) -> Callable[[Any], Any]:
    """The option of a measurement with this name, parsed as in pytest."""
    option = BY_NAME[name]
    parsed = None if option.parse is None else Parsed(option.parse)
    return click.option(
        option.name,
        type=click.Choice(option.choices) if option.choices else parsed,
        metavar=option.metavar,
        help=option.help,
    )


def settings_of(given: Mapping[str, Any]) -> Settings:
    """The settings of options of a measurement; ``given`` by the names of parameters."""
    named = {option.name.removeprefix("--").replace("-", "_"): option.setting for option in TABLE if option.setting}
    return Settings(**{named[name]: value for name, value in given.items() if value is not None})
