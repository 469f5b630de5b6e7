"""Answers of nodes for tests of discovery: recorded ones, and small ones made by hand.

The recorded ones are what the supervisor's ``discover`` gave on a Linux 6.1 with network cards, vhost-net and a qemu
for each of two VMs: ``plain`` with nothing configured but an address; ``linux`` with a bond, a VLAN on it and a bridge;
``ovs`` with Open vSwitch on the kernel's datapath, patch ports and a bond.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probecost.discovery.answers import Answer, read_answer

SAMPLES = Path(__file__).parents[1] / "unit" / "discovery" / "samples"
VM_A = "ae6aa164-604c-4cb0-84b8-2dea03430001"
VM_B = "ae6aa164-604c-4cb0-84b8-2dea03430002"
MAC_A, MAC_B = "52:54:00:00:00:0a", "52:54:00:00:00:0b"


def raw(name: str) -> dict[str, Any]:
    """A recorded answer, to be changed at will."""
    content: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return content


def recorded(name: str) -> Answer:
    return read_answer(name, raw(name))


def interface(name: str, *addresses: str, mac: str | None = None, driver: str | None = None) -> dict[str, Any]:
    return {"name": name, "addresses": list(addresses), "mac": mac, "driver": driver, "mtu": 1500, "state": "up"}


def answer(interfaces: list[dict[str, Any]], links: Mapping[str, Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    return {"facts": {"kernel": "6.1.0", "interfaces": interfaces}, "links": dict(links), **more}


def guest(address: str, mac: str, name: str = "ens4") -> dict[str, Any]:
    """A VM from inside, with one network card."""
    return answer([interface(name, f"{address}/24", mac=mac, driver="virtio_net")], {name: {"device": True}})


def said(out: str, status: int | None = 0, err: str = "", problem: str = "") -> dict[str, Any]:
    return {"argv": ["ovs-vsctl"], "status": status, "out": out, "err": err, "problem": problem}


def tables(bridges: Mapping[str, Mapping[str, list[dict[str, Any]]]]) -> dict[str, Any]:
    """Open vSwitch's three tables from ``{bridge: {port: [{"name": ..., "type": ..., "options": {...}}]}}``."""
    rows: dict[str, list[list[Any]]] = {"Bridge": [], "Port": [], "Interface": []}
    for bridge, ports in bridges.items():
        for port, interfaces in ports.items():
            for one in interfaces:
                maps = [["map", [list(item) for item in one.get(key, {}).items()]] for key in ("options", "ids")]
                rows["Interface"].append([_uuid("i", one["name"]), one["name"], one.get("type", ""), *maps])
            rows["Port"].append([_uuid("p", port), port, _set([_uuid("i", one["name"]) for one in interfaces])])
        rows["Bridge"].append([bridge, _set([_uuid("p", port) for port in ports])])
    headings = {
        "Bridge": ["name", "ports"],
        "Port": ["_uuid", "name", "interfaces"],
        "Interface": ["_uuid", "name", "type", "options", "external_ids"],
    }
    return {name: said(json.dumps({"data": rows[name], "headings": headings[name]})) for name in rows}


def _uuid(kind: str, name: str) -> list[str]:
    return ["uuid", f"{kind}-{name}"]


def _set(items: list[Any]) -> Any:
    return items[0] if len(items) == 1 else ["set", items]
