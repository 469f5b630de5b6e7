"""Addresses and interface names of a lab, chosen so that two labs on one machine never share any.

Every lab has an index from 0 to 511 and with it one /24 of 198.18.0.0/15, the range set aside for benchmarks of
network devices (RFC 2544): a /30 per host (and per guest) for management, the upper half for the test network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from probecost.lab.errors import LabError

RANGE = IPv4Network("198.18.0.0/15")
LABS = 512
HOST_NAMES = ("host-server", "host-client")
GUEST_HOSTS = {"vm-server": "host-server", "vm-client": "host-client"}
LINK_PREFIX = "pcl"


@dataclass(frozen=True)
class HostAddresses:
    """Addresses of one host: the machine's end of the management link and its address, the host's own addresses."""

    name: str
    machine_link: str
    machine_ip: IPv4Address
    management_ip: IPv4Address
    test_ip: IPv4Address


@dataclass(frozen=True)
class GuestAddresses:
    """Addresses of one guest: its host, the host's end of its management link, the guest's own addresses."""

    name: str
    host: str
    gateway_ip: IPv4Address
    management_ip: IPv4Address
    test_ip: IPv4Address


@dataclass(frozen=True)
class LabAddresses:
    """Everything that follows from the index. Management prefixes are /30, the test prefix is /25."""

    index: int
    network: IPv4Network
    hosts: tuple[HostAddresses, ...]
    guests: tuple[GuestAddresses, ...] = ()
    management_prefix: int = 30
    test_prefix: int = 25

    @property
    def nodes(self) -> tuple[HostAddresses | GuestAddresses, ...]:
        """Everything that can be reached over SSH."""
        return (*self.hosts, *self.guests)


def addresses_of(index: int, *, guests: bool = False) -> LabAddresses:
    """The addresses of the lab with this index; ``ValueError`` outside 0..511."""
    if not 0 <= index < LABS:
        raise ValueError(f"a lab's index is 0..{LABS - 1}, not {index}")
    network = IPv4Network((int(RANGE.network_address) + 256 * index, 24))
    base = network.network_address
    hosts = tuple(
        HostAddresses(
            name=name,
            machine_link=f"{LINK_PREFIX}{index}{name.removeprefix('host-')[0]}",
            machine_ip=base + 4 * number + 1,
            management_ip=base + 4 * number + 2,
            test_ip=base + 129 + number,
        )
        for number, name in enumerate(HOST_NAMES)
    )
    if not guests:
        return LabAddresses(index, network, hosts)
    number_of_hosts = len(hosts)
    links = tuple(
        GuestAddresses(
            name=name,
            host=host,
            gateway_ip=base + 4 * number + 1,
            management_ip=base + 4 * number + 2,
            test_ip=base + 129 + number,
        )
        for number, (name, host) in enumerate(GUEST_HOSTS.items(), number_of_hosts)
    )
    return LabAddresses(index, network, hosts, links)


def choose_index(instance: str, taken: Collection[int], networks: Iterable[IPv4Network], links: Collection[str]) -> int:
    """A free index for ``instance``: the same one each time, as long as it is free.

    ``taken`` are the indices of other labs, ``networks`` the networks in which the machine has addresses or to which it
    has routes (a default route does not count), ``links`` the names of its interfaces. ``LabError``: no index is free.
    """
    occupied = [network for network in networks if network.prefixlen > 0 and network.overlaps(RANGE)]
    start = int.from_bytes(hashlib.sha256(instance.encode()).digest()[:4]) % LABS
    for step in range(LABS):
        candidate = addresses_of((start + step) % LABS)
        if candidate.index in taken or any(host.machine_link in links for host in candidate.hosts):
            continue
        if not any(candidate.network.overlaps(network) for network in occupied):
            return candidate.index
    raise LabError(f"no free network for a lab: the machine has addresses in or routes to all of {RANGE}")
