"""Reads ssh's configuration without an OpenSSH client: lines that paramiko misreads are refused."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko

from probecost.errors import ConfigError
from probecost.remote.openssh import Destination, Settings

_READ = "host hostname user port identityfile identitiesonly userknownhostsfile proxyjump proxycommand"
# Neither the way to a host nor the login depends on these.
_HARMLESS = """
    addkeystoagent batchmode challengeresponseauthentication checkhostip clearallforwardings compression
    connectionattempts connecttimeout controlmaster controlpath controlpersist dynamicforward enableescapecommandline
    escapechar exitonforwardfailure fingerprinthash forkafterauthentication forwardagent forwardx11 forwardx11timeout
    forwardx11trusted gatewayports gssapiauthentication gssapidelegatecredentials hashknownhosts ipqos
    kbdinteractiveauthentication localcommand localforward loglevel logverbose numberofpasswordprompts
    obscurekeystroketiming passwordauthentication permitlocalcommand permitremoteopen rekeylimit remotecommand
    remoteforward requesttty sendenv serveralivecountmax serveraliveinterval sessiontype setenv stdinnull
    streamlocalbindmask streamlocalbindunlink stricthostkeychecking syslogfacility tcpkeepalive updatehostkeys
    verifyhostkeydns visualhostkey xauthlocation
"""
_LINE = re.compile(r'\s*"?(?P<keyword>[^\s="]+)"?(?:\s*=\s*|\s+)(?P<value>.*?)\s*$')
# paramiko removes quotes around a whole value: afterwards one path with a blank looks like two.
_QUOTED = "quoted:"
_DEFAULT_KNOWN_HOSTS = "~/.ssh/known_hosts ~/.ssh/known_hosts2 /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"


@dataclass(frozen=True)
class PlainSshConfig:
    """The text of a configuration, and its name in messages."""

    name: str = "ssh configuration"
    text: str = ""

    @classmethod
    def from_file(cls, file: Path) -> PlainSshConfig:
        """Read a file. Raises ``ConfigError`` for each line that paramiko reads differently from OpenSSH."""
        text = file.read_text("utf-8")
        problems = [f"{file}:{number}: {problem}" for number, problem in _misread(text)]
        if problems:
            raise ConfigError(*problems, hint="install an OpenSSH client (the program ssh), which reads all of it")
        config = cls(str(file), text)
        try:
            config._parsed()
        except Exception as error:  # paramiko raises plain Exception for an unparsable line
            raise ConfigError(f"{file}: {error}") from error
        return config

    def settings(self, destination: Destination) -> Settings:
        host = destination.host
        where = f"{self.name}: node {host.name}"
        try:
            found: dict[str, Any] = dict(self._parsed().lookup(host.host))
        except Exception as error:  # paramiko has no common class for errors of a lookup
            raise ConfigError(f"{where}: {host.host} cannot be looked up: {error}") from error
        known_hosts = found.pop("userknownhostsfile", None)
        values = {key: tuple(value) if isinstance(value, list) else (str(value),) for key, value in found.items()}
        values["userknownhostsfile"] = _known_hosts(known_hosts, where)
        values["hostname"] = (str(found.get("hostname", host.host)),)
        values["user"] = (host.user or str(found.get("user", destination.default_user)),)
        values["port"] = (str(host.port or found.get("port", 22)),)
        if destination.via:
            values["proxyjump"] = (destination.via,)
            values.pop("proxycommand", None)
        return Settings(values)

    def _parsed(self) -> paramiko.SSHConfig:
        config = paramiko.SSHConfig()
        config.parse(io.StringIO("\n".join(_with_quotes(line) for line in self.text.splitlines())))
        return config


def _misread(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.match(line)
        if not line.strip() or line.lstrip().startswith("#") or match is None:
            continue
        keyword, value = match["keyword"], match["value"]
        lower = keyword.lower()
        if lower in _HARMLESS.split():
            continue
        if lower not in _READ.split():
            yield number, f"{keyword} is not read without an OpenSSH client"
        elif lower != "proxycommand" and re.search(r"(^|\s)#", value):
            yield number, f"{keyword} with a comment at its end is not read without an OpenSSH client"
        elif lower not in ("proxycommand", "userknownhostsfile") and '"' in value.strip('"'):
            yield number, f"{keyword} with quotes inside is not read without an OpenSSH client"


def _with_quotes(line: str) -> str:
    match = _LINE.match(line)
    if match is None or match["keyword"].lower() != "userknownhostsfile":
        return line
    return f"UserKnownHostsFile {_QUOTED}{match['value']}"


def _known_hosts(value: str | None, where: str) -> tuple[str, ...]:
    """The files of a ``UserKnownHostsFile``: names in quotes may hold blanks."""
    text = _DEFAULT_KNOWN_HOSTS if not value else value.removeprefix(_QUOTED)
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ConfigError(f"{where}: UserKnownHostsFile {text}: {error}") from error
