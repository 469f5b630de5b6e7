"""A VM that was started again since bootstrap has another process, and its commands would look at nothing."""

from pathlib import Path

import pytest

from probecost.config.environment import Case, Environment, PairKind, PairSide, TestPair
from probecost.errors import PreflightError
from probecost.measure.preflight import check, stale_vm, vm_in_use
from probecost.remote.messages import Lacks, Machine
from probecost.remote.node import Node

UUID = "ae6aa164-604c-4cb0-84b8-2dea03430001"
QEMU = "/usr/bin/qemu-system-x86_64"
VM = PairSide("vm-server", "10.2.0.11", "ens4", "host-server", 4242, UUID.upper())
COMMAND = "probecost bootstrap --minimal-input bed.yaml"


def environment(vm: PairSide = VM, folder: Path = Path()) -> Environment:
    client = PairSide("vm-client", "10.2.0.12", "ens4", "host-client")
    hosts = [PairSide(name, "10.2.0.1", "port", name) for name in ("host-server", "host-client")]
    values = {"QEMU_PID": "4242", "vhost_pids": ("4250", "4251"), "VM_INTERFACE": "vnet0"}
    return Environment(
        name="bed",
        folder=folder,
        nodes={},
        ssh_config=None,
        pairs={"host": TestPair("host", *hosts), "vm": TestPair("vm", vm, client)},
        perf_tests=(),
        tools_dir="tools",
        local_tools_dir=None,
        python_interpreter="python3",
        port_range=(5201, 5400),
        variables={"host": values, "vm": values},
    )


def case(command: str, kind: PairKind = "host") -> Case:
    return Case("bed", f"{kind}-x", 1, "x", command, "x", "net", kind, (), "0", 10.0)


@pytest.mark.parametrize(
    ("one", "used"),
    [
        (case("x.py --pid 4242"), True),
        (case("x.py --pids 4250,4251"), True),
        (case("x.py --dev=vnet0"), True),
        (case("x.py --pid 42421 --dev vnet01"), False),
        (case("x.py", "vm"), True),
    ],
)
def test_when_it_matters(one: Case, used: bool) -> None:
    assert vm_in_use(environment(), [one]) == (VM if used else None)


def test_an_environment_without_processes_is_not_asked() -> None:
    bare = PairSide("vm-server", "10.2.0.11", "ens4", "host-server")
    assert vm_in_use(environment(bare), [case("x.py", "vm")]) is None


@pytest.mark.parametrize(
    ("machines", "expected"),
    [
        ([Machine(4242, UUID, QEMU)], []),
        (
            [Machine(5151, UUID, QEMU), Machine(7, "other", QEMU)],
            ["is not the qemu of vm-server any more: it is 5151 now, the VM was started again since"],
        ),
        ([Machine(4242, "other", QEMU)], [f"any more: its VM {UUID} is not running"]),
        ([], [f"QEMU_PID 4242 is not the qemu of vm-server any more: its VM {UUID} is not running"]),
    ],
)
def test_by_uuid(machines: list[Machine], expected: list[str]) -> None:
    found = stale_vm(VM, machines, COMMAND)
    assert [part in missing.what for part, missing in zip(expected, found, strict=True)] == [True] * len(expected)
    assert all(missing.remedy.endswith(COMMAND) and missing.node == "host-server" for missing in found)


def test_by_pid_where_a_file_names_no_uuid() -> None:
    vm = PairSide("vm-server", "10.2.0.11", "ens4", "host-server", 4242)
    assert stale_vm(vm, [Machine(4242, UUID, QEMU)], COMMAND) == []
    (missing,) = stale_vm(vm, [Machine(4243, UUID, QEMU)], COMMAND)
    assert missing.what.endswith("no VM has this PID")


class FakeNode:
    def __init__(self, name: str) -> None:
        self.name = name
        self.asked = False

    def open_and_check(self, programs: list[str], files: list[str]) -> Lacks:
        return Lacks(())

    def virtual_machines(self) -> list[Machine]:
        self.asked = True
        return [Machine(5151, UUID, QEMU)]


@pytest.mark.parametrize(("kind", "stale"), [("vm", True), ("host", False)])
def test_only_the_host_of_the_vm_is_asked_and_only_when_it_matters(kind: PairKind, stale: bool, tmp_path: Path) -> None:
    fakes = {name: FakeNode(name) for name in ("host-server", "host-client", "vm-server", "vm-client")}
    nodes: dict[str, Node] = dict(fakes)  # type: ignore[arg-type]
    if stale:
        with pytest.raises(PreflightError, match=r"host-server: QEMU_PID 4242 .* 5151 now.* - probecost bootstrap"):
            check(environment(folder=tmp_path), nodes, [case("x.py", kind)])
    else:
        check(environment(folder=tmp_path), nodes, [case("x.py", kind)])
    assert [name for name, node in fakes.items() if node.asked] == (["host-server"] if stale else [])
