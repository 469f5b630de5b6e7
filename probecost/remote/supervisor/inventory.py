"""What is on this node, as lines of text by kind: two inventories of a node differ in what came and what went.

``processes`` those with a command line, without this one and those it was started by; ``programs``, ``maps``, ``links``
BPF ids of the kernel; ``interfaces`` their set-up, qdiscs and tc filters included; ``sysctls`` all that can be set;
``files`` below the workdir, without the results; ``leases`` and ``cgroups`` of runs.
"""

import os
from typing import Dict, Iterator, List

from . import bpf, lease
from .cgroups import Cgroup
from .processes import all_stats, ancestors, command_of
from .setup import fingerprint

#: What the kernel itself changes, or gives another value each time.
_VOLATILE = ("kernel/ns_last_pid", "kernel/random/", "kernel/pty/nr")
_SYSCTLS = "/proc/sys"
_SYSCTL_FOLDERS = ("kernel", "net", "vm")

Inventory = Dict[str, List[str]]


def take(workdir: str, results: str) -> Inventory:
    """The inventory now; ``results`` is the folder in the workdir that is left out."""
    return {
        "processes": sorted(_processes()),
        "programs": list(map(str, bpf.all_programs() or ())),
        "maps": list(map(str, bpf.all_maps() or ())),
        "links": list(map(str, bpf.all_links() or ())),
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
    for top in _SYSCTL_FOLDERS:
        for folder, _, names in os.walk(os.path.join(_SYSCTLS, top)):
            for path in (os.path.join(folder, name) for name in names):
                name = os.path.relpath(path, _SYSCTLS)
                try:
                    if name.startswith(_VOLATILE) or not os.stat(path).st_mode & 0o200:
                        continue
                    with open(path, errors="replace") as file:
                        yield "%s = %s" % (name.replace("/", "."), " ".join(file.read().split()))
                except OSError:
                    continue  # one that can only be written, or that went with its interface


def _files(workdir: str, results: str) -> Iterator[str]:
    for folder, subfolders, names in os.walk(workdir):
        subfolders[:] = [name for name in subfolders if os.path.join(folder, name) != results]
        for name in names + subfolders:
            yield os.path.relpath(os.path.join(folder, name), workdir)
