"""Finds the interface with a host's test address, and the uplink below it."""

from __future__ import annotations

import fnmatch
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

from probecost.discovery.answers import Answer, Interface
from probecost.discovery.wiring import UndecidedError, Uplink, Wiring
from probecost.errors import NodeError


@dataclass(frozen=True)
class Hints:
    """The user's hints for one host: its ``test_ip``, the name of OVS's internal port or a part of it, the uplink."""

    test_ip: str | None = None
    internal_port: str | None = None
    uplink: str | None = None


@dataclass(frozen=True)
class HostFound:
    """A host of a test pair: ``interface`` carries ``test_ip``; local traffic enters the network there.

    ``interface`` is a port of ``bridge``, if any. ``uplink`` is ``None`` if packets leave by no interface that Linux
    knows.
    """

    test_ip: str
    interface: Interface
    bridge: str | None = None
    uplink: Uplink | None = None
    notes: tuple[str, ...] = field(default=())


def find_host(node: str, hints: Hints, answer: Answer) -> HostFound:
    """Find the interface of the test address. ``NodeError``: undecided; names the hint that decides."""
    wiring = Wiring.read(answer)
    interface, test_ip = _interface(node, hints, answer, wiring)
    uplink = find_uplink(node, interface.name, hints.uplink, wiring)
    notes = () if uplink else (f"node {node}: no uplink was found below {interface.name}",)
    bridge = wiring.bridge_of(interface.name) or (uplink.bridges[0] if uplink and uplink.bridges else None)
    return HostFound(test_ip, interface, bridge, uplink, notes)


def find_uplink(node: str, interface: str, prefer: str | None, wiring: Wiring) -> Uplink | None:
    """Find the uplink below ``interface``. ``NodeError``: several, or not the user's choice (``prefer``)."""
    try:
        uplink = wiring.uplink(interface, prefer)
    except UndecidedError as error:
        wrong = f"; {prefer} is none of them" if prefer else ""
        raise NodeError(node, f"{error}{wrong}; say which: physical_interface of this node") from None
    if prefer is not None and (uplink is None or prefer not in (uplink.interface, *uplink.members)):
        found = f"the uplink below {interface} is {uplink.text}" if uplink else f"there is no uplink below {interface}"
        raise NodeError(node, f"{found}, not {prefer} as physical_interface says")
    return uplink


def _interface(node: str, hints: Hints, answer: Answer, wiring: Wiring) -> tuple[Interface, str]:
    absent = wiring.ovs_is_absent and hints.test_ip is not None
    if hints.internal_port is not None and not absent:
        ports = _matching(node, hints.internal_port, answer, wiring)
        return _one_port(node, ports, hints, answer)
    if hints.test_ip is not None:
        return _carrier(node, hints.test_ip, answer), hints.test_ip
    ports = [port for port in _internal_ports(answer, wiring) if port.usable]
    if ports:
        return _one_port(node, ports, hints, answer)
    return _only_candidate(node, answer)


def _carrier(node: str, test_ip: str, answer: Answer) -> Interface:
    interface = answer.interface_with(test_ip)
    if interface is None:
        raise NodeError(node, f"no interface has the test_ip {test_ip}; addresses: {answer.addresses}")
    return interface


def _internal_ports(answer: Answer, wiring: Wiring) -> list[Interface]:
    internal = {interface.name for interface in wiring.ovs.interfaces if interface.is_internal}
    return [interface for interface in answer.facts.interfaces if interface.name in internal]


def _matching(node: str, hint: str, answer: Answer, wiring: Wiring) -> list[Interface]:
    """Internal ports of OVS with an address, whose name is ``hint``, fits it as a pattern, or contains it."""
    if wiring.ovs_problem:
        text = f"internal_port_type is {hint}, and Open vSwitch does not say what ports there are: {wiring.ovs_problem}"
        raise NodeError(node, f"{text}. For a host without it set internal_port_type: null and test_ip for this node")
    every = _internal_ports(answer, wiring)
    named = [port for port in every if port.name == hint]
    pattern = hint if set(hint) & set("*?[") else f"*{hint}*"
    fitting = named or [port for port in every if fnmatch.fnmatchcase(port.name, pattern)]
    ports = [port for port in fitting if port.usable]
    if ports:
        return ports
    without = f" ({', '.join(port.name for port in fitting)} has no address)" if fitting else ""
    listing = ", ".join(_with_addresses(port) for port in every) or "none"
    raise NodeError(
        node,
        f"no internal port of Open vSwitch with an address fits internal_port_type: {hint}{without}; there are: "
        f"{listing}",
    )


def _one_port(node: str, ports: Sequence[Interface], hints: Hints, answer: Answer) -> tuple[Interface, str]:
    """The port, and its address for the traffic."""
    listing = ", ".join(_with_addresses(port) for port in ports)
    if hints.test_ip is not None:
        wanted = _carrier(node, hints.test_ip, answer)
        if wanted.name not in [port.name for port in ports]:
            fits = f"fits internal_port_type: {hints.internal_port}"
            raise NodeError(node, f"test_ip {hints.test_ip} is on {wanted.name}; what {fits} is {listing}")
        return wanted, hints.test_ip
    ports = [port for port in ports if _is_v4(_by_version(port)[0])] or ports
    if len(ports) > 1:
        again = " again, or test_ip," if hints.internal_port else " or test_ip"
        name = f"more exactly by internal_port_type{again}" if hints.internal_port else f"by internal_port_type{again}"
        raise NodeError(node, f"several internal ports of Open vSwitch are possible: {listing}; say which {name}")
    return ports[0], _only_address(node, ports[0])


def _only_address(node: str, interface: Interface) -> str:
    """The interface's IPv4 address if it has one, else its IPv6 address."""
    own = _by_version(interface)
    if len(own) != 1:
        raise NodeError(node, f"{interface.name} has several addresses: {', '.join(own)}; say which by test_ip")
    return own[0]


def _by_version(interface: Interface) -> list[str]:
    return [address for address in interface.usable if _is_v4(address)] or list(interface.usable)


def _is_v4(address: str) -> bool:
    return ipaddress.ip_address(address).version == 4


def _only_candidate(node: str, answer: Answer) -> tuple[Interface, str]:
    """The only address of a host without Open vSwitch. ``NodeError``: there are several."""
    found = [(one, address) for one in answer.facts.interfaces for address in _by_version(one)]
    v4 = [(one, address) for one, address in found if _is_v4(address)]
    if len(v4 or found) == 1:
        return (v4 or found)[0]
    raise NodeError(
        node, f"needs test_ip in the minimal input: the address that traffic goes to (it has: {answer.addresses})"
    )


def _with_addresses(interface: Interface) -> str:
    return f"{interface.name} ({', '.join(interface.usable) or 'no address'})"
