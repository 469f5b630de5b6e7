"""Differences of the conditions of two runs, and the options that accept them.

A difference that changes the figures by itself prevents a comparison until it is accepted. The tool, the object of the
comparison, may differ: that is a remark. So is a condition that one of the runs did not record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import NamedTuple

from probecost.analysis.study.run import Study
from probecost.analysis.tree.metadata import NodeFacts, PerfTestMetadata
from probecost.analysis.two_runs.pairing import Pairing
from probecost.results.layout import SWITCHED, TOOL
from probecost.results.names import CaseName, PerfTestName
from probecost.text import counted


class Kind(StrEnum):
    """Kinds of differences: the values of ``--across``."""

    KERNEL = "kernel"
    BED = "bed"
    GENERATORS = "generators"
    OPTIONS = "options"


class OnPair(NamedTuple):
    """A perf test of a test pair. ``environment``: by its name in run B."""

    environment: str
    pair_kind: str
    test: PerfTestName


_Place = tuple[str, PerfTestName]  # pair kind and perf test


@dataclass(frozen=True)
class Difference:
    """A condition ``what`` that was ``in_a`` in run A and ``in_b`` in run B; ``test``: the only perf test concerned."""

    kind: Kind
    what: str
    in_a: str
    in_b: str
    test: OnPair | None = None

    @property
    def text(self) -> str:
        return f"{self.what}: {self.in_a} -> {self.in_b}"


@dataclass(frozen=True)
class Differences:
    """Differences of two runs: ``differences`` must be accepted, ``remarks`` are for the reader."""

    differences: tuple[Difference, ...]
    remarks: tuple[str, ...]

    def refused(self, accepted: Iterable[Kind]) -> tuple[Difference, ...]:
        taken = set(accepted)
        return tuple(difference for difference in self.differences if difference.kind not in taken)


_KINDS = {"kernel": Kind.KERNEL, "iperf3": Kind.GENERATORS, "netperf": Kind.GENERATORS}
_LABELS = {"cpu_model": "CPU", "cpus": "number of CPUs", "memory_kb": "memory (KB)", "governor": "frequency governor"}
#: Facts that change with each boot of the same machine.
_NAMES_OF_A_BOOT = {"boot_id", "pid_namespace"}
#: Options on files, repetitions and order, which are no conditions.
_NOT_CONDITIONS = {
    "config_dir", "results_dir", "seed", "units", "iterations", "keep_remote", "ssh_accept_new", "accept_new_host_keys",
    "bootstrap", "workflow", "start_after", "perf_tests", "duration_s", "precision_pct", "time_budget_s", "calibration",
    "null_case", "order", "budgets", "strict_budgets", "resume", "max_failures_per_tool", "wait_for_reboot_s",
    "wait_for_nodes_s", "analysis_config",
}  # fmt: skip
#: Tolerance of memory sizes: the kernel subtracts its own share, which differs between kernels.
_SAME_MEMORY = 0.02
#: Tolerance of rates: two calibrations of one bed differ by as much, and so do shares of their maxima.
_SAME_RATE = 0.1
_CONTAINER_LINK = re.compile(r"veth[0-9a-f]{6,} ")
_NUMBERED_TAP = re.compile(r"(vnet|tap)\d+ ")


def differences(a: Study, b: Study, pairing: Pairing) -> Differences:
    """All differences of the two runs, A first, in the order of kinds, and remarks."""
    remarks: list[str] = []
    found = [Difference(Kind.BED, "environment", one, other) for one, other in pairing.environments if one != other]
    for one, other in pairing.environments:
        found += _nodes(a, b, one, other, remarks)
        found += _perf_tests(_records(a, one), _records(b, other), other)
        found += _loads(_records(a, one), _records(b, other), other, remarks)
    found += _options(a, b, remarks)
    found += _schedules(pairing)
    order = list(Kind)
    remarks += [*_versions(a, b), *_tools(a, b, pairing)]
    return Differences(tuple(sorted(found, key=lambda each: order.index(each.kind))), tuple(remarks))


def _records(study: Study, environment: str) -> list[PerfTestMetadata]:
    return [record for record in study.records if record.environment == environment]


def _nodes(a: Study, b: Study, in_a: str, in_b: str, remarks: list[str]) -> Iterator[Difference]:
    """Differences of roles and of nodes' facts: nodes are compared by role, else by name."""
    roles_a, roles_b = _roles(_records(a, in_a)), _roles(_records(b, in_b))
    nodes_a, nodes_b = a.nodes.get(in_a, {}), b.nodes.get(in_b, {})
    pairs = {name: name for name in nodes_a if name in nodes_b}
    for role in sorted(roles_a.keys() & roles_b.keys()):
        one, other = roles_a[role], roles_b[role]
        if one != other:
            yield Difference(Kind.BED, role, one, other)
            pairs[one] = other
    for one, other in sorted(pairs.items()):
        if one in nodes_a and other in nodes_b:
            name = one if one == other else f"{one}, {other}"
            yield from _facts(name, nodes_a[one], nodes_b[other], remarks)


