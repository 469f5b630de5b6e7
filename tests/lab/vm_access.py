"""A bed with guests, brought up for the tests, and an environment on it that is written by hand, from its record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from bed_access import WORKDIR
from own_lab import OwnLab

from probecost.lab.addresses import LabAddresses, addresses_of
from probecost.lab.vm.built import BuiltHost

SITE = "vm-site"


@dataclass(frozen=True)
class VmBed(OwnLab):
    """A bed with guests in a configuration folder of its own."""

    name: str = "lab-vm"

    @property
    def addresses(self) -> LabAddresses:
        return addresses_of(self.recorded.index, guests=True)

    def built(self, host: str) -> BuiltHost:
        return self.recorded.built[host]

    def write_site(self) -> Path:
        """Write the environment ``vm-site`` with the pairs host and vm, and a case for each; its folder."""
        folder = self.config_dir / SITE
        folder.mkdir()
        for name in ("ssh_config", "known_hosts", "id_ed25519"):
            (folder / name).symlink_to(self.place.folder / name)
        (folder / f"{SITE}-full.yaml").write_text(yaml.safe_dump(self._full(), sort_keys=False))
        tap = self.built("host-server").guest.test_tap
        cases = [
            _case(1, "host", "packet-drop", "eth_drop", "sudo bpftrace {path} tcp rx"),
            _case(2, "vm", "kvm-virt-network", "tap_traffic", f"sudo bpftrace {{path}} {tap} tcp"),
        ]
        document = {"metadata": {"environment": SITE, "total_cases": len(cases)}, "test_cases": cases}
        (folder / f"{SITE}-cases.json").write_text(json.dumps(document, indent=1))
        return folder

    def _full(self) -> dict[str, Any]:
        server, client = (self.built(host.name) for host in self.addresses.hosts)
        return {
            "version": "1.0",
            "environment": SITE,
            "ssh": {
                "ssh_hosts": {
                    node.name: {"host": str(node.management_ip), "user": "probe", "workdir": WORKDIR}
                    for node in self.addresses.nodes
                },
                "config_file": "ssh_config",
            },
            "environments": {
                "host": {
                    "server": _host_side("host-server", server),
                    "client": _host_side("host-client", client),
                    "network_config": _network(server, client),
                },
                "vm": {
                    "server": guest_side("host-server", server),
                    "client": guest_side("host-client", client),
                    "network_config": {
                        **_network(server, client),
                        "server_vm_interface": server.guest.test_tap,
                        "client_vm_interface": client.guest.test_tap,
                    },
                    "kvm_config": {
                        "server": {"qemu_pid": str(server.guest.qemu_pid), "vhost_pids": []},
                        "client": {"qemu_pid": str(client.guest.qemu_pid), "vhost_pids": []},
                    },
                },
            },
            "performance_tests": {
                "throughput": {"single_stream": {"duration": 1}},
                "latency": {"tcp_rr": {"duration": 1}, "udp_rr": {"duration": 1}},
                "pps": {"single_stream": {"duration": 1, "target_bw": "10M"}},
            },
        }


def _host_side(name: str, built: BuiltHost) -> dict[str, str]:
    return {"ssh_ref": name, "test_ip": built.test_ip, "interface": built.internal_interface}


def guest_side(host: str, built: BuiltHost) -> dict[str, str]:
    guest = built.guest
    return {
        "ssh_ref": guest.name,
        "test_ip": guest.test_ip,
        "interface": guest.test_interface,
        "vm_interface": guest.test_tap,
        "physical_host_ref": host,
    }


def _network(server: BuiltHost, client: BuiltHost) -> dict[str, Any]:
    return {
        "server_internal_interface": server.internal_interface,
        "client_internal_interface": client.internal_interface,
        "server_physical_interface": server.uplink,
        "server_physical_nic_members": list(server.nics),
        "client_physical_interface": client.uplink,
        "client_physical_nic_members": list(client.nics),
    }


def _case(number: int, kind: str, category: str, tool: str, command: str) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"{tool}_tcp",
        "command": command.format(path=f"lab/tools/{category}/{tool}.bt"),
        "script": f"{tool}.bt",
        "category": category,
        "environment": kind,
        "parameters": {"protocol": "tcp"},
        "duration": 10,
    }
