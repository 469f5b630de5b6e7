"""Typed answers of a node to discovery. Their texts are the unchanged output of the node's commands and files."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from probecost.errors import NodeError

NodeFacts = Mapping[str, object]


class _Raw(BaseModel):
    """Base of answers; they come from our program on the node, and unused keys are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Interface(_Raw):
    """One network interface; ``addresses`` with prefix length (``10.0.0.1/24``), ``mtu`` in bytes."""

    name: str
    mac: str | None = None
    mtu: int | None = None
    state: str | None = None
    driver: str | None = None
    addresses: tuple[str, ...] = ()

    @field_validator("addresses")
    @classmethod
    def _are_addresses(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for address in addresses:
            ipaddress.ip_interface(address.partition("%")[0])
        return addresses

    def carries(self, address: str) -> bool:
        wanted = ipaddress.ip_address(address)
        return any(ipaddress.ip_interface(own.partition("%")[0]).ip == wanted for own in self.addresses)

    @property
    def usable(self) -> tuple[str, ...]:
        """Addresses without their prefix length; loopback and link-local ones are left out."""
        found = [ipaddress.ip_interface(address.partition("%")[0]).ip for address in self.addresses]
        return tuple(str(ip) for ip in found if not ip.is_loopback and not ip.is_link_local)


class HostFacts(_Raw):
    """Facts of a node. Versions are ``None`` if the program is missing, ``memory_kb`` is in KiB."""

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


class Said(_Raw):
    """Output of a command; ``status`` is ``None`` if it did not end by itself, and ``problem`` is the reason."""

    argv: tuple[str, ...] = ()
    status: int | None = None
    out: str = ""
    err: str = ""
    problem: str = ""

    @property
    def failure(self) -> str:
        """Why ``out`` is useless, in one line; "" if it is not."""
        if self.problem or not self.argv:
            return self.problem or "was not asked"
        if self.status == 0:
            return ""
        *_, last = ["", *self.err.splitlines()]
        program = f"{self.argv[0]}: "
        return program + (last.removeprefix(program) or f"exit code {self.status}")


class RawLink(_Raw):
    """Files of an interface below /sys/class/net and /proc/net. ``ports`` is ``None`` if it is no bridge."""

    uevent: str | None = None
    tun_flags: str | None = None
    device: bool = False
    master: str | None = None
    lower: tuple[str, ...] = ()
    ports: tuple[str, ...] | None = None
    vlan: str | None = None
    bonding: str | None = None


class VmProcess(_Raw):
    """A process with ``-uuid`` in its command line.

    ``start`` is in clock ticks since boot. ``tuns`` are its tun descriptors (number -> interface), ``threads`` its
    threads with the name of a vhost worker (thread id -> name); both, and all but the first of ``argv``, are only
    present for the UUIDs of the question.
    """

    pid: int
    ppid: int
    start: int
    uuid: str
    exe: str | None = None
    argv: tuple[str, ...] = ()
    tuns: Mapping[int, str] = {}
    threads: Mapping[int, str] = {}


class Machines(_Raw):
    """Processes of virtual machines on their host; ``kernel_threads`` are vhost workers, by PID."""

    processes: tuple[VmProcess, ...] = ()
    kernel_threads: Mapping[int, str] = {}


class Answer(_Raw):
    """The whole answer of a node: ``ovs`` by table, ``libvirt`` by UUID (``virsh dumpxml``)."""

    facts: HostFacts
    links: Mapping[str, RawLink] = {}
    ip_link: Said = Said()
    ovs: Mapping[str, Said] = {}
    machines: Machines = Machines()
    libvirt: Mapping[str, Said] = {}

    def interface_with(self, address: str) -> Interface | None:
        return next((interface for interface in self.facts.interfaces if interface.carries(address)), None)

    @property
    def addresses(self) -> str:
        """Every usable address with its interface, for messages."""
        listing = [f"{address} on {one.name}" for one in self.facts.interfaces for address in one.usable]
        return ", ".join(listing) or "none"


def read_answer(node: str, raw: NodeFacts) -> Answer:
    """Parse a node's raw answer. ``NodeError``: it has another form."""
    try:
        return Answer.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise NodeError(node, f"its answer cannot be read: {place}: {first['msg']}") from None
