"""Finds everything that would stop a run of an environment, step by step and node by node, without any traffic.

The steps are the engine's own: ``measure.preflight`` opens the nodes and asks for missing prerequisites. A step after a
failed one is not checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from probecost.config.environment import Case, Environment, PairSide
from probecost.errors import (
    AuthenticationError,
    HostKeyError,
    Missing,
    NodeError,
    ProbecostError,
    RemoteError,
    UnreachableError,
)
from probecost.measure.preflight import Examined, examine, vm_in_use
from probecost.plan.tool_files import local_tool
from probecost.remote.node import Node
from probecost.remote.pool import each

State = Literal["ok", "problem", "not checked"]

#: Checks of a node, in this order.
CHECKS = ("ssh", "host key", "login", "sudo", "python", "programs", "workdir", "tools", "test address", "ports")
_VM = "vm"  # checked on the host of a VM whose processes are named in cases
_CONNECTION = CHECKS[:3]
_FAILED_STEP = {UnreachableError: "ssh", HostKeyError: "host key", AuthenticationError: "login"}
_NETPERF_PORTS = 2
THIS_MACHINE = "this machine"


@dataclass(frozen=True)
class Check:
    """One line of a report: the state, and the problems with their remedies."""

    name: str
    state: State
    problems: tuple[Missing, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """All checks of one node, or of this machine."""

    node: str
    checks: tuple[Check, ...]

    @property
    def problems(self) -> tuple[Missing, ...]:
        return tuple(problem for check in self.checks for problem in check.problems)


def nodes_needed(environment: Environment, cases: Sequence[Case]) -> list[str]:
    """Names of the cases' nodes, in the order of the configuration."""
    used = {name for kind in {case.pair_kind for case in cases} for name in environment.pairs[kind].nodes}
    return [name for name in environment.nodes if name in used]


def diagnose(environment: Environment, nodes: Sequence[Node], cases: Sequence[Case]) -> list[Report]:
    """A report per node, all asked at the same time; the nodes are closed again."""
    try:
        answers = examine(environment, nodes, cases)
        opened = [node for node in nodes if _is_open(answers[node.name])]
        sides = _sides(environment, cases)
        found = each(opened, lambda node: _addresses(environment, node, sides.get(node.name, ()), cases))
        vm = vm_in_use(environment, cases)
        return [
            _report(
                node.name,
                answers[node.name],
                found.get(node.name),
                carries_vm=vm is not None and vm.tool_node == node.name,
            )
            for node in nodes
        ]
    finally:
        each(nodes, _close)


def _close(node: Node) -> None:
    with suppress(ProbecostError):
        node.close()


def _is_open(answer: Examined | Exception) -> bool:
    return isinstance(answer, Examined) and answer.lacks.supervisor is None


def _sides(environment: Environment, cases: Sequence[Case]) -> dict[str, list[tuple[str, PairSide]]]:
    """The ends of test pairs on each node, as ``server`` or ``client``."""
    found: dict[str, list[tuple[str, PairSide]]] = {}
    for kind in sorted({case.pair_kind for case in cases}):
        pair = environment.pairs[kind]
        found.setdefault(pair.server.node, []).append(("server", pair.server))
        found.setdefault(pair.client.node, []).append(("client", pair.client))
    return found


def _addresses(
    environment: Environment, node: Node, sides: Sequence[tuple[str, PairSide]], cases: Sequence[Case]
) -> dict[str, list[Missing]]:
    """Problems of the test addresses of a node, and of the ports of a server."""
    first, last = environment.port_range
    wanted = max([_NETPERF_PORTS, *(spec.streams for spec in environment.perf_tests)])
    found: dict[str, list[Missing]] = {"test address": [], "ports": []}
    for role, side in sides:
        try:
            free = node.free_ports(side.test_ip, environment.port_range, wanted if role == "server" else 1)
        except RemoteError as error:
            found["test address"].append(
                Missing(node.name, error.reason.removeprefix("free_ports: "), "correct test_ip, or bootstrap again")
            )
            continue
        if role == "server" and free < wanted:
            text = f"{free} of {wanted} ports are free from {first} to {last} on {side.test_ip}"
            found["ports"].append(Missing(node.name, text, "choose another performance_tests.port_range"))
    return found


def _report(
    node: str,
    answer: Examined | Exception,
    addresses: Mapping[str, list[Missing]] | Exception | None,
    *,
    carries_vm: bool,
) -> Report:
    names = (*CHECKS, _VM) if carries_vm else CHECKS
    if isinstance(answer, Exception):
        return _failed(node, answer, names)
    problems: dict[str, Sequence[Missing]] = {str(kind): items for kind, items in answer.missing.items()}
    checked = {*_CONNECTION, "programs"}
    if answer.lacks.supervisor is None:
        checked |= {*CHECKS, _VM}
    elif "install Python" in answer.lacks.supervisor:
        checked.add("sudo")
    if isinstance(addresses, Exception):
        return _failed(node, addresses, names)
    problems |= {name: items for name, items in (addresses or {}).items() if items}
    return Report(node, tuple(_check(name, problems.get(name, []), name in checked) for name in names))


def _failed(node: str, error: Exception, names: Sequence[str]) -> Report:
    """The report of an unreachable node. Foreign errors are raised."""
    if not isinstance(error, ProbecostError):
        raise error
    step = next((name for kind, name in _FAILED_STEP.items() if isinstance(error, kind)), "ssh")
    text = error.reason if isinstance(error, NodeError) else str(error)
    before = CHECKS[: CHECKS.index(step)]
    return Report(
        node,
        tuple(_check(name, [Missing(node, text)] if name == step else [], name in before) for name in names),
    )


def _check(name: str, problems: Sequence[Missing], is_checked: bool) -> Check:
    if problems:
        return Check(name, "problem", tuple(problems))
    return Check(name, "ok" if is_checked else "not checked")


def local_report(environment: Environment, cases: Sequence[Case]) -> Report:
    """Report on this machine: tools' files that are copied from here. The rest must be on their nodes."""
    files = dict.fromkeys(case.tool_file for case in cases if case.tool_file)
    here = [file for file in files if local_tool(environment, file) is not None]
    if not here:
        return Report(THIS_MACHINE, (Check("tools", "not checked", detail="all of them must be on the nodes"),))
    detail = f"{len(here)} of {len(files)} files are copied from {environment.local_tools_dir}"
    return Report(THIS_MACHINE, (Check("tools", "ok", detail=detail),))
