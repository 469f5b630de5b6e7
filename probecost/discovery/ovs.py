"""Reads the tables of Open vSwitch from ``ovs-vsctl --format=json list <table>``.

A table is ``{"headings": [...], "data": [[...], ...]}``. A cell is a scalar, ``["uuid", "..."]``, ``["set", [...]]`` or
``["map", [[key, value], ...]]`` (RFC 7047, section 5.1); a set of one element is that element.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from probecost.discovery.answers import Said

TABLES = ("Bridge", "Port", "Interface")

#: Types of interfaces that lead to a network card or to an interface of Linux.
_OUTWARD = ("", "system", "dpdk", "afxdp", "afxdp-nonpmd")


class OvsError(Exception):
    """Open vSwitch did not answer, or its answer is no table."""


@dataclass(frozen=True)
class OvsInterface:
    """An interface. ``kind`` is the column type: "" or "system" for Linux's own, else internal, patch, vxlan, ..."""

    name: str
    kind: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    external_ids: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_internal(self) -> bool:
        return self.kind == "internal"

    @property
    def peer(self) -> str | None:
        """The interface at the other end of a patch."""
        return self.options.get("peer") if self.kind == "patch" else None

    @property
    def attached_mac(self) -> str | None:
        """The MAC address of the VM behind it, as libvirt records it."""
        mac = self.external_ids.get("attached-mac")
        return mac.lower() if mac else None

    @property
    def vm_uuid(self) -> str | None:
        uuid = self.external_ids.get("vm-id")
        return uuid.lower() if uuid else None

    @property
    def may_be_uplink(self) -> bool:
        return self.kind in _OUTWARD and self.attached_mac is None and self.vm_uuid is None


@dataclass(frozen=True)
class OvsPort:
    """A port. With two or more interfaces it is a bond, whatever its bond_mode."""

    name: str
    interfaces: tuple[OvsInterface, ...]

    @property
    def is_bond(self) -> bool:
        return len(self.interfaces) > 1


@dataclass(frozen=True)
class OvsBridge:
    name: str
    ports: tuple[OvsPort, ...]

    @property
    def interfaces(self) -> Iterator[OvsInterface]:
        return (interface for port in self.ports for interface in port.interfaces)


@dataclass(frozen=True)
class Ovs:
    """All bridges of a node."""

    bridges: tuple[OvsBridge, ...] = ()

    @property
    def interfaces(self) -> Iterator[OvsInterface]:
        return (interface for bridge in self.bridges for interface in bridge.interfaces)

    def interface(self, name: str) -> OvsInterface | None:
        return next((interface for interface in self.interfaces if interface.name == name), None)

    def bridge_of(self, interface: str) -> OvsBridge | None:
        """The bridge with ``interface`` as a port, alone or in a bond."""
        found = (bridge for bridge in self.bridges if any(one.name == interface for one in bridge.interfaces))
        return next(found, None)

    def beyond(self, bridge: OvsBridge) -> list[OvsBridge]:
        """Bridges at the other ends of the patches of ``bridge``."""
        peers = [interface.peer for interface in bridge.interfaces if interface.peer]
        return [other for peer in peers if (other := self.bridge_of(peer)) is not None]


def read_ovs(said: Mapping[str, Said]) -> Ovs:
    """Combine the three tables. ``OvsError``: one of them is missing or cannot be read."""
    failures = [said[table].failure if table in said else "was not asked" for table in TABLES]
    if any(failures):
        raise OvsError(next(filter(None, failures)))
    try:
        return _put_together(*(list(rows(said[table].out)) for table in TABLES))
    except KeyError as error:
        raise OvsError(f"ovs-vsctl: its tables lack the column {error}") from error


_Row = Mapping[str, Any]


def _put_together(bridges: Sequence[_Row], ports: Sequence[_Row], interfaces: Sequence[_Row]) -> Ovs:
    by_uuid = {row["_uuid"]: _interface(row) for row in interfaces}
    port_by_uuid = {}
    for row in ports:
        own = [by_uuid[uuid] for uuid in elements(row["interfaces"]) if uuid in by_uuid]
        port_by_uuid[row["_uuid"]] = OvsPort(str(row["name"]), tuple(sorted(own, key=_natural)))
    found = []
    for row in bridges:
        own_ports = [port_by_uuid[uuid] for uuid in elements(row["ports"]) if uuid in port_by_uuid]
        found.append(OvsBridge(str(row["name"]), tuple(own_ports)))
    return Ovs(tuple(found))


def _natural(interface: OvsInterface) -> list[tuple[int, str]]:
    """Sort key with eth2 before eth10: a set of the database has no order."""
    parts = re.split(r"(\d+)", interface.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def rows(text: str) -> Iterator[dict[str, Any]]:
    """Rows of a table as mappings from column to value: sets are tuples, maps are dicts. ``OvsError``: no table."""
    try:
        table = json.loads(text)
        headings = table["headings"]
        for row in table["data"]:
            yield {heading: cell(value) for heading, value in zip(headings, row, strict=True)}
    except (ValueError, KeyError, TypeError) as error:
        raise OvsError(f"ovs-vsctl: its output is no table of Open vSwitch: {error!r}") from error


def cell(value: Any) -> Any:
    """The value of one cell.

    >>> cell(["set", [["uuid", "a"], ["uuid", "b"]]]), cell(["map", [["peer", "x"]]]), cell("name")
    (('a', 'b'), {'peer': 'x'}, 'name')
    """
    if not isinstance(value, list):
        return value
    kind, content = value
    if kind == "set":
        return tuple(cell(one) for one in content)
    if kind == "map":
        return {cell(key): cell(one) for key, one in content}
    return content


def elements(value: Any) -> tuple[Any, ...]:
    """The elements of a set, which the database writes without brackets if there is one."""
    return value if isinstance(value, tuple) else (value,)


def _interface(row: _Row) -> OvsInterface:
    maps = [value if isinstance(value, dict) else {} for value in (row.get("options"), row.get("external_ids"))]
    return OvsInterface(str(row["name"]), str(row.get("type") or ""), *maps)
