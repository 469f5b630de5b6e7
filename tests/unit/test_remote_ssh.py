"""Where ssh's own configuration leads, and what is said when a connection fails."""

from __future__ import annotations

from pathlib import Path

import paramiko
import pytest

from probecost.config.models import SshHost
from probecost.errors import ConfigError
from probecost.remote.session import why_not_started
from probecost.remote.ssh import read_ssh_config, resolve

CONFIG = """
Host web
  HostName 192.0.2.7
  Port 2222
  User alice
  IdentityFile /keys/web
  IdentitiesOnly yes
  UserKnownHostsFile /known/one /known/two
  ProxyJump bob@gate:2200, inner
"""


def host(**changes: object) -> SshHost:
    fields: dict[str, object] = {"name": "server", "host": "web", "workdir": "work"}
    return SshHost(**(fields | changes))  # type: ignore[arg-type]


def test_the_configuration_of_ssh_is_honoured() -> None:
    target = resolve(host(), paramiko.SSHConfig.from_text(CONFIG))
    assert target.text == "alice@192.0.2.7:2222"
    assert target.key_files == ("/keys/web",)
    assert target.use_agent is False
    assert target.known_hosts == (Path("/known/one"), Path("/known/two"))
    assert target.jumps == ("bob@gate:2200", "inner")


def test_what_the_environment_says_goes_before_it() -> None:
    target = resolve(host(user="carol", port=22022), paramiko.SSHConfig.from_text(CONFIG))
    assert target.text == "carol@192.0.2.7:22022"


def test_without_any_configuration_root_and_port_22_are_used() -> None:
    target = resolve(host(host="192.0.2.9"), paramiko.SSHConfig())
    assert target.text == "root@192.0.2.9:22"
    assert target.use_agent is True
    assert Path("~/.ssh/known_hosts").expanduser() in target.known_hosts


def test_a_named_configuration_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no-such-file: No such file"):
        read_ssh_config(tmp_path / "no-such-file")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("sudo: a password is required", "sudo asks for a password"),
        ("sh: 1: sudo: not found", "sudo is missing"),
        ("bash: sudo: command not found", "sudo is missing"),
        ("sudo: python3: command not found", "python3 is missing"),
        ("sudo: unable to execute /usr/bin/python3: No such file or directory", "python3 is missing"),
        ("Traceback: SyntaxError", "the supervisor did not start: Traceback: SyntaxError"),
        ("", "no answer in time"),
    ],
)
def test_why_the_supervisor_did_not_start(said: str, told: str) -> None:
    assert told in why_not_started(said, "python3", sudo=True)
