"""Finds everything that would stop a run, on all nodes at once and before any traffic."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from probecost.config.commands import programs as programs_of
from probecost.config.environment import Case, Environment, PairSide
from probecost.config.find import bootstrap_command
from probecost.errors import Gathered, Missing, PreflightError
from probecost.plan.tool_files import local_tool
from probecost.remote.messages import Lacks, Machine
from probecost.remote.node import Node
from probecost.remote.pool import each

Prerequisite = Literal["sudo", "python", "programs", "workdir", "tools", "vm"]

_PACKAGES = {
    "iperf3": "iperf3",
    "netperf": "netperf (Debian: component non-free; RHEL: EPEL)",
    "netserver": "netperf (Debian: component non-free; RHEL: EPEL)",
    "bpftrace": "bpftrace",
    "sudo": "sudo",
    "python3": "python3",
    "ethtool": "ethtool",
}
_WORD = re.compile(r"[\w.-]+")


def needs(environment: Environment, cases: Sequence[Case]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Programs, and files below the workdir, that each node must have for the cases.

    Tools on this machine are copied when they are needed; all other tools must be on their node.
    """
    programs: dict[str, dict[str, None]] = {}
    files: dict[str, dict[str, None]] = {}
    for case in [version for one in cases for version in one.versions]:
        pair = environment.pairs[case.pair_kind]
        programs.setdefault(pair.server.node, {}).update(dict.fromkeys(("iperf3", "netserver")))
        programs.setdefault(pair.client.node, {}).update(dict.fromkeys(("iperf3", "netperf")))
        programs.setdefault(pair.server.tool_node, {}).update(dict.fromkeys(programs_of(case.command)))
        if case.tool_file and local_tool(environment, case.tool_file) is None:
            files.setdefault(pair.server.tool_node, {})[case.tool_file] = None
    return (
        {name: list(found) for name, found in programs.items()},
        {name: list(found) for name, found in files.items()},
    )


def vm_in_use(environment: Environment, cases: Sequence[Case]) -> PairSide | None:
    """The VM whose processes and tap are in the cases' commands (they change at every start), if any."""
    pair = environment.pairs.get("vm")
    if pair is None or pair.server.qemu_pid is None:
        return None
    used = any(case.pair_kind == "vm" or _mentions_vm(case, environment) for case in cases)
    return pair.server if used else None


def _mentions_vm(case: Case, environment: Environment) -> bool:
    variables = environment.variables.get(case.pair_kind, {})
    names = (variables.get(name, ()) for name in ("QEMU_PID", "vhost_pids", "VM_INTERFACE"))
    values = {value for one in names for value in ((one,) if isinstance(one, str) else one)}
    return not values.isdisjoint(_WORD.findall(case.command))


def stale_vm(vm: PairSide, machines: Sequence[Machine], remedy: str) -> list[Missing]:
    """Problem of a VM whose process is not the discovered one any more."""
    uuid = vm.uuid.lower() if vm.uuid else None
    now = [machine.pid for machine in machines if machine.uuid == uuid] if uuid else []
    if any(machine.pid == vm.qemu_pid and uuid in (None, machine.uuid) for machine in machines):
        return []
    what = f"QEMU_PID {vm.qemu_pid} is not the qemu of {vm.node} any more"
    if now:
        pids = " and ".join(map(str, now))
        return [Missing(vm.tool_node, f"{what}: it is {pids} now, the VM was started again since", remedy)]
    if uuid:
        return [Missing(vm.tool_node, f"{what}: its VM {uuid} is not running", f"start it, then {remedy}")]
    return [Missing(vm.tool_node, f"{what}: no VM has this PID", remedy)]


@dataclass(frozen=True)
class Examined:
    """A node's answer, and its missing prerequisites by kind."""

    lacks: Lacks
    missing: Mapping[Prerequisite, Sequence[Missing]]


def examine(environment: Environment, nodes: Sequence[Node], cases: Sequence[Case]) -> dict[str, Examined | Exception]:
    """Open all nodes at the same time and find what they are missing for the cases; the answer or error of each."""
    programs, files = needs(environment, cases)
    vm = vm_in_use(environment, cases)

    def ask(node: Node) -> Examined:
        lacks = node.open_and_check(programs.get(node.name, []), files.get(node.name, []))
        found = lacking(node.name, lacks)
        if vm is not None and node.name == vm.tool_node and lacks.supervisor is None:
            stale = stale_vm(vm, node.virtual_machines(), bootstrap_command(environment.folder))
            found |= {"vm": stale} if stale else {}
        return Examined(lacks, found)

    return each(nodes, ask)


def check(environment: Environment, nodes: Mapping[str, Node], cases: Sequence[Case]) -> None:
    """Open every node and check its prerequisites; raise all problems together."""
    missing: list[Missing] = []
    errors: list[Exception] = []
    for result in examine(environment, list(nodes.values()), cases).values():
        if isinstance(result, Exception):
            errors.append(result)
        else:
            missing += [item for found in result.missing.values() for item in found]
    if missing:
        errors.append(PreflightError(missing))
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Gathered(f"environment {environment.name} is not ready", errors)


def lacking(node: str, lacks: Lacks) -> dict[Prerequisite, list[Missing]]:
    """Missing prerequisites of a node by kind, without empty kinds."""
    found: dict[Prerequisite, list[Missing]] = {
        "programs": [Missing(node, f"{name} is not installed", _remedy(name)) for name in lacks.programs],
        "tools": [Missing(node, f"{name} is not there", "copy the tool, or set tools_dir") for name in lacks.files],
        "workdir": [Missing(node, f"workdir: {reason}", "choose another workdir") for reason in lacks.workdir],
    }
    if lacks.supervisor is not None:
        is_sudo = "sudo" in lacks.supervisor and "install Python" not in lacks.supervisor
        found["sudo" if is_sudo else "python"] = [Missing(node, lacks.supervisor)]
    return {kind: items for kind, items in found.items() if items}


def _remedy(program: str) -> str:
    package = _PACKAGES.get(program)
    return f"apt-get install {package}, or dnf install {package}" if package else "install it"
