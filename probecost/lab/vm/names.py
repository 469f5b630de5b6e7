"""Names in a bed with guests: interfaces, bridges, MAC addresses, UUIDs. They stay the same each time."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

from probecost.lab.addresses import GuestAddresses, HostAddresses, LabAddresses

INTEGRATION_BRIDGE = "br-int"
UPLINK_BRIDGE = "br-ext"
PATCH_TO_UPLINK = "patch-ext"
PATCH_TO_INTEGRATION = "patch-int"
INTERNAL_PORT_TYPE = "probe"
INTERNAL_PORT = f"port-{INTERNAL_PORT_TYPE}"
BOND = "bond-ext"
# Interfaces inside a guest, in the order of its PCI slots.
GUEST_MANAGEMENT_INTERFACE = "eth0"
GUEST_TEST_INTERFACE = "eth1"


@dataclass(frozen=True)
class HostNames:
    """Names of one host: its physical interfaces, and their bond on the bridge, empty without one."""

    nics: tuple[str, ...]
    bond: str = ""

    @property
    def uplink(self) -> str:
        return self.bond or self.nics[0]


@dataclass(frozen=True)
class GuestNames:
    """Names of one guest and its two network cards, for its host and QEMU."""

    uuid: str
    interface_id: str
    test_tap: str
    test_mac: str
    management_tap: str
    management_mac: str


# The client's second cable is not plugged in: its bond has one active member.
HOSTS = {"host-server": HostNames(nics=("eth1",)), "host-client": HostNames(nics=("eth1", "eth2"), bond=BOND)}
# Taps are numbered as on a host that has started and ended other guests: the number says nothing of the guest.
TAPS = {"vm-server": ("vnet0", "vnet1"), "vm-client": ("vnet4", "vnet3")}


def guest_names(guest: str, instance: str) -> GuestNames:
    """The names of a guest of the lab ``instance``."""

    def digest(purpose: str) -> bytes:
        return hashlib.sha256(f"{instance}/{guest}/{purpose}".encode()).digest()

    def mac(purpose: str) -> str:
        return ":".join(["52", "54", "00", *(f"{byte:02x}" for byte in digest(purpose)[:3])])

    test_tap, management_tap = TAPS[guest]
    return GuestNames(
        uuid=str(uuid.UUID(bytes=digest("uuid")[:16], version=4)),
        interface_id=str(uuid.UUID(bytes=digest("interface")[:16], version=4)),
        test_tap=test_tap,
        test_mac=mac("test"),
        management_tap=management_tap,
        management_mac=mac("management"),
    )


def guest_of(host: HostAddresses, addresses: LabAddresses) -> GuestAddresses:
    """The guest that runs on ``host``."""
    (found,) = [guest for guest in addresses.guests if guest.host == host.name]
    return found
