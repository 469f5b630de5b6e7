"""Which keys the files of known hosts speak of, and what they say of them: as OpenSSH's client takes them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from probecost.remote.known_hosts import KnownHosts, Status, names_of, new_line, revoked_by


def blob(letter: str, key_type: str = "ssh-ed25519") -> bytes:
    parts = (key_type.encode(), letter.encode() * 32)
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def line(names: str, letter: str, marker: str = "", key_type: str = "ssh-ed25519") -> str:
    return f"{marker} {names} {key_type} {base64.b64encode(blob(letter, key_type)).decode()} a comment".strip()


def known(tmp_path: Path, *lines: str) -> KnownHosts:
    file = tmp_path / "known_hosts"
    file.write_text("\n".join([*lines, ""]))
    return KnownHosts.read([file])


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("192.0.2.*", "192.0.2.7", True),
        ("192.0.2.?", "192.0.2.17", False),
        ("web", "WEB", True),
        ("Web", "web", True),
        ("*,!web", "web", False),
        ("!web,*", "db", True),
        ("a,b,web", "web", True),
        ("web", "web.example.org", False),
        ("[web]:2222", "[web]:2222", True),
        ("*", "[web]:2222", True),
        ("w.b", "web", False),
    ],
)
def test_patterns_match_as_in_ssh(tmp_path: Path, pattern: str, name: str, matches: bool) -> None:
    status = known(tmp_path, line(pattern, "a")).judge([name], blob("a")).status
    assert status is (Status.KNOWN if matches else Status.UNKNOWN)


@pytest.mark.parametrize(
    ("lines", "status", "at"),
    [
        ([line("web", "a"), line("web", "b")], Status.KNOWN, [2]),
        ([line("web", "a"), line("web", "c", key_type="ssh-rsa")], Status.CHANGED, [1, 2]),
        ([line("web", "b"), line("*", "b", "@revoked")], Status.REVOKED, [2]),
        ([line("*", "b", "@revoked"), line("web", "b")], Status.REVOKED, [1]),
        ([line("db", "b", "@revoked"), line("web", "b")], Status.KNOWN, [2]),
        ([line("web", "a", "@cert-authority")], Status.UNKNOWN, []),
        ([line("web", "b", "@cert-authority")], Status.UNKNOWN, []),
        ([line("web", "b", "@unheard-of")], Status.UNKNOWN, []),
        ([], Status.UNKNOWN, []),
    ],
)
def test_every_line_counts(tmp_path: Path, lines: list[str], status: Status, at: list[int]) -> None:
    judgement = known(tmp_path, *lines).judge(["web"], blob("b"))
    assert judgement.status is status
    assert judgement.where == tuple(f"{tmp_path}/known_hosts:{number}" for number in at)


def test_with_a_port_the_name_alone_makes_a_key_known_but_never_changed(tmp_path: Path) -> None:
    names = names_of("web", 2222, "")
    assert known(tmp_path, line("web", "a")).judge(names, blob("a")).status is Status.KNOWN
    assert known(tmp_path, line("web", "a")).judge(names, blob("b")).status is Status.UNKNOWN
    assert known(tmp_path, line("web", "a", "@revoked")).judge(names, blob("a")).status is Status.REVOKED
    assert known(tmp_path, line("[web]:2222", "a")).judge(names, blob("b")).status is Status.CHANGED


def test_an_alias_stands_for_host_and_port() -> None:
    assert names_of("192.0.2.7", 2222, "Rack1-key") == ("rack1-key",)


def test_types_of_known_keys_are_those_to_ask_for(tmp_path: Path) -> None:
    hosts = known(tmp_path, line("web", "a", key_type="ssh-rsa"), line("web", "b", "@revoked"), line("db", "c"))
    assert hosts.key_types(["web"]) == ("ssh-rsa",)


def test_authorities_are_named(tmp_path: Path) -> None:
    assert known(tmp_path, line("*.org", "a", "@cert-authority")).authorities(["web.org"]) == (
        f"{tmp_path}/known_hosts:1",
    )


@pytest.mark.parametrize("is_hashed", [False, True])
def test_a_new_line_is_read_again(tmp_path: Path, is_hashed: bool) -> None:
    text = new_line("web", "ssh-ed25519", blob("a"), is_hashed=is_hashed)
    assert ("web" in text) is not is_hashed
    hosts = known(tmp_path, text)
    assert hosts.judge(["web"], blob("a")).status is Status.KNOWN
    assert hosts.judge(["db"], blob("a")).status is Status.UNKNOWN


@pytest.mark.parametrize(
    "damage",
    ["web", "web ssh-ed25519", "web ssh-ed25519 AAAA!", "web ssh-rsa " + line("x", "a").split()[2], "|2|a|b x y"],
)
def test_damaged_lines_are_named(tmp_path: Path, damage: str) -> None:
    hosts = known(tmp_path, "# mine", damage, line("web", "a"))
    assert hosts.damaged == (f"{tmp_path}/known_hosts:2",)
    assert hosts.judge(["web"], blob("a")).status is Status.KNOWN


def test_a_list_of_revoked_keys(tmp_path: Path) -> None:
    file = tmp_path / "revoked"
    file.write_text("# keys\n" + " ".join(line("x", "a").split()[1:]) + "\n")
    assert revoked_by([file], blob("a")) == f"{file}:2"
    assert revoked_by([file], blob("b")) == ""
    file.write_bytes(b"SSHKRL\n\0")
    with pytest.raises(ValueError, match="binary list"):
        revoked_by([file], blob("a"))
    with pytest.raises(FileNotFoundError):
        revoked_by([tmp_path / "nowhere"], blob("a"))
