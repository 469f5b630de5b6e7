"""The gates on pairs of visits: they must be adjacent in time, and differ in nothing but the tool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from probecost.analysis.gates import interface_setup
from probecost.analysis.gates.counters import Counted
from probecost.analysis.gates.foreign_load import of_perf_test
from probecost.analysis.gates.interface_setup import Pair, listed
from probecost.analysis.gates.tool_remarks import of_tool
from probecost.analysis.tree.problem import Kind, Problem
from probecost.analysis.tree.record import PerfTestFiles
from probecost.results.layout import BASELINE, TOOL
from probecost.results.names import CaseId, PerfTestName

MAX_VISIT_LENGTHS_APART = 10


@dataclass(frozen=True)
class PairGates:
    """Results of the gates. ``void_reasons`` by the folder of the perf test, ``notes``: remarks that void nothing."""

    void_reasons: Mapping[object, str]
    notes: tuple[Problem, ...]

    def void_reason(self, record: PerfTestFiles) -> str:
        return self.void_reasons.get((record.group, record.place), "")


def pair_gates(perf_tests: Iterable[Counted]) -> PairGates:
    """Check the visits of all cases in ``perf_tests``; a void applies to both perf tests of a pair."""
    reasons: dict[object, str] = {}
    notes: list[Problem] = []
    for own in _by_case(perf_tests).values():
        pairs = _pairs(own)
        apart = _apart(own)
        changed_by_tool = interface_setup.of_the_tool(pairs) if pairs else set()
        for pair in pairs:
            reason = apart.get(pair.tool.record.metadata.unit, "") or _changed(pair, changed_by_tool)
            if reason:
                reasons.update({(one.record.group, one.record.place): reason for one in pair})
        notes += _notes(own, pairs, changed_by_tool)
    return PairGates(reasons, tuple(notes))


def _by_case(perf_tests: Iterable[Counted]) -> Mapping[CaseId, list[Counted]]:
    found: dict[CaseId, list[Counted]] = {}
    for perf_test in perf_tests:
        what = perf_test.record.metadata
        if not (what.shared_baseline or what.is_superseded):
            found.setdefault(what.case, []).append(perf_test)
    return found


def _pairs(perf_tests: Sequence[Counted]) -> list[Pair]:
    arms: dict[tuple[int, PerfTestName], dict[str, Counted]] = {}
    for perf_test in perf_tests:
        what = perf_test.record.metadata
        arms.setdefault((what.unit, what.test), {})[what.arm] = perf_test
    return [Pair(both[BASELINE], both[TOOL]) for _, both in sorted(arms.items()) if {BASELINE, TOOL} <= both.keys()]


def _apart(perf_tests: Sequence[Counted]) -> dict[int, str]:
    """By unit, the reason that its two visits are not adjacent."""
    spans: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for perf_test in perf_tests:
        what = perf_test.record.metadata
        begin_ns, end_ns = what.visit_start_ns or what.start_ns, what.visit_end_ns or what.end_ns
        if begin_ns is not None and end_ns is not None:
            spans.setdefault((what.unit, what.arm), []).append((begin_ns, end_ns))
    found = {}
    for unit in {unit for unit, _ in spans}:
        visits = [spans.get((unit, arm)) for arm in (BASELINE, TOOL)]
        both = sorted((min(begin for begin, _ in some), max(end for _, end in some)) for some in visits if some)
        if len(both) == 2:
            gap_ns, longest_ns = both[1][0] - both[0][1], max(end - begin for begin, end in both)
            if gap_ns > MAX_VISIT_LENGTHS_APART * longest_ns:
                found[unit] = (
                    f"the two visits of unit {unit} lie {gap_ns / 1e9:.0f} s apart, "
                    f"the limit is {MAX_VISIT_LENGTHS_APART} times their length ({longest_ns / 1e9:.1f} s)"
                )
    return found


def _changed(pair: Pair, by_tool: set[tuple[str, str]]) -> str:
    foreign = [change for change in interface_setup.between_arms(pair) if (change.node, change.key) not in by_tool]
    return f"the set-up differs between the arms: {listed(foreign)}" if foreign else ""


def _notes(perf_tests: Sequence[Counted], pairs: Sequence[Pair], by_tool: set[tuple[str, str]]) -> Iterator[Problem]:
    for perf_test in perf_tests:
        changes = interface_setup.in_window(perf_test)
        if changes:
            yield _note(perf_test.record, f"the set-up changed during the perf test: {listed(changes)}")
        for remark in (*interface_setup.programs_of_others(perf_test), *of_tool(perf_test.record.metadata.tool)):
            yield _note(perf_test.record, remark)
    if by_tool:
        own = [change for change in interface_setup.between_arms(pairs[0]) if (change.node, change.key) in by_tool]
        reason = f"in every tool visit, and in no other: {listed(own)}. The tool changes that itself"
        yield _note(pairs[0].tool.record, reason)
    loads = (load for perf_test in perf_tests for load in of_perf_test(perf_test))
    unseen = sorted({node for load in loads if load.percent is None for node in load.nodes})
    if unseen:
        reason = f"foreign CPU time is not observable on {', '.join(unseen)}: there is no cgroup"
        yield _note(perf_tests[0].record, reason)


def _note(record: PerfTestFiles, reason: str) -> Problem:
    return record.problem(record.place_on(record.metadata.tool_node), reason, Kind.REMARK)
