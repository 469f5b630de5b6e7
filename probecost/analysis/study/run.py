"""Everything that is known of a results tree, or of one case while its run goes on: what reports and plugin show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from probecost.analysis.gates.overlaps import Audit, audited
from probecost.analysis.judge.budgets import BudgetCheck, check_budgets
from probecost.analysis.judge.confirmation import Fresh
from probecost.analysis.judge.family import RunPlan
from probecost.analysis.judge.verdicts import MetricVerdict, verdicts
from probecost.analysis.parsers.text import is_file
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.case import CaseStudy, study_cases, with_problems, without_results
from probecost.analysis.tree.any_tree import find_in_any_tree
from probecost.analysis.tree.cache import Seen
from probecost.analysis.tree.find import find_perf_tests
from probecost.analysis.tree.metadata import NodeFacts, PerfTestMetadata
from probecost.analysis.tree.problem import Kind, Problem
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.tree.run import Budget, RunInfo, read_run
from probecost.analysis.values.case import measure_case, measure_fresh, without_fresh
from probecost.analysis.values.flow import measure_flow
from probecost.analysis.values.measurement import Measurement
from probecost.errors import ConfigError
from probecost.results.layout import RUN_FILE, SWITCHED, TREE, iteration_name
from probecost.results.names import CaseId, CaseName


@dataclass(frozen=True)
class CaseAlone:
    """One case at its end, before others are measured. Its units are those of this iteration and of all before.

    The other tests of the family are not known yet: p-values are adjusted for as many as were planned, all of the
    others taken to be less clear than this case's. That is a bound: what is claimed with it holds at the end of the
    run too. Cases of other environments count with as many perf tests as this one has. ``is_strict``: a case is to
    fail where its units cannot tell.
    """

    study: CaseStudy
    verdicts: tuple[MetricVerdict, ...]
    budgets: tuple[BudgetCheck, ...]
    is_strict: bool


@dataclass(frozen=True)
class Study:
    """A whole tree. ``problems`` are those that belong to no single case; ``nodes``: environment → node → facts.

    ``perf_tests``: every perf test that was found, flows included; ``records``: their metadata. ``fresh``: the
    measurements of units that were made to confirm a speed-up; they are in nothing else of this.
    """

    root: Path
    run: RunInfo
    cases: tuple[CaseStudy, ...]
    measurements: tuple[Measurement, ...]
    verdicts: tuple[MetricVerdict, ...]
    problems: tuple[Problem, ...]
    nodes: Mapping[str, Mapping[str, NodeFacts]]
    versions: tuple[str, ...]
    perf_tests: tuple[PerfTestFiles, ...]
    budgets: tuple[BudgetCheck, ...] = ()
    fresh: tuple[Measurement, ...] = ()
    audit: Audit = field(default_factory=Audit)

    @property
    def records(self) -> tuple[PerfTestMetadata, ...]:
        return tuple(record.metadata for record in self.perf_tests)

    @property
    def environments(self) -> tuple[str, ...]:
        found = {case.id.environment for case in self.cases} | {row.environment for row in self.measurements}
        return tuple(sorted(found | set(self.nodes)))


def study_run(root: Path, settings: Settings, jobs: int = 1) -> Study:
    """Read everything below ``root`` (a run's folder, an iteration's, or anything that holds node trees).

    ``jobs``: how many processes read files, more than one only where no thread runs beside the caller.
    ``ConfigError``: ``root`` holds whole runs, which would be mixed.
    """
    root = root.resolve()
    _refuse_runs(root)
    located = find_in_any_tree(root, jobs)
    records, audit = audited(located.records)
    located = replace(located, records=records)
    run, run_problems = read_run(root)
    own = without_fresh(located.records)
    visits = [record for record in own if record.metadata.arm != SWITCHED]
    switched = [record for record in own if record.metadata.arm == SWITCHED]
    confirming = measure_fresh(located.records, settings)
    fresh = Fresh.of(confirming)
    flows = [measure_flow(record, settings) for record in switched]
    measured, measurements, measured_problems, used = study_cases(
        visits, located.problems, run, settings, flows, jobs=jobs
    )
    measurements += [row for flow in flows for row in flow.measurements]
    flow_problems = [problem for flow in flows for problem in flow.problems]
    cases = with_problems([*measured, *without_results(root, run, measured)], flow_problems)
    cases.sort(key=lambda case: case.id)
    taken = {id(problem) for case in cases for problem in case.problems}
    fresh_problems = [_without_loss(problem) for result in confirming for problem in result.problems]
    loose = [*run_problems, *located.problems, *measured_problems, *flow_problems, *fresh_problems]
    nodes: dict[str, dict[str, NodeFacts]] = {}
    for record in located.records:
        nodes.setdefault(record.metadata.environment, {}).update(record.metadata.facts)
    judged = verdicts(
        [record.metadata for record in (*used, *(flow.record for flow in flows))],
        measurements,
        RunPlan(_planned(run, located.records), run.rule, run.primary),
        settings,
        fresh,
    )
    return Study(
        root=root,
        run=run,
        cases=tuple(cases),
        measurements=tuple(measurements),
        verdicts=judged,
        problems=tuple(problem for problem in loose if id(problem) not in taken),
        nodes=nodes,
        versions=tuple(sorted({r.metadata.probecost for r in located.records if r.metadata.probecost})),
        fresh=fresh.measurements,
        perf_tests=located.records,
        budgets=check_budgets(_budgets(run, located.records), judged),
        audit=audit,
    )


def _without_loss(problem: Problem) -> Problem:
    """A problem of a unit of confirmation: without it no figure of the case is missing."""
    return replace(problem, kind=Kind.IMPLAUSIBLE) if problem.missing else problem


def _refuse_runs(root: Path) -> None:
    """Units of several runs are not units of one: their numbers are the same, and so are their visits' names."""
    runs = sorted(file.parent.name for file in root.glob(f"*/{RUN_FILE}") if not file.parent.is_symlink())
    if runs and not is_file(root / RUN_FILE):
        raise ConfigError(f"{root}: holds runs, and is none itself: name one of them, such as {root / runs[-1]}")


