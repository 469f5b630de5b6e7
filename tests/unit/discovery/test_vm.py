from typing import Any

from helpers.discovery_answers import MAC_A, MAC_B, VM_A, VM_B, guest, interface, raw, said

from probecost.config.schema import MinimalFile
from probecost.discovery.survey import Survey, survey, uuids_by_host
from probecost.discovery.vm import VmFound
from probecost.discovery.wiring import Uplink
from probecost.errors import AuthenticationError, ProbecostError, UnreachableError
from unit.discovery.test_parsers import DOMAIN

FILE = MinimalFile.model_validate(
    {
        "environment": "bed",
        "nodes": {
            "host": {"ssh": "192.0.2.1", "role": "host"},
            "vm-a": {"ssh": "192.0.2.3", "role": "vm", "host_ref": "host", "uuid": VM_A, "test_ip": "10.2.0.11"},
            "vm-b": {"ssh": "192.0.2.4", "role": "vm", "host_ref": "host", "uuid": VM_B, "test_ip": "10.2.0.12"},
        },
        "discovery_hints": {"internal_port_type": "access"},
    }
)


def run(**answers: Any) -> Survey:
    """Two VMs on one host; ``answers`` replace those of single nodes (``vm_a`` for vm-a)."""
    known: dict[str, Any] = {
        "host": raw("ovs"),
        "vm-a": guest("10.2.0.11", MAC_A),
        "vm-b": guest("10.2.0.12", MAC_B.upper()),
    }
    return survey(FILE, FILE.nodes, known | {name.replace("_", "-"): value for name, value in answers.items()})


def vm(result: Survey, name: str = "vm-a") -> VmFound:
    found = result.found[name]
    assert isinstance(found, VmFound)
    return found


def without_mark(host: dict[str, Any]) -> dict[str, Any]:
    """The host where Open vSwitch's ports do not say whose they are."""
    table = host["ovs"]["Interface"]
    table["out"] = table["out"].replace("attached-mac", "other-mac")
    return host


def problem(result: Survey, name: str = "vm-a") -> str:
    """The only one; everything else was found."""
    (text,) = result.problems
    assert set(result.found) == set(FILE.nodes) - {name}
    assert next(row.problem for row in result.rows if row.node == name) == text
    return text


def test_each_host_is_asked_for_its_vms() -> None:
    assert uuids_by_host(FILE) == {"host": [VM_A, VM_B]}


class TestFound:
    def test_everything(self) -> None:
        result = run()
        assert result.problems == []
        first, second = vm(result), vm(result, "vm-b")
        assert (first.tap, first.bridge, first.interface.name) == ("vnet0", "ovsbr-access", "ens4")
        assert (first.processes.qemu_pid, first.processes.vhost_pids) == (162, (177,))
        assert (second.tap, second.processes.qemu_pid, second.processes.vhost_pids) == ("vnet1", 164, (174, 176))
        assert first.uplink is not None
        assert (first.uplink.interface, first.uplink.bridges) == ("bond-phy", ("ovsbr-access", "ovsbr-phy"))

    def test_rows(self) -> None:
        rows = {row.node: row for row in run().rows}
        host, second = rows["host"], rows["vm-b"]
        assert host.interface == "10.2.0.1 on port-access (openvswitch, mtu 1500, unknown)"
        assert (host.bridge, host.tap) == ("ovsbr-access > ovsbr-phy", "")
        assert host.uplink == "bond-phy (eth3, eth4)"
        assert (second.tap, second.qemu_pid, second.vhost) == ("vnet1", "164", "174, 176")

    def test_by_qemu_alone_in_a_linux_bridge(self) -> None:
        result = run(host=raw("linux"))
        assert vm(result).tap == "vnet0"
        assert vm(result, "vm-b").uplink == Uplink("bond0", ("eth1", "eth2"), ("br0",), is_hardware=True)

    def test_by_libvirt_alone(self) -> None:
        host = without_mark(raw("ovs"))
        for process in host["machines"]["processes"]:
            process["argv"], process["tuns"] = process["argv"][:1], {}
        host["libvirt"][VM_A] = said(DOMAIN.replace("vnet503", "vnet0"))
        result = run(host=host)
        assert vm(result).tap == "vnet0"
        assert "no interface on host belongs to ens4 (MAC 52:54:00:00:00:0b)" in problem(result, "vm-b")

    def test_by_the_only_tap_where_qemu_chose_the_address_itself(self) -> None:
        host = without_mark(raw("ovs"))
        for process in host["machines"]["processes"]:
            process["argv"] = process["argv"][:1]
        result = run(host=host)
        assert vm(result).tap == "vnet0"
        assert "node vm-a: taken to be behind vnet0, the only tap of its qemu" in result.notes

    def test_a_macvtap(self) -> None:
        host = without_mark(raw("ovs"))
        host["links"]["macvtap0"] = {"lower": ["eth1"]}
        for process in host["machines"]["processes"]:
            process["tuns"] = {}
        host["libvirt"][VM_A] = said(DOMAIN)
        found = vm(run(host=host, vm_a=guest("10.2.0.11", "52:54:00:00:00:0d")))
        assert (found.tap, found.bridge, found.uplink) == ("macvtap0", None, Uplink("eth1", is_hardware=True))

    def test_no_vhost_workers_are_a_note(self) -> None:
        host = raw("ovs")
        host["machines"]["kernel_threads"] = {}
        result = run(host=host)
        assert vm(result).processes.vhost_pids == ()
        assert "node vm-a: no vhost workers: qemu (PID 162) moves the packets itself" in result.notes

    def test_a_vlan_inside_the_guest(self) -> None:
        inside = guest("10.2.0.11", MAC_A)
        inside["facts"]["interfaces"] = [
            interface("ens4", mac=MAC_A),
            interface("ens4.7", "10.2.0.11/24", mac="02:00:00:00:00:77"),
        ]
        inside["links"]["ens4.7"] = {"uevent": "DEVTYPE=vlan\n", "lower": ["ens4"]}
        assert vm(run(vm_a=inside)).tap == "vnet0"

    def test_a_port_that_another_vm_left_behind(self) -> None:
        host = raw("ovs")
        table = host["ovs"]["Interface"]
        table["out"] = table["out"].replace(MAC_B, MAC_A)  # vm-id says that it is vm-b's
        assert vm(run(host=host)).tap == "vnet0"


