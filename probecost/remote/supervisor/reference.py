"""The reference state of a node: its state at the start of a run, which every visit must find again."""

from typing import Any, Dict, List, Optional

from . import removal
from .attachments import CGROUP, FILTER, MAP, PIN, PROBE_EVENT, TCX, XDP, Entry, Inventories, Inventory, words
from .footprint import Footprint, describe
from .usage import boot_id

_FOUND = (FILTER, XDP, TCX, CGROUP, PIN, PROBE_EVENT)
_OF_SERVICES = "(cgroup_device,"


class Reference:
    """The state ``before``; a controller keeps it as ``sent`` and may give it to a later session."""

    def __init__(self, inventories: Inventories, before: Inventory) -> None:
        self._footprint = Footprint(inventories, before)
        self._before = before

    @classmethod
    def of(cls, inventories: Inventories, earlier: Optional[Dict[str, Any]]) -> "Reference":
        """The ``earlier`` state if it is of this boot, else the current state of the node."""
        if not earlier or earlier["boot_id"] != boot_id():
            return cls(inventories, inventories.take())
        entries = {(kind, place): Entry(kind, place, what, (), None) for kind, place, what in earlier["entries"]}
        return cls(inventories, Inventory(entries, set(earlier["interfaces"]), {}))

    @property
    def sent(self) -> Dict[str, Any]:
        entries = [entry for entry in self._before.entries.values() if entry.kind != MAP]
        return {
            "boot_id": boot_id(),
            "entries": [[entry.kind, entry.place, entry.what] for entry in entries],
            "interfaces": sorted(self._before.interfaces),
            "found": sorted(words(entry) for entry in entries if _is_of_note(entry)),
        }

    def changes(self) -> List[str]:
        """A line per lasting difference."""
        changes = removal.without_repeats(removal.when_settled(self._footprint, removal.SETTLE_S))
        return [describe(change, self._before) for change in changes]


def _is_of_note(entry: Entry) -> bool:
    """Whether a user should see it; every service of systemd has a program for devices, which does not count."""
    return entry.kind in _FOUND and _OF_SERVICES not in entry.what
