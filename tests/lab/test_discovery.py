"""``probecost bootstrap`` on a bed with Open vSwitch and guests finds what the lab knows it built. Needs root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from bed_access import PROJECT
from helpers.fake_project import plain
from vm_access import VmBed, guest_side

from probecost.config.folder import load_folder
from probecost.lab.vm.built import BuiltHost
from probecost.lab.waiting import Deadline, wait_until
from probecost.remote.supervisor.machines import virtual_machines

ENDED_S = 30.0
BOOTSTRAP_S = 120


@pytest.fixture
def site(vm_bed: VmBed) -> Iterator[Path]:
    """An environment on the bed, as a user would write it; nothing is generated yet."""
    folder = make_site(vm_bed)
    yield folder
    shutil.rmtree(folder)


def make_site(bed: VmBed) -> Path:
    folder = bed.config_dir / "found"
    folder.mkdir()
    for name in ("ssh_config", "known_hosts", "id_ed25519"):
        (folder / name).symlink_to(bed.place.folder / name)
    text = (bed.place.folder / "minimal-input.yaml").read_text()
    (folder / "minimal-input.yaml").write_text(text.replace('environment: "lab-vm"', 'environment: "found"'))
    return folder


def bootstrap(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "probecost",
        "bootstrap",
        "--minimal-input",
        str(folder / "minimal-input.yaml"),
    ]
    return subprocess.run(
        [*command, *options], cwd=PROJECT, check=False, capture_output=True, text=True, timeout=BOOTSTRAP_S
    )


def change(folder: Path, old: str, new: str) -> None:
    file = folder / "minimal-input.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def generated(folder: Path) -> dict[str, Any]:
    done = bootstrap(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    content: dict[str, Any] = yaml.safe_load((folder / "found-full.yaml").read_text())
    return content


def network(side: str, built: BuiltHost) -> dict[str, Any]:
    return {
        f"{side}_physical_interface": built.uplink,
        f"{side}_physical_nic_members": list(built.nics) if len(built.nics) > 1 else [],
    }


class TestFound:
    @pytest.mark.parametrize("by", ["hint and address", "hint alone", "address alone"])
    def test_every_field_of_the_host_pair(self, vm_bed: VmBed, site: Path, by: str) -> None:
        server, client = vm_bed.built("host-server"), vm_bed.built("host-client")
        if by == "hint alone":
            for built in (server, client):
                change(site, f'    test_ip: "{built.test_ip}"\n', "")
        elif by == "address alone":
            change(site, "internal_port_type", "# internal_port_type")
        pair = generated(site)["environments"]["host"]
        assert {side: pair[side] for side in ("server", "client")} == {
            "server": {"ssh_ref": "host-server", "test_ip": server.test_ip, "interface": server.internal_interface},
            "client": {"ssh_ref": "host-client", "test_ip": client.test_ip, "interface": client.internal_interface},
        }
        assert pair["network_config"] == {
            "server_ip": server.test_ip,
            "client_ip": client.test_ip,
            "internal_interface": server.internal_interface,
            **network("server", server),
            **network("client", client),
        }

    def test_every_field_of_the_vm_pair(self, vm_bed: VmBed, site: Path) -> None:
        server, client = vm_bed.built("host-server"), vm_bed.built("host-client")
        pair = generated(site)["environments"]["vm"]
        assert pair["server"] == guest_side("host-server", server)
        assert pair["client"] == guest_side("host-client", client)
        assert pair["network_config"] == {
            "server_ip": server.guest.test_ip,
            "client_ip": client.guest.test_ip,
            **network("server", server),
            "server_vm_interface": server.guest.test_tap,
            **network("client", client),
            "client_vm_interface": client.guest.test_tap,
        }
        assert pair["kvm_config"] == {
            side: {"qemu_pid": str(built.guest.qemu_pid), "vhost_pids": [], "uuid": built.guest.uuid}
            for side, built in (("server", server), ("client", client))
        }

    def test_the_table(self, vm_bed: VmBed, site: Path) -> None:
        done = bootstrap(site, "--dry-run")
        assert done.returncode == 0, done.stderr
        for host in ("host-server", "host-client"):
            built = vm_bed.built(host)
            (line,) = [line for line in done.stdout.splitlines() if line.startswith(built.guest.name) and ">" in line]
            bridges = f"{built.internal_bridge} > {built.uplink_bridge}"
            for text in (built.guest.test_ip, bridges, built.uplink, built.guest.test_tap, str(built.guest.qemu_pid)):
                assert text in line
        assert not list(site.glob("found-*"))

    def test_values_in_commands(self, vm_bed: VmBed, site: Path) -> None:
        generated(site)
        built = vm_bed.built("host-server")
        _, cases = load_folder(site)
        (command,) = [case.command for case in cases if case.key == "vm-tap_traffic-protocol_tcp"]
        assert command == f"sudo bpftrace lab/tools/kvm-virt-network/tap_traffic.bt {built.guest.test_tap} tcp"

    def test_nothing_is_left_on_the_nodes(self, vm_bed: VmBed, site: Path) -> None:
        def ours() -> list[str]:
            look = "ps -e -o comm= | grep -e python -e ovs-vsctl -e virsh | sort"
            return [vm_bed.ssh(node.name, look).stdout for node in vm_bed.addresses.nodes]

        before = ours()
        generated(site)
        assert wait_until(lambda: ours() == before, Deadline.after(ENDED_S), 0.2)


class TestNotFound:
    """One node's problem is told as its own, and the others are found all the same."""

    def refused(self, site: Path, *others: str) -> str:
        done = bootstrap(site)
        assert done.returncode == 1, done.stdout + done.stderr
        for other in others:
            (line,) = [line for line in done.stdout.splitlines() if line.startswith(other) and " on " in line]
            assert "br-" in line
        assert not list(site.glob("found-*"))
        return done.stderr

    def test_a_wrong_uuid(self, vm_bed: VmBed, site: Path) -> None:
        uuid = vm_bed.built("host-server").guest.uuid
        wrong = uuid[:-4] + ("0000" if not uuid.endswith("0000") else "1111")
        change(site, uuid, wrong)
        message = self.refused(site, "host-server", "host-client", "vm-client")
        assert f"node vm-server: no qemu on host-server has the uuid {wrong}" in message
        assert f"VMs running there: {uuid}" in message

    def test_the_wrong_host(self, vm_bed: VmBed, site: Path) -> None:
        change(site, "host_ref: host-server", "host_ref: host-client")
        message = self.refused(site, "host-server", "host-client", "vm-client")
        uuid = vm_bed.built("host-server").guest.uuid
        assert f"node vm-server: its VM {uuid} does not run on host-client but on host-server: set host_ref" in message

    def test_the_uuid_of_another_vm(self, vm_bed: VmBed, site: Path) -> None:
        server, client = (vm_bed.built(host).guest for host in ("host-server", "host-client"))
        change(site, server.uuid, client.uuid)
        change(site, "host_ref: host-server", "host_ref: host-client")
        message = self.refused(site, "host-server", "host-client", "vm-client")
        assert f"node vm-server: no interface on host-client belongs to {server.test_interface}" in message
        assert f"is {client.uuid} the uuid of this VM?" in message

    def test_a_wrong_test_ip(self, vm_bed: VmBed, site: Path) -> None:
        guest = vm_bed.built("host-server").guest
        change(site, guest.test_ip, "198.51.100.77")
        message = self.refused(site, "host-server", "host-client", "vm-client")
        assert "node vm-server: no interface has the test_ip 198.51.100.77" in message
        assert f"{guest.test_ip} on {guest.test_interface}" in message

    def test_a_hint_that_no_port_fits(self, vm_bed: VmBed, site: Path) -> None:
        change(site, '"probe"', '"storage"')
        message = self.refused(site, "vm-server", "vm-client")
        built = vm_bed.built("host-client")
        assert "node host-client: no internal port of Open vSwitch with an address fits" in message
        assert f"{built.internal_interface} ({built.test_ip})" in message


