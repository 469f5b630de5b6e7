"""Works out each node's part in its test pair from all answers, and collects the problems of all nodes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from probecost.config.schema import DiscoveryHints, MinimalFile, MinimalNode
from probecost.discovery.answers import Answer, HostFacts, Interface, NodeFacts, read_answer
from probecost.discovery.host import Hints, HostFound, find_host
from probecost.discovery.vm import Processes, Vm, VmFound, find_guest, find_process_of, find_vm, processes_of
from probecost.discovery.wiring import Uplink
from probecost.errors import NodeError, ProbecostError, UnreachableError

Found = HostFound | VmFound


@dataclass(frozen=True)
class NodeRow:
    """Findings on one node, for a table; empty texts if nothing was found. ``problem`` says why."""

    node: str
    role: str
    destination: str
    kernel: str = ""
    interface: str = ""
    python: str = ""
    iperf3: str = ""
    netperf: str = ""
    btf: str = ""
    bridge: str = ""
    uplink: str = ""
    tap: str = ""
    qemu_pid: str = ""
    vhost: str = ""
    problem: str = ""


@dataclass
class Survey:
    """A row for each node, the nodes that were found, and the problems, in the nodes' order."""

    rows: list[NodeRow] = field(default_factory=list)
    found: dict[str, Found] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Answers = Mapping[str, NodeFacts | ProbecostError]


def uuids_by_host(file: MinimalFile) -> dict[str, list[str]]:
    """UUIDs of the VMs of each host, by the minimal input."""
    found: dict[str, list[str]] = {}
    for node in file.nodes.values():
        if node.role == "vm" and node.host_ref and node.uuid:
            found.setdefault(node.host_ref, []).append(node.uuid)
    return found


def survey(file: MinimalFile, in_pairs: Collection[str], answers: Answers) -> Survey:
    """Work out every node. A host in no test pair needs no test address."""
    result = Survey()
    read = {name: _read(name, answers) for name in file.nodes}
    for name, node in file.nodes.items():
        row = NodeRow(name, node.role, node.ssh)
        answer = read[name]
        if isinstance(answer, Answer):
            row = _with_facts(row, answer.facts)
        if node.role == "vm":
            row, problems = _vm(name, node, read, row, result)
        else:
            wanted = name in in_pairs or node.test_ip is not None
            row, problems = _host(name, node, file.discovery_hints, answer, row, result, wanted=wanted)
        result.problems += problems
        result.rows.append(replace(row, problem="; ".join(problems)))
    return result


def _read(name: str, answers: Answers) -> Answer | ProbecostError:
    answer = answers.get(name, NodeError(name, "was not asked"))
    try:
        return answer if isinstance(answer, ProbecostError) else read_answer(name, answer)
    except NodeError as error:
        return error


def _host(
    name: str,
    node: MinimalNode,
    hints: DiscoveryHints,
    answer: Answer | ProbecostError,
    row: NodeRow,
    result: Survey,
    *,
    wanted: bool,
) -> tuple[NodeRow, list[str]]:
    if isinstance(answer, ProbecostError):
        return row, [str(answer)]
    if not wanted:
        return row, []
    try:
        found = find_host(name, _hints(node, hints), answer)
    except NodeError as error:
        return row, [str(error)]
    result.found[name] = found
    result.notes += found.notes
    return replace(
        row,
        interface=_interface_text(found.test_ip, found.interface),
        bridge=_bridges(found.bridge, found.uplink),
        uplink=found.uplink.text if found.uplink else "none",
    ), []


def _hints(node: MinimalNode, hints: DiscoveryHints) -> Hints:
    """The hints of a node; its own precede the common ones."""
    own_port = "internal_port_type" in node.model_fields_set
    port = node.internal_port_type if own_port else hints.internal_port_type
    return Hints(node.test_ip, port, node.physical_interface)


def _vm(
    name: str,
    node: MinimalNode,
    read: Mapping[str, Answer | ProbecostError],
    row: NodeRow,
    result: Survey,
) -> tuple[NodeRow, list[str]]:
    assert node.host_ref is not None
    assert node.uuid is not None
    assert node.test_ip is not None
    vm = Vm(name, node.host_ref, node.uuid, node.test_ip, node.physical_interface)
    answer, host = read[name], read[vm.host]
    problems: list[str] = []
    process = guest = None
    if isinstance(host, ProbecostError):
        problems.append(str(NodeError(name, f"its host could not be asked: {host}")))
    else:
        others = {other: one for other, one in read.items() if isinstance(one, Answer) and other != vm.host}
        try:
            process = find_process_of(vm, host, others)
            row = _with_processes(row, processes_of(process, host))
        except NodeError as error:
            problems.append(str(error))
    if isinstance(answer, Answer):
        try:
            guest = find_guest(vm, answer)
            row = replace(row, interface=_interface_text(vm.test_ip, guest.interface))
        except NodeError as error:
            problems.append(str(error))
    elif process is not None or isinstance(host, ProbecostError) or not isinstance(answer, UnreachableError):
        problems.append(str(answer))  # a VM that does not run is not reached: that is said already
    if guest is not None and process is not None and isinstance(host, Answer):
        try:
            found = find_vm(vm, guest, process, host)
        except NodeError as error:
            problems.append(str(error))
        else:
            result.found[name] = found
            result.notes += found.notes
            row = replace(
                row,
                bridge=_bridges(found.bridge, found.uplink),
                uplink=found.uplink.text if found.uplink else "none",
                tap=found.tap,
            )
    return row, problems


def _with_facts(row: NodeRow, facts: HostFacts) -> NodeRow:
    return replace(
        row,
        kernel=facts.kernel or "",
        python=facts.python or "missing",
        iperf3=facts.iperf3 or "missing",
        netperf=facts.netperf or "missing",
        btf={True: "yes", False: "no", None: ""}[facts.btf],
    )


def _with_processes(row: NodeRow, processes: Processes) -> NodeRow:
    vhost = ", ".join(map(str, processes.vhost_pids)) or "none"
    return replace(row, qemu_pid=str(processes.qemu_pid), vhost=vhost)


def _interface_text(test_ip: str, interface: Interface) -> str:
    details = ", ".join(
        filter(None, [interface.driver, f"mtu {interface.mtu}" if interface.mtu else "", interface.state])
    )
    return f"{test_ip} on {interface.name}" + (f" ({details})" if details else "")


def _bridges(bridge: str | None, uplink: Uplink | None) -> str:
    """Bridges on the way, the nearest first."""
    on_the_way = uplink.bridges if uplink else ()
    return " > ".join(dict.fromkeys([*([bridge] if bridge else []), *on_the_way]))
