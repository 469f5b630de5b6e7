"""Finds the parts of a VM: its interface, its tap on the host, its processes, the way to the uplink."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from probecost.discovery.answers import Answer, Interface, VmProcess
from probecost.discovery.host import find_uplink
from probecost.discovery.libvirt import Domain, LibvirtError, read_domain
from probecost.discovery.qemu import find_process, nics, running, tap_of, vhost_workers
from probecost.discovery.wiring import UndecidedError, Uplink, Wiring
from probecost.errors import NodeError


@dataclass(frozen=True)
class Vm:
    """A VM of the minimal input; ``host`` is the name of its host's node."""

    node: str
    host: str
    uuid: str
    test_ip: str
    uplink: str | None = None


@dataclass(frozen=True)
class Guest:
    """A VM from inside: the interface with the test address, and the MAC addresses that lead to it."""

    interface: Interface
    macs: tuple[str, ...]


@dataclass(frozen=True)
class Processes:
    """The VM's processes on its host."""

    qemu_pid: int
    vhost_pids: tuple[int, ...]


@dataclass(frozen=True)
class VmFound:
    """A VM of a test pair: ``tap`` is its interface on the host (vnet0), a port of ``bridge``, if any."""

    test_ip: str
    host: str
    uuid: str
    interface: Interface
    tap: str
    processes: Processes
    bridge: str | None = None
    uplink: Uplink | None = None
    notes: tuple[str, ...] = ()


def find_guest(vm: Vm, answer: Answer) -> Guest:
    """Find the VM from inside. ``NodeError``: no interface has its test address."""
    interface = answer.interface_with(vm.test_ip)
    if interface is None:
        raise NodeError(vm.node, f"no interface has the test_ip {vm.test_ip}; addresses: {answer.addresses}")
    macs = [interface.mac, *_macs_below(interface.name, answer)]
    return Guest(interface, tuple(dict.fromkeys(mac.lower() for mac in macs if mac)))


def _macs_below(name: str, answer: Answer) -> Iterator[str | None]:
    """MAC addresses of the network cards below an interface, as the host knows them."""
    wiring = Wiring.read(answer)
    try:
        uplink = wiring.uplink(name)
    except UndecidedError:
        uplink = None
    if uplink is not None:
        by_name = {interface.name: interface.mac for interface in answer.facts.interfaces}
        link = wiring.links.get(uplink.interface)
        yield from link.permanent_macs if link else ()
        yield from (by_name.get(member) for member in uplink.interfaces)


def find_process_of(vm: Vm, host: Answer, others: Mapping[str, Answer]) -> VmProcess:
    """Find the VM's qemu on the host, by UUID. ``NodeError``: it does not run there; ``others`` may give a hint."""
    found = find_process(host.machines, vm.uuid)
    if len(found) == 1:
        return found[0]
    if found:
        listing = ", ".join(f"PID {process.pid} ({process.exe or process.argv[0]})" for process in found)
        raise NodeError(vm.node, f"several processes on {vm.host} have -uuid {vm.uuid}: {listing}")
    for name, answer in others.items():
        if vm.uuid.lower() in running(answer.machines):
            raise NodeError(
                vm.node, f"its VM {vm.uuid} does not run on {vm.host} but on {name}: set host_ref: {name}, or move it"
            )
    domain = _domain(vm, host)[0]
    if domain is not None:
        raise NodeError(vm.node, f"its VM {vm.uuid} ({domain.name}) is not running on {vm.host}: virsh start it")
    listing = ", ".join(running(host.machines)) or "none"
    raise NodeError(
        vm.node,
        f"no qemu on {vm.host} has the uuid {vm.uuid}: the VM is not running, or uuid or host_ref is wrong; VMs "
        f"running there: {listing}",
    )


def processes_of(process: VmProcess, host: Answer) -> Processes:
    return Processes(process.pid, vhost_workers(process, host.machines))


