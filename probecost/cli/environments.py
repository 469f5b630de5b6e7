"""The environment that a verb was asked for, by its name."""

from __future__ import annotations

from pathlib import Path

from probecost.config import find as environments
from probecost.errors import ConfigError


def find_environment(config_dir: Path, name: str) -> Path:
    """Its folder; ``ConfigError`` as of the engine's, which knows no labs: of one that is not made yet it says how."""
    try:
        return environments.find_environment(config_dir, name)
    except ConfigError as error:
        from probecost.lab.control import names

        if name not in names():
            raise
        made = f"{name} is made on this machine, by: probecost lab up {name}, or: pytest --env {name}"
        raise ConfigError(*error.problems, hint=made) from error
