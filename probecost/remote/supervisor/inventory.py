"""The state of this node as lines of text by kind: two inventories of a node differ in its changes.

``processes`` with a command line, except this one and its ancestors; ``programs``, ``maps``, ``links``: BPF objects of
the kernel; ``hooks`` that run programs here, pins and legacy probe events; ``interfaces``: their set-up; ``sysctls``
that can be set; ``files`` below the workdir, without the results; ``leases`` and ``cgroups`` of runs.
"""

import os
from typing import Dict, Iterator, List

from . import lease
from .attachments import LINK, MAP, OF_NODE, PROGRAM, SYSCTL, Inventories, sysctls, words
from .cgroups import Cgroup
from .processes import all_stats, ancestors, command_of
from .setup import fingerprint

#: Sysctls that the kernel itself changes, or that differ at each reading.
_VOLATILE = ("kernel/ns_last_pid", "kernel/random/", "kernel/pty/nr")

Inventory = Dict[str, List[str]]


def take(workdir: str, results: str) -> Inventory:
    """Take the inventory; ``results`` is the folder in the workdir that is left out."""
    attached = Inventories().take().entries.values()
    of_kind = {
        kind: ["%s: %s" % (one.place, one.what) for one in attached if one.kind == kind]
        for kind in (PROGRAM, MAP, LINK)
    }
    return {
        "processes": sorted(_processes()),
        "programs": of_kind[PROGRAM],
        "maps": of_kind[MAP],
        "links": of_kind[LINK],
        "hooks": sorted(words(one) for one in attached if one.kind in OF_NODE and one.kind != SYSCTL),
        "interfaces": sorted(_interfaces()),
        "sysctls": sorted(_sysctls()),
        "files": sorted(_files(workdir, results)),
        "leases": [one.path for one in lease.look(lease.places())],
        "cgroups": [group.path for group in Cgroup.all() if group.pids() or group.is_orphan()],
    }


def _processes() -> Iterator[str]:
    own = {stat.pid for stat in ancestors(os.getpid())}
    for stat in all_stats():
        command = command_of(stat.pid)
        if command and stat.pid not in own:
            yield "%d %d %s" % (stat.pid, stat.start, command)


def _interfaces() -> Iterator[str]:
    for name in os.listdir("/sys/class/net"):
        for key, value in fingerprint(name).items():
            if not key.startswith("sysctl "):
                yield "%s: %s: %s" % (name, key, value)


def _sysctls() -> Iterator[str]:
    for name, value in sysctls(lambda path: not path.startswith(_VOLATILE)):
        yield "%s = %s" % (name.replace("/", "."), value)


def _files(workdir: str, results: str) -> Iterator[str]:
    for folder, subfolders, names in os.walk(workdir):
        subfolders[:] = [name for name in subfolders if os.path.join(folder, name) != results]
        for name in names + subfolders:
            yield os.path.relpath(os.path.join(folder, name), workdir)
