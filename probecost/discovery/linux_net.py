"""Network interfaces of Linux: their kinds, and the interfaces below them.

Sources: sysfs (Documentation/ABI/testing/sysfs-class-net), /proc/net/bonding/* (Documentation/networking/bonding.rst),
/proc/net/vlan/*, and ``ip -o link``, the only source on whether the other end of a veth is in the same namespace.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from probecost.discovery.answers import RawLink

Kind = Literal["hardware", "bond", "bridge", "vlan", "tap", "veth", "virtual"]

_SLAVE = re.compile(r"^Slave Interface: (\S+)$", re.MULTILINE)
_PERMANENT = re.compile(r"^Permanent HW addr: (\S+)$", re.MULTILINE)
_VLAN_DEVICE = re.compile(r"^Device: (\S+)$", re.MULTILINE)
_DEVTYPE = re.compile(r"^DEVTYPE=(\S+)$", re.MULTILINE)
_PEER = re.compile(r"^\d+: (\S+?)@(\S+?):", re.MULTILINE)
_ELSEWHERE = re.compile(r"if\d+|NONE")


@dataclass(frozen=True)
class Link:
    """One interface. ``lower`` are the interfaces below it: ports of a bridge, members of a bond, a VLAN's parent.

    ``peer`` is the other end of a veth if it is in the same namespace, ``master`` the bridge or bond it is part of,
    ``permanent_macs`` belong to a bond's members, by name.
    """

    name: str
    kind: Kind
    lower: tuple[str, ...] = ()
    master: str | None = None
    peer: str | None = None
    permanent_macs: tuple[str, ...] = ()


def bond_members(text: str) -> tuple[str, ...]:
    """Members of a bond, from /proc/net/bonding/<bond>."""
    return tuple(_SLAVE.findall(text))


def permanent_macs(text: str) -> tuple[str, ...]:
    """The members' own MAC addresses, from /proc/net/bonding/<bond>: as members they share one address."""
    return tuple(mac.lower() for mac in _PERMANENT.findall(text))


def vlan_parent(text: str) -> str | None:
    """The parent interface of a VLAN, from /proc/net/vlan/<interface>."""
    match = _VLAN_DEVICE.search(text)
    return match.group(1) if match else None


def peers(ip_link: str) -> dict[str, str]:
    """The interface after the @ of each name in ``ip -o link``, unless it is in another namespace (``eth0@if7``)."""
    found = _PEER.findall(ip_link)
    return {name: peer for name, peer in found if not _ELSEWHERE.fullmatch(peer)}


def read_links(raw: Mapping[str, RawLink], ip_link: str, drivers: Mapping[str, str | None]) -> dict[str, Link]:
    """All interfaces of a node, by name. ``drivers`` distinguish veths."""
    behind = peers(ip_link)
    return {name: _link(name, link, drivers.get(name), behind.get(name)) for name, link in raw.items()}


def _link(name: str, raw: RawLink, driver: str | None, behind: str | None) -> Link:
    kind = _kind(raw, driver)
    lower = raw.lower
    if raw.bonding is not None:
        lower = bond_members(raw.bonding)
    elif raw.ports is not None:
        lower = raw.ports
    elif kind == "vlan" and not lower:
        parent = vlan_parent(raw.vlan or "") or behind
        lower = (parent,) if parent else ()
    macs = permanent_macs(raw.bonding or "")
    return Link(name, kind, lower, raw.master, behind if kind == "veth" else None, macs)


def _kind(raw: RawLink, driver: str | None) -> Kind:
    devtype = _DEVTYPE.search(raw.uevent or "")
    if raw.bonding is not None:
        return "bond"
    if raw.ports is not None:
        return "bridge"
    if raw.vlan is not None or (devtype and devtype.group(1) == "vlan"):
        return "vlan"
    if raw.tun_flags is not None:
        return "tap"
    if raw.device:
        return "hardware"
    return "veth" if driver == "veth" else "virtual"
