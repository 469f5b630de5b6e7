from typing import Any

import pytest
from helpers.discovery_answers import answer, interface, raw, recorded, said, tables

from probecost.discovery.answers import Answer, read_answer
from probecost.discovery.host import Hints, HostFound, find_host
from probecost.discovery.wiring import Uplink, Wiring
from probecost.errors import NodeError

RAW = answer(
    [
        interface("lo", "127.0.0.1/8", "::1/128"),
        interface("eth0", "192.0.2.1/24"),
        interface("eth1", "10.0.0.1/24", "fe80::1%eth1/64", "fd00::1/64"),
    ],
    {"lo": {}, "eth0": {"device": True}, "eth1": {"device": True}},
    something_new={"nested": []},
)


def patch(name: str, peer: str) -> dict[str, Any]:
    return {"name": name, "type": "patch", "options": {"peer": peer}}


def found(content: dict[str, Any], **hints: str) -> HostFound:
    return find_host("a", Hints(**hints), read_answer("a", content))


def refused(content: dict[str, Any], **hints: str) -> str:
    with pytest.raises(NodeError) as caught:
        found(content, **hints)
    return str(caught.value)


def test_an_answer_is_typed_and_unknown_keys_passed_over() -> None:
    facts = read_answer("a", RAW).facts
    assert (facts.kernel, facts.netperf, len(facts.interfaces)) == ("6.1.0", None, 3)


@pytest.mark.parametrize("content", [{}, {"facts": {"interfaces": [{}]}}, {"facts": {}, "links": {"eth0": None}}])
def test_an_answer_that_is_none(content: dict[str, Any]) -> None:
    with pytest.raises(NodeError, match=r"node a: its answer cannot be read: \w+"):
        read_answer("a", content)