def test_a_vm_that_was_started_again_is_told_before_any_traffic(vm_bed: VmBed, site: Path, tmp_path: Path) -> None:
    pid = generated(site)["environments"]["vm"]["kvm_config"]["server"]["qemu_pid"]
    full = site / "found-full.yaml"
    full.write_text(full.read_text().replace(f"qemu_pid: '{pid}'", "qemu_pid: '999999'"))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--env", "found", "-k", "tap_traffic"]
    command += plain()
    command += ["--config-dir", str(vm_bed.config_dir), "--results-dir", str(tmp_path / "results")]
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True, timeout=BOOTSTRAP_S)
    assert done.returncode == 1, done.stdout
    assert f"QEMU_PID 999999 is not the qemu of vm-server any more: it is {pid} now" in done.stdout
    assert f"probecost bootstrap --minimal-input {site / 'minimal-input.yaml'}" in done.stdout
    assert not list((tmp_path / "results").rglob("client_results"))


def test_a_vm_that_is_down(tmp_path: Path) -> None:
    bed = VmBed(tmp_path / "config")
    bed.up()
    try:
        uuid = bed.built("host-client").guest.uuid
        (pid,) = [process["pid"] for process in virtual_machines([])["processes"] if process["uuid"] == uuid]
        os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not Path(f"/proc/{pid}/exe").exists(), Deadline.after(ENDED_S))
        done = bootstrap(make_site(bed))
        assert done.returncode == 1, done.stdout + done.stderr
        assert f"node vm-client: no qemu on host-client has the uuid {uuid}: the VM is not running" in done.stderr
        assert done.stderr.count("node ") == 1
        assert "vm-server" in done.stdout
    finally:
        bed.down()
