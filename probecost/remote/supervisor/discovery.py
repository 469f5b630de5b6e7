"""Gathers the raw data for discovery from the kernel and the node's own commands. Nothing is decided here."""

import json
import os
import zlib
from typing import Any, Callable, Dict, List, Optional

from . import facts
from .commands import run_all
from .machines import virtual_machines

COMMANDS_S = 10.0
OUTPUT_LIMIT = 8 << 20
FILE_LIMIT = 64 << 10
CHUNK = 1 << 20
MAX_LINKS = 8192

_OVS = ["ovs-vsctl", "--timeout=8", "--format=json"]
_COLUMNS = {
    "Bridge": "name,ports",
    "Port": "_uuid,name,interfaces,bond_mode",
    "Interface": "_uuid,name,type,options,external_ids,mac_in_use",
}


def discover(uuids: List[str], send: Callable[[bytes], None]) -> Dict[str, Any]:
    """Send everything as compressed JSON; ``uuids`` are of VMs that should run here."""
    commands = {table: _OVS + ["--columns=" + columns, "list", table] for table, columns in _COLUMNS.items()}
    commands["link"] = ["ip", "-o", "link"]
    commands.update(("virsh " + uuid, _virsh(uuid)) for uuid in uuids)
    said = run_all(commands, COMMANDS_S, OUTPUT_LIMIT)
    answer = {
        "facts": facts.collect(),
        "links": links(),
        "ip_link": said["link"],
        "ovs": {table: said[table] for table in _COLUMNS},
        "machines": virtual_machines(uuids),
        "libvirt": {uuid: said["virsh " + uuid] for uuid in uuids},
    }
    data = zlib.compress(json.dumps(answer).encode("utf-8"))
    for start in range(0, len(data), CHUNK):
        send(data[start : start + CHUNK])
    return {"bytes": len(data)}


def _virsh(uuid: str) -> List[str]:
    return ["virsh", "--readonly", "--connect", "qemu:///system", "dumpxml", "--domain", uuid]


def links() -> Dict[str, Dict[str, Any]]:
    """Files of every network interface in sysfs and procfs, unchanged, and the names that links lead to."""
    found = {}
    for name in sorted(os.listdir("/sys/class/net"))[:MAX_LINKS]:
        base = "/sys/class/net/" + name
        if not os.path.isdir(base):
            continue  # bonding_masters is a file
        entries = os.listdir(base)
        found[name] = {
            "uevent": _text(base + "/uevent"),
            "tun_flags": _text(base + "/tun_flags"),
            "device": os.path.exists(base + "/device"),
            "master": _target(base + "/master"),
            "lower": sorted(entry[len("lower_") :] for entry in entries if entry.startswith("lower_")),
            "ports": sorted(os.listdir(base + "/brif")) if "brif" in entries else None,
            "vlan": _text("/proc/net/vlan/" + name),
            "bonding": _text("/proc/net/bonding/" + name),
        }
    return found


def _text(path: str) -> Optional[str]:
    try:
        with open(path, errors="replace") as file:
            return file.read(FILE_LIMIT)
    except OSError:
        return None


def _target(path: str) -> Optional[str]:
    return os.path.basename(os.path.realpath(path)) if os.path.exists(path) else None
