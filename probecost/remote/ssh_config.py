"""Resolves a node's address, login and transport by ssh's own configuration. Mistakes in it name file and node."""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from probecost.config.environment import SshHost
from probecost.errors import ConfigError
from probecost.remote import openssh
from probecost.remote.openssh import Destination, OpenSsh, Settings
from probecost.remote.plain_ssh_config import PlainSshConfig

USER_CONFIG = Path("~/.ssh/config")
_NONE = "none"


class SshConfig(Protocol):
    """An ssh configuration, queried for one destination at a time."""

    @property
    def name(self) -> str: ...

    def settings(self, destination: Destination) -> Settings: ...


@dataclass(frozen=True)
class Terms:
    """Algorithms and addresses for the transport, in order of preference; the library chooses for an empty list."""

    host_keys: tuple[str, ...] = ()
    ciphers: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    key_exchanges: tuple[str, ...] = ()
    compress: bool = False
    address_family: int = socket.AF_UNSPEC
    bind_address: str = ""
    bind_interface: str = ""


@dataclass(frozen=True)
class HostKeyRules:
    """How the key of a host is checked: ``alias`` replaces the host's name in the files of known hosts."""

    alias: str = ""
    global_files: tuple[Path, ...] = ()
    revoked_files: tuple[Path, ...] = ()
    accept_new: bool = False
    hash_names: bool = False


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
    has_agent: bool = True
    rules: HostKeyRules = field(default_factory=HostKeyRules)
    terms: Terms = field(default_factory=Terms)

    @property
    def text(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}"


def local_user() -> str:
    """The name of the current user, or the number if the machine has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def read_ssh_config(path: Path | None) -> SshConfig:
    """The file named by the environment, else the user's own; an absent user file is an empty configuration."""
    file = path if path is not None else USER_CONFIG.expanduser()
    try:
        if path is not None:
            path.read_bytes()
        if openssh.is_installed():
            return OpenSsh(path)
        return PlainSshConfig.from_file(file) if path is not None or file.exists() else PlainSshConfig()
    except OSError as error:
        raise ConfigError(
            f"{file}: {error.strerror}", hint="ssh_config names an OpenSSH client configuration"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: {error}") from error


def route(host: SshHost, config: SshConfig) -> tuple[Target, ...]:
    """The hosts to log in to one after the other, the node last.

    Like in ssh, the last jump host is reached through the earlier ones in the list, and the first one through its own
    ``ProxyJump``.
    """
    targets: list[Target] = []
    destination = Destination(host, default_user="root")
    seen = [destination]
    while True:
        target = _target(destination, config)
        targets.insert(0, target)
        if not target.jumps:
            return tuple(targets)
        *before, last = target.jumps
        destination = Destination(last, ",".join(_as_written(hop) for hop in before), local_user())
        if destination in seen:
            names = " -> ".join(one.host.host for one in [*seen, destination])
            raise ConfigError(f"{config.name}: node {host.name}: ProxyJump leads in a circle: {names}")
        seen.append(destination)


def resolve(host: SshHost, config: SshConfig, default_user: str = "root") -> Target:
    """Address and login of a node: the environment's values take precedence over ssh's configuration.

    Raises ``ConfigError`` for unusable values, with the file and the node.
    """
    return _target(Destination(host, default_user=default_user), config)


def _target(destination: Destination, config: SshConfig) -> Target:
    host = destination.host
    where = f"{config.name}: node {host.name}"
    found = config.settings(destination)
    _refuse_unusable(found, where)
    port = _port(found.one("port", "22"), f"{where}: Port")
    tokens = _tokens(found, host.host, port)
    jump, command = found.one("proxyjump", _NONE), found.one("proxycommand", _NONE)
    certificates = _named(found.all("certificatefile"), tokens, f"{where}: CertificateFile")
    keys = _named(found.all("identityfile"), tokens, f"{where}: IdentityFile")
    foreign = [name for name in certificates if name.removesuffix("-cert.pub") not in keys]
    if foreign:
        raise ConfigError(f"{where}: CertificateFile {foreign[0]} is not used: name it as its key with -cert.pub added")
    agent = found.one("identityagent", "SSH_AUTH_SOCK").lower() != _NONE
    return Target(
        host=found.one("hostname", host.host),
        port=port,
        user=found.one("user") or destination.default_user,
        key_files=keys,
        known_hosts=_files(found.all("userknownhostsfile")) or (Path(os.devnull),),
        use_agent=agent and not found.is_on("identitiesonly"),
        jumps=() if jump.lower() == _NONE else _jumps(_expanded(jump, tokens, f"{where}: ProxyJump"), where),
        proxy_command=None if command.lower() == _NONE else _expanded(command, tokens, f"{where}: ProxyCommand"),
        has_agent=agent,
        rules=HostKeyRules(
            alias=found.one("hostkeyalias"),
            global_files=_files(found.all("globalknownhostsfile")),
            revoked_files=_files(found.all("revokedhostkeys")),
            accept_new=found.one("stricthostkeychecking").lower() == "accept-new",
            hash_names=found.is_on("hashknownhosts"),
        ),
        terms=_terms(found),
    )


def _refuse_unusable(found: Settings, where: str) -> None:
    """Refuse settings that this program cannot follow: ignoring them would mean another route or another login."""
    problems = []
    if found.is_on("proxyusefdpass"):
        problems.append("ProxyUseFdpass is not supported: let ProxyCommand copy the bytes itself")
    if found.one("knownhostscommand", _NONE).lower() != _NONE:
        problems.append("KnownHostsCommand is not supported: put the keys into a file of UserKnownHostsFile")
    if found.one("pubkeyauthentication", "yes").lower() in ("no", "false"):
        problems.append("PubkeyAuthentication no: nodes are logged in to by key only")
    methods = found.one("preferredauthentications", "publickey").split(",")
    if "publickey" not in methods:
        problems.append(f"PreferredAuthentications {','.join(methods)}: nodes are logged in to by key only")
    agent = found.one("identityagent", "SSH_AUTH_SOCK")
    if agent.lower() != _NONE and agent not in ("SSH_AUTH_SOCK", "$SSH_AUTH_SOCK", os.environ.get("SSH_AUTH_SOCK")):
        problems.append(f"IdentityAgent {agent} is not supported: set SSH_AUTH_SOCK to it")
    if problems:
        raise ConfigError(*(f"{where}: {problem}" for problem in problems))


def _terms(found: Settings) -> Terms:
    families = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}

    def names(keyword: str) -> tuple[str, ...]:
        return tuple(name for name in found.one(keyword).split(",") if name)

    return Terms(
        host_keys=names("hostkeyalgorithms"),
        ciphers=names("ciphers"),
        macs=names("macs"),
        key_exchanges=names("kexalgorithms"),
        compress=found.is_on("compression"),
        address_family=families.get(found.one("addressfamily"), socket.AF_UNSPEC),
        bind_address=found.one("bindaddress"),
        bind_interface=found.one("bindinterface"),
    )


