"""Records of the hosts of a bed with guests, for comparison with discovery over SSH."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class BuiltGuest:
    """A guest and its interfaces. ``qemu_pid`` is the PID on the host."""

    name: str
    uuid: str
    qemu_pid: int
    test_ip: str
    test_interface: str
    test_mac: str
    test_tap: str
    management_interface: str
    management_mac: str
    management_tap: str


@dataclass(frozen=True)
class BuiltHost:
    """A host with its switch. ``uplink`` is a physical interface, or the bond of all ``nics``."""

    test_ip: str
    internal_interface: str
    internal_bridge: str
    uplink_bridge: str
    uplink: str
    nics: tuple[str, ...]
    guest: BuiltGuest

    @classmethod
    def parse(cls, record: dict[str, Any]) -> BuiltHost:
        """The opposite of ``dataclasses.asdict``; ``TypeError`` or ``KeyError`` for anything else."""
        return cls(**{**record, "nics": tuple(record["nics"]), "guest": BuiltGuest(**record["guest"])})