def find_vm(vm: Vm, guest: Guest, process: VmProcess, host: Answer) -> VmFound:
    """Find the VM's tap by MAC address, and its uplink. ``NodeError``: none, or the sources disagree."""
    wiring = Wiring.read(host)
    tap, notes = _tap(vm, guest, process, host, wiring)
    processes = processes_of(process, host)
    bridge = wiring.bridge_of(tap)
    uplink = find_uplink(vm.node, tap, vm.uplink, wiring)
    if uplink is None:
        notes.append(f"node {vm.node}: no uplink was found behind {tap} on {vm.host}")
    if not processes.vhost_pids:
        notes.append(f"node {vm.node}: no vhost workers: qemu (PID {process.pid}) moves the packets itself")
    return VmFound(vm.test_ip, vm.host, vm.uuid, guest.interface, tap, processes, bridge, uplink, tuple(notes))


def _tap(vm: Vm, guest: Guest, process: VmProcess, host: Answer, wiring: Wiring) -> tuple[str, list[str]]:
    """The tap behind any of the guest's MAC addresses, and notes on assumptions."""
    domain, problem = _domain(vm, host)
    claims: dict[str, str] = {}
    for mac in guest.macs:
        for name in _attached(vm, mac, wiring):
            claims[f"Open vSwitch's attached-mac of {mac} ({name})"] = name
        own = tap_of(process, mac)
        if own is not None:
            claims[f"qemu's card {mac} (PID {process.pid})"] = own
        if domain is not None and mac in domain.taps:
            claims[f"libvirt's interface {mac}"] = domain.taps[mac]
    taps = sorted(set(claims.values()))
    if not taps and len(set(process.tuns.values())) == 1 and not nics(process.argv) and domain is None:
        (only,) = set(process.tuns.values())
        return only, [f"node {vm.node}: taken to be behind {only}, the only tap of its qemu"]
    macs = ", ".join(guest.macs) or "none"
    if not taps:
        asked = [wiring.ovs_problem or "Open vSwitch has no port with it as attached-mac"]
        asked += [problem or "libvirt has no interface with it"]
        asked += [f"qemu (PID {process.pid}) has no card with it, its taps: {_listing(process.tuns.values())}"]
        raise NodeError(
            vm.node,
            f"no interface on {vm.host} belongs to {guest.interface.name} (MAC {macs}); is {vm.uuid} the uuid of this "
            f"VM? {'; '.join(asked)}",
        )
    if len(taps) > 1:
        said = "; ".join(f"{source}: {name}" for source, name in claims.items())
        raise NodeError(vm.node, f"it is not clear what is behind {guest.interface.name} (MAC {macs}): {said}")
    foreign = process.tuns and taps[0] not in process.tuns.values()
    if foreign:
        own_taps = _listing(process.tuns.values())
        said = "; ".join(claims)
        raise NodeError(
            vm.node,
            f"{taps[0]} ({said}) is not a tap of the qemu with uuid {vm.uuid} (PID {process.pid}, its taps: "
            f"{own_taps}): is it the uuid of this VM?",
        )
    return taps[0], []


def _attached(vm: Vm, mac: str, wiring: Wiring) -> list[str]:
    """Existing ports of OVS that are marked as the VM's, not as another VM's (of a copy, for instance)."""
    return [
        interface.name
        for interface in wiring.ovs.interfaces
        if interface.attached_mac == mac
        and interface.vm_uuid in (None, vm.uuid.lower())
        and interface.name in wiring.links
    ]


def _domain(vm: Vm, host: Answer) -> tuple[Domain | None, str]:
    """The VM's domain in libvirt, or the reason that there is none."""
    said = host.libvirt.get(vm.uuid)
    if said is None or said.failure:
        return None, said.failure if said else "libvirt was not asked"
    try:
        return read_domain(said.out), ""
    except LibvirtError as error:
        return None, f"libvirt: {error}"


def _listing(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "none"
