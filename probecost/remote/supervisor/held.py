"""BPF objects that processes hold: programs, attached programs, and hooks without a BPF program.

The sources are fdinfo of ``bpf-prog`` and ``bpf_link`` descriptors, and BPF_TASK_FD_QUERY for perf_event and
raw_tracepoint descriptors, because BCC and older bpftrace attach by ioctl and leave no link to list. Kernels without
that query (before 4.18) only show loaded programs.
"""

import errno
import os
import re
from typing import FrozenSet, Iterable, NamedTuple, Set

from . import bpf

_TRACING_TYPES = {2, 5, 17, 24, 26}  # kprobe, tracepoint, raw_tracepoint, raw_tracepoint_writable, tracing
_SOCKET = re.compile(r"socket:\[(\d+)\]")

#: ``events``: perf events that run no BPF program. ``sockets``: packet sockets, which may carry a classic filter.
Programs = NamedTuple(
    "Programs",
    [
        ("loaded", FrozenSet[int]),
        ("tracing", FrozenSet[int]),
        ("attached", FrozenSet[int]),
        ("observable", bool),
        ("events", int),
        ("sockets", int),
    ],
)


class _Holdings:
    def __init__(self, packet_sockets: Set[str]) -> None:
        self.loaded: Set[int] = set()
        self.tracing: Set[int] = set()
        self.attached: Set[int] = set()
        self.observable = True
        self.events = 0
        self.sockets = 0
        self._packet_sockets = packet_sockets

    def look(self, pid: int, name: str) -> None:
        """Record one descriptor. ``OSError``: it has gone meanwhile."""
        target = os.readlink("/proc/%d/fd/%s" % (pid, name))
        socket = _SOCKET.fullmatch(target)
        if socket:
            self.sockets += socket.group(1) in self._packet_sockets
        if not target.startswith("anon_inode:"):
            return
        kind = target.split(":", 1)[1].strip("[]")
        if kind in ("bpf-prog", "bpf-link", "bpf_link"):
            with open("/proc/%d/fdinfo/%s" % (pid, name)) as file:
                info = bpf.parse_fdinfo(file.read())
            if "prog_id" not in info:
                return
            self.loaded.add(info["prog_id"])
            if kind != "bpf-prog":
                self.attached.add(info["prog_id"])
            elif info.get("prog_type") in _TRACING_TYPES:
                self.tracing.add(info["prog_id"])
        elif kind in ("perf_event", "bpf-raw-tracepoint", "bpf-raw_tracepoint"):
            result = bpf.attached_program(pid, int(name))
            if result > 0:
                self.loaded.add(result)
                self.attached.add(result)
            elif result in (-errno.EINVAL, -errno.ENOSYS, -errno.EPERM):
                self.observable = False
            self.events += kind == "perf_event" and result <= 0


def programs_of(pids: Iterable[int]) -> Programs:
    """BPF objects that the processes hold now; a process or descriptor that vanishes meanwhile is skipped."""
    found = _Holdings(_packet_sockets())
    for pid in pids:
        try:
            names = os.listdir("/proc/%d/fd" % pid)
        except OSError:
            continue
        for name in names:
            try:
                found.look(pid, name)
            except OSError:
                continue
    loaded, tracing, attached = (frozenset(ids) for ids in (found.loaded, found.tracing, found.attached))
    return Programs(loaded, tracing, attached, found.observable, found.events, found.sockets)


def _packet_sockets() -> Set[str]:
    """Inodes of the packet sockets of this network namespace."""
    try:
        with open("/proc/net/packet") as file:
            return {line.split()[-1] for line in file.read().splitlines()[1:]}
    except (OSError, IndexError):
        return set()


def of_strangers(own: Iterable[int]) -> FrozenSet[int]:
    """Ids of the programs that visible processes outside ``own`` hold."""
    mine = set(own)
    return programs_of(int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in mine).loaded
