"""Reads ssh's configuration by ``ssh -G``, one call per destination."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from probecost.config.environment import SshHost
from probecost.errors import ConfigError

_ANSWERS_S = 60
_SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")


@dataclass(frozen=True)
class Settings:
    """Values of the directives for one destination, in order; keywords are in lower case."""

    values: dict[str, tuple[str, ...]]

    def one(self, keyword: str, default: str = "") -> str:
        return self.values.get(keyword, (default,))[0]

    def all(self, keyword: str) -> tuple[str, ...]:
        return self.values.get(keyword, ())

    def is_on(self, keyword: str) -> bool:
        return self.one(keyword).lower() in ("yes", "true")


@dataclass(frozen=True)
class Destination:
    """A host for ssh's command line, the jump hosts of ``-J``, and the login without a ``User``."""

    host: SshHost
    via: str = ""
    default_user: str = ""


def is_installed() -> bool:
    return shutil.which("ssh") is not None


def home() -> Path:
    """The user's home as ssh finds it: from the user database, not from ``HOME``."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path.home()


@dataclass(frozen=True)
class OpenSsh:
    """The configuration in ``file``, or the user's and the system's if it is ``None``, read by the client."""

    file: Path | None

    @property
    def name(self) -> str:
        return str(self.file or "ssh configuration")

    def settings(self, destination: Destination) -> Settings:
        """The settings of a destination. Raises ``ConfigError`` with ssh's own message."""
        options = [] if self.file is None else ["-F", str(self.file.absolute())]
        settings = self._ask(options, destination)
        default = destination.default_user
        if destination.host.user is None and default and settings.one("user") == _login_name() != default:
            user = self._user_or(default, destination)
            settings = Settings({**settings.values, "user": (user,)})
        return settings

    def _user_or(self, default: str, destination: Destination) -> str:
        """The ``User`` of the configuration, else ``default``: ssh's own answer does not distinguish the two."""
        files = [self.file.absolute()] if self.file is not None else [home() / ".ssh/config", _SYSTEM_CONFIG]
        lines = [*(f'Include "{glob.escape(str(file))}"' for file in files), "Host *", f"    User {default}"]
        with tempfile.NamedTemporaryFile("w", prefix="ssh_config_", encoding="utf-8") as wrapper:
            wrapper.write("\n".join([*lines, ""]))
            wrapper.flush()
            return self._ask(["-F", wrapper.name], destination).one("user", default)

    def _ask(self, options: list[str], destination: Destination) -> Settings:
        host = destination.host
        command = ["ssh", "-G", "-T", *options]
        command += ["-l", host.user] if host.user else []
        command += ["-p", str(host.port)] if host.port else []
        command += ["-J", destination.via] if destination.via else []
        where = f"{self.name}: node {host.name}"
        try:
            ran = subprocess.run(
                [*command, "--", host.host],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_ANSWERS_S,
                env={**os.environ, "LC_ALL": "C"},
                check=False,
            )
        except (OSError, ValueError) as error:
            raise ConfigError(f"{where}: ssh -G cannot be started: {error}") from error
        except subprocess.TimeoutExpired as error:
            raise ConfigError(f"{where}: ssh -G gave no answer within {_ANSWERS_S} s") from error
        if ran.returncode:
            said = "; ".join(ran.stderr.decode("utf-8", "replace").split("\n")).strip("; \r")
            raise ConfigError(f"{where}: ssh rejects it: {said or f'exit code {ran.returncode}'}")
        return parse(ran.stdout.decode("utf-8", "surrogateescape"))


def parse(text: str) -> Settings:
    """Parse the lines of ``ssh -G``: a keyword, a blank, the value; some keywords come more than once.

    >>> parse("user me\\nidentityfile ~/.ssh/a b\\nidentityfile none\\n").all("identityfile")
    ('~/.ssh/a b', 'none')
    """
    values: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        keyword, blank, value = line.partition(" ")
        if blank:
            values[keyword.lower()] = (*values.get(keyword.lower(), ()), value)
    return Settings(values)


def _login_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""
