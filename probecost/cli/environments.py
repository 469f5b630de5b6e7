"""Finds the environment of a verb by its name."""

from __future__ import annotations

from pathlib import Path

from probecost.config import find
from probecost.errors import ConfigError


def find_environment(config_dir: Path, name: str) -> Path:
    """The folder of an environment; ``ConfigError``: unknown, with the remedy for a lab that is not up yet."""
    try:
        return find.find_environment(config_dir, name)
    except ConfigError as error:
        from probecost.lab.control import names

        if name not in names():
            raise
        made = f"{name} is made on this machine, by: probecost lab up {name}, or: pytest --env {name}"
        raise ConfigError(*error.problems, hint=made) from error
