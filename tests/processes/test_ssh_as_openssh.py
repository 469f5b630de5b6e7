"""Configurations of ssh lead to the same machine by the same way as with OpenSSH's client, or are refused as there."""

from __future__ import annotations

import getpass
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.ssh_daemon import Daemon, make_key, start_daemon

from probecost.config.environment import SshHost
from probecost.deadline import Deadline
from probecost.errors import ProbecostError
from probecost.remote.openssh import parse
from probecost.remote.ssh import connect
from probecost.remote.ssh_config import read_ssh_config, resolve

ME = getpass.getuser()


@dataclass(frozen=True)
class Site:
    """Two daemons with keys of their own, and a key that logs in at both."""

    folder: Path
    one: Daemon
    two: Daemon

    def fill(self, text: str) -> str:
        """A configuration with the site's ports, files and keys in place of ``@names@``."""
        values = {
            "one": str(self.one.port),
            "two": str(self.two.port),
            "key1": self.one.host_key,
            "key2": self.two.host_key,
            "id": f"{self.folder}/id",
            "dir": str(self.folder),
            "me": ME,
        }
        return re.sub(r"@(\w+)@", lambda match: values[match[1]], text)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    authorized = make_key(folder / "id")
    make_key(folder / "other_id")
    one = start_daemon(folder / "one", authorized)
    two = start_daemon(folder / "two", authorized)
    try:
        yield Site(folder, one, two)
    finally:
        one.stop()
        two.stop()


@pytest.fixture
def folder(site: Site, tmp_path: Path) -> Path:
    (tmp_path / "known").write_text(site.fill("[127.0.0.1]:@one@ @key1@\n[127.0.0.1]:@two@ @key2@\n"))
    return tmp_path


