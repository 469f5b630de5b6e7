"""Follows a packet inside a node: from an interface through bridges, patches, VLANs and bonds to the uplink."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from probecost.discovery.answers import Answer
from probecost.discovery.linux_net import Link, read_links
from probecost.discovery.ovs import Ovs, OvsBridge, OvsError, OvsPort, read_ovs


@dataclass(frozen=True)
class Uplink:
    """The interface by which packets leave the node. For a bond, ``interface`` is its name and it has ``members``.

    ``bridges`` are the bridges on the way to it, the nearest first. ``is_hardware``: there is a network card.
    """

    interface: str
    members: tuple[str, ...] = ()
    bridges: tuple[str, ...] = ()
    is_hardware: bool = False

    @property
    def interfaces(self) -> tuple[str, ...]:
        return self.members or (self.interface,)

    @property
    def text(self) -> str:
        return f"{self.interface} ({', '.join(self.members)})" if self.members else self.interface


class UndecidedError(Exception):
    """More than one uplink is possible."""

    def __init__(self, bridge: str, candidates: Iterable[Uplink]) -> None:
        self.bridge = bridge
        self.candidates = tuple(candidates)
        super().__init__(f"{bridge} has several uplinks: {', '.join(uplink.text for uplink in self.candidates)}")


@dataclass(frozen=True)
class Wiring:
    """All interfaces of a node. If Open vSwitch does not answer, ``ovs`` is empty and ``ovs_problem`` is the reason.

    ``ovs_is_absent``: Open vSwitch is not installed.
    """

    links: Mapping[str, Link]
    ovs: Ovs = field(default_factory=Ovs)
    ovs_problem: str = ""
    ovs_is_absent: bool = False

    @classmethod
    def read(cls, answer: Answer) -> Wiring:
        drivers = {interface.name: interface.driver for interface in answer.facts.interfaces}
        links = read_links(answer.links, answer.ip_link.out, drivers)
        try:
            return cls(links, read_ovs(answer.ovs))
        except OvsError as error:
            absent = all(said.problem.endswith("is not installed") for said in answer.ovs.values())
            return cls(links, ovs_problem=str(error), ovs_is_absent=absent)

    def bridge_of(self, name: str) -> str | None:
        """The bridge of an interface: one of Open vSwitch, or Linux's own."""
        bridge = self.ovs.bridge_of(name)
        if bridge is not None:
            return bridge.name
        link = self.links.get(name)
        master = self.links.get(link.master) if link and link.master else None
        return master.name if master is not None and master.kind == "bridge" else None

    def uplink(self, name: str, prefer: str | None = None) -> Uplink | None:
        """The uplink for packets of the interface ``name``, ``None`` if they do not leave the node.

        ``prefer`` is an interface that decides between several. ``UndecidedError``: several, and it does not decide.
        """
        return self._from(name, _Way(prefer))

    def _from(self, name: str, way: _Way) -> Uplink | None:
        """Follow packets that enter an interface: through its bridge if it is only a port, else down from it."""
        link = self.links.get(name)
        bridge = self.ovs.bridge_of(name)
        if bridge is not None and (link is None or link.kind not in ("hardware", "bond", "vlan")):
            return self._through_ovs(bridge, way.past(name))
        if link is not None and link.kind in ("tap", "veth") and link.peer is None and self._bridge_link(link):
            return self._down(str(link.master), way.past(name))
        return self._down(name, way)

    def _bridge_link(self, link: Link) -> Link | None:
        master = self.links.get(link.master or "")
        return master if master is not None and master.kind == "bridge" else None

    def _down(self, name: str, way: _Way) -> Uplink | None:
        link = self.links.get(name)
        if link is None or link.kind == "tap" or name in way.seen:
            return None
        way = way.past(name)
        if link.kind == "hardware":
            return Uplink(name, (), way.bridges, is_hardware=True)
        if link.kind == "bond" or (link.kind != "bridge" and len(link.lower) > 1):
            is_hardware = any(self._is_hardware(member) for member in link.lower)
            return Uplink(name, link.lower, way.bridges, is_hardware)
        if link.kind == "bridge":
            way = way.through(name)
            found = [self._down(port, way) for port in link.lower]
            return _choose(name, found, way.prefer)
        if link.lower:
            return self._down(link.lower[0], way)
        if link.peer is not None:
            return self._beyond_veth(link.peer, way)
        return Uplink(name, (), way.bridges)

    def _beyond_veth(self, peer: str, way: _Way) -> Uplink | None:
        link = self.links.get(peer)
        if link is None or peer in way.seen:
            return None
        bridge = self.ovs.bridge_of(peer)
        if bridge is not None:
            return self._through_ovs(bridge, way.past(peer))
        if self._bridge_link(link):
            return self._down(str(link.master), way.past(peer))
        return Uplink(peer, (), way.bridges)

    def _is_hardware(self, name: str) -> bool:
        """True if the member of a bond is a network card, or a VLAN or the like on one."""
        link = self.links.get(name)
        if link is None or link.kind in ("bridge", "tap"):
            return False
        return link.kind == "hardware" or any(self._is_hardware(lower) for lower in link.lower if lower != name)

    def _through_ovs(self, bridge: OvsBridge, way: _Way) -> Uplink | None:
        """The uplink of the nearest bridge, by patches, with a network card, else of the nearest with any way out."""
        ways = self._reachable(bridge, way)
        found = {one.name: self._outs(one, there) for one, there in ways}
        for is_hardware in (True, False):
            for one, there in ways:
                outs = [out for out in found[one.name] if out.is_hardware == is_hardware]
                if outs:
                    return _choose(one.name, outs, there.prefer)
        return None

    def _reachable(self, bridge: OvsBridge, way: _Way) -> list[tuple[OvsBridge, _Way]]:
        """Bridges that patches lead to, the nearest first, each with its way."""
        found = [(bridge, way.through(bridge.name))]
        names = {bridge.name}
        for one, there in found:  # the loop extends it
            for other in self.ovs.beyond(one):
                if other.name not in names:
                    names.add(other.name)
                    found.append((other, there.through(other.name)))
        return found

    def _outs(self, bridge: OvsBridge, way: _Way) -> list[Uplink]:
        outs = [self._out(port, way) for port in bridge.ports]
        return [out for out in outs if out is not None]

    def _out(self, port: OvsPort, way: _Way) -> Uplink | None:
        if port.is_bond:
            members = tuple(interface.name for interface in port.interfaces)
            is_hardware = any(one.kind == "dpdk" or self._is_hardware(one.name) for one in port.interfaces)
            return Uplink(port.name, members, way.bridges, is_hardware)
        for interface in port.interfaces:
            if not interface.may_be_uplink or interface.name in way.seen:
                return None
            if interface.kind == "dpdk":
                return Uplink(interface.name, (), way.bridges, is_hardware=True)
            return self._down(interface.name, way)
        return None


@dataclass(frozen=True)
class _Way:
    """State of the search: the bridges on the way, and the visited interfaces."""

    prefer: str | None = None
    bridges: tuple[str, ...] = ()
    seen: frozenset[str] = frozenset()

    def past(self, name: str) -> _Way:
        return _Way(self.prefer, self.bridges, self.seen | {name})

    def through(self, bridge: str) -> _Way:
        return _Way(self.prefer, (*self.bridges, bridge), self.seen | {bridge})


def _choose(bridge: str, found: Iterable[Uplink | None], prefer: str | None) -> Uplink | None:
    """The uplink with a network card, else the only one; ``prefer`` decides between several."""
    uplinks = [uplink for uplink in found if uplink is not None]
    best = [uplink for uplink in uplinks if uplink.is_hardware] or uplinks
    if len(best) > 1 and prefer is not None:
        named = [uplink for uplink in best if prefer in (uplink.interface, *uplink.members)]
        best = named or best
    if len(best) > 1:
        raise UndecidedError(bridge, best)
    return best[0] if best else None
