"""The study of a results tree: the content of its reports."""

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
from probecost.analysis.study.case import CaseStudy, study_visits, with_problems, without_results
from probecost.analysis.study.expected import only_environment, planned_cases
from probecost.analysis.tree.any_tree import find_in_any_tree
from probecost.analysis.tree.find import Found
from probecost.analysis.tree.metadata import NodeFacts, PerfTestMetadata
from probecost.analysis.tree.problem import Kind, Problem
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.tree.run import Budget, RunInfo, read_run
from probecost.analysis.values.case import fresh_of, measure_case, read, without_fresh
from probecost.analysis.values.measurement import Measurement
from probecost.errors import ConfigError
from probecost.results.layout import RUN_FILE, SWITCHED, TREE
from probecost.results.names import CaseName


@dataclass(frozen=True)
class Study:
    """A whole tree. ``problems`` are of no single case; ``nodes``: environment → node → facts.

    ``perf_tests``: every perf test, flows included; ``records``: their metadata. ``fresh``: the measurements of units
    for the confirmation of a speed-up, which are in no other field.
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

    ``jobs``: number of processes that read files, more than one only if no other thread runs. ``ConfigError``: ``root``
    holds several runs, which would be mixed.
    """
    root = root.resolve()
    _refuse_runs(root)
    located = find_in_any_tree(root, jobs)
    records, audit = audited(located.records)
    located = replace(located, records=records)
    run, run_problems = read_run(root)
    own = without_fresh(located.records)
    visits = tuple(record for record in own if record.metadata.arm != SWITCHED)
    switched = [record for record in own if record.metadata.arm == SWITCHED]
    confirming = measure_case([*map(read, fresh_of(located.records))], settings).results
    flows = measure_case([*map(read, switched)], settings).results
    studied = study_visits(Found(visits, located.problems), run, settings, flows, jobs)
    measurements = [*studied.measurements, *(row for flow in flows for row in flow.measurements)]
    flow_problems = [problem for flow in flows for problem in flow.problems]
    cases = with_problems([*studied.cases, *without_results(root, run, studied.cases)], flow_problems)
    cases.sort(key=lambda case: case.id)
    taken = {id(problem) for case in cases for problem in case.problems}
    fresh_problems = [_without_loss(problem) for result in confirming for problem in result.problems]
    loose = [*run_problems, *located.problems, *studied.problems, *flow_problems, *fresh_problems]
    fresh = Fresh.of(confirming)
    nodes: dict[str, dict[str, NodeFacts]] = {}
    for record in located.records:
        nodes.setdefault(record.metadata.environment, {}).update(record.metadata.facts)
    judged = verdicts(
        [record.metadata for record in (*studied.perf_tests, *(flow.record for flow in flows))],
        measurements,
        RunPlan(planned_cases(run, located.records), run.rule, run.primary),
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
    """A problem of a unit of confirmation, whose absence loses no figure of the case."""
    return replace(problem, kind=Kind.IMPLAUSIBLE) if problem.missing else problem


def _refuse_runs(root: Path) -> None:
    """Refuse a folder of several runs: their units have the same numbers, and their visits the same names."""
    runs = sorted(file.parent.name for file in root.glob(f"*/{RUN_FILE}") if not file.parent.is_symlink())
    if runs and not is_file(root / RUN_FILE):
        raise ConfigError(f"{root}: holds runs, and is none itself: name one of them, such as {root / runs[-1]}")


def refuse_others(study: Study) -> None:
    """Refuse a folder that is neither a run nor a part of one, by a ``ConfigError``."""
    if study.perf_tests or study.problems or study.cases or is_file(study.root / RUN_FILE):
        return
    if study.root.name != TREE and next(study.root.glob(f"**/{TREE}"), None) is None:
        raise ConfigError(
            f"{study.root}: is no results folder: there is no {RUN_FILE} in it, and no {TREE} below it",
            hint="name the folder of a run (results/<run_id>, results/latest), or of one iteration",
        )


def _budgets(run: RunInfo, records: Sequence[PerfTestFiles]) -> dict[CaseName, tuple[Budget, ...]]:
    """The budgets of the started cases."""
    only = only_environment(records)
    return {CaseName(case.environment or only, case.case_key): case.budgets for case in run.cases if case.was_started}
