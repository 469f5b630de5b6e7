"""Starts, finds and ends the processes of this run, never by name."""

import ctypes
import errno
import os
import signal
import subprocess
import threading
import time
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set

_PR_SET_CHILD_SUBREAPER = 36
#: Environment variable with the owner of each started process: see ``owner``.
OWNER = "PROBECOST_OWNER"
POLL_S = 0.02
COMMAND_LIMIT = 200

Stat = NamedTuple(
    "Stat",
    [
        ("pid", int),
        ("comm", str),
        ("state", str),
        ("ppid", int),
        ("ticks", int),
        ("start", int),
        ("session", int),
    ],
)


_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def search_path() -> str:
    """The search path of programs, for checks and for started processes: our PATH and the system's."""
    folders = (os.environ.get("PATH", "") + ":" + _SYSTEM_PATH).split(":")
    return ":".join(folder for at, folder in enumerate(folders) if folder and folder not in folders[:at])


def now_ns() -> int:
    """This node's clock, Unix time in nanoseconds (``time.time_ns`` came with Python 3.7)."""
    return int(time.time() * 1e9)


def become_subreaper() -> None:
    """Adopt orphans among this process's descendants, instead of the machine's first process."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def parse_stat(text: str) -> Stat:
    """Parse ``/proc/<pid>/stat``; ``ticks`` is CPU time of the process and of its reaped children."""
    head, _, tail = text.rpartition(")")
    pid, _, comm = head.partition(" (")
    fields = tail.split()
    ticks = sum(int(f) for f in fields[11:15])
    return Stat(int(pid), comm, fields[0], int(fields[1]), ticks, int(fields[19]), int(fields[3]))


def stat_of(pid: int) -> Optional[Stat]:
    try:
        with open("/proc/%d/stat" % pid, errors="replace") as file:
            return parse_stat(file.read())
    except (OSError, ValueError, IndexError):
        return None


def command_of(pid: int) -> str:
    """The beginning of a process's command line; empty for kernel threads, zombies and ended processes."""
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read(COMMAND_LIMIT).rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def all_stats() -> List[Stat]:
    stats = (stat_of(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [stat for stat in stats if stat is not None]


def descendants(root: int) -> List[Stat]:
    """Every process below ``root``, zombies included, ``root`` itself not."""
    children: Dict[int, List[Stat]] = {}
    for stat in all_stats():
        children.setdefault(stat.ppid, []).append(stat)
    found: List[Stat] = []
    pending = [root]
    while pending:
        below = children.get(pending.pop(), [])
        found += below
        pending += [stat.pid for stat in below]
    return found


def ancestors(pid: int) -> List[Stat]:
    """The process and its ancestors, nearest first."""
    found: List[Stat] = []
    stat = stat_of(pid)
    while stat is not None:
        found.append(stat)
        stat = stat_of(stat.ppid) if stat.ppid else None
    return found


def children_of(pid: int) -> List[int]:
    """The children of all threads of a process; if the kernel can, without a scan of all processes."""
    found: List[int] = []
    try:
        for thread in os.listdir("/proc/%d/task" % pid):
            try:
                with open("/proc/%d/task/%s/children" % (pid, thread)) as file:
                    found += map(int, file.read().split())
            except FileNotFoundError:
                if not os.path.exists("/proc/self/task/%d/children" % os.getpid()):
                    return [stat.pid for stat in all_stats() if stat.ppid == pid]
    except OSError:
        pass
    return found


def trees(roots: Iterable[int]) -> List[Stat]:
    """The processes ``roots`` and their descendants, zombies included."""
    found: Dict[int, Stat] = {}
    pending = list(roots)
    while pending:
        pid = pending.pop()
        stat = None if pid in found else stat_of(pid)
        if stat is not None:
            found[pid] = stat
            pending += children_of(pid)
    return list(found.values())


def send_signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError as error:
        if error.errno != errno.ESRCH:
            raise


class Children:
    """The processes that this one started, and so reaps itself: all its other children were re-parented."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started: List["subprocess.Popen[bytes]"] = []

    def start(self, *args: Any, **options: Any) -> "subprocess.Popen[bytes]":
        """Like ``subprocess.Popen``; its exit code stays available."""
        with self._lock:
            process = subprocess.Popen(*args, **options)
            self._started = [other for other in self._started if other.returncode is None] + [process]
            return process

    def alive(self) -> Set[int]:
        """PIDs of the processes that have not been reaped yet."""
        return {process.pid for process in self._started if process.returncode is None}

    def adopted(self, of: int) -> List[int]:
        """Orphans that may come from our child ``of``: all except those in the sessions of its living siblings."""
        with self._lock:
            mine = self.alive()
            orphans = [pid for pid in children_of(os.getpid()) if pid not in mine]
        stats = [stat_of(pid) for pid in orphans]
        return [stat.pid for stat in stats if stat is not None and stat.session not in mine - {of}]

    def reap_adopted(self) -> None:
        """Reap the zombies that were re-parented to this process, but not its own children."""
        mine = os.getpid()
        with self._lock:  # a process is started and noted, or not yet
            zombies = [stat.pid for stat in all_stats() if stat.ppid == mine and stat.state == "Z"]
            for pid in set(zombies) - {process.pid for process in self._started}:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except OSError:
                    pass


CHILDREN = Children()


class Identity:
    """The login user, from sudo's ``SUDO_UID``: generators and tools run as this user."""

    def __init__(self) -> None:
        self.uid = int(os.environ.get("SUDO_UID", os.getuid()))
        self.gid = int(os.environ.get("SUDO_GID", os.getgid()))
        self.user = os.environ.get("SUDO_USER", "root")
        # Looked up now: in a forked child, a look-up of names may wait for a lock that is never freed.
        self._groups = os.getgrouplist(self.user, self.gid) if self.uid != os.getuid() else []

    def own(self, path: str) -> None:
        os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def become(self) -> None:
        if self.uid != os.getuid():
            os.setgroups(self._groups)
            os.setgid(self.gid)
            os.setuid(self.uid)


def spawn(
    argv: Sequence[str],
    stdout: Any,
    stderr: Any,
    cwd: str,
    identity: Identity,
    before: Optional[Callable[[], None]] = None,
) -> "subprocess.Popen[bytes]":
    """Start ``argv`` in a new session as the login user; ``before`` runs in the child while it is still root."""

    def in_child() -> None:
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        if before is not None:
            before()
        identity.become()

    environ = {key: os.environ[key] for key in ("LANG", "TZ", OWNER) if key in os.environ}
    environ["PATH"] = search_path()
    environ["TERM"] = "dumb"  # what it writes goes to a file
    environ.update({"LC_ALL": "C", "PYTHONUNBUFFERED": "1", "USER": identity.user, "LOGNAME": identity.user})
    environ["HOME"] = os.path.expanduser("~" + identity.user)
    return CHILDREN.start(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        env=environ,
        close_fds=True,
        start_new_session=True,
        preexec_fn=in_child,
    )
