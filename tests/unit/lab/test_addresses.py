"""Addresses of labs: disjoint, stable, and out of the way of what the machine has."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network

import pytest

from probecost.lab.addresses import LABS, RANGE, addresses_of, choose_index
from probecost.lab.errors import LabError


def test_a_lab_lies_in_its_own_network() -> None:
    lab = addresses_of(3)
    assert lab.network == IPv4Network("198.18.3.0/24")
    server, client = lab.hosts
    assert [str(address) for address in (server.machine_ip, server.management_ip, server.test_ip)] == [
        "198.18.3.1",
        "198.18.3.2",
        "198.18.3.129",
    ]
    assert [str(address) for address in (client.machine_ip, client.management_ip, client.test_ip)] == [
        "198.18.3.5",
        "198.18.3.6",
        "198.18.3.130",
    ]


def test_networks_of_a_lab_do_not_overlap() -> None:
    lab = addresses_of(LABS - 1)
    networks = [IPv4Interface(f"{host.management_ip}/{lab.management_prefix}").network for host in lab.hosts]
    networks.append(IPv4Interface(f"{lab.hosts[0].test_ip}/{lab.test_prefix}").network)
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)
    assert all(network.subnet_of(lab.network) for network in networks)
    for host, network in zip(lab.hosts, networks, strict=False):
        assert host.machine_ip in network
        assert host.test_ip in networks[-1]


def test_all_labs_are_disjoint_and_in_the_range() -> None:
    labs = [addresses_of(index) for index in range(LABS)]
    assert len({lab.network for lab in labs}) == LABS
    assert all(lab.network.subnet_of(RANGE) for lab in labs)
    links = [host.machine_link for lab in labs for host in lab.hosts]
    assert len(set(links)) == len(links)
    assert max(map(len, links)) <= 15


@pytest.mark.parametrize("index", [-1, LABS])
def test_no_lab_outside_the_range(index: int) -> None:
    with pytest.raises(ValueError, match="index"):
        addresses_of(index)


class TestChoice:
    def test_is_the_same_each_time(self) -> None:
        assert choose_index("lab-0a1b2c3d", [], [], []) == choose_index("lab-0a1b2c3d", [], [], [])

    def test_avoids_other_labs(self) -> None:
        first = choose_index("lab-x", [], [], [])
        assert choose_index("lab-x", [first], [], []) == (first + 1) % LABS

    def test_avoids_addresses_and_routes_of_the_machine(self) -> None:
        first = choose_index("lab-x", [], [], [])
        inside = IPv4Network((int(addresses_of(first).network.network_address) + 64, 30))
        assert choose_index("lab-x", [], [inside], []) == (first + 1) % LABS

    def test_avoids_interfaces_of_the_machine(self) -> None:
        first = choose_index("lab-x", [], [], [])
        assert choose_index("lab-x", [], [], ["lo", f"pcl{first}c"]) == (first + 1) % LABS

    def test_a_default_route_occupies_nothing(self) -> None:
        assert choose_index("lab-x", [], [IPv4Network("0.0.0.0/0")], []) == choose_index("lab-x", [], [], [])

    def test_takes_the_other_half_when_one_is_routed_elsewhere(self) -> None:
        for instance in ("a", "b", "c", "d"):
            assert choose_index(instance, [], [IPv4Network("198.18.0.0/16")], []) >= 256

    def test_says_so_when_nothing_is_free(self) -> None:
        with pytest.raises(LabError, match=r"198\.18\.0\.0/15"):
            choose_index("lab-x", [], [RANGE], [])