def by_ssh(config: Path, host: str) -> str | None:
    """The port at which the daemon was reached, ``None`` if ssh did not get in."""
    options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ControlPath=none", "-o", "LogLevel=ERROR"]
    command = ["ssh", "-F", str(config), *options, host, "echo $SSH_CONNECTION"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
    return ran.stdout.split()[-1] if ran.returncode == 0 else None


def by_us(config: Path, host: str) -> tuple[str | None, str]:
    """The same with our connection, and the error."""
    try:
        node = SshHost("node", host, "work", user=resolved_user(config, host))
        connection = connect(node, read_ssh_config(config), Deadline.after(20))
    except ProbecostError as error:
        return None, str(error)
    try:
        return connection.run("echo $SSH_CONNECTION", Deadline.after(10)).split()[-1], ""
    finally:
        connection.close()


def resolved_user(config: Path, host: str) -> str | None:
    """The running user where the configuration names none, as with ssh; nodes are logged in to as root otherwise."""
    ran = subprocess.run(["ssh", "-G", "-F", str(config), host], capture_output=True, text=True, check=False)
    return parse(ran.stdout).one("user", ME) if ran.returncode == 0 else None


# Each is put before a block for all hosts with the address, the key and the files of known hosts.
WAYS = {
    "nothing": "Host rack1\n Port @one@\n",
    "a port": "Host rack1\n Port @two@\n",
    "an equals sign": "Host=rack1\n Port=@two@\n",
    "a comment at the end": "Host rack1 # the old one\n Port @two@ # a comment\n",
    "two blocks, the first counts": "Host rack*\n Port @two@\nHost rack1\n Port @one@\n",
    "a negated pattern": "Host * !rack1\n Port @one@\nHost *\n Port @two@\n",
    "a pattern in quotes": 'Host "rack1" other\n Port @two@\nHost *\n Port @one@\n',
    "an Include": "Include @conf@/more/*.conf\nHost *\n Port @one@\n",
    "an Include inside of a Host": "Host rack1\n Include @conf@/more/port.conf\nHost *\n Port @one@\n",
    "an Include inside of another Host": "Host other\n Include @conf@/more/port.conf\nHost *\n Port @one@\n",
    "Match host in capitals": "Match Host other\n Port @two@\nMatch all\n Port @one@\n",
    "Match host": "Match host rack1\n Port @two@\nMatch all\n Port @one@\n",
    "Match host with an equals sign": "Match host=rack1\n Port @two@\nHost *\n Port @one@\n",
    "Match originalhost": "Match originalhost rack1\n Port @two@\nHost *\n Port @one@\n",
    "Match user": "Match user @me@\n Port @two@\nHost *\n Port @one@\n",
    "Match localuser": "Match localuser nobody-here\n Port @two@\nHost *\n Port @one@\n",
    "Match exec": 'Match exec "test %n = rack1"\n Port @two@\nHost *\n Port @one@\n',
    "Match negated": "Match !host other\n Port @two@\nHost *\n Port @one@\n",
    "Match canonical": "Match canonical\n Port @two@\nHost *\n Port @one@\n",
    "Match final": "Match final host 127.0.0.1\n Port @two@\nMatch all\n",
    "Match localnetwork": "Match localnetwork 203.0.113.0/24\n Port @two@\nHost *\n Port @one@\n",
    "a directive that does not exist": "NoSuchDirective yes\nHost *\n Port @one@\n",
    "one that is to be ignored": "IgnoreUnknown NoSuch*\nNoSuchDirective yes\nHost *\n Port @one@\n",
    "a port that is none": "Host *\n Port ssh\n",
    "the wrong key": "Host *\n Port @one@\n IdentityFile @dir@/other_id\n IdentitiesOnly yes\nMatch final\n",
    "a key in quotes": 'Host *\n Port @one@\n IdentityFile "@conf@/a key"\n',
    "a key with tokens": "Host *\n Port @one@\n IdentityFile @dir@/%%/../i%i\n IdentityFile @dir@/id\n",
    "no agent": "Host *\n Port @one@\n IdentityAgent none\n",
    "a jump host": "Host rack1\n Port @two@\n ProxyJump gate\nHost gate\n Port @one@\n",
    "a jump host's jump host": (
        "Host rack1\n Port @two@\n ProxyJump inner\n"
        "Host inner\n Port @one@\n ProxyJump outer\nHost outer\n Port @two@\n"
    ),
    "a jump host that cannot be reached": (
        "Host rack1\n Port @two@\n ProxyJump inner\nHost inner\n Port @one@\n ProxyJump outer\nHost outer\n Port 1\n"
    ),
    "two jump hosts": (
        "Host rack1\n Port @two@\n ProxyJump a,b\nHost a\n Port @two@\nHost b\n Port @one@\n ProxyJump x\n"
    ),
    "a jump host with a user": "Host rack1\n Port @two@\n ProxyJump @me@@gate:@one@\nHost gate\n Port 1\n",
    "no jump after all": "Host rack1\n ProxyJump none\n Port @one@\nHost *\n ProxyJump gate\n",
    "a proxy": "Host rack1\n Port @two@\n ProxyCommand @python@ @conf@/pipe.py %h %p\n",
    "a proxy that the shell runs": (
        "Host rack1\n Port @two@\n ProxyCommand @python@ @conf@/pipe.py %h `echo @two@` 2>&1\n"
    ),
    "a proxy that fails": "Host rack1\n Port @two@\n ProxyCommand false\n",
    "a jump host before a proxy": (
        "Host rack1\n Port @two@\n ProxyJump gate\n ProxyCommand false\nHost gate\n Port @one@\n"
    ),
    "an address family": "Host rack1\n Port @two@\n AddressFamily inet\n BindAddress 127.0.0.1\n",
    "an address family without an address": "Host rack1\n Port @two@\n AddressFamily inet6\n",
    "ciphers": "Host rack1\n Port @two@\n Ciphers aes256-ctr\n MACs hmac-sha2-512\n KexAlgorithms curve25519-sha256\n",
    "compression": "Host rack1\n Port @two@\n Compression yes\n",
    "a host key of another type": "Host rack1\n Port @two@\n HostKeyAlgorithms rsa-sha2-512\n",
}


@pytest.mark.parametrize("name", list(WAYS))
def test_a_configuration_leads_to_the_same_machine(site: Site, folder: Path, name: str) -> None:
    config = folder / "config"
    (folder / "more").mkdir()
    (folder / "more" / "port.conf").write_text(site.fill("Port @two@\n"))
    (folder / "a key").write_bytes((site.folder / "id").read_bytes())
    (folder / "a key").chmod(0o600)
    (folder / "pipe.py").write_text(PIPE)
    identity = "" if name == "a key in quotes" else " IdentityFile @id@\n"
    rest = f"Host *\n HostName 127.0.0.1\n User @me@\n{identity} UserKnownHostsFile @conf@/known\n"
    text = (WAYS[name] + rest).replace("@conf@", str(folder)).replace("@python@", sys.executable)
    config.write_text(site.fill(text.replace("@me@@", f"{ME}@")))
    expected = by_ssh(config, "rack1")
    found, error = by_us(config, "rack1")
    assert found == expected, error


PIPE = """
import os, socket, sys, threading
way = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def out():
    while data := way.recv(65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=out).start()
while data := os.read(0, 65536):
    way.sendall(data)
os._exit(0)
"""

# What the file of known hosts holds, and further lines of the configuration.
KNOWN = {
    "the key": ("[127.0.0.1]:@one@ @key1@", ""),
    "another key": ("[127.0.0.1]:@one@ @key2@", ""),
    "no key": ("", ""),
    "two keys of one type": ("[127.0.0.1]:@one@ @key2@\n[127.0.0.1]:@one@ @key1@", ""),
    "a revoked key": ("[127.0.0.1]:@one@ @key1@\n@revoked * @key1@", ""),
    "another revoked key": ("[127.0.0.1]:@one@ @key1@\n@revoked * @key2@", ""),
    "a revoked key of another host": ("[127.0.0.1]:@one@ @key1@\n@revoked 192.0.2.1 @key1@", ""),
    "a pattern": ("[127.0.0.?]:* @key1@", ""),
    "a negated pattern": ("*,![127.0.0.1]:@one@ @key1@", ""),
    "all but another": ("*,!other @key1@", ""),
    "a name without the port": ("127.0.0.1 @key1@", ""),
    "another key without the port": ("127.0.0.1 @key2@", ""),
    "an authority whose certificates the host has not": ("@cert-authority * @key2@", ""),
    "an authority and the key": ("@cert-authority * @key2@\n[127.0.0.1]:@one@ @key1@", ""),
    "an alias": ("rack1-key @key1@", "HostKeyAlias Rack1-key"),
    "an alias that is not known": ("[127.0.0.1]:@one@ @key1@", "HostKeyAlias rack1-key"),
    "damaged lines": ("[127.0.0.1]:@one@ ssh-ed25519 AAAA\n@no * x y\n[127.0.0.1]:@one@ @key1@", ""),
    "a file for all users": ("", "GlobalKnownHostsFile @conf@/global"),
    "a revocation for all users": ("[127.0.0.1]:@one@ @key1@", "GlobalKnownHostsFile @conf@/revoking"),
    "a file of revoked keys": ("[127.0.0.1]:@one@ @key1@", "RevokedHostKeys @conf@/revoked"),
    "a file of revoked keys that is not there": ("[127.0.0.1]:@one@ @key1@", "RevokedHostKeys @conf@/nowhere"),
    "new keys are accepted": ("", "StrictHostKeyChecking accept-new"),
    "new keys are accepted, changed ones not": ("[127.0.0.1]:@one@ @key2@", "StrictHostKeyChecking accept-new"),
}


@pytest.mark.parametrize("name", list(KNOWN))
def test_known_hosts_count_as_with_ssh(site: Site, tmp_path: Path, name: str) -> None:
    known, lines = KNOWN[name]
    (tmp_path / "global").write_text(site.fill("[127.0.0.1]:@one@ @key1@\n"))
    (tmp_path / "revoking").write_text(site.fill("@revoked *:@one@ @key1@\n"))
    (tmp_path / "revoked").write_text(site.fill("@key1@\n"))
    configs = []
    for who in ("ssh", "us"):
        (tmp_path / f"known_{who}").write_text(site.fill(known) + "\n")
        text = f"HostName 127.0.0.1\nPort @one@\nUser @me@\nIdentityFile @id@\nUserKnownHostsFile @conf@/known_{who}\n"
        configs.append(tmp_path / who)
        configs[-1].write_text(site.fill((lines + "\n" + text).replace("@conf@", str(tmp_path))))
    expected = by_ssh(configs[0], "rack1")
    found, error = by_us(configs[1], "rack1")
    assert found == expected, error


def test_a_hashed_known_hosts(site: Site, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text(site.fill("[127.0.0.1]:@one@ @key1@\n"))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], check=True, capture_output=True, timeout=30)
    assert "127.0.0.1" not in known.read_text()
    config = tmp_path / "config"
    config.write_text(site.fill(f"Port @one@\nUser @me@\nIdentityFile @id@\nUserKnownHostsFile {known}\n"))
    assert by_us(config, "127.0.0.1") == (str(site.one.port), "")


