"""What a host with a guest does, as commands and files, and the record of it."""

from __future__ import annotations

import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from probecost.lab import render
from probecost.lab.addresses import GUEST_HOSTS, HOST_NAMES, addresses_of
from probecost.lab.errors import LabError
from probecost.lab.requirements import check_tun, find_guest_programs
from probecost.lab.vm.built import BuiltHost
from probecost.lab.vm.guest import IMAGE_FOLDER, INIT, root_files, setup_script
from probecost.lab.vm.image import Image
from probecost.lab.vm.names import guest_names
from probecost.lab.vm.spec import built_host, machine_network, with_guest

LAB = addresses_of(1, guests=True)
KEYS = render.Keys(
    hosts={name: (f"private {name}\n", f"ssh-ed25519 AAAA{name} {name}\n") for name in (*HOST_NAMES, *GUEST_HOSTS)},
    login_public="ssh-ed25519 AAAAlogin me\n",
)


def spec(number: int) -> render.HostSpec:
    plain = render.host_spec(
        LAB.hosts[number],
        LAB,
        instance="lab-vm-x",
        stage=Path("/run/stage"),
        accounts=render.Accounts("root:x:0:0::/root:/bin/sh\n", "root:x:0:\n", "root:*:1::::::\n"),
        keys=KEYS,
        sshd="/usr/sbin/sshd",
        openssh_version=(9, 2),
    )
    return with_guest(
        plain,
        LAB.hosts[number],
        LAB,
        instance="lab-vm-x",
        keys=KEYS,
        image=Image(Path("/cache"), "kernels/1/vmlinuz", "initramfs-1"),
        qemu="/usr/bin/qemu-system-x86_64",
        openssh_version=(9, 2),
    )


def command(number: int, *begin: str) -> list[str]:
    """The one command of a host that begins like this."""
    (found,) = [list(one) for one in spec(number).commands if one[: len(begin)] == begin]
    return found


def switch_configuration(number: int) -> str:
    (found,) = [one for one in spec(number).commands if "add-br" in one]
    return " ".join(found)


class TestAddresses:
    def test_guests_lie_in_the_labs_network(self) -> None:
        server, client = LAB.guests
        assert [str(address) for address in (server.gateway_ip, server.management_ip, server.test_ip)] == [
            "198.18.1.9",
            "198.18.1.10",
            "198.18.1.131",
        ]
        assert (client.name, client.host, str(client.management_ip)) == ("vm-client", "host-client", "198.18.1.14")
        taken = [str(node.management_ip) for node in LAB.nodes] + [str(node.test_ip) for node in LAB.nodes]
        assert len(set(taken)) == 8

    def test_hosts_are_the_same_without_guests(self) -> None:
        assert addresses_of(1).hosts == LAB.hosts
        assert addresses_of(1).nodes == LAB.hosts


class TestNames:
    def test_are_the_same_each_time_and_different_elsewhere(self) -> None:
        one = guest_names("vm-server", "lab-vm-x")
        assert one == guest_names("vm-server", "lab-vm-x")
        others = [guest_names("vm-client", "lab-vm-x"), guest_names("vm-server", "lab-vm-y")]
        assert len({names.uuid for names in (one, *others)}) == 3
        macs = [mac for names in (one, *others) for mac in (names.test_mac, names.management_mac)]
        assert len(set(macs)) == 6
        assert all(mac.startswith("52:54:00:") for mac in macs)


class TestSwitch:
    def test_bridges_are_in_userspace_and_joined(self) -> None:
        text = switch_configuration(0)
        for bridge in ("br-int", "br-ext"):
            assert f"-- add-br {bridge} -- set Bridge {bridge} datapath_type=netdev" in text
        assert "add-port br-int patch-ext -- set Interface patch-ext type=patch options:peer=patch-int" in text
        assert "add-port br-ext patch-int -- set Interface patch-int type=patch options:peer=patch-ext" in text
        assert "add-port br-int port-probe -- set Interface port-probe type=internal" in text

    def test_one_host_has_a_bond(self) -> None:
        assert "add-port br-ext eth1" in switch_configuration(0)
        assert "add-bond" not in switch_configuration(0)
        assert "add-bond br-ext bond-ext eth1 eth2 bond_mode=active-backup" in switch_configuration(1)

    def test_tap_is_noted_as_libvirt_does(self) -> None:
        names = guest_names("vm-client", "lab-vm-x")
        text = switch_configuration(1)
        assert f"add-port br-int {names.test_tap} -- set Interface {names.test_tap}" in text
        assert f'external_ids:attached-mac="{names.test_mac}"' in text
        assert f'external_ids:vm-id="{names.uuid}"' in text

    def test_nothing_is_left_to_a_device(self) -> None:
        for number, nics in ((0, ["port-probe", "eth1"]), (1, ["port-probe", "eth1", "eth2"])):
            off = [one[2] for one in spec(number).commands if one[:2] == ("ethtool", "-K")]
            assert sorted(off) == sorted(nics)
        assert command(0, "/usr/bin/qemu-system-x86_64").count("vhost=off") == 0
        (card,) = [word for word in command(0, "/usr/bin/qemu-system-x86_64") if "netdev=test" in word]
        assert "csum=off,gso=off,guest_csum=off,host_tso4=off,guest_tso4=off,mrg_rxbuf=off" in card

    def test_test_address_is_on_the_internal_port(self) -> None:
        assert command(0, "ip", "addr", "add", "198.18.1.129/25")[-1] == "port-probe"
        assert "198.18.1.129" not in spec(0).network