def _roles(records: Iterable[PerfTestMetadata]) -> Mapping[str, str]:
    """Roles → names of their nodes: ``host server`` → ``a, b``."""
    found: dict[str, set[str]] = {}
    for record in records:
        for role, node in (("server", record.server_node), ("client", record.client_node), ("tool", record.tool_node)):
            if node:
                found.setdefault(f"{record.pair_kind} {role}", set()).add(node)
    return {role: ", ".join(sorted(nodes)) for role, nodes in found.items()}


def _facts(node: str, a: NodeFacts, b: NodeFacts, remarks: list[str]) -> Iterator[Difference]:
    for fact in (field.name for field in fields(NodeFacts) if field.name not in _NAMES_OF_A_BOOT):
        one, other = getattr(a, fact), getattr(b, fact)
        if fact == "interfaces":
            yield from _interfaces(node, one, other, remarks)
            continue
        if one == other or (fact == "memory_kb" and one and other and abs(one - other) <= _SAME_MEMORY * one):
            continue
        label = f"{node}: {_LABELS.get(fact, fact)}"
        if one in ("", None) or other in ("", None):
            remarks.append(f"{label} is not recorded in run {'A' if one in ('', None) else 'B'}")
        else:
            yield Difference(_KINDS.get(fact, Kind.BED), label, str(one), str(other))


def _interfaces(node: str, a: Sequence[str], b: Sequence[str], remarks: list[str]) -> Iterator[Difference]:
    one, other = _lasting(a), _lasting(b)
    if one == other:
        return
    if not a or not b:
        remarks.append(f"{node}: interfaces are not recorded in run {'B' if a else 'A'}")
        return
    only_a, only_b = [each for each in one if each not in other], [each for each in other if each not in one]
    yield Difference(Kind.BED, f"{node}: interfaces", ", ".join(only_a) or "fewer", ", ".join(only_b) or "fewer")


def _lasting(interfaces: Iterable[str]) -> list[str]:
    """The interfaces without links of containers, and with taps unnumbered: their numbers change with each start."""
    kept = (each for each in interfaces if not _CONTAINER_LINK.match(each))
    return sorted(_NUMBERED_TAP.sub(r"\1 ", each) for each in kept)


def _perf_tests(a: Sequence[PerfTestMetadata], b: Sequence[PerfTestMetadata], environment: str) -> Iterator[Difference]:
    """Differences of perf tests: seconds, streams and rates. A flow's seconds depend on the tool's start."""
    one, other = _specs(a), _specs(b)
    for place in sorted(one.keys() | other.keys()):
        if one.get(place) != other.get(place):
            nothing = "not measured"
            yield Difference(
                Kind.OPTIONS, f"{environment}: {_words(place)}", one.get(place, nothing), other.get(place, nothing)
            )


def _words(place: _Place) -> str:
    pair_kind, test = place
    return f"{pair_kind} {test.perf_test} {test.conn_type}"


def _loads(
    a: Sequence[PerfTestMetadata], b: Sequence[PerfTestMetadata], environment: str, remarks: list[str]
) -> Iterator[Difference]:
    """Differences of offered rates: a share of the maximum is a different rate in each calibration."""
    one, other = _offered(a), _offered(b)
    for place in sorted(one.keys() & other.keys()):
        rates = sorted(one[place] | other[place])
        if one[place] == other[place]:
            continue
        what = f"{environment}: load of {_words(place)}"
        texts = [" and ".join(f"{rate:.4g}/s" for rate in sorted(found)) for found in (one[place], other[place])]
        if rates[-1] <= rates[0] * (1 + _SAME_RATE):
            remarks.append(f"{what}: {texts[0]} -> {texts[1]}, near enough to compare")
        else:
            yield Difference(Kind.OPTIONS, what, texts[0], texts[1], OnPair(environment, *place))


