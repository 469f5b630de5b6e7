"""The user's OpenSSH client configuration, and where it says that a host is. Mistakes in it name file and host."""

from __future__ import annotations

import getpass
import io
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko

from probecost.config.environment import SshHost
from probecost.errors import ConfigError

USER_CONFIG = Path("~/.ssh/config")
_DEFAULT_KNOWN_HOSTS = ["~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts"]
# paramiko takes quotes around a whole value away: what was one path and what were two cannot be told apart after it.
_KNOWN_HOSTS_LINE = re.compile(r"^(\s*UserKnownHostsFile)(?:\s*=\s*|\s+)(.*?)\s*$", re.IGNORECASE)
_QUOTED = "quoted:"


@dataclass(frozen=True)
class Target:
    """A node's address after ssh's configuration was applied."""

    host: str
    port: int
    user: str
    key_files: tuple[str, ...]
    known_hosts: tuple[Path, ...]
    use_agent: bool
    jumps: tuple[SshHost, ...]
    proxy_command: str | None

    @property
    def text(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}"


class SshConfig(paramiko.SSHConfig):
    """paramiko's, which knows the file that it was read from."""

    file: Path | None = None

    def parse(self, file_obj: Any) -> None:
        lines = (_KNOWN_HOSTS_LINE.sub(rf"\1 {_QUOTED}\2", line) for line in file_obj)
        super().parse(io.StringIO("".join(line if line.endswith("\n") else f"{line}\n" for line in lines)))


def local_user() -> str:
    """The name of the user who runs this, their number where the machine has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def read_ssh_config(path: Path | None) -> paramiko.SSHConfig:
    """The file named by the environment, else the user's own; an absent user file is an empty configuration."""
    file = path if path is not None else USER_CONFIG.expanduser()
    if path is None and not file.exists():
        return SshConfig()
    try:
        config: SshConfig = SshConfig.from_path(str(file))
    except OSError as error:
        raise ConfigError(
            f"{file}: {error.strerror}", hint="ssh_config names an OpenSSH client configuration"
        ) from error
    except Exception as error:  # paramiko raises plain Exception for an unparsable line
        raise ConfigError(f"{file}: {error}") from error
    config.file = file
    return config


def resolve(host: SshHost, config: paramiko.SSHConfig, default_user: str = "root") -> Target:
    """Where and as whom to connect: what the environment says goes before what ssh's configuration says.

    Raises ``ConfigError`` for values that cannot be used, with the file and the node.
    """
    where = f"{getattr(config, 'file', None) or 'ssh configuration'}: node {host.name}"
    try:
        found: dict[str, Any] = dict(config.lookup(host.host))
    except Exception as error:  # paramiko has no common class for what a Match line or a lookup can raise
        raise ConfigError(f"{where}: {host.host} cannot be looked up: {error}") from error
    jump = str(found.get("proxyjump", "none"))
    command = found.get("proxycommand")
    return Target(
        host=str(found.get("hostname", host.host)),
        port=host.port or _port(str(found.get("port", 22)), f"{where}: Port"),
        user=host.user or str(found.get("user", default_user)),
        key_files=tuple(str(Path(name).expanduser()) for name in found.get("identityfile", [])),
        known_hosts=tuple(Path(name).expanduser() for name in _known_hosts(found.get("userknownhostsfile"), where)),
        use_agent=str(found.get("identitiesonly", "no")).lower() != "yes",
        jumps=() if jump.lower() == "none" else tuple(_jump(part.strip(), where) for part in jump.split(",")),
        proxy_command=None if command is None or str(command).lower() == "none" else str(command),
    )


def _known_hosts(value: str | None, where: str) -> list[str]:
    """The files of a ``UserKnownHostsFile``: names in quotes may hold blanks; ``none`` is no file."""
    if not value:
        return _DEFAULT_KNOWN_HOSTS
    try:
        names = shlex.split(value.removeprefix(_QUOTED))
    except ValueError as error:
        raise ConfigError(f"{where}: UserKnownHostsFile {value.removeprefix(_QUOTED)}: {error}") from error
    return [name for name in names if name.lower() != "none"] or ["/dev/null"]


def _port(text: str, what: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ConfigError(f"{what}: {text!r} is not a port, which is a number from 1 to 65535")
    return int(text)


def _jump(text: str, where: str) -> SshHost:
    """A hop of ``ProxyJump``: ``[user@]host[:port]``, ``[user@][IPv6]:port``, or ``ssh://`` and one of these."""
    what = f"{where}: ProxyJump"
    user, at, rest = text.removeprefix("ssh://").rstrip("/").rpartition("@")
    match = re.fullmatch(r"\[(?P<v6>[^\]]+)\](?::(?P<v6port>.*))?|(?P<name>[^:\[\]]+)(?::(?P<port>[^:]*))?", rest)
    if match is not None:
        name, port = match["v6"] or match["name"], match["v6port"] if match["v6"] else match["port"]
    elif rest.count(":") > 1 and not set(rest) & set("[]"):
        name, port = rest, None
    else:
        raise ConfigError(f"{what}: {text!r} is no host, expected [user@]host[:port], IPv6 as [address]:port")
    number = None if port is None else _port(port, f"{what} {text}")
    return SshHost(name=name, host=name, workdir="", user=user if at else None, port=number)
