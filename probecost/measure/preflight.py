"""Everything that would stop a run, found on all nodes at once and before any traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probecost.config.commands import programs as programs_of
from probecost.config.models import Case, Environment
from probecost.errors import Gathered, Missing, PreflightError
from probecost.remote.node import Lacks, Node
from probecost.remote.pool import each

_PACKAGES = {
    "iperf3": "iperf3",
    "netperf": "netperf (Debian: component non-free; RHEL: EPEL)",
    "netserver": "netperf (Debian: component non-free; RHEL: EPEL)",
    "bpftrace": "bpftrace",
    "sudo": "sudo",
    "python3": "python3",
    "ethtool": "ethtool",
}


def needs(environment: Environment, cases: Sequence[Case]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Programs, and files below the workdir, that each node must have for the cases."""
    programs: dict[str, dict[str, None]] = {}
    files: dict[str, dict[str, None]] = {}
    for case in cases:
        pair = environment.pairs[case.pair_kind]
        programs.setdefault(pair.server.node, {}).update(dict.fromkeys(("iperf3", "netserver")))
        programs.setdefault(pair.client.node, {}).update(dict.fromkeys(("iperf3", "netperf")))
        programs.setdefault(pair.server.tool_node, {}).update(dict.fromkeys(programs_of(case.command)))
        if case.tool_file and environment.local_tools_dir is None:
            files.setdefault(pair.server.tool_node, {})[case.tool_file] = None
    return (
        {name: list(found) for name, found in programs.items()},
        {name: list(found) for name, found in files.items()},
    )


def check(environment: Environment, nodes: Mapping[str, Node], cases: Sequence[Case]) -> None:
    """Open every node and ask what it lacks; raises everything that was found, together."""
    programs, files = needs(environment, cases)

    def ask(node: Node) -> Lacks:
        return node.open_and_check(programs.get(node.name, []), files.get(node.name, []))

    missing: list[Missing] = []
    errors: list[Exception] = []
    for name, result in each(list(nodes.values()), ask).items():
        if isinstance(result, Exception):
            errors.append(result)
        else:
            missing += _missing(name, result)
    if missing:
        errors.append(PreflightError(missing))
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Gathered(f"environment {environment.name} is not ready", errors)


def _missing(node: str, lacks: Lacks) -> list[Missing]:
    found = [Missing(node, f"{name} is not installed", _remedy(name)) for name in lacks.programs]
    found += [Missing(node, f"{name} is not there", "copy the tool, or set tools_dir") for name in lacks.files]
    found += [Missing(node, f"workdir: {reason}", "choose another workdir") for reason in lacks.workdir]
    if lacks.supervisor is not None:
        found.append(Missing(node, lacks.supervisor))
    return found


def _remedy(program: str) -> str:
    package = _PACKAGES.get(program)
    return f"apt-get install {package}, or dnf install {package}" if package else "install it"
