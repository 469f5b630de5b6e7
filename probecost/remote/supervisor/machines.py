"""Finds virtual machines of this node by its processes: qemu's command line, its tun descriptors, vhost workers."""

import os
import re
from typing import Any, Dict, List, Optional

from .processes import stat_of

ARGV_LIMIT = 256 << 10
MAX_DESCRIPTORS = 65536
_UUID_OPTIONS = (b"-uuid", b"--uuid")
_TUN = re.compile(r"^iff:\s*(\S+)", re.MULTILINE)
_WORKER = "vhost-"


def virtual_machines(uuids: List[str]) -> Dict[str, Any]:
    """``processes`` with an argument ``-uuid``, for those with one of ``uuids`` also command line and descriptors.

    ``kernel_threads``: vhost workers that are separate processes, name by PID.
    """
    wanted = {uuid.lower() for uuid in uuids}
    processes = []
    workers = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        argv = _argv(name)
        if argv:
            found = _process(name, argv, wanted)
            if found is not None:
                processes.append(found)
        else:
            comm = _read("/proc/%s/comm" % name).strip()
            if comm.startswith(_WORKER):
                workers[name] = comm
    return {"processes": processes, "kernel_threads": workers}


def _process(name: str, argv: List[bytes], wanted: "set[str]") -> Optional[Dict[str, Any]]:
    given = [argv[index + 1] for index, word in enumerate(argv[:-1]) if word in _UUID_OPTIONS]
    stat = stat_of(int(name))
    if not given or stat is None or stat.state == "Z":
        return None
    uuid = given[-1].decode("utf-8", "replace")
    process: Dict[str, Any] = {
        "pid": stat.pid,
        "ppid": stat.ppid,
        "start": stat.start,
        "uuid": uuid,
        "exe": _exe(name),
        "argv": [argv[0].decode("utf-8", "replace")],
        "tuns": {},
        "threads": {},
    }
    if uuid.lower() in wanted:
        process["argv"] = [word.decode("utf-8", "replace") for word in argv]
        process["tuns"] = _tuns(name)
        process["threads"] = _threads(name)
    return process


def _argv(name: str) -> List[bytes]:
    """The command line of a process; empty for kernel threads and zombies."""
    try:
        with open("/proc/%s/cmdline" % name, "rb") as file:
            text = file.read(ARGV_LIMIT)
    except OSError:
        return []
    return text.split(b"\0")[:-1] if text else []


def _exe(name: str) -> Optional[str]:
    try:
        return os.readlink("/proc/%s/exe" % name)
    except OSError:
        return None


def _tuns(name: str) -> Dict[str, str]:
    """Number of a descriptor -> the tun or tap interface behind it."""
    found = {}
    folder = "/proc/%s/fdinfo" % name
    for number in _listing(folder)[:MAX_DESCRIPTORS]:
        match = _TUN.search(_read("%s/%s" % (folder, number)))
        if match:
            found[number] = match.group(1)
    return found


def _threads(name: str) -> Dict[str, str]:
    """Threads of the process with the name of a vhost worker: name by thread id."""
    folder = "/proc/%s/task" % name
    threads = {number: _read("%s/%s/comm" % (folder, number)).strip() for number in _listing(folder)}
    return {number: comm for number, comm in threads.items() if comm.startswith(_WORKER)}


def _listing(folder: str) -> List[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _read(path: str) -> str:
    try:
        with open(path, errors="replace") as file:
            return file.read(1 << 16)
    except OSError:
        return ""