def refuse_others(study: Study) -> None:
    """``ConfigError`` where what was read is neither a run nor any part of one."""
    if study.perf_tests or study.problems or study.cases or is_file(study.root / RUN_FILE):
        return
    if study.root.name != TREE and next(study.root.glob(f"**/{TREE}"), None) is None:
        raise ConfigError(
            f"{study.root}: is no results folder: there is no {RUN_FILE} in it, and no {TREE} below it",
            hint="name the folder of a run (results/<run_id>, results/latest), or of one iteration",
        )


def _planned(run: RunInfo, records: Sequence[PerfTestFiles]) -> set[CaseName]:
    """All cases that the run was to measure."""
    only = _only_environment(records)
    return {CaseName(case.environment or only, case.case_key) for case in run.cases}


def _budgets(run: RunInfo, records: Sequence[PerfTestFiles]) -> dict[CaseName, tuple[Budget, ...]]:
    """The budgets of the cases that were started."""
    only = _only_environment(records)
    return {CaseName(case.environment or only, case.case_key): case.budgets for case in run.cases if case.was_started}


def _only_environment(records: Sequence[PerfTestFiles]) -> str:
    """Where there is only one, the run's file may not name it; empty where there are several."""
    environments = {record.metadata.environment for record in records}
    return environments.pop() if len(environments) == 1 else ""


def study_case(
    root: Path,
    wanted: CaseId,
    settings: Settings,
    seen: Seen | None = None,
) -> CaseAlone | None:
    """One case alone, which is much quicker than the whole run; ``None`` when nothing of it is there.

    With ``seen``, which is kept from one question to the next, other cases cost no time.
    """
    root = root.resolve()
    seen = seen or Seen()
    environment, iteration, case_key = wanted
    seen.begin(case_key)
    located = find_perf_tests(root / environment / iteration_name(iteration), seen=seen)
    run = seen.run(root)
    visits = [record for record in without_fresh(located.records) if record.metadata.arm != SWITCHED]
    earlier = [
        find_perf_tests(root / environment / iteration_name(number), seen=seen).records
        for number in range(1, iteration)
    ]
    records = [record for found in (*earlier, located.records) for record in found]
    name = CaseName(environment, case_key)
    own = [record for record in records if record.metadata.case_key == case_key]
    measured = measure_case(without_fresh(own), settings)
    fresh = Fresh.of(measure_fresh(own, settings))
    flows = [result for result in measured if result.record.metadata.arm == SWITCHED]
    cases, *_ = study_cases(visits, located.problems, run, settings, flows, wanted, seen=seen)
    case = next((case for case in cases if case.id == wanted), None)
    if case is None:
        return None
    rows = [row for result in measured for row in result.measurements]
    planned = [
        found if found.environment == environment else CaseName(environment, "/".join(found))
        for found in _planned(run, records)
    ]
    metadata = [result.record.metadata for result in measured]
    judged = verdicts(metadata, rows, RunPlan(planned, run.rule, run.primary), settings, fresh)
    limits = {name: case.outcome.budgets if case.outcome is not None else ()}
    strict = run.options.get("strict_budgets") == str(True)
    return CaseAlone(case, judged, check_budgets(limits, judged), strict)
