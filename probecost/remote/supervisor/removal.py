"""Removes a tool's leftovers from a node, and restores settings."""

import os
import time
from typing import Callable, Dict, List, NamedTuple, Tuple

from . import bpf, rtnetlink
from .attachments import CGROUP, FILTER, LINK, PIN, PROBE_EVENT, PROGRAM, QDISC, SYSCTL, TCX, XDP, Entry, Inventory
from .footprint import Change, Footprint, describe

_ORDER = (PIN, XDP, TCX, CGROUP, FILTER, QDISC, PROBE_EVENT, SYSCTL)
#: The kernel frees programs a moment after their last user has gone.
SETTLE_S, GONE_S, _POLL_S = 0.5, 2.0, 0.02

#: A leftover ``what``; ``removed``: it is gone now.
Left = NamedTuple("Left", [("what", str), ("removed", bool)])


def clean(footprint: Footprint, is_removable: Callable[[Change], bool] = lambda change: change.is_ours) -> List[Left]:
    """Wait until the node is as before; then remove the removable differences. Return all that were found."""
    left = when_settled(footprint, SETTLE_S)
    if not left:
        return []
    for change in sorted(filter(is_removable, left), key=_rank):
        try:
            _REMOVERS[change.entry.kind](change.entry, footprint.before)
        except (OSError, KeyError):
            continue  # it went with another one, or stays: the next look shows it
    still = {_key(change) for change in when_settled(footprint, GONE_S)}
    return [Left(describe(change, footprint.before), _key(change) not in still) for change in without_repeats(left)]


def without_repeats(changes: List[Change]) -> List[Change]:
    """The changes without programs and links that another change shows with their hook."""
    shown = {number for one in changes if one.entry.kind not in (PROGRAM, LINK) for number in one.entry.programs}
    return [one for one in changes if one.entry.kind not in (PROGRAM, LINK) or not shown.issuperset(one.entry.programs)]


def when_settled(footprint: Footprint, seconds: float) -> List[Change]:
    """The differences from before: none as soon as there are none, else those left after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        changes = footprint.changes()
        if not changes or time.monotonic() >= deadline:
            return changes
        time.sleep(_POLL_S)


def _key(change: Change) -> Tuple[str, str, bool]:
    return change.entry.kind, change.entry.place, change.is_gone


def _rank(change: Change) -> int:
    return _ORDER.index(change.entry.kind) if change.entry.kind in _ORDER else len(_ORDER)


def _remove_pin(entry: Entry, before: Inventory) -> None:
    os.unlink(entry.data)


def _remove_xdp(entry: Entry, before: Inventory) -> None:
    if not _detach_links(entry):
        rtnetlink.clear_xdp(*entry.data)


def _remove_tcx(entry: Entry, before: Inventory) -> None:
    if not _detach_links(entry):
        index, hook = entry.data
        bpf.detach(index, hook, entry.programs[0])


def _remove_cgroup(entry: Entry, before: Inventory) -> None:
    if not _detach_links(entry):
        folder, hook = entry.data
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            bpf.detach(descriptor, hook, entry.programs[0])
        finally:
            os.close(descriptor)


def _detach_links(entry: Entry) -> bool:
    """Detach the links of its program; return whether there was one."""
    links = [bpf.link(number) for number in bpf.all_links() or ()]
    own = [link for link in links if link is not None and link.program in entry.programs]
    for link in own:
        bpf.detach_link(link.id)
    return bool(own)


def _remove_filter(entry: Entry, before: Inventory) -> None:
    rtnetlink.delete_filter(entry.data)


def _remove_qdisc(entry: Entry, before: Inventory) -> None:
    rtnetlink.delete_qdisc(entry.data)


def _remove_probe_event(entry: Entry, before: Inventory) -> None:
    descriptor = os.open(entry.data, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)  # to truncate it would remove all events
    try:
        os.write(descriptor, ("-:%s\n" % entry.place).encode("utf-8"))
    finally:
        os.close(descriptor)


def _restore_sysctl(entry: Entry, before: Inventory) -> None:
    with open("/proc/sys/" + entry.data, "w") as file:
        file.write(before.entries[entry.kind, entry.place].what)


_REMOVERS: Dict[str, Callable[[Entry, Inventory], None]] = {
    PIN: _remove_pin,
    XDP: _remove_xdp,
    TCX: _remove_tcx,
    CGROUP: _remove_cgroup,
    FILTER: _remove_filter,
    QDISC: _remove_qdisc,
    PROBE_EVENT: _remove_probe_event,
    SYSCTL: _restore_sysctl,
}
