import pytest

from probecost.discovery.host import find_host, read_facts
from probecost.errors import NodeError

RAW: dict[str, object] = {
    "hostname": "a",
    "kernel": "6.1.0",
    "arch": "x86_64",
    "python": "3.11.2",
    "cpus": 4,
    "btf": True,
    "iperf3": "3.12",
    "netperf": None,
    "sudo": True,
    "time_ns": 1,
    "something_new": {"nested": []},
    "interfaces": [
        {"name": "lo", "mac": "00:00:00:00:00:00", "mtu": 65536, "addresses": ["127.0.0.1/8", "::1/128"]},
        {"name": "eth0", "driver": "virtio_net", "mtu": 1500, "state": "up", "addresses": ["192.0.2.1/24"]},
        {"name": "eth1", "driver": None, "addresses": ["10.0.0.1/24", "fe80::1%eth1/64", "fd00::1/64"]},
    ],
}


def test_facts_are_typed_and_unknown_ones_passed_over() -> None:
    facts = read_facts("a", RAW)
    assert (facts.kernel, facts.netperf, facts.btf, len(facts.interfaces)) == ("6.1.0", None, True, 3)


def test_facts_that_are_none() -> None:
    with pytest.raises(NodeError, match=r"node a: its facts cannot be read: interfaces\.0\.name: "):
        read_facts("a", {"interfaces": [{}]})


@pytest.mark.parametrize(("address", "interface"), [("10.0.0.1", "eth1"), ("fd00::1", "eth1"), ("192.0.2.1", "eth0")])
def test_the_interface_that_carries_the_test_address(address: str, interface: str) -> None:
    found = find_host("a", address, read_facts("a", RAW))
    assert (found.interface.name, found.internal_interface, found.physical_interface) == (interface,) * 3


def test_an_address_that_is_only_a_prefix_of_another_is_not_found() -> None:
    with pytest.raises(NodeError, match=r"node a: no interface has the test_ip 10.0.0.10; .*10.0.0.1/24 on eth1"):
        find_host("a", "10.0.0.10", read_facts("a", RAW))


def test_a_host_without_test_ip_is_told_what_it_needs() -> None:
    with pytest.raises(
        NodeError, match=r"node a: needs test_ip in the minimal input: .*192.0.2.1/24 on eth0"
    ) as caught:
        find_host("a", None, read_facts("a", RAW))
    assert "127.0.0.1" not in str(caught.value)
