"""What commands and files of a node say, read: recorded output of real ones, and libvirt's and vhost's own forms."""

import json
from typing import Any

import pytest
from helpers.discovery_answers import MAC_A, MAC_B, VM_A, VM_B, raw, recorded, said, tables

from probecost.discovery.answers import Machines, Said, VmProcess
from probecost.discovery.libvirt import Domain, LibvirtError, read_domain
from probecost.discovery.linux_net import bond_members, peers, permanent_macs, read_links, vlan_parent
from probecost.discovery.ovs import OvsError, cell, elements, read_ovs, rows
from probecost.discovery.qemu import Nic, find_process, nics, running, tap_of, vhost_workers

DOMAIN = """\
<domain type='kvm' id='7'>
  <name>db-1</name>
  <uuid>ae6aa164-604c-4cb0-84b8-2dea03430001</uuid>
  <devices>
    <interface type='bridge'>
      <mac address='52:54:00:00:00:0A'/>
      <source bridge='ovsbr-access'/>
      <virtualport type='openvswitch'>
        <parameters interfaceid='11111111-2222-4333-8444-55555555000a'/>
      </virtualport>
      <target dev='vnet503'/>
      <model type='virtio'/>
      <driver name='vhost' queues='4'/>
      <alias name='net0'/>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x0a' function='0x0'/>
    </interface>
    <interface type='hostdev' managed='yes'>
      <mac address='52:54:00:00:00:0c'/>
      <source><address type='pci' domain='0x0000' bus='0x3b' slot='0x02' function='0x5'/></source>
    </interface>
    <interface type='direct'>
      <mac address='52:54:00:00:00:0d'/>
      <source dev='eth1' mode='bridge'/>
      <target dev='macvtap0'/>
      <model type='virtio'/>
    </interface>
  </devices>
</domain>
"""


class TestOvs:
    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("vnet0", "vnet0"),
            (["uuid", "f1"], "f1"),
            (["set", []], ()),
            (["set", [["uuid", "a"], ["uuid", "b"]]], ("a", "b")),
            (["map", []], {}),
            (["map", [["attached-mac", MAC_A]]], {"attached-mac": MAC_A}),
            (1500, 1500),
            (True, True),
        ],
    )
    def test_cells(self, written: Any, read: Any) -> None:
        assert cell(written) == read

    def test_a_set_of_one_is_written_as_its_element(self) -> None:
        assert elements("a") == ("a",)
        assert elements(()) == ()

    def test_recorded_tables(self) -> None:
        ovs = read_ovs(recorded("ovs").ovs)
        assert {bridge.name: sorted(port.name for port in bridge.ports) for bridge in ovs.bridges} == {
            "ovsbr-access": ["access-to-phy", "ovsbr-access", "port-access", "vnet0", "vnet1"],
            "ovsbr-phy": ["bond-phy", "ovsbr-phy", "phy-to-access"],
            "ovsbr-mgt": ["eth5", "ovsbr-mgt", "port-mgt", "vx0"],
        }
        (bond,) = [port for bridge in ovs.bridges for port in bridge.ports if port.is_bond]
        assert (bond.name, [one.name for one in bond.interfaces]) == ("bond-phy", ["eth3", "eth4"])
        vnet = ovs.interface("vnet0")
        assert vnet is not None
        assert (vnet.attached_mac, vnet.vm_uuid, vnet.may_be_uplink) == (MAC_A, VM_A, False)
        patch = ovs.interface("access-to-phy")
        assert patch is not None
        assert patch.peer == "phy-to-access"
        bridge = ovs.bridge_of("eth4")
        assert bridge is not None
        assert bridge.name == "ovsbr-phy"
        assert [other.name for other in ovs.beyond(bridge)] == ["ovsbr-access"]

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"data": [["a"]], "headings": []}', "ovs-vsctl: no"])
    def test_what_is_no_table(self, text: str) -> None:
        with pytest.raises(OvsError, match="no table of Open vSwitch"):
            list(rows(text))

    def test_a_table_without_a_column(self) -> None:
        some = {name: Said.model_validate(one) for name, one in tables({"br0": {"p": [{"name": "p"}]}}).items()}
        port = Said.model_validate(said(json.dumps({"data": [["p"]], "headings": ["name"]})))
        with pytest.raises(OvsError, match="lack the column 'interfaces'"):
            read_ovs(some | {"Port": port})

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (
                said("", 1, "ovs-vsctl: unix:/run/openvswitch/db.sock: database connection failed (No such file)"),
                "ovs-vsctl: unix:/run/openvswitch/db.sock: database connection failed (No such file)",
            ),
            (said("", None, problem="ovs-vsctl is not installed"), "ovs-vsctl is not installed"),
            (said("", 1), "ovs-vsctl: exit code 1"),
        ],
    )
    def test_a_switch_that_does_not_answer(self, answer: dict[str, Any], reason: str) -> None:
        some = {name: Said.model_validate(one) for name, one in tables({}).items()}
        with pytest.raises(OvsError) as caught:
            read_ovs(some | {"Port": Said.model_validate(answer)})
        assert str(caught.value) == reason

    def test_not_asked(self) -> None:
        with pytest.raises(OvsError, match="was not asked"):
            read_ovs({})