class TestWithoutOpenVswitch:
    @pytest.mark.parametrize(("address", "name"), [("10.0.0.1", "eth1"), ("fd00::1", "eth1"), ("192.0.2.1", "eth0")])
    def test_the_interface_that_carries_the_test_address(self, address: str, name: str) -> None:
        host = found(RAW, test_ip=address)
        assert (host.interface.name, host.bridge) == (name, None)
        assert host.uplink == Uplink(name, is_hardware=True)

    def test_an_address_that_is_only_a_prefix_of_another_is_not_found(self) -> None:
        message = refused(RAW, test_ip="10.0.0.10")
        assert message.startswith("node a: no interface has the test_ip 10.0.0.10; ")
        assert "10.0.0.1 on eth1" in message

    def test_without_a_test_ip_several_are_listed(self) -> None:
        message = refused(RAW)
        assert message.startswith("node a: needs test_ip in the minimal input: ")
        assert "192.0.2.1 on eth0, 10.0.0.1 on eth1" in message
        assert "127.0.0.1" not in message

    def test_the_only_address_needs_no_test_ip(self) -> None:
        host = find_host("a", Hints(), recorded("plain"))
        assert (host.test_ip, host.interface.name) == ("192.0.2.10", "eth0")

    def test_through_bridge_and_vlan_to_the_bond(self) -> None:
        host = find_host("a", Hints(test_ip="10.1.0.1"), recorded("linux"))
        assert (host.interface.name, host.bridge) == ("br0", "br0")
        assert host.uplink == Uplink("bond0", ("eth1", "eth2"), ("br0",), is_hardware=True)

    def test_through_a_macvlan(self) -> None:
        uplink = find_host("a", Hints(test_ip="10.3.0.1"), recorded("linux")).uplink
        assert uplink == Uplink("eth3", is_hardware=True)

    def test_a_hint_for_open_vswitch_where_there_is_none(self) -> None:
        absent = {
            name: said("", None, problem="ovs-vsctl is not installed") for name in ("Bridge", "Port", "Interface")
        }
        host = found(RAW | {"ovs": absent}, test_ip="10.0.0.1", internal_port="access")
        assert host.interface.name == "eth1"
        assert "ovs-vsctl is not installed" in refused(RAW | {"ovs": absent}, internal_port="access")

    def test_a_hint_for_open_vswitch_that_does_not_answer(self) -> None:
        broken = {name: said("", 1, "database connection failed") for name in ("Bridge", "Port", "Interface")}
        message = refused(RAW | {"ovs": broken}, test_ip="10.0.0.1", internal_port="access")
        assert "database connection failed" in message
        assert "internal_port_type: null" in message

    def test_a_bridge_with_two_cards(self) -> None:
        links = {"eth0": {"device": True}, "eth1": {"device": True}, "br0": {"ports": ["eth0", "eth1", "tap0"]}}
        content = answer([interface("br0", "10.0.0.1/24")], links | {"tap0": {"tun_flags": "0x1002\n"}})
        message = refused(content, test_ip="10.0.0.1")
        assert "br0 has several uplinks: eth0, eth1; say which: physical_interface" in message
        assert found(content, test_ip="10.0.0.1", uplink="eth1").uplink == Uplink("eth1", (), ("br0",), True)
        assert "eth7 is none of them" in refused(content, test_ip="10.0.0.1", uplink="eth7")

    def test_an_uplink_that_is_not_the_named_one(self) -> None:
        message = refused(RAW, test_ip="10.0.0.1", uplink="eth0")
        assert "the uplink below eth1 is eth1, not eth0 as physical_interface says" in message

    def test_a_veth_whose_other_end_is_elsewhere_is_the_uplink(self) -> None:
        content = answer([interface("eth0", "10.0.0.1/24", driver="veth")], {"eth0": {}})
        content["ip_link"] = said("2: eth0@if9: <UP> mtu 1500\\ link/ether 02:00:00:00:00:01\n")
        assert found(content, test_ip="10.0.0.1").uplink == Uplink("eth0")

    def test_a_veth_into_a_bridge_of_this_host(self) -> None:
        links = {"v0": {}, "v1": {"master": "br0"}, "br0": {"ports": ["v1", "eth0"]}, "eth0": {"device": True}}
        names = [interface("v0", "10.0.0.1/24", driver="veth"), interface("v1", driver="veth")]
        content = answer(names, links, ip_link=said("2: v0@v1: <UP>\n3: v1@v0: <UP> master br0\n"))
        assert found(content, test_ip="10.0.0.1").uplink == Uplink("eth0", (), ("br0",), is_hardware=True)

    def test_a_tun_of_a_vpn_has_no_uplink(self) -> None:
        host = found(
            answer([interface("tun0", "10.8.0.1/24")], {"tun0": {"tun_flags": "0x1001\n"}}), test_ip="10.8.0.1"
        )
        assert host.uplink is None
        assert host.notes == ("node a: no uplink was found below tun0",)