def _offered(records: Iterable[PerfTestMetadata]) -> Mapping[_Place, set[float]]:
    """Offered rates by perf test at a load: in the unit of its primary metric, or bit/s of a background flow."""
    found: dict[_Place, set[float]] = {}
    for record in records:
        rate = record.background_bps if record.background_bps is not None else record.offered_rate
        if record.test.load and rate is not None:
            found.setdefault((record.pair_kind, record.test), set()).add(rate)
    return found


def _specs(records: Iterable[PerfTestMetadata]) -> Mapping[_Place, str]:
    found: dict[_Place, set[str]] = {}
    for record in records:
        if record.arm == SWITCHED:
            continue
        streams = counted(record.streams, "stream")
        seconds = "" if record.duration_s is None else f"{record.duration_s:g} s, "
        rate = f", target {record.target_bitrate}" if record.target_bitrate else ""
        found.setdefault((record.pair_kind, record.test), set()).add(f"{seconds}{streams}{rate}")
    return {place: " and ".join(sorted(specs)) for place, specs in found.items()}


def _options(a: Study, b: Study, remarks: list[str]) -> Iterator[Difference]:
    """Differences of options in the run files; without a run file, of the options that the visits recorded."""
    one, other = dict(a.run.options), dict(b.run.options)
    missing = [name for name, options in (("A", one), ("B", other)) if not options]
    if missing:
        remarks.append(f"run {' and '.join(missing)} has no options in its run.json: those of the visits were compared")
        one, other = _recorded(a), _recorded(b)
    for option in sorted((one.keys() | other.keys()) - _NOT_CONDITIONS):
        if one.get(option) != other.get(option):
            yield Difference(
                Kind.OPTIONS, f"option {option}", one.get(option, "not given"), other.get(option, "not given")
            )


def _recorded(study: Study) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for record in study.records:
        for option, value in record.options.items():
            found.setdefault(option, set()).add(value)
    return {option: ", ".join(sorted(values)) for option, values in found.items()}


def _schedules(pairing: Pairing) -> Iterator[Difference]:
    """Differences of schedules that the planners chose with the same options."""
    found: dict[tuple[str, str], set[str]] = {}
    for one, other in pairing.metrics:
        if one.schedule != other.schedule:
            found.setdefault((one.schedule, other.schedule), set()).add(other.case.case_key)
    for (in_a, in_b), cases in sorted(found.items()):
        yield Difference(Kind.OPTIONS, f"schedule of {', '.join(sorted(cases))}", in_a, in_b)


def _versions(a: Study, b: Study) -> Iterator[str]:
    one, other = (study.run.probecost or ", ".join(study.versions) or "not recorded" for study in (a, b))
    if one != other:
        yield f"probecost: {one} -> {other}"


def _tools(a: Study, b: Study, pairing: Pairing) -> Iterator[str]:
    """Remarks on different tools, by file and by command."""
    one, other = _tool_facts(a), _tool_facts(b)
    cases = sorted({(one.case, other.case) for one, other in pairing.metrics})
    changed = False
    for case_a, case_b in cases:
        for fact_a, fact_b in zip(one.get(case_a, ()), other.get(case_b, ()), strict=False):
            if fact_a != fact_b:
                changed = True
                yield f"{case_b.case_key}: {fact_a} -> {fact_b}"
    if cases and not changed:
        yield "the tools' files and commands are the same in both runs"


def _tool_facts(study: Study) -> Mapping[CaseName, tuple[str, str]]:
    """By environment and case key: the command, and the tool's file with its SHA-256."""
    commands: dict[CaseName, set[str]] = {}
    files: dict[CaseName, set[str]] = {}
    for record in study.records:
        if record.arm not in (TOOL, SWITCHED):
            continue
        case = record.case.name
        commands.setdefault(case, set()).add(f"command `{record.command}`")
        if record.tool is not None and record.tool.sha256:
            files.setdefault(case, set()).add(f"{record.tool.file} (SHA-256 {record.tool.sha256[:12]})")
    return {
        case: (" and ".join(sorted(commands[case])), " and ".join(sorted(files.get(case, {"file not recorded"}))))
        for case in commands
    }