def test_a_key_is_remembered_as_ssh_reads_it(site: Site, tmp_path: Path) -> None:
    config = tmp_path / "config"
    text = (
        "Host *\n Port @one@\n User @me@\n IdentityFile @id@\n StrictHostKeyChecking accept-new\n HashKnownHosts yes\n"
    )
    config.write_text(site.fill(f"{text} UserKnownHostsFile {tmp_path}/known\n"))
    assert by_us(config, "127.0.0.1") == (str(site.one.port), "")
    config.write_text(config.read_text().replace("accept-new", "yes"))
    assert by_ssh(config, "127.0.0.1") == str(site.one.port)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ("@revoked * @key1@", "is revoked ({known}:1)"),
        ("[127.0.0.1]:@one@ @key2@", "is not the one in known_hosts: check who answers there (known: {known}:1)"),
        ("@cert-authority * @key2@", "host certificates are not supported: add the machine's own key to {known}"),
    ],
)
def test_a_refusal_names_the_line(site: Site, tmp_path: Path, known: str, said: str) -> None:
    file = tmp_path / "known"
    file.write_text(site.fill(known) + "\n")
    config = tmp_path / "config"
    config.write_text(site.fill(f"Port @one@\nUser @me@\nIdentityFile @id@\nUserKnownHostsFile {file}\n"))
    found, error = by_us(config, "127.0.0.1")
    assert found is None
    assert said.format(known=file) in error


def test_a_jump_host_through_itself_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host *\n HostName 127.0.0.1\n ProxyJump gate\n")
    assert "ProxyJump leads in a circle: rack1 -> gate -> gate" in by_us(config, "rack1")[1]


class TestDefaultUser:
    def user(self, folder: Path, text: str) -> str:
        config = folder / "config"
        config.write_text(text)
        return resolve(SshHost("node", "rack1", "work"), read_ssh_config(config), default_user="somebody").user

    def test_without_a_user_it_is_the_default(self, tmp_path: Path) -> None:
        assert self.user(tmp_path, "Host rack1\n Port 22\n") == "somebody"
        assert self.user(tmp_path, "Host other\n User bob\n") == "somebody"

    def test_the_running_user_may_be_named(self, tmp_path: Path) -> None:
        assert self.user(tmp_path, f"Host rack1\n User {ME}\n") == ME


def test_a_rejected_line_is_named_with_file_and_node(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host rack1\n NoSuchDirective yes\n")
    found, error = by_us(config, "rack1")
    assert found is None
    assert f"{config}: node node: ssh rejects it: {config}: line 2: Bad configuration option: nosuchdirective" in error