class TestLinuxNet:
    def test_recorded_interfaces(self) -> None:
        answer = recorded("linux")
        links = read_links(answer.links, answer.ip_link.out, {})
        kinds = {name: (link.kind, link.lower) for name, link in links.items()}
        assert kinds == {
            "lo": ("virtual", ()),
            **{f"eth{number}": ("hardware", ()) for number in range(6)},
            "bond0": ("bond", ("eth1", "eth2")),
            "bond0.100": ("vlan", ("bond0",)),
            "br0": ("bridge", ("bond0.100", "vnet0", "vnet1")),
            "mv0": ("virtual", ("eth3",)),
            "vnet0": ("tap", ()),
            "vnet1": ("tap", ()),
        }
        assert links["eth1"].master == "bond0"
        assert links["bond0"].permanent_macs == ("52:54:00:12:34:51", "52:54:00:12:34:52")

    def test_proc_files(self) -> None:
        links = recorded("linux").links
        assert bond_members(links["bond0"].bonding or "") == ("eth1", "eth2")
        assert permanent_macs("Permanent HW addr: 52:54:00:AA:00:01\nSlave queue ID: 0\n") == ("52:54:00:aa:00:01",)
        assert vlan_parent(links["bond0.100"].vlan or "") == "bond0"
        assert vlan_parent("") is None

    def test_a_bond_without_members(self) -> None:
        assert bond_members(recorded("plain").links["bond0"].bonding or "") == ()

    def test_the_other_end_of_a_veth_only_where_it_is_here(self) -> None:
        text = (
            "2: eth0@if11: <BROADCAST,UP> mtu 1500 master br0 state UP\\    link/ether 02:00:00:00:00:01\n"
            "3: qvb1@qvo1: <BROADCAST,UP> mtu 1500 state UP\\    link/ether 02:00:00:00:00:02\n"
            "4: gre0@NONE: <NOARP> mtu 1476\\    link/gre 0.0.0.0\n"
            "5: eth1: <BROADCAST,UP> mtu 1500 state UP\\    link/ether 02:00:00:00:00:03\n"
        )
        assert peers(text) == {"qvb1": "qvo1"}


