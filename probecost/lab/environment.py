"""Texts of the files in the environment folder of a lab. Nothing here does I/O."""

from __future__ import annotations

from pathlib import Path

from probecost.lab.addresses import LabAddresses
from probecost.lab.render import USER, WORKDIR, Keys
from probecost.lab.vm.names import INTERNAL_PORT_TYPE, guest_names


def ssh_config(addresses: LabAddresses, identity: Path, known_hosts: Path) -> str:
    """An OpenSSH client configuration for the hosts, by name or management address."""
    blocks = ["# Written by the lab: brought up anew, it is written anew. Use: ssh -F <this file> host-server\n"]
    for host in addresses.nodes:
        blocks.append(
            f"Host {host.name} {host.management_ip}\n"
            f"    HostName {host.management_ip}\n"
            f"    User {USER}\n"
            f"    IdentityFile {_ssh_path(identity)}\n"
            f"    IdentitiesOnly yes\n"
            f"    UserKnownHostsFile {_ssh_path(known_hosts)}\n"
            f"    GlobalKnownHostsFile /dev/null\n"
            f"    StrictHostKeyChecking yes\n"
        )
    return "\n".join(blocks)


def _ssh_path(path: Path) -> str:
    text = str(path).replace("%", "%%")
    return f'"{text}"' if " " in text else text


def known_hosts(addresses: LabAddresses, keys: Keys) -> str:
    """One line per host: address, key type, key."""
    lines = [f"{host.management_ip} {' '.join(keys.hosts[host.name][1].split()[:2])}" for host in addresses.nodes]
    return "\n".join(lines) + "\n"


def minimal_input(name: str, addresses: LabAddresses, instance: str) -> str:
    """The environment's ``minimal-input.yaml``. ``instance`` decides the UUIDs of guests."""
    lines = [
        "# Written by the lab. It stays as it is while the addresses do; changes made by hand are lost.",
        'version: "1.0"',
        f'environment: "{name}"',
        "ssh_config: ssh_config",
        "",
        "nodes:",
    ]
    for host in addresses.hosts:
        lines += _node(host.name, str(host.management_ip), "role: host", f'test_ip: "{host.test_ip}"')
    for guest in addresses.guests:
        lines += _node(
            guest.name,
            str(guest.management_ip),
            "role: vm",
            f"host_ref: {guest.host}",
            f'uuid: "{guest_names(guest.name, instance).uuid}"',
            f'test_ip: "{guest.test_ip}"',
        )
    lines += ["", "test_pairs:"]
    for kind, nodes in (("host", addresses.hosts), ("vm", addresses.guests)):
        if nodes:
            server, client = nodes
            lines += [f"  {kind}:", f"    server: {server.name}", f"    client: {client.name}"]
    lines += ["", "discovery_hints:"]
    if addresses.guests:
        lines.append(f'  internal_port_type: "{INTERNAL_PORT_TYPE}"')
    lines.append('  python_interpreter: "python3"')
    lines += ["", *(GUESTS_MEASURE if addresses.guests else KNOWN_COSTS).splitlines()]
    return "\n".join(lines) + "\n"


def _node(name: str, address: str, *more: str) -> list[str]:
    words = (f'ssh: "{USER}@{address}"', f'workdir: "{WORKDIR}"', *more)
    return [f"  {name}:", *(f"    {word}" for word in words)]


# A userspace switch loses most of a flood, and with it the first packet of a late iperf3, which then hangs.
GUESTS_MEASURE = """\
performance_tests:
  pps:
    single_stream: {target_bw: 10M}
    multi_stream: {target_bw: 2M}

tools:
  categories:
    kvm-virt-network:
      environment: vm
      tools:
        - script: tap_traffic.bt
          template: sudo bpftrace {path} {VM_INTERFACE} {protocol}
          parameters:
            protocol: [tcp, udp]
"""

# A tool with a known cost. `make dose` measures it; `make lab` leaves it out.
KNOWN_COSTS = """\
tools:
  categories:
    control:
      environment: host
      tools:
        - script: dose.py
          template: sudo python3 {path} --ns {ns} --interface {INTERNAL_INTERFACE}
          parameters:
            ns: ["0", "500", "1000", "2000", "4000"]
"""
