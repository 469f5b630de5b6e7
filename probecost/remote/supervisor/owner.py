"""Whose something on a node is: the mark that everything bears which a supervisor starts or places.

It is in the environment of each process that is started (``OWNER``; sudo takes it away, but what sudo starts is below
a process that has it), and in the record of placed files. Whoever reads it later can tell whether its owner lives:
watchdog or supervisor, by the number and the start of the process.
"""

import os
from typing import Dict, NamedTuple, Optional, Tuple

from .processes import OWNER, all_stats, stat_of
from .usage import boot_id

_ENVIRONMENT_LIMIT = 1 << 20

Holder = Tuple[int, int]
_Fields = NamedTuple("_Fields", [("mark", str), ("boot", str), ("namespace", str), ("holders", Tuple[Holder, ...])])


class Owner(_Fields):
    """One session: its mark, the boot and PID namespace it lives in, and (pid, start ticks) of its processes."""

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
        """Whether one of its processes lives; also where that cannot be seen from this PID namespace."""
        if self.boot != (boot_id() or "-"):
            return False
        return self.namespace != namespace_of("self") or any(map(_lives, self.holders))


def _lives(holder: Holder) -> bool:
    stat = stat_of(holder[0])
    return stat is not None and stat.start == holder[1] and stat.state not in "ZX"


def namespace_of(pid: object) -> Optional[str]:
    """The PID namespace of a process, as the kernel names it; ``None`` for a process that has gone."""
    try:
        return os.readlink("/proc/%s/ns/pid" % pid)
    except OSError:
        return None


def owner_of(pid: int) -> Optional[Owner]:
    """Who started the process, by the mark in its environment; ``None`` for everybody else's."""
    try:
        with open("/proc/%d/environ" % pid, "rb") as file:
            words = file.read(_ENVIRONMENT_LIMIT).split(b"\0")
    except OSError:
        return None
    start = OWNER.encode() + b"="
    found = [word[len(start) :].decode("utf-8", "replace") for word in words if word.startswith(start)]
    return Owner.parse(found[0]) if found else None


def orphans() -> Dict[int, Owner]:
    """Processes of this PID namespace that bear the mark of a session which is dead."""
    here = namespace_of("self")
    marked = {stat.pid: owner_of(stat.pid) for stat in all_stats() if stat.pid != os.getpid()}
    return {pid: owner for pid, owner in marked.items() if owner and not owner.alive and namespace_of(pid) == here}
