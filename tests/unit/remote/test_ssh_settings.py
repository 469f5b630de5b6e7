"""What becomes of the answers of ``ssh -G``, and which lines are refused where there is no OpenSSH client."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from probecost.config.environment import SshHost
from probecost.errors import ConfigError
from probecost.remote import openssh
from probecost.remote.openssh import Destination, Settings, parse
from probecost.remote.plain_ssh_config import PlainSshConfig
from probecost.remote.ssh_config import read_ssh_config, resolve, route

NODE = SshHost("server", "web", "work")
PLAIN = "hostname 192.0.2.7\nuser alice\nport 2222\n"


@dataclass(frozen=True)
class Answers:
    """A configuration whose answers are texts of ``ssh -G`` by host."""

    by_host: dict[str, str]
    name: str = "client.conf"

    def settings(self, destination: Destination) -> Settings:
        settings = parse(self.by_host[destination.host.host])
        return Settings({**settings.values, "proxyjump": (destination.via,)}) if destination.via else settings


def answering(text: str) -> Answers:
    return Answers({"web": text})


def test_all_of_an_answer_is_honoured() -> None:
    target = resolve(
        NODE,
        answering(
            PLAIN
            + "identityfile ~/.ssh/id %h\nidentityfile none\nidentitiesonly yes\nidentityagent none\n"
            + "userknownhostsfile /a b/known /c\nglobalknownhostsfile /etc/known\nhostkeyalias web-key\n"
            + "stricthostkeychecking accept-new\nhashknownhosts yes\nrevokedhostkeys /etc/revoked\n"
            + "proxycommand nc %h %p %% %r %n\nciphers aes128-ctr,aes256-ctr\ncompression yes\n"
            + "addressfamily inet6\nbindaddress ::1\nbindinterface lo\n"
        ),
    )
    assert target.text == "alice@192.0.2.7:2222"
    assert target.key_files == (f"{openssh.home()}/.ssh/id 192.0.2.7",)
    assert (target.use_agent, target.has_agent) == (False, False)
    assert target.known_hosts == (Path("/a b/known"), Path("/c"))
    assert target.proxy_command == "nc 192.0.2.7 2222 % alice web"
    rules, terms = target.rules, target.terms
    assert (rules.alias, rules.global_files, rules.revoked_files) == (
        "web-key",
        (Path("/etc/known"),),
        (Path("/etc/revoked"),),
    )
    assert rules.accept_new
    assert rules.hash_names
    assert (terms.ciphers, terms.compress, terms.address_family) == (
        ("aes128-ctr", "aes256-ctr"),
        True,
        socket.AF_INET6,
    )
    assert (terms.bind_address, terms.bind_interface) == ("::1", "lo")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("proxyusefdpass yes", "ProxyUseFdpass"),
        ("knownhostscommand /bin/keys %H", "KnownHostsCommand"),
        ("identityagent /run/agent", "IdentityAgent /run/agent"),
        ("pubkeyauthentication false", "PubkeyAuthentication"),
        ("preferredauthentications password", "PreferredAuthentications password"),
        ("certificatefile /keys/other-cert.pub", "CertificateFile /keys/other-cert.pub"),
        ("identityfile /keys/%C", "the token %C"),
        ("identityfile ${NO_SUCH_VARIABLE}/id", "NO_SUCH_VARIABLE"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(line: str, named: str) -> None:
    with pytest.raises(ConfigError, match=f"client.conf: node server: .*{named}"):
        resolve(NODE, answering(f"{PLAIN}{line}\n"))


def test_the_agent_that_the_environment_names_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "SSH_AUTH_SOCK", "/run/agent")
    assert resolve(NODE, answering(f"{PLAIN}identityagent /run/agent\n")).use_agent


class TestRoute:
    def names(self, **by_host: str) -> list[str]:
        answers = {host: f"hostname {host}\nport 22\n{text}" for host, text in by_host.items()}
        return [target.host for target in route(NODE, Answers(answers))]

    def test_the_first_jump_host_has_a_jump_host_of_its_own(self) -> None:
        found = self.names(web="proxyjump inner\n", inner="proxyjump outer\n", outer="")
        assert found == ["outer", "inner", "web"]

    def test_of_a_list_only_the_first_goes_its_own_way(self) -> None:
        found = self.names(web="proxyjump a,b\n", a="proxyjump outer\n", b="proxyjump elsewhere\n", outer="")
        assert found == ["outer", "a", "b", "web"]

    def test_a_circle_is_named(self) -> None:
        with pytest.raises(ConfigError, match="node server: ProxyJump leads in a circle: web -> a -> b -> a"):
            self.names(web="proxyjump a\n", a="proxyjump b\n", b="proxyjump a\n")


class TestWithoutClient:
    @pytest.mark.parametrize(
        ("line", "named"),
        [
            ("Include other", "Include"),
            ("Match Host web", "Match"),
            ("Match host=web", "Match"),
            ("HostKeyAlias web-key", "HostKeyAlias"),
            ("Port 22 # the usual", "Port with a comment"),
            ('IdentityFile "/a" "/b"', "IdentityFile with quotes"),
            ("CanonicalizeHostname yes", "CanonicalizeHostname"),
            ("GlobalKnownHostsFile /x", "GlobalKnownHostsFile"),
            ("BindAddress 127.0.0.1", "BindAddress"),
        ],
    )
    def test_what_would_be_misread_is_refused_by_name_and_line(self, tmp_path: Path, line: str, named: str) -> None:
        file = tmp_path / "ssh_config"
        file.write_text(f"Host web\n    Port 22\n    {line}\n")
        with pytest.raises(ConfigError, match=f"{file}:3: {named}") as raised:
            PlainSshConfig.from_file(file)
        assert "install an OpenSSH client" in str(raised.value)

    def test_what_changes_neither_way_nor_login_is_taken(self, tmp_path: Path) -> None:
        file = tmp_path / "ssh_config"
        file.write_text("# mine\nServerAliveInterval 5\nHost web\n\tUser=bob\n")
        assert resolve(NODE, PlainSshConfig.from_file(file)).user == "bob"

    def test_it_is_used_where_no_client_is_installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "ssh_config"
        file.write_text("Host web\n    User bob\n")
        monkeypatch.setenv("PATH", str(tmp_path))
        assert resolve(NODE, read_ssh_config(file)).user == "bob"
