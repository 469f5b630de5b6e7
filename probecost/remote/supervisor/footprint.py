"""Changes of a node since an inventory: the tool's attachments while it runs, and its leftovers after its end.

Any attachment in the node's own namespaces counts. A program or link is the tool's if a process of the tool holds it,
or an attachment in these namespaces runs or pins it. A program without a holder is the tool's only if every process of
the kernel is visible: in a PID namespace its holder may be a stranger outside.
"""

import os
from typing import Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Set, Tuple

from . import held
from .attachments import (
    CGROUP,
    FILTER,
    HOOKS,
    LINK,
    OF_NODE,
    PIN,
    PROGRAM,
    QDISC,
    SYSCTL,
    TCX,
    XDP,
    Entry,
    Inventories,
    Inventory,
    Key,
    words,
)

_FIRST_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO of the kernel
_OF_INTERFACE = (FILTER, QDISC, XDP, TCX)
_TRACING = ("kprobe", "tracepoint", "raw_tracepoint", "raw_tracepoint_writable", "tracing")

#: The tool at one moment. ``names`` of its programs identify them over starts: name, type, and hooks. Their tag does
#: not: tools compile their PID and the time into them. ``others``: its hooks that run no BPF program.
Seen = NamedTuple(
    "Seen",
    [
        ("loaded", FrozenSet[int]),
        ("attached", FrozenSet[int]),
        ("idle", FrozenSet[int]),
        ("observable", bool),
        ("entries", FrozenSet[Key]),
        ("names", Tuple[str, ...]),
        ("idle_names", Tuple[str, ...]),
        ("others", int),
    ],
)
#: One difference: ``is_ours`` if it may be removed, ``is_gone`` if something is missing.
Change = NamedTuple("Change", [("entry", Entry), ("is_ours", bool), ("is_gone", bool)])


def describe(change: Change, before: Inventory) -> str:
    """A line for messages."""
    if change.is_gone:
        return "%s is gone" % words(change.entry)
    old = before.entries.get((change.entry.kind, change.entry.place))
    return words(change.entry) if old is None else "%s (was: %s)" % (words(change.entry), old.what)


class Footprint:
    """Compares the node with ``before``."""

    def __init__(self, inventories: Inventories, before: Inventory) -> None:
        self.before = before
        self._inventories = inventories
        self._held: FrozenSet[int] = frozenset()  # by processes of the tool, at any time

    @classmethod
    def now(cls, inventories: Inventories) -> "Footprint":
        """Compares with the node as it is now."""
        return cls(inventories, inventories.take())

    def seen(self, pids: Iterable[int]) -> Seen:
        """The current state of the tool with these processes."""
        pids = list(pids)
        programs = held.programs_of(pids)
        self._held |= programs.loaded
        now = self._inventories.take(with_settings=False)
        own = [change.entry for change in self._came(now, pids) if change.is_ours]
        hooked: Dict[int, Set[str]] = {}
        for entry in own:
            for number in entry.programs:
                hooked.setdefault(number, set()).update([entry.kind] if entry.kind in HOOKS else ())
        loaded = programs.loaded | set(hooked)
        attached = programs.attached | {number for number, kinds in hooked.items() if kinds}
        tracing = {number for number in hooked if number in now.programs and now.programs[number].type in _TRACING}
        idle = (programs.tracing | tracing) - attached
        return Seen(
            loaded=loaded,
            attached=attached,
            idle=idle,
            observable=programs.observable,
            entries=frozenset((entry.kind, entry.place) for entry in own),
            names=_names(now, loaded, hooked),
            idle_names=_names(now, idle, hooked),
            others=programs.events + programs.sockets,
        )

    def changes(self) -> List[Change]:
        """Differences of the node from ``before``, while no tool of ours runs."""
        return self.differences(self._inventories.take())

    def differences(self, now: Inventory) -> List[Change]:
        """How ``now`` differs from ``before``."""
        return self._came(now, []) + _gone(self.before, now)

    def _came(self, now: Inventory, pids: List[int]) -> List[Change]:
        strangers = _Strangers(self._held, pids)
        came = now.came(self.before)
        found = []
        for entry in came:
            if entry.kind in OF_NODE and self._counts(entry):
                is_strange = strangers.hold(entry.programs)
                if not (is_strange and entry.kind in (CGROUP, PIN)):
                    found.append(Change(entry, not is_strange and self._is_certain(entry), False))
        here = {number for change in found if change.is_ours for number in change.entry.programs} | self._held
        for entry in came:
            if entry.kind in (PROGRAM, LINK):
                is_own = bool(here.intersection(entry.programs))
                if is_own or (sees_all() and not strangers.hold(entry.programs)):
                    found.append(Change(entry, True, False))
        return found

    def _counts(self, entry: Entry) -> bool:
        """Whether it counts: a new interface, with its attachments and sysctls, changes nothing that was there."""
        if entry.kind in _OF_INTERFACE:
            return entry.place.split(" ", 1)[0] in self.before.interfaces
        if entry.kind == CGROUP:
            return sees_all() or self._is_certain(entry) or self._inventories.is_above_us(entry.data[0])
        return entry.kind != SYSCTL or (entry.kind, entry.place) in self.before.entries

    def _is_certain(self, entry: Entry) -> bool:
        """Whether it is the tool's; cgroups are visible from other PID namespaces, so the tool must have held it."""
        return entry.kind != CGROUP or sees_all() or bool(self._held.intersection(entry.programs))


def _names(now: Inventory, numbers: Iterable[int], hooked: Dict[int, Set[str]]) -> Tuple[str, ...]:
    found = []
    for number in numbers:
        one = now.programs.get(number)
        if one is not None:
            hooks = "".join(" at " + kind for kind in sorted(hooked.get(number, ())) if kind != LINK)
            found.append("%s (%s)%s" % (one.name or "unnamed", one.type, hooks))
    return tuple(sorted(found))


class _Strangers:
    """Programs held by processes outside the tool; searched only on demand."""

    def __init__(self, known: FrozenSet[int], pids: Iterable[int]) -> None:
        self._known = known
        self._pids = pids
        self._found: Optional[FrozenSet[int]] = None

    def hold(self, programs: Iterable[int]) -> bool:
        wanted = set(programs) - self._known
        if not wanted:
            return False
        if self._found is None:
            self._found = held.of_strangers([os.getpid()] + list(self._pids))
        return bool(wanted & self._found)


def _gone(before: Inventory, now: Inventory) -> List[Change]:
    """Missing entries, except sysctls and cgroup attachments, which go with their interface or cgroup."""
    return [
        Change(entry, False, True)
        for key, entry in before.entries.items()
        if key not in now.entries
        and entry.kind in OF_NODE
        and entry.kind not in (SYSCTL, CGROUP)
        and not (entry.kind in _OF_INTERFACE and entry.place.split(" ", 1)[0] not in now.interfaces)
    ]


def sees_all() -> bool:
    try:
        return os.readlink("/proc/self/ns/pid") == _FIRST_PID_NAMESPACE
    except OSError:
        return False


def missing(expected: Iterable[str], names: Iterable[str]) -> List[str]:
    """The expected names that are missing, each as often as it is missing."""
    left = list(names)
    found = []
    for name in expected:
        if name in left:
            left.remove(name)
        else:
            found.append(name)
    return found
