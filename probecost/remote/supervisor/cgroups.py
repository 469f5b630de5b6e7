"""A cgroup for the run and one below it for the tool: who is in it belongs to us, whatever its parent is by now.

cgroup v2 where it is mounted (alone, or beside v1), else a v1 hierarchy, best the one that accounts CPU time. No
controller is enabled: membership and CPU time are all that is used.
"""

import os
import re
import time
from typing import List, Optional

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


def _read(path: str, name: str) -> str:
    """One of a cgroup's files; empty where there is none, or the cgroup is gone."""
    try:
        with open(os.path.join(path, name)) as file:
            return file.read()
    except OSError:
        return ""


class Cgroup:
    """``run`` is how the names of all cgroups of this run begin, beside this one; empty where it has only this one."""

    def __init__(self, path: str, run: str = "") -> None:
        self.path = path
        self._run = run
        os.mkdir(path)

    @classmethod
    def create(cls, name: str, run: str = "") -> "Optional[Cgroup]":
        """A new cgroup at the top of the first hierarchy that takes one; ``None`` where none does."""
        for place in _PLACES:
            if os.path.exists(os.path.join(place, "cgroup.procs")):
                try:
                    return cls(os.path.join(place, name), run)
                except OSError:
                    continue
        return None

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
