"""The inventory of a node: all that is attached in its kernel and network namespace, and settings that tools change.

Programs, links and maps are the kernel's, whoever loaded them. Traffic control, XDP, tcx and sysctls are those of this
network namespace, pins those of the BPF file systems that are mounted here, cgroup attachments those of every cgroup
that can be seen, except the cgroups of other sessions. It takes milliseconds and starts no process.
"""

import os
import re
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from . import bpf, rtnetlink, traffic
from .cgroups import is_of_session

PROGRAM, LINK, MAP = "program", "link", "map"
FILTER, QDISC, XDP, TCX, CGROUP = "tc filter", "qdisc", "XDP", "tcx", "cgroup"
PIN, PROBE_EVENT, SYSCTL = "pin", "probe event", "sysctl"
#: Kinds that hang in this node's own namespaces: whatever comes or goes among them changes what is measured here.
OF_NODE = (FILTER, QDISC, XDP, TCX, CGROUP, PIN, PROBE_EVENT, SYSCTL)
#: Kinds by which a program runs.
HOOKS = (LINK, FILTER, XDP, TCX, CGROUP)

_TCX = ((46, "ingress"), (47, "egress"))
_CGROUP_HOOKS = {
    "cgroup_skb": (0, 1),
    "cgroup_sock": (2, 8, 9, 34),
    "sock_ops": (3,),
    "cgroup_device": (6,),
    "cgroup_sock_addr": (10, 11, 12, 13, 14, 15, 19, 20, 29, 30, 31, 32, 49, 50, 51, 52, 53),
    "cgroup_sysctl": (18,),
    "cgroup_sockopt": (21, 22),
    "lsm": (43,),
}
_PROBE_FILES = ("kprobe_events", "uprobe_events")
_TRACEFS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
_SYSCTLS = "/proc/sys"
_CHANGED_BY_TOOLS = re.compile(
    r"net/.*|kernel/(bpf_|perf_|unprivileged_bpf|kptr_|ftrace_|sched_|tracepoint_|stack_tracer|timer_migration|yama/).*"
)
_OF_INTERFACE = re.compile(r"net/ipv[46]/(?:conf|neigh)/([^/]+)/")
_MOST_PINS, _MOST_CGROUPS = 5000, 5000

#: One thing: ``kind`` and ``place`` identify it, ``what`` describes it and changes when it does. ``programs``: ids of
#: those that it holds or runs. ``data``: what is needed to remove it.
Entry = NamedTuple(
    "Entry", [("kind", str), ("place", str), ("what", str), ("programs", Tuple[int, ...]), ("data", Any)]
)
Key = Tuple[str, str]


def words(entry: Entry) -> str:
    """``tc filter eth1 ingress 49152: slow (sched_cls, id 51)``."""
    return "%s %s%s" % (entry.kind, entry.place, ": " + entry.what if entry.what else "")


class Inventory:
    """The entries by kind and place; ``interfaces`` are the names of those that were there."""

    def __init__(self, entries: Dict[Key, Entry], interfaces: Set[str], programs: Dict[int, bpf.Program]) -> None:
        self.entries = entries
        self.interfaces = interfaces
        self.programs = programs

    def came(self, before: "Inventory") -> List[Entry]:
        """What is here and was not there, or is another now."""
        return [entry for key, entry in self.entries.items() if _differs(before.entries.get(key), entry)]


def _differs(before: Optional[Entry], now: Entry) -> bool:
    return before is None or before.what != now.what