class TestOpenVswitch:
    def test_the_port_that_matches_the_hint(self) -> None:
        host = find_host("a", Hints(internal_port="access"), recorded("ovs"))
        assert (host.test_ip, host.interface.name, host.bridge) == ("10.2.0.1", "port-access", "ovsbr-access")
        bridges = ("ovsbr-access", "ovsbr-phy")
        assert host.uplink == Uplink("bond-phy", ("eth3", "eth4"), bridges, is_hardware=True)

    @pytest.mark.parametrize("hint", ["port-mgt", "mgt", "*-mgt", "port-[m]gt"])
    def test_names_and_patterns(self, hint: str) -> None:
        host = find_host("a", Hints(internal_port=hint), recorded("ovs"))
        assert (host.interface.name, host.uplink) == ("port-mgt", Uplink("eth5", (), ("ovsbr-mgt",), True))

    def test_by_test_ip_alone(self) -> None:
        host = find_host("a", Hints(test_ip="10.4.0.1"), recorded("ovs"))
        assert (host.interface.name, host.bridge) == ("port-mgt", "ovsbr-mgt")

    def test_several_that_match(self) -> None:
        message = refused(raw("ovs"), internal_port="port")
        assert "several internal ports of Open vSwitch are possible: port-access (10.2.0.1" in message
        assert "port-mgt (10.4.0.1" in message
        assert "say which more exactly by internal_port_type again, or test_ip" in message
        assert found(raw("ovs"), internal_port="port", test_ip="10.4.0.1").interface.name == "port-mgt"

    def test_several_without_a_hint(self) -> None:
        assert "say which by internal_port_type or test_ip" in refused(raw("ovs"))

    def test_none_that_matches(self) -> None:
        message = refused(raw("ovs"), internal_port="storage")
        assert "no internal port of Open vSwitch with an address fits internal_port_type: storage" in message
        assert "port-mgt (10.4.0.1" in message
        assert "ovsbr-phy (no address)" in message

    def test_one_that_has_no_address(self) -> None:
        assert "(ovsbr-phy has no address)" in refused(raw("ovs"), internal_port="phy")

    def test_a_test_ip_on_another_port(self) -> None:
        message = refused(raw("ovs"), internal_port="access", test_ip="10.4.0.1")
        assert "test_ip 10.4.0.1 is on port-mgt; what fits internal_port_type: access is port-access" in message

    def test_a_test_ip_on_no_interface(self) -> None:
        assert "no interface has the test_ip 10.9.9.9" in refused(
            raw("ovs"), internal_port="access", test_ip="10.9.9.9"
        )

    def test_a_port_with_two_addresses(self) -> None:
        content = raw("ovs")
        (port,) = [one for one in content["facts"]["interfaces"] if one["name"] == "port-access"]
        port["addresses"].append("10.2.0.9/32")
        message = refused(content, internal_port="access")
        assert "port-access has several addresses: 10.2.0.1, 10.2.0.9; say which by test_ip" in message

    def test_a_port_with_ipv6_only_beside_one_with_ipv4(self) -> None:
        content = raw("ovs")
        (local,) = [one for one in content["facts"]["interfaces"] if one["name"] == "ovsbr-access"]
        local["addresses"] = ["fd00::7/64"]
        assert found(content, internal_port="access").interface.name == "port-access"


