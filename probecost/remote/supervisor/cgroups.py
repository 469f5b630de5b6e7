"""A cgroup for the run and one below it for the tool: who is in it belongs to us, whatever its parent is by now.

cgroup v2 where it is mounted (alone, or beside v1), else a v1 hierarchy that only groups. No controller is enabled:
membership and CPU time are all that is used.
"""

import os
import re
import time
from typing import List, Optional

_PLACES = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/freezer")
_USAGE = re.compile(r"^usage_usec (\d+)$", re.MULTILINE)


class Cgroup:
    def __init__(self, path: str) -> None:
        self.path = path
        os.mkdir(path)

    @classmethod
    def create(cls, name: str) -> "Optional[Cgroup]":
        """A new cgroup at the top of the first hierarchy that takes one; ``None`` where none does."""
        for place in _PLACES:
            if os.path.exists(os.path.join(place, "cgroup.procs")):
                try:
                    return cls(os.path.join(place, name))
                except OSError:
                    continue
        return None

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
        try:
            with open(os.path.join(self.path, "cpu.stat")) as file:
                match = _USAGE.search(file.read())
        except OSError:
            return None
        return int(match.group(1)) * 1000 if match else None

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