class TestQemu:
    def test_recorded_processes(self) -> None:
        machines = recorded("linux").machines
        (first,), (second,) = find_process(machines, VM_A), find_process(machines, VM_B.upper())
        assert (tap_of(first, MAC_A), tap_of(second, MAC_B)) == ("vnet0", "vnet1")
        assert tap_of(first, MAC_B) is None
        assert (vhost_workers(first, machines), vhost_workers(second, machines)) == ((177,), (174, 176))
        assert running(machines) == (VM_A, VM_B)
        assert find_process(machines, VM_A[:-1]) == []

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (
                "-netdev tap,fds=32:33,id=hostnet0,vhost=on,vhostfds=34:35 "
                "-device virtio-net-pci,mq=on,vectors=6,netdev=hostnet0,id=net0,mac=52:54:00:00:00:0A,addr=0x3",
                Nic(MAC_A, None, (32, 33)),
            ),
            (
                '-netdev {"type":"tap","fd":"36","vhost":true,"vhostfd":"38","id":"hostnet0"} '
                '-device {"driver":"virtio-net-pci","netdev":"hostnet0","id":"net0","mac":"52:54:00:00:00:0a"}',
                Nic(MAC_A, None, (36,)),
            ),
            ("-nic tap,ifname=tap7,mac=52:54:00:00:00:0a,model=virtio-net-pci", Nic(MAC_A, "tap7")),
            (
                "-device virtio-net-pci,netdev=n,mac=52:54:00:00:00:0a -netdev tap,id=n,script=/etc/a,,b,ifname=t",
                Nic(MAC_A, "t"),
            ),
        ],
    )
    def test_network_cards_in_every_form(self, words: str, expected: Nic) -> None:
        assert nics(["qemu", *words.split()]) == (expected,)

    @pytest.mark.parametrize(
        "words",
        [
            "-netdev user,id=n -device virtio-net-pci,netdev=n,mac=52:54:00:00:00:0a",
            "-netdev tap,id=n,ifname=t -device virtio-net-pci,netdev=n",
            "-device virtio-net-pci,netdev=gone,mac=52:54:00:00:00:0a",
            "-netdev {broken -device {broken",
            "-netdev",
        ],
    )
    def test_what_is_no_card_on_a_tap(self, words: str) -> None:
        assert nics(["qemu", *words.split()]) == ()

    def test_descriptors_tell_cards_apart(self) -> None:
        words = "-netdev tap,fd=30,id=a -netdev tap,fd=31,id=b -device e,netdev=a,mac=00:00:00:00:00:01"
        words += " -device e,netdev=b,mac=00:00:00:00:00:02"
        process = vm_process(argv=["qemu", *words.split()], tuns={30: "vnet4", 31: "vnet5"})
        assert tap_of(process, "00:00:00:00:00:02") == "vnet5"

    def test_a_tap_that_was_renamed(self) -> None:
        argv = ["qemu", "-netdev", "tap,ifname=old,id=a", "-device", "e,netdev=a,mac=00:00:00:00:00:01"]
        assert tap_of(vm_process(argv=argv, tuns={9: "new"}), "00:00:00:00:00:01") == "new"
        assert tap_of(vm_process(argv=argv, tuns={9: "new", 10: "newer"}), "00:00:00:00:00:01") is None

    def test_workers_as_threads_of_qemu(self) -> None:
        process = vm_process(pid=418, threads={431: "vhost-418", 430: "vhost-418", 440: "vhost-4180"})
        assert vhost_workers(process, Machines()) == (430, 431)

    def test_workers_are_matched_by_the_very_number(self) -> None:
        machines = Machines(kernel_threads={11: "vhost-41", 12: "vhost-418", 13: "vhost-4181", 14: "vhost-418-x"})
        assert vhost_workers(vm_process(pid=418), machines) == (12,)

    def test_what_wraps_qemu_or_only_mentions_it_is_not_it(self) -> None:
        machines = Machines(
            processes=(
                vm_process(pid=10, ppid=1, argv=["sudo", "/usr/libexec/qemu-kvm"], exe="/usr/bin/sudo"),
                vm_process(pid=11, ppid=10),
                vm_process(pid=12, ppid=1, argv=["pgrep"], exe="/usr/bin/pgrep"),
                vm_process(pid=13, ppid=1, uuid=VM_B),
            )
        )
        assert [process.pid for process in find_process(machines, VM_A)] == [11]

    def test_a_wrapper_called_after_qemu(self) -> None:
        wrapper = vm_process(pid=10, ppid=1, argv=["/usr/bin/qemu-wrapper"], exe="/usr/bin/bash")
        machines = Machines(processes=(wrapper, vm_process(pid=11, ppid=10)))
        assert [process.pid for process in find_process(machines, VM_A)] == [11]


class TestLibvirt:
    def test_a_domain(self) -> None:
        assert read_domain(DOMAIN) == Domain(
            "db-1", VM_A, is_running=True, taps={MAC_A: "vnet503", "52:54:00:00:00:0d": "macvtap0"}
        )

    def test_one_that_does_not_run_has_no_id(self) -> None:
        assert not read_domain(DOMAIN.replace(" id='7'", "")).is_running

    @pytest.mark.parametrize(
        ("xml", "reason"),
        [
            ("", "not XML"),
            ("<domain>", "not XML"),
            ("<network/>", "not with <network>"),
            ("<!DOCTYPE d [<!ENTITY a 'b'>]><domain/>", "no DOCTYPE"),
        ],
    )
    def test_what_is_none(self, xml: str, reason: str) -> None:
        with pytest.raises(LibvirtError, match=reason):
            read_domain(xml)


def vm_process(
    pid: int = 418,
    ppid: int = 1,
    uuid: str = VM_A,
    exe: str = "/usr/bin/qemu-system-x86_64",
    argv: list[str] | None = None,
    tuns: dict[int, str] | None = None,
    threads: dict[int, str] | None = None,
) -> VmProcess:
    words = tuple(argv or ["qemu-system-x86_64"])
    return VmProcess(
        pid=pid, ppid=ppid, start=1, uuid=uuid, exe=exe, argv=words, tuns=tuns or {}, threads=threads or {}
    )


def test_the_samples_are_what_a_node_sends() -> None:
    assert set(raw("ovs")) == {"facts", "links", "ip_link", "ovs", "machines", "libvirt"}
