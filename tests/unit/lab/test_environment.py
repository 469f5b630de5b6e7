"""The files of a lab's environment folder, as text."""

from __future__ import annotations

from pathlib import Path

import yaml

from probecost.lab import environment, render
from probecost.lab.addresses import GUEST_HOSTS, HOST_NAMES, addresses_of
from probecost.lab.vm.names import guest_names

LAB = addresses_of(1)
WITH_GUESTS = addresses_of(1, guests=True)
KEYS = render.Keys(
    hosts={name: (f"private {name}\n", f"ssh-ed25519 AAAA{name} {name}\n") for name in (*HOST_NAMES, *GUEST_HOSTS)},
    login_public="ssh-ed25519 AAAAlogin me\n",
)


def test_minimal_input_is_an_environment() -> None:
    document = yaml.safe_load(environment.minimal_input("lab", LAB, "lab-x"))
    (known_cost,) = document.pop("tools")["categories"]["control"]["tools"]
    assert known_cost["script"] == "dose.py"
    assert known_cost["parameters"] == {"ns": ["0", "500", "1000", "2000", "4000"]}
    assert document == {
        "version": "1.0",
        "environment": "lab",
        "ssh_config": "ssh_config",
        "nodes": {
            "host-server": {
                "ssh": "probe@198.18.1.2",
                "workdir": "/home/probe/work",
                "role": "host",
                "test_ip": "198.18.1.129",
            },
            "host-client": {
                "ssh": "probe@198.18.1.6",
                "workdir": "/home/probe/work",
                "role": "host",
                "test_ip": "198.18.1.130",
            },
        },
        "test_pairs": {"host": {"server": "host-server", "client": "host-client"}},
        "discovery_hints": {"python_interpreter": "python3"},
    }


def test_ssh_config_knows_names_and_addresses() -> None:
    text = environment.ssh_config(LAB, Path("/c/lab/id_ed25519"), Path("/c/lab/known_hosts"))
    assert "Host host-server 198.18.1.2\n    HostName 198.18.1.2\n" in text
    assert text.count("    IdentityFile /c/lab/id_ed25519\n    IdentitiesOnly yes\n") == 2
    assert text.count("    UserKnownHostsFile /c/lab/known_hosts\n") == 2
    assert text.count("StrictHostKeyChecking yes") == 2


def test_ssh_config_quotes_odd_folders() -> None:
    text = environment.ssh_config(LAB, Path("/my 50% lab/id"), Path("/k"))
    assert '    IdentityFile "/my 50%% lab/id"\n' in text


def test_known_hosts_has_a_line_per_host() -> None:
    assert environment.known_hosts(LAB, KEYS) == (
        "198.18.1.2 ssh-ed25519 AAAAhost-server\n198.18.1.6 ssh-ed25519 AAAAhost-client\n"
    )


class TestWithGuests:
    def test_minimal_input_has_both_pairs(self) -> None:
        document = yaml.safe_load(environment.minimal_input("lab-vm", WITH_GUESTS, "lab-vm-x"))
        assert document["environment"] == "lab-vm"
        assert document["test_pairs"] == {
            "host": {"server": "host-server", "client": "host-client"},
            "vm": {"server": "vm-server", "client": "vm-client"},
        }
        assert document["nodes"]["vm-client"] == {
            "ssh": "probe@198.18.1.14",
            "workdir": "/home/probe/work",
            "role": "vm",
            "host_ref": "host-client",
            "uuid": guest_names("vm-client", "lab-vm-x").uuid,
            "test_ip": "198.18.1.132",
        }
        assert document["nodes"]["host-client"]["role"] == "host"
        assert document["discovery_hints"] == {"internal_port_type": "probe", "python_interpreter": "python3"}
        assert document["tools"]["categories"]["kvm-virt-network"]["environment"] == "vm"

    def test_it_is_the_same_for_the_same_instance_only(self) -> None:
        one, again, other = (environment.minimal_input("lab-vm", WITH_GUESTS, name) for name in ("x", "x", "y"))
        assert one == again
        assert one != other

    def test_guests_can_be_reached_by_name_and_are_known(self) -> None:
        config = environment.ssh_config(WITH_GUESTS, Path("/c/id"), Path("/c/known"))
        assert "Host vm-server 198.18.1.10\n    HostName 198.18.1.10\n" in config
        known = environment.known_hosts(WITH_GUESTS, KEYS).splitlines()
        assert [line.split()[0] for line in known] == ["198.18.1.2", "198.18.1.6", "198.18.1.10", "198.18.1.14"]
        assert known[3] == "198.18.1.14 ssh-ed25519 AAAAvm-client"