class Inventories:
    """Takes inventories of this node; programs that are known are not asked for again."""

    def __init__(self, own_group: str = "") -> None:
        self._own_group = own_group
        self._known = bpf.Known()

    def take(self, with_settings: bool = True) -> Inventory:
        """All that is there now; without maps and sysctls, which take longest, if settings are not wanted."""
        programs = dict(self._known.all())
        interfaces: Dict[int, Tuple[str, rtnetlink.Attributes]] = {}
        try:
            interfaces = {index: (traffic.name_of(own), own) for index, own in rtnetlink.links().items()}
        except OSError:
            pass
        describe = _Describer(programs)
        found = [Entry(PROGRAM, str(one.id), describe.program(one.id), (one.id,), None) for one in programs.values()]
        found += _links(describe)
        found += _network(interfaces, describe)
        found += self._cgroups(describe)
        found += _pins(describe)
        found += _probe_events()
        if with_settings:
            found += [Entry(MAP, str(number), bpf.map_words(number), (), None) for number in bpf.all_maps() or ()]
            found += [Entry(SYSCTL, _dotted(name), value, (), name) for name, value in sysctls(_changed_by_tools())]
        names = {name for name, _ in interfaces.values()}
        return Inventory({(entry.kind, entry.place): entry for entry in found}, names, programs)

    def _cgroups(self, describe: "_Describer") -> Iterator[Entry]:
        """Only hooks of the types that are loaded are asked for: a node has hundreds of cgroups."""
        types = {one.type for one in describe.programs.values()}
        hooks = [hook for kind, some in _CGROUP_HOOKS.items() if kind in types for hook in some]
        if not hooks:
            return
        left = _MOST_CGROUPS
        for top in _mounts("cgroup2"):
            for folder, below, _ in os.walk(top):
                below[:] = [name for name in below if not self._is_strange(os.path.join(folder, name))]
                left -= 1
                if left < 0:
                    return
                try:
                    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                except OSError:
                    continue
                try:
                    for hook in hooks:
                        for number in bpf.attached_to(descriptor, hook):
                            place = "%s hook %d program %d" % (folder, hook, number)
                            yield Entry(CGROUP, place, describe.program(number), (number,), (folder, hook))
                finally:
                    os.close(descriptor)

    def is_above_us(self, folder: str) -> bool:
        """Whether this cgroup holds our own: what hangs in it sees our traffic."""
        return (self._own_group or folder).startswith(folder)

    def _is_strange(self, folder: str) -> bool:
        """Whether it is the cgroup of another session."""
        return is_of_session(folder) and folder != self._own_group


class _Describer:
    def __init__(self, programs: Dict[int, bpf.Program]) -> None:
        self.programs = programs

    def program(self, number: int) -> str:
        """``slow (sched_cls, id 51)``."""
        one = self.programs.get(number)
        return (
            "program %d" % number if one is None else "%s (%s, program %d)" % (one.name or "unnamed", one.type, one.id)
        )


def _links(describe: _Describer) -> Iterator[Entry]:
    for number in bpf.all_links() or ():
        one = bpf.link(number)
        if one is not None:
            what = "%s of %s" % (one.type, describe.program(one.program))
            yield Entry(LINK, str(number), what, (one.program,), number)


def _network(interfaces: Dict[int, Tuple[str, rtnetlink.Attributes]], describe: _Describer) -> Iterator[Entry]:
    parents: Dict[int, List[int]] = {}
    try:
        qdiscs = rtnetlink.qdiscs()
    except OSError:
        qdiscs = []
    for one in qdiscs:
        if one.index not in interfaces:
            continue
        is_clsact = traffic.kind(one) in ("clsact", "ingress")
        own = [traffic.INGRESS, traffic.EGRESS] if is_clsact else [one.handle] if one.handle else []
        parents.setdefault(one.index, []).extend(own)
        place = "%s %s" % (interfaces[one.index][0], "clsact" if is_clsact else traffic.place(one))
        what = "%s %x: options %s" % (traffic.kind(one), one.handle >> 16, traffic.options_hash(one))
        yield Entry(QDISC, place, what, (), one)
    for index, (name, attributes) in interfaces.items():
        for number, mode, flag in traffic.xdp_programs(attributes):
            place = "%s %s" % (name, mode or "any mode")
            yield Entry(XDP, place, describe.program(number), (number,), (index, flag))
        for hook, direction in _TCX:
            for number in bpf.attached_to(index, hook):
                place = "%s %s program %d" % (name, direction, number)
                yield Entry(TCX, place, describe.program(number), (number,), (index, hook))
        for one in traffic.filters(index, parents.get(index, [])):
            yield _filter(name, one, describe)


