"""Extends the specification of hosts by guests, and makes the record of the result."""

from __future__ import annotations

from dataclasses import replace

from probecost.lab.addresses import HostAddresses, LabAddresses
from probecost.lab.render import Bind, File, Folder, HostSpec, Keys
from probecost.lab.vm import guest as guests
from probecost.lab.vm.built import BuiltGuest, BuiltHost
from probecost.lab.vm.image import Image
from probecost.lab.vm.names import (
    GUEST_MANAGEMENT_INTERFACE,
    GUEST_TEST_INTERFACE,
    HOSTS,
    INTEGRATION_BRIDGE,
    INTERNAL_PORT,
    UPLINK_BRIDGE,
    guest_names,
    guest_of,
)
from probecost.lab.vm.switch import FOLDERS, switch_commands


def with_guest(
    spec: HostSpec,
    host: HostAddresses,
    addresses: LabAddresses,
    *,
    instance: str,
    keys: Keys,
    image: Image,
    qemu: str,
    openssh_version: tuple[int, int],
) -> HostSpec:
    """The host with Open vSwitch and its guest."""
    guest = guest_of(host, addresses)
    names = guest_names(guest.name, instance)
    script = guests.setup_script(guest, addresses, instance=instance, keys=keys, openssh_version=openssh_version)
    return replace(
        spec,
        remove=(*spec.remove, "/etc/openvswitch/*"),
        folders=(
            *spec.folders,
            *(Folder(path) for path in FOLDERS),
            Folder("/run/probecost"),
            Folder("/etc/probecost-lab", 0o700),
        ),
        files=(*spec.files, File(guests.setup_file(guest), script, 0o600)),
        binds=(Bind(str(image.folder), guests.IMAGE_FOLDER),),
        commands=(
            *switch_commands(host, addresses, names),
            *guests.host_commands(guest, addresses, names),
            guests.qemu_command(qemu, guest, names, image.kernel_path, image.root_fs_path),
        ),
    )


def machine_network(addresses: LabAddresses, pids: dict[str, int]) -> str:
    """``ip -batch`` commands for the machine, in addition to ``render.machine_network``.

    They make a link for every further network card of a host, whose end at the other host stays down, and the routes to
    the guests.
    """
    lines = guests.machine_routes(addresses)
    hosts = [host.name for host in addresses.hosts]
    for name, other in zip(hosts, reversed(hosts), strict=True):
        for nic in HOSTS[name].nics[1:]:
            lines.append(f"link add {nic} netns {pids[name]} type veth peer name {nic} netns {pids[other]}")
    return "\n".join(lines) + "\n"


def built_host(host: HostAddresses, addresses: LabAddresses, instance: str, qemu_pid: int) -> BuiltHost:
    """The record of one host."""
    guest = guest_of(host, addresses)
    names = guest_names(guest.name, instance)
    return BuiltHost(
        test_ip=str(host.test_ip),
        internal_interface=INTERNAL_PORT,
        internal_bridge=INTEGRATION_BRIDGE,
        uplink_bridge=UPLINK_BRIDGE,
        uplink=HOSTS[host.name].uplink,
        nics=HOSTS[host.name].nics,
        guest=BuiltGuest(
            name=guest.name,
            uuid=names.uuid,
            qemu_pid=qemu_pid,
            test_ip=str(guest.test_ip),
            test_interface=GUEST_TEST_INTERFACE,
            test_mac=names.test_mac,
            test_tap=names.test_tap,
            management_interface=GUEST_MANAGEMENT_INTERFACE,
            management_mac=names.management_mac,
            management_tap=names.management_tap,
        ),
    )
