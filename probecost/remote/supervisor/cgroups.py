"""A cgroup for the run and one below it for the tool: who is in it belongs to us, whatever its parent is by now.

cgroup v2 where it is mounted (alone, or beside v1), else a v1 hierarchy, best the one that accounts CPU time. No
controller is enabled: membership and CPU time are all that is used. A lock on its folder, held by watchdog and
supervisor, says that it has an owner: the kernel frees it when both are gone.
"""

import fcntl
import os
import re
import time
from typing import Callable, List, Optional

#: How the names of all of them begin.
PREFIX = "probecost-"
_OURS = re.compile(re.escape(PREFIX) + r".+-[0-9a-f]{8,}")  # never a slice or a service of that name
_PLACES = tuple("/sys/fs/cgroup" + below for below in ("", "/unified", "/cpuacct", "/pids", "/freezer"))
_USAGE = re.compile(r"^usage_usec (\d+)$", re.MULTILINE)
_USER = re.compile(r"^user_usec (\d+)$", re.MULTILINE)
_USER_TICKS = re.compile(r"^user (\d+)$", re.MULTILINE)


def user_usec_of(path: str) -> Optional[int]:
    """User time of all processes of the cgroup so far, also of those that ended; ``None`` where it is not told.

    From ``cpu.stat`` (v2), else ``cpuacct.usage_user`` (ns) or, before Linux 4.7, ``cpuacct.stat`` (ticks).
    """
    match = _USER.search(_read(path, "cpu.stat"))
    if match:
        return int(match.group(1))
    nanoseconds = _read(path, "cpuacct.usage_user").strip()
    if nanoseconds.isdigit():
        return int(nanoseconds) // 1000
    match = _USER_TICKS.search(_read(path, "cpuacct.stat"))
    return int(match.group(1)) * 1_000_000 // os.sysconf("SC_CLK_TCK") if match else None


def is_of_session(path: str) -> bool:
    """Whether a folder is the cgroup of a session, by its name."""
    return bool(_OURS.fullmatch(os.path.basename(path)))


def _read(path: str, name: str) -> str:
    """One of a cgroup's files; empty where there is none, or the cgroup is gone."""
    try:
        with open(os.path.join(path, name)) as file:
            return file.read()
    except OSError:
        return ""


def _is_populated(path: str) -> bool:
    """Whether there is a process in it or below it, also one that cannot be seen from this PID namespace."""
    return any(_read(folder, "cgroup.procs").split() for folder, _, _ in os.walk(path))


class Cgroup:
    """``run`` is how the names of all cgroups of this run begin, beside this one; empty where it has only this one."""

    def __init__(self, path: str, run: str = "", *, is_there: bool = False) -> None:
        self.path = path
        self._run = run
        if not is_there:
            os.mkdir(path)

    @classmethod
    def create(cls, name: str, run: str = "") -> "Optional[Cgroup]":
        """A new cgroup at the top of the first hierarchy that takes one; ``None`` where none does."""
        for place in _PLACES:
            if os.path.exists(os.path.join(place, "cgroup.procs")):
                try:
                    group = cls(os.path.join(place, name), run)
                    group._claim()
                    return group
                except OSError:
                    continue
        return None

    @property
    def mark(self) -> str:
        """Of the session that made it."""
        return os.path.basename(self.path)[len(PREFIX) :]

    @classmethod
    def orphans(cls) -> "List[Cgroup]":
        """Those that sessions made of which no process lives."""
        return [group for group in cls.all() if group.is_orphan()]

    @classmethod
    def all(cls) -> "List[Cgroup]":
        """Those of all sessions on this kernel."""
        places = [place for place in _PLACES if os.path.exists(os.path.join(place, "cgroup.procs"))]
        paths = [os.path.join(place, name) for place in places for name in sorted(os.listdir(place))]
        return [cls(path, is_there=True) for path in paths if _OURS.fullmatch(os.path.basename(path))]

    def is_orphan(self) -> bool:
        """Whether no process of its session lives. One of another PID namespace is not ours to see."""
        return self._use_lock(lambda: None) and (bool(self.pids()) or not _is_populated(self.path))

    def remove_orphan(self) -> bool:
        """Remove it unless it has an owner; whether it is gone."""
        self._use_lock(self.remove)
        return not os.path.exists(self.path)

    def _claim(self) -> None:
        """Have it for this process and all that are forked from it, until the last of them has ended."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        os.stat(self.path)  # whoever took it for an orphan before that has removed it

    def _use_lock(self, action: Callable[[], None]) -> bool:
        """Do it while nobody else can claim this cgroup; ``False``: somebody has it, or it is gone."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            action()
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True

    def of_the_same_run(self) -> List[str]:
        """The paths of this run's cgroups on this kernel, as far as they can be seen from here."""
        if not self._run:
            return [self.path]
        top = os.path.dirname(self.path)
        try:
            names = os.listdir(top)
        except OSError:
            return [self.path]
        return [os.path.join(top, name) for name in names if name.startswith(self._run)]

    def below(self, name: str) -> "Cgroup":
        return Cgroup(os.path.join(self.path, name))

    def join(self) -> None:
        """Move the calling process into it."""
        with open(os.path.join(self.path, "cgroup.procs"), "w") as file:
            file.write("0")

    def pids(self) -> List[int]:
        """Members, also of those below, as this PID namespace numbers them; others' (0) are not ours to see."""
        found: List[int] = []
        for folder, _, _ in os.walk(self.path):
            try:
                with open(os.path.join(folder, "cgroup.procs")) as file:
                    found += [pid for pid in map(int, file.read().split()) if pid]
            except OSError:
                continue
        return found

    def cpu_ns(self) -> Optional[int]:
        """CPU time of all its processes so far, also of those that ended; ``None`` where the kernel does not say."""
        match = _USAGE.search(_read(self.path, "cpu.stat"))
        if match:
            return int(match.group(1)) * 1000
        nanoseconds = _read(self.path, "cpuacct.usage").strip()
        return int(nanoseconds) if nanoseconds.isdigit() else None

    def remove(self) -> None:
        """Remove it and those below it; the kernel may need a moment after the last member ended."""
        for _ in range(50):
            try:
                for name in os.listdir(self.path):
                    below = os.path.join(self.path, name)
                    if os.path.isdir(below):
                        os.rmdir(below)
                os.rmdir(self.path)
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.02)
