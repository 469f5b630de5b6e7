"""The bed with guests: what was built is what was recorded, and both pairs carry traffic. Needs root."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bed_access import PROJECT, Run
from own_lab import GONE_S, Traces, all_pids, is_in_host
from vm_access import SITE, VmBed

from probecost.lab import control, state
from probecost.lab.bed import GUESTS_UP_S
from probecost.lab.vm.kernel import kernels_folder
from probecost.lab.waiting import Deadline, wait_until

HOSTS = ("host-server", "host-client")
GUESTS = ("vm-server", "vm-client")
MEASURED = (("tcp_rr", "mean_us"), ("udp_rr", "mean_us"), ("single", "received_bps"), ("single", "received_pps"))
SUDO_VSCTL = "sudo -n ovs-vsctl"


def table(bed: VmBed, host: str, name: str) -> dict[str, dict[str, Any]]:
    """A table of a host's switch: its rows by name, maps as dicts, sets as lists."""
    said = json.loads(bed.says(host, f"{SUDO_VSCTL} --format=json list {name}"))
    rows = [dict(zip(said["headings"], map(_plain, row), strict=True)) for row in said["data"]]
    return {row["name"]: row for row in rows}


def _plain(cell: Any) -> Any:
    match cell:
        case ["map", pairs]:
            return dict(pairs)
        case ["set", items]:
            return [_plain(item) for item in items]
        case ["uuid", text]:
            return text
    return cell


class TestSwitch:
    """What ``ovs-vsctl`` on a host says is what the lab recorded."""

    @pytest.mark.parametrize("host", HOSTS)
    def test_bridges_ports_and_patch(self, vm_bed: VmBed, host: str) -> None:
        built = vm_bed.built(host)
        bridges = table(vm_bed, host, "Bridge")
        assert {name: bridge["datapath_type"] for name, bridge in bridges.items()} == {
            built.internal_bridge: "netdev",
            built.uplink_bridge: "netdev",
        }
        ports = {
            bridge: set(vm_bed.says(host, f"{SUDO_VSCTL} list-ports {bridge}").split())
            for bridge in (built.internal_bridge, built.uplink_bridge)
        }
        assert {built.internal_interface, built.guest.test_tap} < ports[built.internal_bridge]
        assert built.uplink in ports[built.uplink_bridge]
        interfaces = table(vm_bed, host, "Interface")
        assert interfaces[built.internal_interface]["type"] == "internal"
        peers = {name: row["options"]["peer"] for name, row in interfaces.items() if row["type"] == "patch"}
        (inner,) = peers.keys() & ports[built.internal_bridge]
        (outer,) = peers.keys() & ports[built.uplink_bridge]
        assert peers == {inner: outer, outer: inner}
        assert [name for name, row in interfaces.items() if row["error"] != []] == []

    def test_one_uplink_is_a_bond(self, vm_bed: VmBed) -> None:
        assert vm_bed.built("host-server").uplink == "eth1"
        client = vm_bed.built("host-client")
        assert client.nics == ("eth1", "eth2")
        names = {row["_uuid"]: name for name, row in table(vm_bed, "host-client", "Interface").items()}
        members = table(vm_bed, "host-client", "Port")[client.uplink]["interfaces"]
        assert sorted(names[member] for member in members) == list(client.nics)

    @pytest.mark.parametrize("host", HOSTS)
    def test_tap_carries_what_libvirt_notes(self, vm_bed: VmBed, host: str) -> None:
        guest = vm_bed.built(host).guest
        noted = table(vm_bed, host, "Interface")[guest.test_tap]["external_ids"]
        assert noted["attached-mac"] == guest.test_mac
        assert noted["vm-id"] == guest.uuid
        assert noted["iface-status"] == "active"
        assert noted["iface-id"]

    @pytest.mark.parametrize("host", HOSTS)
    def test_internal_port_has_the_test_address(self, vm_bed: VmBed, host: str) -> None:
        built = vm_bed.built(host)
        (found,) = json.loads(vm_bed.says(host, f"ip -json -4 addr show dev {built.internal_interface}"))
        assert [info["local"] for info in found["addr_info"]] == [built.test_ip]


