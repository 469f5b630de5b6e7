"""The owner of processes and files on a node: a mark on everything that a supervisor starts or places.

The mark is in the environment of each started process (``OWNER``; sudo removes it, but its children are below a marked
process), and in the record of placed files. It shows whether its owner, watchdog or supervisor, still lives: by PID and
start time.
"""

import os
from typing import Dict, NamedTuple, Optional, Tuple

from .processes import OWNER, all_stats, stat_of
from .usage import boot_id

_ENVIRONMENT_LIMIT = 1 << 20

Holder = Tuple[int, int]
_Fields = NamedTuple("_Fields", [("mark", str), ("boot", str), ("namespace", str), ("holders", Tuple[Holder, ...])])


class Owner(_Fields):
    """One session: its mark, its boot and PID namespace, and (pid, start ticks) of its processes."""

    @classmethod
    def of(cls, mark: str, *pids: int) -> "Owner":
        stats = [stat_of(pid) for pid in pids]
        holders = tuple((stat.pid, stat.start) for stat in stats if stat is not None)
        return cls(mark, boot_id() or "-", namespace_of("self") or "-", holders)

    @classmethod
    def parse(cls, text: str) -> "Optional[Owner]":
        """The opposite of ``text``; ``None`` for anything else."""
        mark, _, rest = text.partition(" ")
        words = rest.split(" ")
        try:
            holders = tuple((int(pid), int(start)) for pid, _, start in (word.partition(".") for word in words[2:]))
        except ValueError:
            return None
        return cls(mark, words[0], words[1], holders) if mark and len(words) > 2 else None

    @property
    def text(self) -> str:
        return " ".join([self.mark, self.boot, self.namespace] + ["%d.%d" % holder for holder in self.holders])

    @property
    def alive(self) -> bool:
        """Whether one of its processes lives; true if that is not visible from this PID namespace."""
        if self.boot != (boot_id() or "-"):
            return False
        return self.namespace != namespace_of("self") or any(map(_lives, self.holders))


def _lives(holder: Holder) -> bool:
    stat = stat_of(holder[0])
    return stat is not None and stat.start == holder[1] and stat.state not in "ZX"


def namespace_of(pid: object) -> Optional[str]:
    """The kernel's name of a process's PID namespace; ``None`` if the process has gone."""
    try:
        return os.readlink("/proc/%s/ns/pid" % pid)
    except OSError:
        return None


def owner_of(pid: int) -> Optional[Owner]:
    """The owner of a process by the mark in its environment; ``None`` for an unmarked one."""
    try:
        with open("/proc/%d/environ" % pid, "rb") as file:
            words = file.read(_ENVIRONMENT_LIMIT).split(b"\0")
    except OSError:
        return None
    start = OWNER.encode() + b"="
    found = [word[len(start) :].decode("utf-8", "replace") for word in words if word.startswith(start)]
    return Owner.parse(found[0]) if found else None


def orphans() -> Dict[int, Owner]:
    """Processes of this PID namespace with the mark of a dead session."""
    here = namespace_of("self")
    marked = {stat.pid: owner_of(stat.pid) for stat in all_stats() if stat.pid != os.getpid()}
    return {pid: owner for pid, owner in marked.items() if owner and not owner.alive and namespace_of(pid) == here}
