"""The cases of a results tree, each with its comparisons, usage, problems and outcome."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from probecost.analysis.judge.baseline import Comparison, Comparisons, compare
from probecost.analysis.processes import each
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.expected import Expected
from probecost.analysis.study.visits import CaseVisits, measure_visits
from probecost.analysis.tree.find import Found
from probecost.analysis.tree.metadata import PerfTestMetadata
from probecost.analysis.tree.problem import Kind, Problem, Where
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.tree.run import CaseOutcome, RunInfo
from probecost.analysis.values.case import read
from probecost.analysis.values.measurement import Measured, Measurement
from probecost.analysis.values.tool_usage import NO_USAGE, CaseUsage
from probecost.results.layout import ARMS, TOOL, iteration_name
from probecost.results.names import CaseId, PairId, PerfTestName, metric_id


@dataclass(frozen=True)
class CaseStudy:
    """One case in one iteration. ``folders`` are the local folders of its raw files, ``label`` the tables' row name."""

    id: CaseId
    pair_kind: str
    label: str
    name: str
    tool_id: str
    category: str
    protocol: str
    direction: str
    command: str
    time_to_ready_s: float | None
    comparisons: Comparisons
    usage: CaseUsage
    problems: tuple[Problem, ...]
    outcome: CaseOutcome | None
    folders: tuple[Path, ...]

    def get(self, perf_test: str, conn_type: str, metric: str) -> Comparison | None:
        return self.comparisons.get(metric_id(perf_test, conn_type, metric))

    @property
    def n_units(self) -> int:
        """The largest number of units of any comparison."""
        return max((comparison.n_units for comparison in self.comparisons.values()), default=0)

    @property
    def missing(self) -> tuple[Problem, ...]:
        """The problems that lose data."""
        return tuple(problem for problem in self.problems if problem.missing)


@dataclass(frozen=True)
class StudiedCases:
    """The cases of some visits, with the visits' ``measurements``.

    ``problems``: of files of shared baselines. ``perf_tests``: with the reason if a gate voided one.
    """

    cases: list[CaseStudy]
    measurements: list[Measurement]
    problems: list[Problem]
    perf_tests: list[PerfTestFiles]


def study_visits(
    found: Found, run: RunInfo, settings: Settings, flows: Sequence[Measured], jobs: int = 1
) -> StudiedCases:
    """The cases of the ``found`` visits. ``flows``: measurements of the switched flows of these cases."""
    by_case: dict[CaseId, list[PerfTestFiles]] = {}
    tests: dict[PairId, set[PerfTestName]] = {}
    for record in found.records:
        by_case.setdefault(record.metadata.case, []).append(record)
        tests.setdefault(record.metadata.test_pair, set()).add(record.metadata.test)
    cases = list(by_case)
    figures = each(lambda case: measure_visits(case, [*map(read, by_case[case])], settings), cases, jobs)
    visits = [CaseVisits.of(case, by_case[case], own) for case, own in zip(cases, figures, strict=True)]
    return join_cases(visits, tests, flows, found.problems, run)


def join_cases(
    visits: Sequence[CaseVisits],
    tests: Mapping[PairId, Collection[PerfTestName]],
    flows: Iterable[Measured],
    problems: Iterable[Problem],
    run: RunInfo,
) -> StudiedCases:
    """Combine visits, flows and ``problems`` of their folders by case.

    ``tests``: the perf tests that the visits of each test pair make.
    """
    by_id = {own.id: own for own in visits}
    in_flows = _in_flows(flows)
    found = {own.id: list(own.found.problems) for own in visits}
    for problem in problems:
        case = problem.where.case
        if case.case_key and case in found:
            found[case].append(problem)
    comparisons = {own.id: own.found.comparisons for own in visits if own.found.comparisons is not None}
    comparisons |= compare(
        row for own in visits for row in own.rows if row.shared_baseline or own.id not in comparisons
    )
    studies = []
    for case in sorted(case for case in by_id if case.case_key):
        own, shared = by_id[case], by_id.get(case.shared_baseline)
        expected = Expected(own, shared, tests, in_flows.get(case, {}))
        told = [*found[case], *expected.unmeasured(found[case]), *own.found.usage_problems]
        studies.append(_study(own, comparisons.get(case, {}), told, run))
    return StudiedCases(
        studies,
        [row for own in visits for row in own.rows],
        [problem for case, entries in found.items() if not case.case_key for problem in entries],
        [record for own in visits for record in own.records],
    )