class TestGuests:
    """What a guest is, from inside and from its host."""

    @pytest.mark.parametrize("guest", GUESTS)
    def test_login_user_may_become_root(self, vm_bed: VmBed, guest: str) -> None:
        said = vm_bed.says(guest, "id -un; hostname; sudo -n id -u; pwd; echo $SHELL; cat /proc/1/comm").split()
        assert said == ["probe", guest, "0", "/home/probe", "/bin/sh", "busybox"]

    def test_have_a_kernel_of_their_own(self, vm_bed: VmBed) -> None:
        release = vm_bed.says("vm-server", "uname -r")
        (kernel,) = kernels_folder(PROJECT / ".cache" / "lab-vm").iterdir()
        assert release == kernel.name

    def test_have_what_a_node_needs(self, vm_bed: VmBed) -> None:
        programs = "ethtool ip iperf3 netperf netserver python3 sudo"
        lacks = f"PATH=$PATH:/usr/sbin; for p in {programs}; do command -v $p >/dev/null || echo $p; done"
        assert vm_bed.says("vm-client", lacks) == ""
        modules = "ctypes, gzip, hashlib, resource, tarfile, threading"
        assert vm_bed.says("vm-client", f"python3 -c 'import {modules}; print(1)'") == "1"
        needed = "/sys/fs/cgroup/cgroup.procs /sys/kernel/btf/vmlinux /sys/kernel/tracing/events/net"
        assert vm_bed.says("vm-client", f"sudo -n ls -d {needed}").split() == needed.split()

    @pytest.mark.parametrize("host", HOSTS)
    def test_interfaces_inside_are_the_recorded_ones(self, vm_bed: VmBed, host: str) -> None:
        guest = vm_bed.built(host).guest
        links = {link["ifname"]: link for link in json.loads(vm_bed.says(guest.name, "ip -json addr"))}
        assert links[guest.test_interface]["address"] == guest.test_mac
        assert links[guest.test_interface]["addr_info"][0]["local"] == guest.test_ip
        assert links[guest.management_interface]["address"] == guest.management_mac

    @pytest.mark.parametrize("host", HOSTS)
    def test_qemu_is_the_recorded_process(self, vm_bed: VmBed, host: str) -> None:
        guest = vm_bed.built(host).guest
        words = vm_bed.says(host, f"tr '\\0' '\\n' < /proc/{guest.qemu_pid}/cmdline").splitlines()
        assert words[words.index("-uuid") + 1] == guest.uuid
        descriptors = vm_bed.says(host, f"sudo -n sh -c 'cat /proc/{guest.qemu_pid}/fdinfo/*'").splitlines()
        taps = {line.split()[1] for line in descriptors if line.startswith("iff:")}
        assert taps == {guest.test_tap, guest.management_tap}

    def test_wrong_host_key_is_refused(self, vm_bed: VmBed, tmp_path: Path) -> None:
        wrong = tmp_path / "known_hosts"
        lines = [line.split() for line in vm_bed.place.known_hosts().read_text().splitlines()]
        wrong.write_text(" ".join([lines[2][0], *lines[3][1:]]) + "\n")
        command = ["ssh", "-F", str(vm_bed.place.ssh_config()), "-o", f"UserKnownHostsFile={wrong}"]
        done = subprocess.run([*command, "vm-server", "true"], capture_output=True, text=True, check=False)
        assert "HOST IDENTIFICATION HAS CHANGED" in done.stderr


