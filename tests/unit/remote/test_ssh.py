"""Where ssh's own configuration leads, and what is said when a connection fails."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import paramiko
import pytest
from paramiko.hostkeys import HostKeyEntry
from paramiko.ssh_exception import NoValidConnectionsError

from probecost.config.environment import SshHost
from probecost.deadline import Deadline
from probecost.errors import ConfigError, HostKeyError, UnreachableError
from probecost.remote.greeting import why_not_started
from probecost.remote.plain_ssh_config import PlainSshConfig
from probecost.remote.ssh import connect
from probecost.remote.ssh_config import local_user, read_ssh_config, resolve

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
    target = resolve(host(), PlainSshConfig("client.conf", CONFIG))
    assert target.text == "alice@192.0.2.7:2222"
    assert target.key_files == ("/keys/web",)
    assert target.use_agent is False
    assert target.known_hosts == (Path("/known/one"), Path("/known/two"))
    assert [(hop.user, hop.host, hop.port) for hop in target.jumps] == [("bob", "gate", 2200), (None, "inner", None)]


def test_what_the_environment_says_goes_before_it() -> None:
    target = resolve(host(user="carol", port=22022), PlainSshConfig("client.conf", CONFIG))
    assert target.text == "carol@192.0.2.7:22022"


def test_without_any_configuration_root_and_port_22_are_used() -> None:
    target = resolve(host(host="192.0.2.9"), PlainSshConfig())
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
        ("", "it ended without a word"),
    ],
)
def test_why_the_supervisor_did_not_start(said: str, told: str) -> None:
    assert told in why_not_started(said, "python3", sudo=True)


def written(folder: Path, text: str) -> PlainSshConfig:
    """A configuration as it is read where no OpenSSH client is installed: units need none."""
    file = folder / "ssh_config"
    file.write_text(text)
    return PlainSshConfig.from_file(file)


class TestJumps:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("gate", (None, "gate", None)),
            ("bob@gate:2200", ("bob", "gate", 2200)),
            ("[2001:db8::1]:2200", (None, "2001:db8::1", 2200)),
            ("bob@[2001:db8::1]", ("bob", "2001:db8::1", None)),
            ("2001:db8::1", (None, "2001:db8::1", None)),
            ("ssh://bob@gate:2200", ("bob", "gate", 2200)),
        ],
    )
    def test_all_forms_of_ssh_are_understood(
        self, tmp_path: Path, text: str, expected: tuple[str | None, str, int | None]
    ) -> None:
        (hop,) = resolve(host(), written(tmp_path, f"Host web\n  ProxyJump {text}\n")).jumps
        assert (hop.user, hop.host, hop.port) == expected

    @pytest.mark.parametrize("text", ["gate:ssh", "gate:0", "gate:70000", "[2001:db8::1", "[::1]:x", "gate:", "bob@"])
    def test_a_mistake_is_told_with_file_and_node(self, tmp_path: Path, text: str) -> None:
        config = written(tmp_path, f"Host web\n  ProxyJump {text}\n")
        with pytest.raises(ConfigError, match=r"ssh_config: node server: ProxyJump"):
            resolve(host(), config)

    def test_without_a_user_it_is_the_local_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As ssh does; root is what the environment's own nodes are logged in to as."""
        asked: list[str] = []

        def refuse(client: paramiko.SSHClient, hostname: str, **options: object) -> None:
            asked.append(f"{options['username']}@{hostname}")
            raise OSError("refused")

        monkeypatch.setattr(paramiko.SSHClient, "connect", refuse)
        known = f"UserKnownHostsFile {tmp_path}/none\n"
        for block in ("", "Host gate\n  User carol\n"):
            config = written(tmp_path, f"{known}Host web\n  ProxyJump gate\n{block}")
            with pytest.raises(UnreachableError, match=r"node server \(jump host gate\)"):
                connect(host(), config, Deadline.after(5))
        assert asked == [f"{local_user()}@gate", "carol@gate"]


def test_a_port_that_nobody_listens_on_is_told_without_a_number_of_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(client: paramiko.SSHClient, hostname: str, **options: object) -> None:
        raise NoValidConnectionsError({("192.0.2.1", 22): ConnectionRefusedError()})

    monkeypatch.setattr(paramiko.SSHClient, "connect", refuse)
    config = written(tmp_path, f"UserKnownHostsFile {tmp_path}/none\n")
    with pytest.raises(UnreachableError, match=r"does not answer: Unable to connect to port 22"):
        connect(host(), config, Deadline.after(5))


