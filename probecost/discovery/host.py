"""What a host has: from the raw facts of a node to the interface that carries its test address."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from probecost.errors import NodeError

NodeFacts = Mapping[str, object]


class _Raw(BaseModel):
    """Facts come from a program of ours on the node; keys that are not needed here are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Interface(_Raw):
    """One network interface; ``addresses`` with prefix length (``10.0.0.1/24``), ``mtu`` in bytes."""

    name: str
    mac: str | None = None
    mtu: int | None = None
    state: str | None = None
    driver: str | None = None
    addresses: tuple[str, ...] = ()

    def carries(self, address: str) -> bool:
        wanted = ipaddress.ip_address(address)
        return any(ipaddress.ip_interface(own.partition("%")[0]).ip == wanted for own in self.addresses)


class HostFacts(_Raw):
    """What the node says of itself. Versions are ``None`` where the program is missing, ``memory_kb`` is in KiB."""

    hostname: str | None = None
    kernel: str | None = None
    arch: str | None = None
    python: str | None = None
    cpu_model: str | None = None
    cpus: int | None = None
    memory_kb: int | None = None
    btf: bool | None = None
    iperf3: str | None = None
    netperf: str | None = None
    sudo: bool | None = None
    interfaces: tuple[Interface, ...] = ()


@dataclass(frozen=True)
class HostFound:
    """A host of a test pair: the interface that carries the test address, and what lies under it.

    ``internal_interface`` is where local traffic enters the network, ``physical_interface`` the uplink;
    ``nic_members`` are the members of a bonded uplink.
    """

    test_ip: str
    interface: Interface
    internal_interface: str
    physical_interface: str
    nic_members: tuple[str, ...] = ()


def read_facts(node: str, raw: NodeFacts) -> HostFacts:
    """Raw facts as typed ones. ``NodeError`` if the node answered something else."""
    try:
        return HostFacts.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise NodeError(node, f"its facts cannot be read: {place}: {first['msg']}") from None


def find_host(node: str, test_ip: str | None, facts: HostFacts) -> HostFound:
    """The interface that carries ``test_ip``. ``NodeError``: there is no ``test_ip``, or no interface has it."""
    if test_ip is None:
        addresses = ", ".join(_listing(facts)) or "none"
        raise NodeError(
            node, f"needs test_ip in the minimal input: the address that traffic goes to (it has: {addresses})"
        )
    for interface in facts.interfaces:
        if interface.carries(test_ip):
            return HostFound(test_ip, interface, interface.name, interface.name)
    raise NodeError(node, f"no interface has the test_ip {test_ip}; addresses: {', '.join(_listing(facts)) or 'none'}")


def _listing(facts: HostFacts) -> list[str]:
    return [
        f"{address} on {interface.name}"
        for interface in facts.interfaces
        for address in interface.addresses
        if not ipaddress.ip_interface(address.partition("%")[0]).is_loopback
    ]