class TestNotFound:
    def test_no_interface_has_the_test_ip(self) -> None:
        text = problem(run(vm_a=guest("10.2.0.99", MAC_A)))
        assert text == "node vm-a: no interface has the test_ip 10.2.0.11; addresses: 10.2.0.99 on ens4"

    def test_the_vm_is_not_running(self) -> None:
        host = raw("ovs")
        host["machines"]["processes"] = host["machines"]["processes"][1:]
        text = problem(run(host=host, vm_a=UnreachableError("vm-a", "does not answer")))
        assert text.startswith(f"node vm-a: no qemu on host has the uuid {VM_A}: the VM is not running, or uuid or")
        assert text.endswith(f"VMs running there: {VM_B}")

    def test_libvirt_knows_that_it_is_not_running(self) -> None:
        host = raw("ovs")
        host["machines"]["processes"] = host["machines"]["processes"][1:]
        host["libvirt"][VM_A] = said(DOMAIN.replace(" id='7'", ""))
        text = problem(run(host=host))
        assert text == f"node vm-a: its VM {VM_A} (db-1) is not running on host: virsh start it"

    def test_it_runs_but_does_not_answer(self) -> None:
        result = run(vm_a=UnreachableError("vm-a", "does not answer"))
        assert problem(result) == "node vm-a: does not answer"
        assert next(row.qemu_pid for row in result.rows if row.node == "vm-a") == "162"

    def test_it_refuses_the_key_and_does_not_run(self) -> None:
        host = raw("ovs")
        host["machines"]["processes"] = []
        result = run(host=host, vm_a=AuthenticationError("vm-a", "refused every key"))
        assert "node vm-a: refused every key" in result.problems

    def test_it_runs_on_another_host(self) -> None:
        nodes = {**FILE.model_dump(exclude_unset=True)["nodes"], "other": {"ssh": "192.0.2.9", "role": "host"}}
        file = MinimalFile.model_validate({"environment": "bed", "nodes": nodes})
        here, there = raw("ovs"), raw("ovs")
        here["machines"]["processes"] = []
        answers: dict[str, Any] = {"host": here, "other": there, "vm-a": guest("10.2.0.11", MAC_A)}
        result = survey(file, ("vm-a",), answers)
        assert f"node vm-a: its VM {VM_A} does not run on host but on other: set host_ref: other, or move it" in (
            result.problems
        )

    def test_its_host_does_not_answer(self) -> None:
        result = run(host=UnreachableError("host", "does not answer"))
        assert result.problems == [
            "node host: does not answer",
            "node vm-a: its host could not be asked: node host: does not answer",
            "node vm-b: its host could not be asked: node host: does not answer",
        ]
        assert [bool(row.interface) for row in result.rows] == [False, True, True]

    def test_the_uuid_of_another_vm(self) -> None:
        text = problem(run(vm_a=guest("10.2.0.11", "52:54:00:00:00:99")))
        assert f"is {VM_A} the uuid of this VM?" in text
        assert "qemu (PID 162) has no card with it, its taps: vnet0" in text

    def test_sources_that_contradict(self) -> None:
        host = raw("ovs")
        host["libvirt"][VM_A] = said(DOMAIN)
        text = problem(run(host=host))
        assert "it is not clear what is behind ens4" in text
        for source in ("Open vSwitch's attached-mac of", "qemu's card", "libvirt's interface"):
            assert source in text
        assert "vnet503" in text

    def test_a_tap_that_is_not_this_qemus(self) -> None:
        host = raw("ovs")
        for process in host["machines"]["processes"]:
            process["argv"], process["tuns"] = process["argv"][:1], {"3": "vnet77"}
        text = problem_of(run(host=host), "vm-a")
        assert "is not a tap of the qemu with uuid" in text
        assert "vnet77" in text

    def test_two_processes_with_the_uuid(self) -> None:
        host = raw("ovs")
        twin = dict(host["machines"]["processes"][0], pid=999)
        host["machines"]["processes"].append(twin)
        assert "several processes on host have -uuid" in problem(run(host=host))

    def test_several_uplinks(self) -> None:
        host = raw("linux")
        host["links"]["br0"]["ports"].append("eth5")
        text = problem_of(run(host=host), "vm-a")
        assert "br0 has several uplinks: bond0 (eth1, eth2), eth5; say which: physical_interface of this node" in text


def problem_of(result: Survey, name: str) -> str:
    (text,) = [text for text in result.problems if text.startswith(f"node {name}: ")]
    return text


def test_an_error_of_ours_and_no_answer_are_told_apart() -> None:
    answers: dict[str, Any] = {"host": raw("ovs"), "vm-a": ProbecostError("broken"), "vm-b": {"facts": 1}}
    result = survey(FILE, FILE.nodes, answers)
    assert result.problems[0] == "broken"
    assert result.problems[1].startswith("node vm-b: its answer cannot be read: facts")
