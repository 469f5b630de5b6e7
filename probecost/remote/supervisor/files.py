"""Files of the run on this node: written below the workdir, owned by the login user, sent to the controller, removed.

The watchdog is notified of creations (``note``) and removes them at the end: placed files, and directories that are
empty by then.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from . import placed
from .owner import Owner
from .processes import Identity


class Outside(Exception):
    """A path leads out of the workdir."""


class Files:
    """Files below ``workdir``. ``owner`` is written into the record of placed files; without it there is no record."""

    def __init__(
        self, workdir: str, identity: Identity, note: Callable[[str, str], None], owner: Optional[Owner] = None
    ) -> None:
        self.workdir = os.path.abspath(os.path.join(os.path.expanduser("~" + identity.user), workdir))
        self.identity = identity
        self._note = note
        self._owner = owner

    def path(self, relative: str) -> str:
        """The path of ``relative`` below the workdir; ``Outside``: it leads out of it, by symbolic links too."""
        joined = os.path.join(self.workdir, relative)
        real = os.path.realpath(os.path.dirname(joined))
        root = os.path.realpath(self.workdir)
        if (
            os.path.isabs(relative)
            or (real != root and not real.startswith(root + os.sep))
            or ".." in relative.split("/")
        ):
            raise Outside("%s is not below %s" % (relative, self.workdir))
        return joined

    def make_dirs(self, path: str) -> List[str]:
        """Make the folder and its missing parents; return the new ones, the highest first."""
        made: List[str] = []
        missing: List[str] = []
        while not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(path)
        for directory in reversed(missing):
            try:
                os.mkdir(directory)
            except FileExistsError:
                continue
            self._note("dir", directory)
            self.identity.own(directory)
            made.append(directory)
        return made

    def create(self, relative: str) -> BinaryIO:
        """A new file of the results, open for unbuffered writing."""
        path = self.path(relative)
        self.make_dirs(os.path.dirname(path))
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.fdopen(os.open(path, flags, 0o644), "wb", buffering=0)
        self.identity.own(path)
        return file

    def write(self, relative: str, data: bytes) -> None:
        with self.create(relative) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]

    def locate(self, path: str) -> str:
        """The path of a tool's file: relative paths start at the workdir, absolute ones stay."""
        return os.path.join(self.workdir, path)

    def sha256(self, path: str) -> Any:
        try:
            with open(self.locate(path), "rb") as file:
                return hashlib.sha256(file.read()).hexdigest()
        except FileNotFoundError:
            return None

    def place(self, relative: str, data: bytes, mode: int) -> Dict[str, Any]:
        """Write a tool's file for this run, unless the same content is there already."""
        digest = hashlib.sha256(data).hexdigest()
        there = self.sha256(relative)
        if there == digest:
            return {"sha256": digest, "placed": False}
        if there is not None:
            raise FileExistsError("%s exists with another content" % self.path(relative))
        path = self.path(relative)
        for directory in self.make_dirs(os.path.dirname(path)):
            self._record("dir", directory)
        self._record("file", path, digest)
        self._note("file", path)
        self.write(relative, data)
        os.chmod(path, mode)
        return {"sha256": digest, "placed": True}

    def _record(self, kind: str, what: str, sha256: Optional[str] = None) -> None:
        """Record a placed file on the disk too: the watchdog may die before it removes the file."""
        if self._owner is None:
            return
        record = placed.record_of(self.workdir, self._owner)
        if not os.path.lexists(record):
            self.path(os.path.relpath(record, self.workdir))
            folder = os.path.dirname(record)
            if not os.path.isdir(folder):
                os.mkdir(folder, 0o755)
                self._note("dir", folder)
            self._note("file", record)
        placed.append(record, self._owner, kind, what, sha256)

    def free_bytes(self) -> int:
        path = self.workdir
        while not os.path.exists(path):
            path = os.path.dirname(path)
        status = os.statvfs(path)
        return status.f_bavail * status.f_frsize

    def manifest(self, relative: str, send: Callable[[bytes], None]) -> Dict[str, Any]:
        """Send a line of JSON for each plain file below a folder, all compressed: path, bytes, SHA-256.

        Paths are relative to the workdir. Return the number of files, and of skipped links and devices.
        """
        top = os.path.normpath(self.path(relative))
        if not os.path.isdir(top):
            raise OSError("%s is %s" % (top, "no folder" if os.path.lexists(top) else "not there"))
        count, others = 0, 0
        out = _Chunks(send)
        with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as zipped:
            for directory, subdirs, names in os.walk(top, onerror=_raise):
                subdirs.sort()
                others += sum(os.path.islink(os.path.join(directory, name)) for name in subdirs)
                for full in (os.path.join(directory, name) for name in sorted(names)):
                    if os.path.islink(full) or not os.path.isfile(full):
                        others += 1
                        continue
                    size, digest = _digest(full, lambda: send(b""))
                    line = json.dumps([os.path.relpath(full, self.workdir), size, digest])
                    zipped.write(line.encode("ascii") + b"\n")
                    count += 1
        out.flush()
        return {"files": count, "left_out": others}

    def archive(self, relatives: Sequence[str], send: Callable[[bytes], None]) -> int:
        """Send folders and files as one compressed tar, named relative to the workdir; return their number."""
        count = 0
        out = _Chunks(send)
        with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as zipped:
            with tarfile.open(fileobj=zipped, mode="w|", format=tarfile.GNU_FORMAT) as tar:
                for relative in relatives:
                    for full in _plain_files(self.path(relative)):
                        self._add(tar, full)
                        count += 1
        out.flush()
        return count

    def _add(self, tar: tarfile.TarFile, full: str) -> None:
        """Add a file with its current length: a growing file must not break the archive."""
        info = tar.gettarinfo(full, arcname=os.path.relpath(full, self.workdir))
        with open(full, "rb") as file:
            tar.addfile(info, file)

    def remove(self, relatives: Sequence[str], root: str) -> None:
        """Remove folders and files of results, and empty folders above them up to and including ``root``."""
        top = self.path(root)
        for relative in relatives:
            path = self.path(relative)
            if os.path.commonpath([path, top]) != top or path == top:
                raise Outside("%s is not below %s" % (relative, top))
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            elif os.path.lexists(path):
                os.unlink(path)
            parent = os.path.dirname(path)
            while parent.startswith(top) and not _rmdir(parent):
                parent = os.path.dirname(parent)


