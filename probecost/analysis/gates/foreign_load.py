"""The gate on foreign load: user CPU time of foreign processes on the machine must be below a limit.

Foreign time is the machine's user time without our cgroups and without the carriers of traffic (all virtual machines
count as carriers, ours or not). Nodes that share a kernel are one machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from probecost.analysis.gates.counters import Counted
from probecost.analysis.parsers.counters import CountersDelta
from probecost.analysis.parsers.segments import Segment
from probecost.analysis.tree.metadata import PerfTestMetadata

_REASON = re.compile(r"foreign processes on (?P<nodes>.+?) used (?P<percent>\d+) % of a core in user mode")


@dataclass(frozen=True)
class ForeignCpu:
    """Foreign ``percent`` of one core on the machine of ``nodes``; ``None`` if it is not observable."""

    nodes: tuple[str, ...]
    percent: float | None

    def void_reason(self, limit_pct: float) -> str:
        if self.percent is None or self.percent < limit_pct:
            return ""
        return (
            f"foreign processes on {' and '.join(self.nodes)} used {self.percent:.0f} % of a core in user mode, "
            f"the limit is {limit_pct:g} %"
        )


def read_reason(text: str) -> ForeignCpu | None:
    """Parse a text of ``void_reason``, to whole percents; ``None`` for any other reason."""
    found = _REASON.search(text)
    return None if found is None else ForeignCpu(tuple(found["nodes"].split(" and ")), float(found["percent"]))


def of_perf_test(perf_test: Counted) -> tuple[ForeignCpu, ...]:
    """Foreign CPU per machine with recorded CPU time; files of older versions have none."""
    machines: dict[str, dict[str, CountersDelta]] = {}
    for node, counted in perf_test.by_node.items():
        if counted.cpu is not None and counted.seconds:
            machines.setdefault(counted.boot_id or node, {})[node] = counted
    facts = perf_test.record.metadata.facts
    spaces = {node: found.pid_namespace for node, found in facts.items()}
    return tuple(ForeignCpu(tuple(nodes), _percent(nodes, spaces)) for nodes in machines.values())


def _percent(nodes: Mapping[str, CountersDelta], spaces: Mapping[str, str]) -> float | None:
    """Foreign percent over the longest window of the machine's nodes; the rest did little outside their windows.

    ``spaces``: each node's PID namespace; nodes that share one see the same carriers.
    """
    longest = max(nodes.values(), key=lambda counted: counted.seconds)
    assert longest.cpu is not None
    own: dict[str, int] = {}
    carriers: dict[str, int] = {}
    for node, counted in nodes.items():
        if counted.cpu is None or not counted.cpu.own_user_usec:
            return None
        own = {**counted.cpu.own_user_usec, **own}
        space = spaces.get(node, "")
        carriers[space] = max(carriers.get(space, 0), counted.cpu.carriers_user_usec)
    own.update(longest.cpu.own_user_usec)
    foreign_usec = longest.cpu.user_usec - sum(carriers.values()) - sum(own.values())
    return max(0.0, foreign_usec / longest.seconds / 1e4)


def of_segment(what: PerfTestMetadata, segment: Segment) -> ForeignCpu:
    """Foreign CPU on the machine of the tool's node; not observable if a node there hides its cgroup or carriers."""
    facts = what.facts.get(what.tool_node)
    boot_id = facts.boot_id if facts else ""
    together = [node for node, facts in what.facts.items() if node == what.tool_node or facts.boot_id == boot_id != ""]
    counts = segment.counts
    if segment.own_groups < len(together) or not {"user_usec", "carriers_user_usec", "own_user_usec"} <= counts.keys():
        return ForeignCpu(tuple(together), None)
    spaces = {what.facts[node].pid_namespace for node in together if node in what.facts}
    if len(spaces) > 1 and counts["carriers_user_usec"]:
        return ForeignCpu(tuple(together), None)
    foreign_usec = counts["user_usec"] - counts["carriers_user_usec"] - counts["own_user_usec"]
    return ForeignCpu(tuple(together), max(0.0, foreign_usec / segment.seconds / 1e4))
