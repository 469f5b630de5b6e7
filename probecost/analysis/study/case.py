"""The cases of a results tree, each with what its visits gave, what is missing of it, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from probecost.analysis.gates.pairs import pair_gates
from probecost.analysis.judge.baseline import Comparison, Comparisons, compare, has_own_baseline
from probecost.analysis.processes import each
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.expected import Expected
from probecost.analysis.tree.cache import Seen
from probecost.analysis.tree.metadata import PerfTestMetadata
from probecost.analysis.tree.problem import Kind, Problem, Where
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.tree.run import CaseOutcome, RunInfo
from probecost.analysis.values.measurement import Measured, Measurement, measure
from probecost.analysis.values.tool_usage import NO_USAGE, CaseUsage, case_usage
from probecost.results.layout import ARMS, TOOL, iteration_name
from probecost.results.names import CaseId, PerfTestName, metric_id


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
        """The most units that any metric was compared over."""
        return max((comparison.n_units for comparison in self.comparisons.values()), default=0)

    @property
    def missing(self) -> tuple[Problem, ...]:
        """The problems that cost data."""
        return tuple(problem for problem in self.problems if problem.missing)


def study_cases(
    records: Sequence[PerfTestFiles],
    problems: Sequence[Problem],
    run: RunInfo,
    settings: Settings,
    flows: Sequence[Measured] = (),
    only: CaseId | None = None,
    jobs: int = 1,
    seen: Seen | None = None,
) -> tuple[list[CaseStudy], list[Measurement], list[Problem], list[PerfTestFiles]]:
    """Cases, measurements, the problems of the shared baselines' files, and the perf tests with the gates' reasons.

    ``flows``: what switched flows gave. ``only``: one case and what it needs; ``seen`` tells what others have.
    """
    in_flows = _in_flows(flows)
    by_case: dict[CaseId, list[PerfTestFiles]] = {}
    planned = {} if seen is None else {place: set(tests) for place, tests in seen.tests.items()}
    for record in records:
        what = record.metadata
        by_case.setdefault(what.case, []).append(record)
        place = what.test_pair
        planned.setdefault(place, set()).add(what.test)
    rows: dict[CaseId, list[Measurement]] = {}
    found: dict[CaseId, list[Problem]] = {}
    used: list[PerfTestFiles] = []
    usages: dict[CaseId, tuple[CaseUsage, tuple[Problem, ...]]] = {}
    wanted = [case for case in by_case if only is None or case == only or not case.case_key]
    reads = each(lambda case: _read(case, by_case[case], settings), wanted, jobs)
    comparisons: dict[CaseId, Comparisons] = {}
    for case, read in zip(wanted, reads, strict=True):
        records_of_case = [_voided(*pair) for pair in zip(by_case[case], read.void_reasons, strict=True)]
        rows[case] = [
            Measurement(record.metadata, metric, value, record.metadata.unusable)
            for record, figures in zip(records_of_case, read.figures, strict=True)
            for metric, value in figures
        ]
        found[case], usages[case] = list(read.problems), (read.usage, read.usage_problems)
        used += records_of_case
        if read.comparisons is not None:
            comparisons[case] = read.comparisons
    for problem in problems:
        case = problem.where.case
        if case.case_key and case in found:
            found[case].append(problem)
    measurements = [row for own_rows in rows.values() for row in own_rows]
    comparisons |= compare(
        row for case, own in rows.items() for row in own if row.shared_baseline or case not in comparisons
    )
    studies = []
    for case in sorted(found):
        if case.case_key:
            shared = case.shared_baseline
            visits = Expected(
                case,
                by_case[case],
                rows[case],
                by_case.get(shared, ()),
                rows.get(shared, ()),
                planned,
                in_flows.get(case, {}),
            )
            usage, usage_problems = usages[case]
            own_problems = [*found[case], *visits.unmeasured(found[case]), *usage_problems]
            studies.append(_study(case, by_case[case], comparisons.get(case, {}), usage, own_problems, run))
    loose = [problem for case, entries in found.items() if not case.case_key for problem in entries]
    return studies, measurements, loose, used


@dataclass(frozen=True)
class _CaseRead:
    """What the files of a case's visits gave; it is small, as it may come from another process.

    By perf test, in their order: ``figures``, each a metric and its value, and ``void_reasons``, why it does not count.
    ``comparisons``: with the case's own baseline, ``None`` where it has none.
    """

    figures: tuple[tuple[tuple[str, float], ...], ...]
    problems: tuple[Problem, ...]
    usage: CaseUsage
    usage_problems: tuple[Problem, ...]
    void_reasons: tuple[str, ...]
    comparisons: Comparisons | None


def _read(case: CaseId, records: Sequence[PerfTestFiles], settings: Settings) -> _CaseRead:
    gates = pair_gates(records)
    measured = [measure(record, settings, gates.void_reason(record)) for record in records]
    usage, usage_problems = case_usage(records)
    rows = [row for result in measured for row in result.measurements]
    return _CaseRead(
        tuple(tuple((row.metric, row.value) for row in result.measurements) for result in measured),
        (*(problem for result in measured for problem in result.problems), *gates.notes),
        usage,
        usage_problems,
        tuple(result.record.metadata.void_reason for result in measured),
        compare(rows)[case] if has_own_baseline(rows) else None,
    )


def _voided(record: PerfTestFiles, void_reason: str) -> PerfTestFiles:
    what = record.metadata
    return (
        record if what.void_reason == void_reason else replace(record, metadata=replace(what, void_reason=void_reason))
    )


def with_problems(cases: Iterable[CaseStudy], problems: Iterable[Problem]) -> list[CaseStudy]:
    """Each case with those of ``problems`` that are its own."""
    own: dict[CaseId, list[Problem]] = {}
    for problem in problems:
        own.setdefault(problem.where.case, []).append(problem)
    return [replace(case, problems=(*case.problems, *own[case.id])) if case.id in own else case for case in cases]


def _in_flows(flows: Iterable[Measured]) -> dict[CaseId, dict[PerfTestName, str]]:
    """By case: its perf tests that were switched, and why no flow of one is usable; empty where one is."""
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
    """The cases that were started and left nothing: they ended before their first perf test."""
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


def _study(
    case: CaseId,
    records: Sequence[PerfTestFiles],
    comparisons: Comparisons,
    usage: CaseUsage,
    problems: Sequence[Problem],
    run: RunInfo,
) -> CaseStudy:
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
        usage=usage,
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
    """The part that follows ``word`` in a case's name: ``tcp`` of ``rx_protocol_tcp``."""
    parts = name.split("_")
    return parts[parts.index(word) + 1] if word in parts[:-1] else ""


def _direction(name: str) -> str:
    return next((part for part in name.split("_") if part in ("rx", "tx")), "")