def _filter(interface: str, one: rtnetlink.TrafficControl, describe: _Describer) -> Entry:
    place = "%s %s pref %d handle %x" % (interface, traffic.place(one), one.info >> 16, one.handle)
    program = traffic.program_of(one)
    if program is None:
        return Entry(FILTER, place, traffic.kind(one), (), one)
    label = traffic.label_of(one)
    return Entry(FILTER, place, " ".join([label] * bool(label) + [describe.program(program)]), (program,), one)


def _pins(describe: _Describer) -> Iterator[Entry]:
    left = _MOST_PINS
    for top in _mounts("bpf"):
        for folder, _, names in os.walk(top):  # an empty folder, which tc makes, runs nothing
            for path in (os.path.join(folder, name) for name in names):
                left -= 1
                found = bpf.pinned(path) if left >= 0 else None
                if found is not None:
                    what = found.kind if found.kind != "map" else "map %s" % bpf.map_words(found.id)
                    if found.program:
                        what = "%s of %s" % (what, describe.program(found.program))
                    yield Entry(PIN, path, what, (found.program,) if found.program else (), path)


def _probe_events() -> Iterator[Entry]:
    """Those that were made by name in tracefs, as older tools do; they outlive whoever made them."""
    for folder in _TRACEFS:
        for name in _PROBE_FILES:
            path = os.path.join(folder, name)
            try:
                with open(path, errors="replace") as file:
                    lines = file.read().splitlines()
            except OSError:
                continue
            for line in lines:
                event, _, rest = line.partition(" ")
                group_and_name = event.partition(":")[2] or event
                yield Entry(PROBE_EVENT, group_and_name, ("%s %s" % (event.partition(":")[0], rest)).strip(), (), path)
        if os.path.isdir(os.path.join(folder, "events")):
            return


def sysctls(wanted: Callable[[str], bool]) -> Iterator[Tuple[str, str]]:
    """Path below /proc/sys and value of what can be set below ``net``, ``kernel`` and ``vm``.

    ``wanted`` decides by the path, of folders (which end in a slash) and of files.
    """
    for top in ("kernel", "net", "vm"):
        for folder, below, names in os.walk(os.path.join(_SYSCTLS, top)):
            own = os.path.relpath(folder, _SYSCTLS)
            below[:] = [name for name in below if wanted("%s/%s/" % (own, name))]
            for name in ("%s/%s" % (own, name) for name in names):
                path = os.path.join(_SYSCTLS, name)
                try:
                    if not wanted(name) or not os.stat(path).st_mode & 0o200:
                        continue
                    with open(path, errors="replace") as file:
                        yield name, " ".join(file.read().split())
                except OSError:
                    continue  # one that can only be written, or that went with its interface


def _dotted(path: str) -> str:
    """As sysctl(8) writes it: ``net/ipv4/conf/eth0.5/rp_filter`` becomes ``net.ipv4.conf.eth0/5.rp_filter``."""
    return path.translate({ord("/"): ".", ord("."): "/"})


def _changed_by_tools() -> Callable[[str], bool]:
    """Of interfaces without an address (a host has hundreds, one for each guest), only what holds for all of them."""
    try:
        usual = {"all", "default"} | rtnetlink.with_addresses()
    except OSError:
        usual = {"all", "default"}

    def wanted(name: str) -> bool:
        interface = _OF_INTERFACE.fullmatch(name)
        if interface:
            return interface.group(1) in usual
        return name.endswith("/") or bool(_CHANGED_BY_TOOLS.fullmatch(name))

    return wanted


def _mounts(kind: str) -> List[str]:
    """Where file systems of this type are mounted, each place once."""
    found: List[str] = []
    try:
        with open("/proc/self/mounts", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    for fields in (line.split() for line in lines):
        if len(fields) > 2 and fields[2] == kind and fields[1] not in found:
            found.append(fields[1])
    return found
