"""The record of a session's placed files on a node, for removal after all its processes have died.

It is a file per session in ``.probecost`` below the workdir: its owner, then a line per new folder and per file, with
its SHA-256. It belongs to the supervisor's user. Its entries must be below the workdir and unchanged: a record never
causes the removal of anything else.
"""

import hashlib
import json
import os
from typing import Any, List, NamedTuple, Optional

from .owner import Owner

FOLDER = ".probecost"
_LIMIT = 16 << 20
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC

Entry = NamedTuple("Entry", [("kind", str), ("path", str), ("sha256", Optional[str])])


def record_of(workdir: str, owner: Owner) -> str:
    """Path of a session's record."""
    return os.path.join(workdir, FOLDER, owner.mark)


def append(path: str, owner: Owner, kind: str, what: str, sha256: Optional[str] = None) -> None:
    """Record a folder (``dir``) or a ``file`` with its hash. ``OSError``: it cannot be recorded, so do not place it."""
    with os.fdopen(os.open(path, _FLAGS, 0o600), "ab") as file:
        if file.tell() == 0:
            file.write(json.dumps(owner.text).encode("utf-8") + b"\n")
        file.write(json.dumps([kind, what, sha256]).encode("utf-8") + b"\n")


class Record:
    """A record on the disk. ``owner`` is ``None`` if it cannot be read: then it has no entries."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.owner: Optional[Owner] = None
        self.entries: List[Entry] = []
        lines = _lines(path)
        if lines and isinstance(lines[0], str):
            self.owner = Owner.parse(lines[0])
            self.entries = [entry for entry in map(_entry, lines[1:]) if entry is not None]

    @classmethod
    def orphans(cls, workdir: str) -> "List[Record]":
        """Records of dead sessions below the workdir."""
        folder = os.path.join(workdir, FOLDER)
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            return []
        records = [cls(os.path.join(folder, name)) for name in names]
        return [record for record in records if record.owner is not None and not record.owner.alive]

    def there(self, workdir: str) -> "List[Entry]":
        """Its files that still exist, below the workdir."""
        return [
            entry
            for entry in self.entries
            if entry.kind == "file" and os.path.isfile(entry.path) and _is_below(entry.path, workdir)
        ]

    def remove(self, workdir: str) -> List[str]:
        """Remove unchanged files, then empty folders, and the record; return the reasons for files that stay."""
        problems = []
        for entry in self.there(workdir):
            if _sha256(entry.path) != entry.sha256:
                problems.append("%s was changed since it was placed: it stays" % entry.path)
                continue
            try:
                os.unlink(entry.path)
            except OSError as error:
                problems.append("%s cannot be removed: %s" % (entry.path, error.strerror))
        os.unlink(self.path)
        for entry in reversed(self.entries):
            if entry.kind == "dir" and _is_below(entry.path, workdir):
                _rmdir(entry.path)
        _rmdir(os.path.dirname(self.path))
        return problems


def _lines(path: str) -> List[Any]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if os.fstat(descriptor).st_uid != os.getuid():
                return []
            return [_parsed(line) for line in file.read(_LIMIT).splitlines()]
    except OSError:
        return []


def _parsed(line: bytes) -> Any:
    """The value of a line; ``None`` for a truncated one: its writer was killed, or the disk full."""
    try:
        return json.loads(line.decode("utf-8"))
    except ValueError:
        return None


def _entry(line: Any) -> Optional[Entry]:
    is_one = isinstance(line, list) and len(line) == 3 and all(isinstance(word, str) for word in line[:2])
    return Entry(*line) if is_one else None


def _is_below(path: str, workdir: str) -> bool:
    root = os.path.realpath(workdir)
    return (os.path.realpath(os.path.dirname(path)) + os.sep).startswith(root + os.sep) and not os.path.islink(path)


def _sha256(path: str) -> Optional[str]:
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return None


def _rmdir(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError:
        pass  # not empty, or gone