def with_problems(cases: Iterable[CaseStudy], problems: Iterable[Problem]) -> list[CaseStudy]:
    """The cases, each with its own ``problems`` added."""
    own: dict[CaseId, list[Problem]] = {}
    for problem in problems:
        own.setdefault(problem.where.case, []).append(problem)
    return [replace(case, problems=(*case.problems, *own[case.id])) if case.id in own else case for case in cases]


def _in_flows(flows: Iterable[Measured]) -> dict[CaseId, dict[PerfTestName, str]]:
    """By case: its switched perf tests, each with the reason that no flow of it is usable; empty if one is."""
    found: dict[CaseId, dict[PerfTestName, str]] = {}
    for flow in flows:
        what = flow.record.metadata
        case, test = what.case, what.test
        usable = {row.arm for row in flow.measurements if not row.void_reason} >= set(ARMS)
        reason = next((row.void_reason for row in flow.measurements if row.void_reason), "no segments")
        before = found.setdefault(case, {}).get(test, reason)
        found[case][test] = "" if usable else before
    return found


def without_results(root: Path, run: RunInfo, measured: Sequence[CaseStudy]) -> Iterator[CaseStudy]:
    """The started cases without results: they ended before their first perf test."""
    there = {case.id for case in measured}
    for found in run.cases:
        case = CaseId(found.environment, found.iteration or 1, found.case_key)
        if not found.was_started or not found.environment or case in there:
            continue
        there.add(case)
        place = root / case.environment / iteration_name(case.iteration)
        reason = "the case ended before anything was measured"
        problem = Problem(Where(*case), place, reason, Kind.MISSING)
        yield CaseStudy(
            id=case,
            pair_kind=found.pair_kind,
            label=found.label,
            name=found.case_name,
            tool_id=found.tool_id,
            category=found.category,
            protocol=found.parameters.get("protocol") or _after(found.case_name, "protocol"),
            direction=found.parameters.get("direction") or _direction(found.case_name),
            command=found.command,
            time_to_ready_s=None,
            comparisons={},
            usage=NO_USAGE,
            problems=(problem,),
            outcome=found,
            folders=(),
        )


def _study(visits: CaseVisits, comparisons: Comparisons, problems: Sequence[Problem], run: RunInfo) -> CaseStudy:
    case, records = visits.id, visits.records
    tool_records = [record for record in records if record.metadata.arm == TOOL]
    what = (tool_records or records)[0].metadata
    ready = [r.metadata.tool.time_to_ready_s for r in tool_records if r.metadata.tool is not None]
    folders = {
        folder.parent.parent.parent if record.metadata.arm == TOOL else folder
        for record in records
        for folder in record.folders.values()
    }
    return CaseStudy(
        id=case,
        pair_kind=what.pair_kind,
        label=_label(tool_records, what),
        name=what.case_name,
        tool_id=what.tool_id,
        category=what.category,
        protocol=what.parameters.get("protocol") or _after(what.case_name, "protocol"),
        direction=what.parameters.get("direction") or _direction(what.case_name),
        command=what.command,
        time_to_ready_s=max((seconds for seconds in ready if seconds is not None), default=None),
        comparisons=comparisons,
        usage=visits.found.usage,
        problems=tuple(problems),
        outcome=run.outcome(case.environment, case.iteration, case.case_key),
        folders=tuple(sorted(folders)),
    )


def _label(tool_records: Sequence[PerfTestFiles], what: PerfTestMetadata) -> str:
    """The case's folder name; without a tool visit its hash is unknown and left out."""
    for record in tool_records:
        if record.place.visit.case is not None:
            return record.place.visit.case.name
    return f"{what.tool_id}_case_{what.case_id}" if what.tool_id and what.case_id is not None else what.case_key


def _after(name: str, word: str) -> str:
    """The part after ``word`` in a case's name: ``tcp`` of ``rx_protocol_tcp``."""
    parts = name.split("_")
    return parts[parts.index(word) + 1] if word in parts[:-1] else ""


def _direction(name: str) -> str:
    return next((part for part in name.split("_") if part in ("rx", "tx")), "")