class TestWiringOfOpenVswitch:
    def uplink(self, bridges: Any, links: Any, start: str, ip_link: str = "", drivers: Any = None) -> Uplink | None:
        names = [interface(name, driver=(drivers or {}).get(name)) for name in links]
        content = answer(names, links, ovs=tables(bridges), ip_link=said(ip_link))
        return Wiring.read(Answer.model_validate(content)).uplink(start)

    def test_a_bond_of_linux_as_port(self) -> None:
        bonding = "Slave Interface: eth0\nSlave Interface: eth1\n"
        links = {"eth0": {"device": True}, "eth1": {"device": True}, "bond0": {"bonding": bonding}, "port-a": {}}
        bridges = {"br": {"port-a": [{"name": "port-a", "type": "internal"}], "bond0": [{"name": "bond0"}]}}
        assert self.uplink(bridges, links, "port-a") == Uplink("bond0", ("eth0", "eth1"), ("br",), True)

    def test_a_vlan_as_port(self) -> None:
        links = {"eth0": {"device": True}, "eth0.7": {"uevent": "DEVTYPE=vlan\n", "lower": ["eth0"]}, "p": {}}
        bridges = {"br": {"p": [{"name": "p", "type": "internal"}], "eth0.7": [{"name": "eth0.7"}]}}
        assert self.uplink(bridges, links, "p") == Uplink("eth0", (), ("br",), True)

    def test_veths_of_containers_are_no_uplinks_where_there_is_a_card(self) -> None:
        links = {"eth0": {"device": True}, "c1": {}, "c2": {}, "p": {}}
        bridges: Any = {
            "int": {
                "p": [{"name": "p", "type": "internal"}],
                "c1": [{"name": "c1"}],
                "c2": [{"name": "c2"}],
                "to-ex": [{"name": "to-ex", "type": "patch", "options": {"peer": "to-int"}}],
            },
            "ex": {
                "to-int": [{"name": "to-int", "type": "patch", "options": {"peer": "to-ex"}}],
                "eth0": [{"name": "eth0"}],
            },
        }
        drivers = {"c1": "veth", "c2": "veth"}
        assert self.uplink(bridges, links, "p", drivers=drivers) == Uplink("eth0", (), ("int", "ex"), True)

    def test_a_veth_is_the_uplink_where_there_is_nothing_else(self) -> None:
        links = {"v0": {}, "p": {}, "tap0": {"tun_flags": "0x1002"}}
        bridges: Any = {
            "br": {"p": [{"name": "p", "type": "internal"}], "v0": [{"name": "v0"}], "tap0": [{"name": "tap0"}]}
        }
        assert self.uplink(bridges, links, "p", drivers={"v0": "veth"}) == Uplink("v0", (), ("br",))

    def test_patches_in_a_circle_and_into_nothing(self) -> None:
        bridges: Any = {
            "a": {
                "p": [{"name": "p", "type": "internal"}],
                "x": [{"name": "x", "type": "patch", "options": {"peer": "y"}}],
            },
            "b": {
                "y": [{"name": "y", "type": "patch", "options": {"peer": "x"}}],
                "z": [{"name": "z", "type": "patch", "options": {"peer": "gone"}}],
            },
        }
        assert self.uplink(bridges, {"p": {}}, "p") is None

    def test_a_tap_in_a_linux_bridge_that_a_veth_ties_to_open_vswitch(self) -> None:
        links = {
            "tap0": {"tun_flags": "0x1002", "master": "qbr"},
            "qbr": {"ports": ["qvb", "tap0"]},
            "qvb": {"master": "qbr"},
            "qvo": {"master": "ovs-system"},
            "eth0": {"device": True},
        }
        bridges: Any = {"int": {"qvo": [{"name": "qvo"}], "eth0": [{"name": "eth0"}]}}
        text = "7: qvo@qvb: <UP> mtu 1500\n8: qvb@qvo: <UP> mtu 1500\n"
        drivers = {"qvb": "veth", "qvo": "veth"}
        assert self.uplink(bridges, links, "tap0", text, drivers) == Uplink("eth0", (), ("qbr", "int"), True)

    @pytest.mark.parametrize("has_patches", [True, False])
    def test_a_bond_of_dpdk_ports_goes_before_what_is_no_card_or_farther(self, has_patches: bool) -> None:
        bond = [{"name": "dpdk0", "type": "dpdk"}, {"name": "dpdk1", "type": "dpdk"}]
        port: Any = {"p": [{"name": "p", "type": "internal"}]}
        links: Any = {"p": {}, "eth0": {"device": True}}
        bridges: Any = {"br": {**port, "bond": bond, "v0": [{"name": "v0"}]}}
        if has_patches:
            bridges = {
                "br": {**port, "a": [patch("a", "b")], "c": [patch("c", "d")]},
                "phy": {"b": [patch("b", "a")], "bond": bond},
                "mgt": {"d": [patch("d", "c")], "eth0": [{"name": "eth0"}]},
            }
        else:
            links["v0"] = {}
        found = self.uplink(bridges, links, "p", drivers={"v0": "veth"})
        assert found == Uplink("bond", ("dpdk0", "dpdk1"), ("br", "phy") if has_patches else ("br",), True)

    @pytest.mark.parametrize("is_of_linux", [False, True])
    def test_a_bond_of_vlan_devices(self, is_of_linux: bool) -> None:
        vlans: Any = {f"eth{n}.7": {"uevent": "DEVTYPE=vlan\n", "lower": [f"eth{n}"]} for n in (0, 1)}
        links = {**vlans, "eth0": {"device": True}, "eth1": {"device": True}, "p": {}, "v0": {}}
        members: Any = [{"name": name} for name in vlans]
        if is_of_linux:
            links["bond"] = {"bonding": "Slave Interface: eth0.7\nSlave Interface: eth1.7\n"}
            members = [{"name": "bond"}]
        bridges = {"br": {"p": [{"name": "p", "type": "internal"}], "bond": members, "v0": [{"name": "v0"}]}}
        found = self.uplink(bridges, links, "p", drivers={"v0": "veth"})
        assert found == Uplink("bond", ("eth0.7", "eth1.7"), ("br",), True)

    def test_a_card_of_dpdk(self) -> None:
        bridges: Any = {"br": {"p": [{"name": "p", "type": "internal"}], "d": [{"name": "dpdk0", "type": "dpdk"}]}}
        assert self.uplink(bridges, {"p": {"tun_flags": "0x1002"}}, "p") == Uplink("dpdk0", (), ("br",), True)
