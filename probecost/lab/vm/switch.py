"""Commands that set up a host's Open vSwitch, in order, each ready when it returns.

The switch has its own database, daemon and run folder; its bridges are in the userspace datapath, which needs only
packet sockets and taps of the kernel::

    port-probe (the host's test address)   tap of the guest
              \\                            /
               br-int ---- patch ---- br-ext ---- the uplink: a network card, or a bond of two

No checksum or segmentation is left to a device on the way: the switch would pass on incomplete packets.
"""

from __future__ import annotations

from probecost.lab.addresses import HostAddresses, LabAddresses
from probecost.lab.vm.names import (
    HOSTS,
    INTEGRATION_BRIDGE,
    INTERNAL_PORT,
    PATCH_TO_INTEGRATION,
    PATCH_TO_UPLINK,
    UPLINK_BRIDGE,
    GuestNames,
)

Command = tuple[str, ...]

DATABASE = "/etc/openvswitch/conf.db"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
SOCKET = "/run/openvswitch/db.sock"
FOLDERS = ("/etc/openvswitch", "/run/openvswitch", "/var/log/openvswitch")
DAEMON = ("--pidfile", "--detach", "--log-file", "-vconsole:off", "-vsyslog:off")
TIMEOUT_S = 60


def switch_commands(host: HostAddresses, addresses: LabAddresses, guest: GuestNames) -> list[Command]:
    """Start the switch, configure it, and give the host its test address on the internal port."""
    own = HOSTS[host.name]
    return [
        ("ovsdb-tool", "create", DATABASE, SCHEMA),
        ("ovsdb-server", DATABASE, f"--remote=punix:{SOCKET}", *DAEMON),
        ("ovs-vsctl", "--no-wait", "init"),
        ("ovs-vsctl", "--no-wait", "set", "Open_vSwitch", ".", f"external_ids:hostname={host.name}"),
        ("ovs-vswitchd", f"unix:{SOCKET}", *DAEMON),
        *(("ip", "link", "set", nic, "up") for nic in own.nics),
        *(("ethtool", "-K", nic, "tx", "off") for nic in own.nics),
        ("ip", "tuntap", "add", guest.test_tap, "mode", "tap"),
        ("ip", "link", "set", guest.test_tap, "up"),
        ("ovs-vsctl", f"--timeout={TIMEOUT_S}", *_configuration(own.nics, own.bond, guest)),
        ("ethtool", "-K", INTERNAL_PORT, "tx", "off"),
        ("ip", "addr", "add", f"{host.test_ip}/{addresses.test_prefix}", "dev", INTERNAL_PORT),
        ("ip", "link", "set", INTERNAL_PORT, "up"),
    ]


def _configuration(nics: tuple[str, ...], bond: str, guest: GuestNames) -> Command:
    inner, outer = INTEGRATION_BRIDGE, UPLINK_BRIDGE
    words: list[str] = []
    for bridge in (inner, outer):
        words += ["--", "add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=netdev"]
    for bridge, port, peer in (
        (inner, PATCH_TO_UPLINK, PATCH_TO_INTEGRATION),
        (outer, PATCH_TO_INTEGRATION, PATCH_TO_UPLINK),
    ):
        words += ["--", "add-port", bridge, port, "--", "set", "Interface", port, "type=patch", f"options:peer={peer}"]
    words += ["--", "add-port", inner, INTERNAL_PORT, "--", "set", "Interface", INTERNAL_PORT, "type=internal"]
    if bond:
        words += ["--", "add-bond", outer, bond, *nics, "bond_mode=active-backup"]
    else:
        words += ["--", "add-port", outer, nics[0]]
    external_ids = {
        "attached-mac": guest.test_mac,
        "iface-id": guest.interface_id,
        "iface-status": "active",
        "vm-id": guest.uuid,
    }
    words += ["--", "add-port", inner, guest.test_tap, "--", "set", "Interface", guest.test_tap]
    words += [f'external_ids:{key}="{value}"' for key, value in external_ids.items()]
    return tuple(words)
