"""Unpacks archives of a node: the node is not trusted, so only plain files below the target are taken."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from probecost.errors import TransferError, shortened

MAX_FILES = 200_000
MAX_BYTES = 20_000_000_000
#: Bytes left free on the disk of the results, so that other nodes' results fit too; on a small disk, a tenth.
DISK_RESERVE = 1 << 30
_MAX_NAME = 4096
_MAX_DEPTH = 32
_ENTRY_BYTES = 4096
_MAX_MTIME_S = 1 << 33


class _Refused(Exception):
    """The archive has a forbidden member; the message is the reason."""


class _PlainFile(tarfile.TarInfo):
    """A plain file or the header of its long name; other kinds of members could fill the memory, or lie about it."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        is_long_name = member.type == tarfile.GNUTYPE_LONGNAME and member.size <= _MAX_NAME
        if member.size < 0 or not (is_long_name or member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)):
            raise _Refused(f"{shortened(member.name, 200)!r}: only plain files below the results are taken")
        return member


class Unpacker:
    """Takes the chunks of a ``tar.gz`` stream and writes its members below ``target`` while they arrive.

    Absolute paths, ``..``, links, devices, and files outside ``folders`` (relative to ``target``) are refused. Files
    are replaced whole. ``accept`` gets each file's name and SHA-256 before it is put in place, and returns whether it
    may be.
    """

    def __init__(
        self,
        node: str,
        target: Path,
        accept: Callable[[str, str], bool] | None = None,
        *,
        folders: Sequence[str] = (".",),
    ) -> None:
        self._node = node
        self._target = target
        self._accept = accept
        self._folders = [PurePosixPath(folder) for folder in folders]
        self._count = 0
        self._failure: Exception | None = None
        reading, self._writing = os.pipe()
        self._thread = threading.Thread(target=self._unpack, args=(reading,), name=f"unpack {node}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self._thread.join()

    def feed(self, chunk: bytes) -> None:
        """Pass on the next chunk; raise the failure of unpacking earlier ones, if any."""
        view = memoryview(chunk)
        try:
            while view:
                view = view[os.write(self._writing, view) :]
        except BrokenPipeError:
            self._thread.join()
            raise self._failure or TransferError(self._node, "unpacking ended early") from None

    def finish(self) -> int:
        """Wait for the last member; return the number of files."""
        self._close()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self._count

    def _close(self) -> None:
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1

    def _unpack(self, reading: int) -> None:
        total = 0
        try:
            with (
                os.fdopen(reading, "rb") as stream,
                tarfile.open(fileobj=stream, mode="r|gz", tarinfo=_PlainFile, errors="surrogateescape") as tar,
            ):
                while (member := tar.next()) is not None:
                    tar.members = []  # type: ignore[attr-defined]  # it would keep them all
                    total += member.size + _ENTRY_BYTES * len(PurePosixPath(member.name).parts)
                    self._check(member, total)
                    self._write(tar, member)
                    self._count += 1
        except _Refused as error:
            self._failure = TransferError(self._node, f"refused {error}; the results are still there")
        except Exception as error:  # a bad archive can make the reader raise anything
            reason = str(error) or type(error).__name__
            self._failure = TransferError(
                self._node, f"the results did not arrive whole: {reason}; they are still there"
            )

    def _check(self, member: tarfile.TarInfo, total: int) -> None:
        path = PurePosixPath(member.name)
        asked = any(path.is_relative_to(folder) for folder in self._folders)
        if not is_below(member.name) or not asked or len(path.parts) > _MAX_DEPTH:
            raise _Refused(f"{shortened(member.name, 200)!r}: only plain files below the results are taken")
        if self._count >= MAX_FILES or total > MAX_BYTES:
            raise _Refused(f"more than {MAX_FILES} files or {MAX_BYTES} bytes")

    def _write(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        file = self._target / member.name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.parent.resolve().is_relative_to(self._target.resolve()):
            raise _Refused(f"{shortened(member.name, 200)!r}: it leads out of {self._target}")
        source = tar.extractfile(member)
        assert source is not None
        part = file.with_name(f".{file.name}.part")
        part.unlink(missing_ok=True)
        digest = hashlib.sha256()
        try:
            with source, part.open("xb") as out:
                while block := source.read(1 << 20):
                    self._check_disk(len(block))
                    out.write(block)
                    digest.update(block)
            if self._accept is None or self._accept(member.name, digest.hexdigest()):
                if 0 <= member.mtime <= _MAX_MTIME_S:
                    os.utime(part, (member.mtime, member.mtime))
                part.replace(file)
        finally:
            part.unlink(missing_ok=True)

    def _check_disk(self, size: int) -> None:
        disk = shutil.disk_usage(self._target)
        if disk.free - size < min(DISK_RESERVE, disk.total // 10):
            raise OSError(f"No space left on device of {self._target} ({disk.free} bytes free, a reserve is kept)")


def is_below(name: str) -> bool:
    r"""Whether the name of a member leads to a file below the target.

    >>> is_below("a/b"), is_below("/a"), is_below("a/../b"), is_below("."), is_below("a\0b")
    (True, False, False, False, False)
    """
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
