"""What is done on a node when a session is over, however it ended: nothing of it stays."""

import json
import os
import signal
from typing import List, Optional, Sequence, Set, Tuple

from . import removal
from .attachments import Inventories, Inventory
from .cgroups import Cgroup
from .ending import end
from .files import remove_placed
from .footprint import Change, Footprint
from .processes import Stat, descendants, stat_of

#: Note that a tool is started, with ``Clearing.not_ours``, or has been stopped, with ``NO_TOOL``; the last one counts.
TOOL = "tool"
NO_TOOL = ""


class Clearing:
    """Made before the session's two processes part: watchdog or supervisor, whoever is left, uses it.

    ``inventories`` are taken by the supervisor too; ``grace_s`` is how long processes may take to end.
    """

    def __init__(self, group: Optional[Cgroup], inventories: Inventories, grace_s: float) -> None:
        self.group = group
        self.inventories = inventories
        self._grace_s = grace_s
        self._began = inventories.take()

    def not_ours(self, before: Inventory) -> str:
        """What became another between the session's begin and ``before``, when no tool ran: it is to stay so."""
        changes = Footprint(self.inventories, self._began).differences(before)
        return json.dumps([[change.entry.kind, change.entry.place] for change in changes])

    def clear(self, notes: Sequence[Sequence[str]]) -> None:
        """End every process of the run below this one or in its cgroup, then remove the run's files."""
        end(self._processes, [(signal.SIGTERM, self._grace_s)])
        tools = [text for kind, text in notes if kind == TOOL]
        if tools and tools[-1] != NO_TOOL:
            stays = {(kind, place) for kind, place in json.loads(tools[-1])}
            footprint = Footprint(self.inventories, self._began)
            removal.clean(footprint, lambda change: _is_removable(change, stays))
        remove_placed([note for note in notes if note[0] != TOOL])
        if self.group is not None:
            self.group.remove()

    def _processes(self) -> List[Stat]:
        stats = {stat.pid: stat for stat in descendants(os.getpid())}
        for pid in self.group.pids() if self.group else []:
            stat = stat_of(pid)
            if stat is not None and pid != os.getpid():
                stats[pid] = stat
        return list(stats.values())


def _is_removable(change: Change, stays: Set[Tuple[str, str]]) -> bool:
    return change.is_ours and (change.entry.kind, change.entry.place) not in stays
