"""Cases of an environment for a run: its own or one command, and their other versions."""

from __future__ import annotations

from pathlib import Path

from probecost.config.environment import Case
from probecost.config.folder import load_environment, load_folder
from probecost.plan.command import command_case
from probecost.plan.null_case import with_null_cases
from probecost.plan.settings import Settings
from probecost.plan.versus import Versions, with_versions


def asked_cases(folder: Path, settings: Settings, *, nulls: bool) -> Versions:
    """The environment with its cases; ``nulls``: with null cases. ``ConfigError``: a file or an option is wrong.

    Unless ``settings`` ask for other versions, no case has one and none is left out.
    """
    cases: tuple[Case, ...]
    if settings.command is not None:
        environment = load_environment(folder)
        cases = (command_case(environment, settings.command),)
    else:
        environment, cases = load_folder(folder)
    if nulls:
        cases = with_null_cases(environment, cases)
    if settings.versus is not None:
        return with_versions(environment, cases, settings.versus)
    return Versions(environment, cases, ())
