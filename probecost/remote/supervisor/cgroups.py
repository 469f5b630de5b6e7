"""A cgroup for the run and one below it for the tool: its members are ours, even after a change of parent.

It is of cgroup v2 if that is mounted (alone, or together with v1), else of a v1 hierarchy, preferably the one that
accounts CPU time. No controller is enabled: only membership and CPU time are used. A lock on its folder, held by
watchdog and supervisor, shows that it has an owner: the kernel frees it when both are gone.
"""

import fcntl
import os
import re
import time
from typing import Callable, List, Optional

#: Prefix of their names.
PREFIX = "probecost-"
_OURS = re.compile(re.escape(PREFIX) + r".+-[0-9a-f]{8,}")  # never a slice or a service of that name
_PLACES = tuple("/sys/fs/cgroup" + below for below in ("", "/unified", "/cpuacct", "/pids", "/freezer"))
_USAGE = re.compile(r"^usage_usec (\d+)$", re.MULTILINE)
_USER = re.compile(r"^user_usec (\d+)$", re.MULTILINE)
_USER_TICKS = re.compile(r"^user (\d+)$", re.MULTILINE)


def user_usec_of(path: str) -> Optional[int]:
    """User time of all processes of the cgroup so far, ended ones included; ``None`` if unknown.

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
    """One of a cgroup's files; empty if the file or the cgroup is missing."""
    try:
        with open(os.path.join(path, name)) as file:
            return file.read()
    except OSError:
        return ""


def _is_populated(path: str) -> bool:
    """Whether it has a process, here or below, even one that is invisible in this PID namespace."""
    return any(_read(folder, "cgroup.procs").split() for folder, _, _ in os.walk(path))


class Cgroup:
    """A cgroup. ``run`` is the prefix of the names of all cgroups of this run; empty if this is the only one."""

    def __init__(self, path: str, run: str = "", *, is_there: bool = False) -> None:
        self.path = path
        self._run = run
        if not is_there:
            os.mkdir(path)

    @classmethod
    def create(cls, name: str, run: str = "") -> "Optional[Cgroup]":
        """A new cgroup at the top of the first possible hierarchy; ``None`` if there is none."""
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
        """Mark of the session that made it."""
        return os.path.basename(self.path)[len(PREFIX) :]

    @classmethod
    def orphans(cls) -> "List[Cgroup]":
        """Cgroups of dead sessions."""
        return [group for group in cls.all() if group.is_orphan()]

    @classmethod
    def all(cls) -> "List[Cgroup]":
        """Cgroups of all sessions on this kernel."""
        places = [place for place in _PLACES if os.path.exists(os.path.join(place, "cgroup.procs"))]
        paths = [os.path.join(place, name) for place in places for name in sorted(os.listdir(place))]
        return [cls(path, is_there=True) for path in paths if _OURS.fullmatch(os.path.basename(path))]

    def is_orphan(self) -> bool:
        """Whether its session is dead. A cgroup with processes of another PID namespace only is no orphan."""
        return self._use_lock(lambda: None) and (bool(self.pids()) or not _is_populated(self.path))

    def remove_orphan(self) -> bool:
        """Remove it unless it has an owner; return whether it is gone."""
        self._use_lock(self.remove)
        return not os.path.exists(self.path)

    def _claim(self) -> None:
        """Own it for this process and its forks, until the last of them has ended."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        os.stat(self.path)  # raises if it was taken for an orphan and removed just before

    def _use_lock(self, action: Callable[[], None]) -> bool:
        """Run ``action`` while no other process can claim this cgroup; ``False``: it has an owner, or is gone."""
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
        """The paths of this run's visible cgroups on this kernel."""
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
        """PIDs of members, here and below; members that are invisible in this PID namespace (0) are left out."""
        found: List[int] = []
        for folder, _, _ in os.walk(self.path):
            try:
                with open(os.path.join(folder, "cgroup.procs")) as file:
                    found += [pid for pid in map(int, file.read().split()) if pid]
            except OSError:
                continue
        return found

    def cpu_ns(self) -> Optional[int]:
        """CPU time of all its processes so far, ended ones included; ``None`` if unknown."""
        match = _USAGE.search(_read(self.path, "cpu.stat"))
        if match:
            return int(match.group(1)) * 1000
        nanoseconds = _read(self.path, "cpuacct.usage").strip()
        return int(nanoseconds) if nanoseconds.isdigit() else None

    def remove(self) -> None:
        """Remove it and the cgroups below it; the kernel may need a moment after the last member ended."""
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
