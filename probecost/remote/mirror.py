"""Copies a folder of a node: only missing or different files, each checked by its SHA-256.

The node lists its files with their SHA-256, this side compares, and different files are sent in batches. A cut transfer
leaves whole files only: the next one continues after them. Nothing is removed, on either side. The node's list is not
trusted: no name may lead out of the target.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from probecost.errors import TransferError
from probecost.remote.transfer import MAX_BYTES, MAX_FILES, is_below

_SHA256 = re.compile(r"[0-9a-f]{64}")
_BATCH_FILES = 200
_BATCH_BYTES = 64 << 20


class Source(Protocol):
    """The part of ``probecost.remote.node.Node`` that a copy needs."""

    @property
    def name(self) -> str: ...

    def manifest(self, folder: str) -> tuple[bytes, int]: ...

    def fetch(self, folders: Sequence[str], target: Path, accept: Callable[[str, str], bool] | None = None) -> int: ...


@dataclass(frozen=True)
class RemoteFile:
    """A plain file on the node; ``path`` is relative to the copied folder."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Progress:
    """Progress of a transfer: files and bytes so far and in total."""

    files: int
    of_files: int
    size_bytes: int
    of_bytes: int


@dataclass(frozen=True)
class Mirrored:
    """Result of a copy. ``kept`` files were here already; ``left_out``: links, devices, partial files of the node."""

    files: int
    size_bytes: int
    kept: int
    left_out: int


def mirror(node: Source, target: Path, tell: Callable[[Progress], None] = lambda _: None) -> Mirrored:
    """Copy the files of the node's workdir to ``target``; additional files in ``target`` stay.

    ``TransferError``: a file could not be transferred; files that arrived before are whole and stay.
    """
    listed, left_out = node.manifest(".")
    files, remains = _files(node.name, listed)
    wanted = [file for file in files if not _is_here(node.name, target, file)]
    taken = _Taken(node.name, wanted, tell)
    for batch in _batches(wanted):
        node.fetch([file.path for file in batch], target, taken.accept)
    taken.check()
    size_bytes = sum(file.size_bytes for file in wanted)
    return Mirrored(len(wanted), size_bytes, len(files) - len(wanted), left_out + remains)


class _Taken:
    """Checks each file as it arrives."""

    def __init__(self, node: str, wanted: Sequence[RemoteFile], tell: Callable[[Progress], None]) -> None:
        self._node = node
        self._tell = tell
        self._open = {file.path: file for file in wanted}
        self._of_files, self._of_bytes = len(wanted), sum(file.size_bytes for file in wanted)
        self._bytes = 0
        self._changed: list[str] = []

    def accept(self, name: str, sha256: str) -> bool:
        """Whether the file is as the node listed it; ``TransferError``: it was not requested."""
        file = self._open.pop(str(PurePosixPath(name)), None)
        if file is None:
            raise TransferError(self._node, f"refused {name!r}: it was not asked for")
        is_same = file.sha256 == sha256
        if not is_same:
            self._changed.append(file.path)
        self._bytes += file.size_bytes
        done = self._of_files - len(self._open)
        self._tell(Progress(done, self._of_files, self._bytes, self._of_bytes))
        return is_same

    def check(self) -> None:
        """Check that all files came as listed; ``TransferError`` otherwise."""
        for what, names in (
            ("did not have the SHA-256 that the node listed: they still grow, or were damaged", self._changed),
            ("did not arrive", sorted(self._open)),
        ):
            if names:
                some = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
                raise TransferError(self._node, f"{len(names)} files {what} ({some}); the same command tries again")


def _files(node: str, listed: bytes) -> tuple[list[RemoteFile], int]:
    """The manifest's files, in its order, and its number of partial files."""
    files: dict[str, RemoteFile] = {}
    remains = total_bytes = 0
    for line in listed.splitlines():
        file = _file(node, line)
        if _is_part(file.path):
            remains += 1
            continue
        files[file.path] = file
        total_bytes += file.size_bytes
        if len(files) > MAX_FILES or total_bytes > MAX_BYTES:
            raise TransferError(node, f"refused: more than {MAX_FILES} files or {MAX_BYTES} bytes")
    return list(files.values()), remains


def _file(node: str, line: bytes) -> RemoteFile:
    try:
        path, size_bytes, sha256 = json.loads(line)
        if not (isinstance(path, str) and type(size_bytes) is int and size_bytes >= 0 and _SHA256.fullmatch(sha256)):
            raise ValueError
    except (ValueError, TypeError):
        raise TransferError(node, f"its list of files cannot be read: {line[:200]!r}") from None
    if not is_below(path):
        raise TransferError(node, f"refused {path!r}: only files below the folder are taken")
    return RemoteFile(path, size_bytes, sha256)


def _is_part(path: str) -> bool:
    """Whether it is the partial file of a killed transfer."""
    name = PurePosixPath(path).name
    return name.startswith(".") and name.endswith(".part")


def _is_here(node: str, target: Path, file: RemoteFile) -> bool:
    """Whether ``target`` has a file with the same content; a link does not count."""
    try:
        there = (target / file.path).lstat()
        if not stat.S_ISREG(there.st_mode) or there.st_size != file.size_bytes:
            return False
        with (target / file.path).open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == file.sha256
    except FileNotFoundError:
        return False
    except OSError as error:
        raise TransferError(node, f"{target / file.path}: {error.strerror or error}") from error


def _batches(files: Iterable[RemoteFile]) -> Iterator[list[RemoteFile]]:
    """Batches of files, each for one request."""
    batch: list[RemoteFile] = []
    size_bytes = 0
    for file in files:
        if batch and (len(batch) == _BATCH_FILES or size_bytes + file.size_bytes > _BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(file)
        size_bytes += file.size_bytes
    if batch:
        yield batch
