"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from probecost.config.offered_load import parse_loads
from probecost.fixtures.options import values as option_types


def _must_exist(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    is_given = context.get_parameter_source(parameter.name or "") is not ParameterSource.DEFAULT
    if is_given and not value.is_dir():
        raise click.BadParameter(f"there is no folder {value}", context, parameter)
    return value


class Parsed(click.ParamType[object]):
    """What ``parse`` makes of the text; its ``ValueError`` is an error of usage."""

    name = "text"

    def __init__(self, parse: Callable[[str], object]) -> None:
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> object:
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


_FOLDER = click.Path(file_okay=False, path_type=Path)
_HELP = "The folder that holds a folder per environment."

#: A folder that is there.
config_dir = click.option(
    "--config-dir", type=_FOLDER, default=Path("config"), show_default=True, callback=_must_exist, help=_HELP
)
#: ``None`` without any.
load = click.option(
    "--load", type=Parsed(parse_loads), metavar="LIST", help="Loads, each a perf test of its own: 25%,2G,100kpps."
)
#: For what must also work when the folder is gone.
any_config_dir = click.option("--config-dir", type=_FOLDER, default=Path("config"), show_default=True, help=_HELP)


def analysis_settings(name: str) -> Callable[[Any], Any]:
    """``None`` for the settings in analysis/config.yaml."""
    return click.option(
        name,
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Settings: thresholds, what is negligible, what voids. See analysis/config.yaml.",
    )


units = click.option("--units", type=click.IntRange(min=1), help="Units per case; without it the planner chooses.")
precision = click.option(
    "--precision",
    type=Parsed(option_types.percentage),
    metavar="PCT",
    help="Until intervals are at most this to either side.",
)
time_budget = click.option(
    "--time-budget", type=Parsed(option_types.duration), metavar="TIME", help="What the run may take: 30m, 2h."
)
order = click.option("--order", type=click.Choice(["random", "file"]), default="random", show_default=True)
null_case = click.option("--null-case", type=click.Choice(["always", "selected"]), default="always", show_default=True)
schedule = click.option(
    "--schedule", type=click.Choice(["auto", "visits", "switched"]), default="auto", show_default=True
)


def words(given: tuple[str, ...]) -> tuple[str, ...]:
    """What stands between the commas, over all times that an option was given."""
    return tuple(word for text in given for word in (part.strip() for part in text.split(",")) if word)