def _tokens(found: Settings, original: str, port: int) -> dict[str, str]:
    """Percent tokens of ssh_config(5) except ``%C`` and ``%j``, which differ between versions."""
    name = found.one("hostname", original)
    return {
        "%": "%",
        "d": str(openssh.home()),
        "h": name,
        "i": str(os.getuid()),
        "k": found.one("hostkeyalias", original),
        "L": socket.gethostname().partition(".")[0],
        "l": socket.gethostname(),
        "n": original,
        "p": str(port),
        "r": found.one("user"),
        "u": local_user(),
    }


def _expanded(text: str, tokens: Mapping[str, str], what: str) -> str:
    def token(match: re.Match[str]) -> str:
        if match[1] not in tokens:
            raise ConfigError(f"{what} {text}: the token %{match[1]} is not supported: write its value")
        return tokens[match[1]]

    return re.sub("%(.?)", token, text)


def _named(names: tuple[str, ...], tokens: Mapping[str, str], what: str) -> tuple[str, ...]:
    """Paths of files, with tokens, variables and the user's home replaced; ``none`` is no file."""

    def variable(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ConfigError(f"{what}: the environment has no variable {match[1]}")
        return os.environ[match[1]]

    whole = (_expanded(name, tokens, what) for name in names if name.lower() != _NONE)
    return tuple(_at_home(re.sub(r"\$\{(\w+)\}", variable, name)) for name in whole)


def _at_home(name: str) -> str:
    return str(openssh.home() / name[2:]) if name.startswith("~/") else str(Path(name).expanduser())


def _files(values: tuple[str, ...]) -> tuple[Path, ...]:
    """Files of known hosts. ``ssh -G`` writes several on a line, without quotes: each begins with ``/`` or ``~``."""
    parts = (part for value in values for part in re.split(r" (?=[/~])", value))
    return tuple(Path(_at_home(part)) for part in parts if part and part.lower() != _NONE)


def _port(text: str, what: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ConfigError(f"{what}: {text!r} is not a port, which is a number from 1 to 65535")
    return int(text)


def _as_written(hop: SshHost) -> str:
    host = f"[{hop.host}]" if ":" in hop.host else hop.host
    return (f"{hop.user}@" if hop.user else "") + host + (f":{hop.port}" if hop.port else "")


def _jumps(text: str, where: str) -> tuple[SshHost, ...]:
    return tuple(_jump(part.strip(), where) for part in text.split(","))


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
