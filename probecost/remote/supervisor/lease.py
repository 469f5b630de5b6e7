"""The node's lease: one run at a time measures on a node, for any user and workdir. The kernel knows its holder.

The lease is a shared ``flock`` on a file of the machine, held by watchdog and supervisor and gone when both are. The
file names the holder, for the message to another run. All sessions of one run (several, if two names of an environment
are one machine, or after a cut) hold it together by a common token. A POSIX lock on the same file guards every change.
"""

import errno
import fcntl
import hashlib
import json
import os
import time
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .processes import now_ns

_PLACES = ("/run", "/var/run", "/tmp")
_NAME = "probecost.lease"
_GUARD_S = 2.0
_RECORD_LIMIT = 4096


#: A lease file; ``holder`` is ``None`` if no run has the lease.
FoundLease = NamedTuple("FoundLease", [("path", str), ("holder", Optional[Dict[str, Any]])])


class Busy(Exception):
    """Another run holds the lease; ``holder`` is its record, ``{}`` if that cannot be read."""

    def __init__(self, holder: Dict[str, Any]) -> None:
        super().__init__("in use")
        self.holder = holder

    @property
    def held_s(self) -> Optional[float]:
        """Seconds since it was taken, by this machine's clock; ``None`` if unknown."""
        since_ns = self.holder.get("since_ns")
        return (now_ns() - since_ns) / 1e9 if isinstance(since_ns, int) else None


class Lease:
    """A held lease, from ``take`` until ``release`` or the end of all processes that share it by fork."""

    def __init__(self, path: str, fd: int) -> None:
        self._path = path
        self._fd = fd

    @classmethod
    def take(cls, holder: Dict[str, Any], path: Optional[str] = None) -> "Lease":
        """Take it at once or raise ``Busy``; ``holder`` has a ``token``. ``OSError``: no file can be made."""
        failure = OSError(errno.ENOENT, "none of %s is there" % (_PLACES,))
        for place in [path] if path else places():
            try:
                return cls._take(holder, place)
            except OSError as error:
                failure = error
        raise failure

    @classmethod
    def _take(cls, holder: Dict[str, Any], path: str) -> "Lease":
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                _guard(fd)
                if not _is_at(path, fd):
                    os.close(fd)
                    continue  # its last holder removed it just now
                _share(fd, holder)
                fcntl.lockf(fd, fcntl.LOCK_UN)
                return cls(path, fd)
            except Exception:
                os.close(fd)
                raise

    def release(self) -> None:
        """Give it up; the last one of a run removes the file."""
        try:
            _guard(self._fd)
            if _lock(self._fd, fcntl.LOCK_EX) and _is_at(self._path, self._fd):
                os.unlink(self._path)
        except (OSError, Busy):
            pass  # the end of this process gives it up too
        os.close(self._fd)


def group_of(token: str) -> str:
    """Prefix of the marks of a run's sessions: a hash, as the token itself opens the lease."""
    return hashlib.sha256(token.encode("utf-8")).hexdigest()[:8]


def places() -> List[str]:
    """Possible paths of the lease file of a machine."""
    return [os.path.join(folder, _NAME) for folder in _PLACES if os.path.isdir(folder)]


def look(paths: Sequence[str]) -> List[FoundLease]:
    """The existing lease files and their holders."""
    found: Dict[Tuple[int, int], FoundLease] = {}
    for path in paths:
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        file = os.fstat(fd)
        if (file.st_dev, file.st_ino) in found:
            os.close(fd)
            continue  # /var/run is /run
        try:
            _guard(fd)
            found[file.st_dev, file.st_ino] = FoundLease(path, None if _lock(fd, fcntl.LOCK_EX) else _record(fd))
        except Busy as busy:
            found[file.st_dev, file.st_ino] = FoundLease(path, busy.holder)
        finally:
            os.close(fd)
    return list(found.values())


def remove_stale(path: str) -> None:
    """Remove a lease file without a holder; a held one stays."""
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    Lease(path, fd).release()


def _share(fd: int, holder: Dict[str, Any]) -> None:
    """Hold the lease together with sessions of the same token; the guard keeps other processes out meanwhile."""
    if _lock(fd, fcntl.LOCK_EX):
        record = json.dumps(dict(holder, since_ns=now_ns())).encode("utf-8")[:_RECORD_LIMIT]
        os.ftruncate(fd, 0)
        os.pwrite(fd, record, 0)
    else:
        there = _record(fd)
        if not holder.get("token") or there.get("token") != holder["token"]:
            raise Busy(there)
    if not _lock(fd, fcntl.LOCK_SH):
        raise Busy(_record(fd))


def _guard(fd: int) -> None:
    deadline = time.monotonic() + _GUARD_S
    while True:
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
        if time.monotonic() >= deadline:
            raise Busy(_record(fd))
        time.sleep(0.01)


def _lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise
        return False
    return True


def _is_at(path: str, fd: int) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    mine = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _record(fd: int) -> Dict[str, Any]:
    try:
        found = json.loads(os.pread(fd, _RECORD_LIMIT, 0).decode("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