@pytest.mark.parametrize("port", ["ssh", "0", "65536", "-1", "22x"])
def test_a_bad_port_is_told_with_file_and_node(tmp_path: Path, port: str) -> None:
    with pytest.raises(ConfigError, match=rf"ssh_config: node server: Port: '{port}' is not a port"):
        resolve(host(), written(tmp_path, f"Host web\n  Port {port}\n"))


def test_an_ipv6_address_is_shown_so_that_the_port_can_be_told() -> None:
    assert resolve(host(host="2001:db8::1"), PlainSshConfig()).text == "root@[2001:db8::1]:22"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/a /b", ["/a", "/b"]),
        ('"/with blank/a"', ["/with blank/a"]),
        ('"/with blank/a" "/b c"', ["/with blank/a", "/b c"]),
        ('"/with blank/a" /b', ["/with blank/a", "/b"]),
        ("none", ["/dev/null"]),
    ],
)
@pytest.mark.parametrize("form", ["UserKnownHostsFile {}", "\tuserknownhostsfile = {}  "])
def test_known_hosts_in_quotes_may_hold_blanks(tmp_path: Path, value: str, expected: list[str], form: str) -> None:
    target = resolve(host(), written(tmp_path, f"Host web\n{form.format(value)}\n  Port 2222"))
    assert [str(path) for path in target.known_hosts] == expected
    assert target.port == 2222


def test_quotes_that_do_not_end_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='node server: UserKnownHostsFile "/a b: No closing quotation'):
        resolve(host(), written(tmp_path, 'UserKnownHostsFile "/a b\n'))


class TestKnownHosts:
    KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIG9ZQ8uyZ9BVtEZDhMI4Ac7bQAFVLYq6mMq3VfPlKGzE"

    @pytest.fixture
    def offered(self, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
        """Connections that go no further than to the question whether the host ``web`` is known by its key."""
        known: list[bool] = []
        entry = HostKeyEntry.from_line(f"web ssh-ed25519 {self.KEY}")
        assert entry is not None

        def look(client: paramiko.SSHClient, hostname: str, **_: object) -> None:
            policy: Any = client._policy  # type: ignore[attr-defined]
            with suppress(HostKeyError):
                policy.missing_host_key(client, hostname, entry.key)
                known.append(True)
            raise OSError("no further")

        monkeypatch.setattr(paramiko.SSHClient, "connect", look)
        return known

    def reach(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "known").write_bytes(content)
        connect(host(), written(tmp_path, f"UserKnownHostsFile {tmp_path}/known\n"), Deadline.after(5))

    @pytest.mark.parametrize(
        "damage",
        [b"web ssh-ed25519 AAAA!", b"web ssh-ed25519 AAAAC3", b"\xff\xfe ssh-ed25519 A", b"# \xe9", b"web", b"a b c d"],
    )
    def test_a_damaged_line_does_not_hide_the_others(self, tmp_path: Path, offered: list[bool], damage: bytes) -> None:
        with pytest.raises(UnreachableError, match="no further"):
            self.reach(tmp_path, damage + b"\n\nweb ssh-ed25519 " + self.KEY.encode() + b"\n")
        assert offered == [True]

    def test_where_the_host_is_unknown_then_the_damage_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unknown(client: paramiko.SSHClient, hostname: str, **_: object) -> None:
            entry = HostKeyEntry.from_line(f"web ssh-ed25519 {self.KEY}")
            assert entry is not None
            policy: Any = client._policy  # type: ignore[attr-defined]
            policy.missing_host_key(client, hostname, entry.key)

        monkeypatch.setattr(paramiko.SSHClient, "connect", unknown)
        with pytest.raises(HostKeyError, match=r"node server: the host key .*damaged lines .*/known:2\)"):
            self.reach(tmp_path, b"# mine\nweb ssh-ed25519 AAAA!\n")

    def test_one_that_cannot_be_read_is_told(self, tmp_path: Path) -> None:
        config = written(tmp_path, f"UserKnownHostsFile {tmp_path}\n")
        with pytest.raises(HostKeyError, match=f"node server: {tmp_path}: Is a directory: make it readable"):
            connect(host(), config, Deadline.after(5))


@pytest.mark.parametrize("command", ["no-such-program %h %p", "nc 'unbalanced"])
def test_a_proxy_command_that_cannot_be_started_is_told(tmp_path: Path, command: str) -> None:
    config = written(tmp_path, f"Host web\n  ProxyCommand {command}\n")
    with pytest.raises(UnreachableError, match=r"node server: the ProxyCommand cannot be started: .*; install"):
        connect(host(), config, Deadline.after(5))
