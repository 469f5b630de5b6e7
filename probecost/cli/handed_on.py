"""Verbs over pytest: they take options of the measurement and hand them on unchanged."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence

import click

from probecost.fixtures.options.table import TABLE, Option


def handed_on(verb: str, required: Sequence[str] = ()) -> Callable[[click.Command], click.Command]:
    """Add the options of ``verb``: pytest has them under the same names and validates them."""

    def add(command: click.Command) -> click.Command:
        command.params += [_option(option, option.name in required) for option in TABLE if verb in option.verbs]
        return command

    return add


def _option(option: Option, required: bool) -> click.Option:
    return click.Option(
        [option.name],
        type=click.Choice(option.choices) if option.choices else None,
        is_flag=option.is_flag,
        multiple=option.is_repeated,
        required=required,
        metavar=option.metavar,
        help=option.help,
    )


def pytest_arguments(given: Mapping[str, object]) -> list[str]:
    """Options for pytest; ``given`` by the names of parameters, absent ones ``None``, ``False`` or empty."""
    arguments: list[str] = []
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            arguments.append(option)
        elif value is not None and value is not False:
            arguments += [f"{option}={text}" for text in (value if isinstance(value, tuple) else (value,))]
    return arguments


def become_pytest(arguments: Sequence[str]) -> None:
    """Replace this process: signals and exit codes are pytest's own."""
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])
