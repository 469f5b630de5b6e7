"""Writes archives for Linux's first root file system: cpio "newc" (initramfs-buffer-format)."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MAGIC = b"070701"
TRAILER = "TRAILER!!!"


@dataclass(frozen=True)
class Entry:
    """A file, folder, symbolic link or device below ``/``: ``mode`` as in ``stat``, content as bytes or as a file."""

    path: str
    mode: int
    content: bytes | Path = b""
    uid: int = 0
    gid: int = 0
    mtime_s: int = 0
    device: tuple[int, int] = (0, 0)

    def read(self) -> bytes:
        return self.content.read_bytes() if isinstance(self.content, Path) else self.content


def folder(path: str, mode: int = 0o755) -> Entry:
    return Entry(path, stat.S_IFDIR | mode)


def file(path: str, text: str, mode: int = 0o644) -> Entry:
    return Entry(path, stat.S_IFREG | mode, text.encode())


def link(path: str, target: str) -> Entry:
    return Entry(path, stat.S_IFLNK | 0o777, target.encode())


def with_parents(entries: Iterable[Entry]) -> list[Entry]:
    """The entries by path, the first of each path, with all folders above them."""
    found: dict[str, Entry] = {}
    for entry in entries:
        found.setdefault(entry.path, entry)
    for path in list(found):
        for parent in PurePosixPath(path).parents:
            if str(parent) != "/":
                found.setdefault(str(parent), folder(str(parent)))
    return [found[path] for path in sorted(found)]


def archive(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The archive, piece by piece. Folders must come before their content."""
    for number, entry in enumerate(entries, 1):
        yield from _member(entry, entry.path.lstrip("/"), number)
    yield from _member(Entry("", 0), TRAILER, 0)


def _member(entry: Entry, name: str, inode: int) -> Iterator[bytes]:
    data = entry.read()
    encoded = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (inode, entry.mode, entry.uid, entry.gid, links, entry.mtime_s, len(data), 0, 0, *entry.device)
    header = MAGIC + b"".join(b"%08X" % field for field in (*fields, len(encoded), 0)) + encoded
    yield header + b"\0" * (-len(header) % 4)
    if data:
        yield data + b"\0" * (-len(data) % 4)