class TestQemu:
    def test_words_are_those_that_libvirt_uses(self) -> None:
        words = command(0, "/usr/bin/qemu-system-x86_64")
        names = guest_names("vm-server", "lab-vm-x")
        assert words[words.index("-uuid") + 1] == names.uuid
        assert words[words.index("-name") + 1] == "guest=vm-server"
        assert words[words.index("-accel") + 1].startswith("tcg,thread=multi")
        assert words[words.index("-kernel") + 1] == f"{IMAGE_FOLDER}/kernels/1/vmlinuz"
        assert spec(0).binds == (render.Bind("/cache", IMAGE_FOLDER),)

    def test_cards_come_in_the_order_of_their_names_inside(self) -> None:
        words = command(1, "/usr/bin/qemu-system-x86_64")
        names = guest_names("vm-client", "lab-vm-x")
        cards = [word for word in words if word.startswith("virtio-net-pci")]
        assert [names.management_mac in cards[0], names.test_mac in cards[1]] == [True, True]
        slots = [card.partition("addr=")[2].partition(",")[0] for card in cards]
        assert slots == sorted(slots)
        assert f"tap,id=test,ifname={names.test_tap},script=no,downscript=no,vhost=off" in words


class TestGuest:
    def test_setup_is_private_and_a_shell_script(self) -> None:
        (file,) = [file for file in spec(0).files if file.path.endswith("vm-server.setup")]
        assert file.mode == 0o600
        for script in (file.text, INIT):
            assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0

    def test_setup_has_the_guests_own_values(self) -> None:
        script = setup_script(LAB.guests[1], LAB, instance="lab-vm-x", keys=KEYS, openssh_version=(9, 2))
        assert "private vm-client\n" in script
        assert "private vm-server" not in script
        assert "ListenAddress 198.18.1.14:22\n" in script
        assert "ip addr add 198.18.1.14/30 dev eth0\n" in script
        assert "ip addr add 198.18.1.132/25 dev eth1\n" in script
        assert "198.18.1.2 host-server\n" in script

    def test_image_has_nothing_of_a_particular_guest(self) -> None:
        texts = {entry.path: entry.read().decode() for entry in root_files()}
        assert not [path for path, text in texts.items() if "198.1" in text or "PRIVATE" in text]
        assert "probe ALL=(ALL:ALL) NOPASSWD: ALL" in texts["/etc/sudoers"].splitlines()


def test_machine_reaches_guests_through_their_hosts() -> None:
    lines = machine_network(LAB, {"host-server": 11, "host-client": 22}).splitlines()
    assert lines == [
        "route add 198.18.1.10/32 via 198.18.1.2 dev pcl1s",
        "route add 198.18.1.14/32 via 198.18.1.6 dev pcl1c",
        "link add eth2 netns 22 type veth peer name eth2 netns 11",
    ]


def test_record_of_a_host_comes_back() -> None:
    built = built_host(LAB.hosts[1], LAB, "lab-vm-x", 35)
    assert (built.uplink, built.nics, built.guest.name, built.guest.qemu_pid) == (
        "bond-ext",
        ("eth1", "eth2"),
        "vm-client",
        35,
    )
    assert BuiltHost.parse(asdict(built)) == built


class TestRequirements:
    def test_all_missing_programs_are_told_at_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("platform.machine", lambda: "x86_64")
        with pytest.raises(LabError) as caught:
            find_guest_programs(str(tmp_path))
        assert "lab-vm needs programs that this machine does not have: ovsdb-tool" in str(caught.value)
        assert "openvswitch-common openvswitch-switch python3 qemu-system-x86 sudo" in str(caught.value)
        assert "make setup BED=lab-vm" in str(caught.value)

    def test_other_machines_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("platform.machine", lambda: "aarch64")
        with pytest.raises(LabError, match="x86-64"):
            find_guest_programs()

    def test_taps_are_needed(self, tmp_path: Path) -> None:
        with pytest.raises(LabError, match="modprobe tun"):
            check_tun(tmp_path / "tun")