@pytest.fixture(scope="module")
def measured(vm_bed: VmBed, vm_site: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A case on the pair of hosts and one on the pair of guests: TCP and UDP, iperf3 and netperf."""
    run = Run.start(vm_bed, tmp_path_factory.mktemp("measured") / "results", "--env", vm_site)  # type: ignore[arg-type]
    assert run.wait(300) == 0, run.output
    return run


class TestTraffic:
    """Both pairs carry all perf tests, and a tool that watches guests runs on their host."""

    @pytest.mark.parametrize("case_key", ["host-eth_drop-protocol_tcp", "vm-tap_traffic-protocol_tcp"])
    def test_everything_was_measured(self, measured: Run, case_key: str) -> None:
        with (measured.tree / "reports" / "measurements.csv").open(newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["case_key"] == case_key]
        for conn_type, metric in MEASURED:
            found = [row for row in rows if (row["conn_type"], row["metric"]) == (conn_type, metric)]
            assert sorted(row["arm"] for row in found) == ["baseline", "tool"], (conn_type, metric)
            assert all(float(row["value"]) > 0 for row in found), found

    def test_tool_ran_on_the_host_of_the_guest(self, measured: Run) -> None:
        outputs = list(measured.tree.glob(f"{SITE}/iteration_001/*/**/tap_traffic_case_*/vm/ebpf_output_*.log"))
        assert [path.relative_to(measured.tree / SITE / "iteration_001").parts[0] for path in outputs] == [
            "host-server"
        ]
        counts = [line.split()[1] for line in outputs[0].read_text().splitlines() if line.startswith("@to_guest:")]
        assert max(map(int, counts)) > 10

    def test_generators_ran_in_the_guests(self, measured: Run) -> None:
        folder = measured.tree / SITE / "iteration_001"
        for guest, results in (("vm-server", "server_results"), ("vm-client", "client_results")):
            assert list(folder.glob(f"{guest}/**/vm/**/{results}/*")), guest
        (metadata, *_) = sorted(folder.glob("vm-client/**/vm/**/metadata_*.json"))
        facts = json.loads(metadata.read_text())["facts"]
        assert facts["vm-server"]["kernel"] != facts["host-server"]["kernel"]


class TestLife:
    """Coming up, going down and crashing, beside the bed of the other tests."""

    def test_status_and_the_other_lab(self, vm_bed: VmBed) -> None:
        status = control.status("lab-vm", vm_bed.config_dir)
        assert (status.condition, [name for name, _ in status.hosts]) == ("up", [*HOSTS, *GUESTS])
        control.up("lab", vm_bed.config_dir)
        try:
            other = control.status("lab", vm_bed.config_dir)
            assert [name for name, _ in other.hosts] == list(HOSTS)
            assert not {address for _, address in status.hosts} & {address for _, address in other.hosts}
        finally:
            control.down("lab", vm_bed.config_dir)
        assert control.status("lab-vm", vm_bed.config_dir).condition == "up"

    def test_killed_on_the_way_up(self, new_vm_bed: Callable[[], VmBed]) -> None:
        bed = new_vm_bed()
        command = [sys.executable, "-m", "probecost.lab", "up", "lab-vm", "--config-dir", str(bed.config_dir)]
        up = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
        try:
            assert wait_until(lambda: bool(guests_of(bed)), Deadline.after(GUESTS_UP_S))
        finally:
            up.kill()
            up.wait()
        assert wait_until(lambda: not [p for p in all_pids() if is_in_host(p, bed)], Deadline.after(GONE_S))
        assert control.status("lab-vm", bed.config_dir).condition == "broken"
        assert bed.down() == "lab-vm is down"
        assert bed.condition() == "down"

    def test_second_bed_crashes_and_leaves_nothing(self, vm_bed: VmBed, new_vm_bed: Callable[[], VmBed]) -> None:
        bed = new_vm_bed()
        assert bed.up().startswith("lab-vm is up")
        assert bed.recorded.index != vm_bed.recorded.index
        assert bed.built("host-server").guest.uuid != vm_bed.built("host-server").guest.uuid
        assert bed.says("vm-server", "hostname") == "vm-server"
        traces = Traces.of(bed)
        assert len(guests_of(bed)) == 2
        first = bed.recorded.hosts["host-server"]
        os.kill(first.pid, signal.SIGKILL)
        assert wait_until(lambda: not first.alive and len(guests_of(bed)) == 1, Deadline.after(GONE_S))
        assert control.status("lab-vm", bed.config_dir).problem == "host-server has ended"
        assert bed.down() == "lab-vm is down"
        traces.assert_gone()
        assert guests_of(bed) == []
        assert len(guests_of(vm_bed)) == 2


def guests_of(bed: VmBed) -> list[int]:
    """The QEMU processes of a bed, by the machine's numbers."""
    recorded = state.load(bed.place)
    firsts = [] if recorded is None else [first.pid for first in recorded.hosts.values()]
    namespaces = {link for pid in firsts if (link := _pid_namespace(pid))}
    return [pid for pid in all_pids() if _pid_namespace(pid) in namespaces and _is_qemu(pid)]


def _pid_namespace(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""


def _is_qemu(pid: int) -> bool:
    try:
        return b"qemu-system" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except OSError:
        return False
