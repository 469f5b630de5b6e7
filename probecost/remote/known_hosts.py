"""Reads files of known hosts like OpenSSH (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT; ``check_host_key`` of its client).

It supports patterns with wildcards and negation, hashed names, several keys of one type, ``@revoked`` and
``@cert-authority``; unreadable lines are skipped, as by ssh.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Status(Enum):
    """Status of an offered host key in the files."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Line:
    """One key of a file: ``where`` is file:line, ``marker`` is empty, ``@revoked`` or ``@cert-authority``."""

    where: str
    marker: str
    names: str
    key: bytes

    @property
    def key_type(self) -> str:
        return _type_of(self.key)

    def is_of(self, name: str) -> bool:
        """True if the patterns or the hashed name of the line match ``name``, in any case."""
        name = name.lower()
        if self.names.startswith("|"):
            return _is_hash_of(self.names, name)
        found = False
        for pattern in self.names.lower().split(","):
            negated = pattern.startswith("!")
            if _matches(pattern[negated:], name):
                if negated:
                    return False
                found = True
        return found


@dataclass(frozen=True)
class Judgement:
    """Status of a key. ``where`` has the deciding lines: of the known, the different or the revoked key."""

    status: Status
    where: tuple[str, ...] = ()


@dataclass(frozen=True)
class KnownHosts:
    """The keys of some files, and their unreadable lines as file:line."""

    lines: tuple[Line, ...]
    damaged: tuple[str, ...] = ()

    @classmethod
    def read(cls, files: Iterable[Path]) -> KnownHosts:
        """Read existing files. Raises ``OSError`` with the file's name for an unreadable one."""
        lines: list[Line] = []
        damaged: list[str] = []
        for file in files:
            if not file.exists():
                continue
            for number, raw in enumerate(file.read_bytes().splitlines(), 1):
                text = raw.decode("utf-8", "replace").strip()
                if not text or text.startswith("#"):
                    continue
                line = _line(text, f"{file}:{number}")
                if line is None:
                    damaged.append(f"{file}:{number}")
                else:
                    lines.append(line)
        return cls(tuple(lines), tuple(damaged))

    def key_types(self, names: Sequence[str]) -> tuple[str, ...]:
        """Types of a host's known keys, so that it can be asked for one of them."""
        plain = (line for name in names for line in self._of(name) if not line.marker)
        return tuple(dict.fromkeys(line.key_type for line in plain))

    def authorities(self, names: Sequence[str]) -> tuple[str, ...]:
        """Lines with ``@cert-authority`` for the host."""
        return tuple(line.where for name in names for line in self._of(name) if line.marker == "@cert-authority")

    def judge(self, names: Sequence[str], key: bytes) -> Judgement:
        """Judge a key of the host ``names``, whose first name has the port. A name without it makes no key CHANGED."""
        revoked = [
            line.where for name in names for line in self._of(name) if line.marker == "@revoked" and line.key == key
        ]
        if revoked:
            return Judgement(Status.REVOKED, tuple(dict.fromkeys(revoked)))
        own = [line for line in self._of(names[0]) if not line.marker]
        known = [line.where for line in own if line.key == key]
        if known:
            return Judgement(Status.KNOWN, tuple(known))
        if own:
            return Judgement(Status.CHANGED, tuple(line.where for line in own))
        further = [line.where for name in names[1:] for line in self._of(name) if not line.marker and line.key == key]
        return Judgement(Status.KNOWN, tuple(further)) if further else Judgement(Status.UNKNOWN)

    def _of(self, name: str) -> Iterator[Line]:
        return (line for line in self.lines if line.is_of(name))


def names_of(host: str, port: int, alias: str) -> tuple[str, ...]:
    """The names under which ssh looks a host up: the alias alone, else the host, first with a port other than 22.

    >>> names_of("Web", 2222, "")
    ('[web]:2222', 'web')
    """
    if alias:
        return (alias.lower(),)
    host = host.lower()
    return (host,) if port == 22 else (f"[{host}]:{port}", host)


def new_line(name: str, key_type: str, key: bytes, *, is_hashed: bool) -> str:
    """A line of a file that makes the key known, by the name or by its hash."""
    if is_hashed:
        salt = os.urandom(20)
        parts = (base64.b64encode(part).decode() for part in (salt, _hash(salt, name)))
        name = "|1|" + "|".join(parts)
    return f"{name} {key_type} {base64.b64encode(key).decode()}\n"


def revoked_by(files: Iterable[Path], key: bytes) -> str:
    """The line of a file of ``RevokedHostKeys`` that revokes the key, empty if none does.

    Raises ``OSError`` for a file that cannot be read, ``ValueError`` for a binary list (KRL).
    """
    for file in files:
        content = file.read_bytes()
        if content.startswith(b"SSHKRL\n"):
            raise ValueError(f"RevokedHostKeys {file} is a binary list, which is not supported: list public keys")
        for number, text in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            fields = text.split()
            if any(_key_of(*pair) == key for pair in itertools.pairwise(fields)):
                return f"{file}:{number}"
    return ""


def _line(text: str, where: str) -> Line | None:
    marker = ""
    if text.startswith("@"):
        marker, _, text = text.partition(" ")
        if marker not in ("@revoked", "@cert-authority"):
            return None
    fields = text.split(None, 3)
    key = _key_of(fields[1], fields[2]) if len(fields) >= 3 else None
    return None if key is None else Line(where, marker, fields[0], key)


def _key_of(key_type: str, text: str) -> bytes | None:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if _type_of(key) == key_type and _is_whole(key) else None


def _type_of(key: bytes) -> str:
    return key[4 : 4 + int.from_bytes(key[:4], "big")].decode("latin-1")


def _is_whole(key: bytes) -> bool:
    """True if the key is at least two length-prefixed fields with nothing missing or left over (RFC 4253, 6.6)."""
    at = fields = 0
    while at + 4 <= len(key):
        at += 4 + int.from_bytes(key[at : at + 4], "big")
        fields += 1
    return at == len(key) and fields >= 2


def _matches(pattern: str, name: str) -> bool:
    regex = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(regex, name, re.DOTALL) is not None


def _hash(salt: bytes, name: str) -> bytes:
    return hmac.new(salt, name.encode(), hashlib.sha1).digest()


def _is_hash_of(text: str, name: str) -> bool:
    try:
        _, one, salt, digest = text.split("|")
        return one == "1" and hmac.compare_digest(_hash(base64.b64decode(salt), name), base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False