def _plain_files(path: str) -> Iterator[str]:
    """``path`` if it is a file, or the files below it; symbolic links and missing paths are skipped."""
    if os.path.isfile(path) and not os.path.islink(path):
        yield path
    for directory, subdirs, names in os.walk(path):
        subdirs.sort()
        for full in (os.path.join(directory, name) for name in sorted(names)):
            if os.path.isfile(full) and not os.path.islink(full):
                yield full


def _raise(error: OSError) -> None:
    raise error


def _digest(path: str, progress: Callable[[], None]) -> Tuple[int, str]:
    """Bytes and SHA-256 of a file; ``progress`` is called now and then, so that a large file causes no silence."""
    found, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while True:
            block = file.read(1 << 20)
            if not block:
                return size, found.hexdigest()
            found.update(block)
            size += len(block)
            if size % (64 << 20) < len(block):
                progress()


class _Chunks(io.RawIOBase):
    """A sink that passes its data on in chunks of a quarter megabyte."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._pending = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pending += data
        if len(self._pending) >= 1 << 18:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if self._pending:
            self._send(bytes(self._pending))
            self._pending = bytearray()


def _rmdir(path: str) -> bool:
    """Remove a directory; return whether it stays."""
    try:
        os.rmdir(path)
    except OSError:
        return True
    return False


def remove_placed(notes: Sequence[Sequence[str]]) -> None:
    """Remove placed files, and our directories that are empty; the watchdog does it at the end."""
    for kind, path in notes:
        if kind == "file":
            try:
                os.unlink(path)
            except OSError:
                pass
    for kind, path in reversed(notes):
        if kind == "dir":
            _rmdir(path)
