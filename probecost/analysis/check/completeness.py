"""Completeness and plausibility check of a results tree, per case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from probecost.analysis.check.plausibility import doubts_of_case, doubts_of_tree
from probecost.analysis.judge.units import FLOWS, VISITS
from probecost.analysis.statistics.looks import FIXED
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.study.expected import planned_units
from probecost.analysis.study.run import Study, refuse_others
from probecost.analysis.tree.problem import TREE, Kind, Problem, Where
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.values.measurement import Measurement
from probecost.results.layout import ARMS, BASELINE, SWITCHED, iteration_name
from probecost.results.metrics import PRIMARY, place
from probecost.results.names import CaseId, PairId, PerfTestName


class State(StrEnum):
    """State of a case's data; the worst one that applies."""

    NOT_RUN = "not run"
    INCOMPLETE = "incomplete"
    IMPLAUSIBLE = "implausible"
    COMPLETE = "complete"


@dataclass(frozen=True)
class TestState:
    """One perf test of a case: of ``n_planned`` units, ``n_complete`` have valid data of both arms.

    ``schedule``: ``visits``, or ``switched`` if a unit is a flow.
    """

    perf_test: str
    conn_type: str
    schedule: str
    n_planned: int
    n_complete: int


@dataclass(frozen=True)
class CaseValidation:
    """One case in one iteration. ``outcome``: pytest's outcome, empty if it is not recorded."""

    id: CaseId
    outcome: str
    tests: tuple[TestState, ...]
    problems: tuple[Problem, ...]
    state: State

    def of_kind(self, kind: Kind) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.kind.in_check is kind)


@dataclass(frozen=True)
class Validation:
    """The check of a whole tree. ``problems`` are of no single case."""

    root: Path
    run_id: str
    cases: tuple[CaseValidation, ...]
    problems: tuple[Problem, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is missing or implausible. Data voided by a gate are neither, as long as a unit is left."""
        return all(case.state is State.COMPLETE for case in self.cases) and not any(map(_is_wrong, self.problems))


def validate(study: Study) -> Validation:
    """Check the data of ``study``. ``ConfigError``: its folder is no results folder."""
    refuse_others(study)
    facts = _Facts(study)
    found: dict[CaseId, list[Problem]] = {case.id: list(case.problems) for case in study.cases}
    loose: list[Problem] = []
    for problem in (*study.problems, *doubts_of_tree(study)):
        found.get(problem.where.case, loose).append(problem)
    cases = [_case(case, facts, found[case.id]) for case in study.cases]
    cases += _not_run(study, {case.id for case in study.cases})
    if not cases:
        loose.append(Problem(TREE, study.root, "holds no case that was measured", Kind.MISSING))
    return Validation(study.root, study.run.run_id, tuple(cases), tuple(loose))


class _Test(NamedTuple):
    """A perf test, in visits or in switched flows."""

    name: PerfTestName
    in_flows: bool


@dataclass
class _CaseFacts:
    """Data of a case. ``arms``: by perf test, unit and pair, the arms with a valid value of the main metric."""

    records: list[PerfTestFiles] = field(default_factory=list)
    rows: list[Measurement] = field(default_factory=list)
    arms: dict[_Test, dict[int, dict[int, set[str]]]] = field(default_factory=dict)


class _Facts:
    """Data of each case, gathered in one pass; ``shared``: the perf tests of shared baselines."""

    def __init__(self, study: Study) -> None:
        self.is_fixed = study.run.rule == FIXED
        self._cases: dict[CaseId, _CaseFacts] = {}
        self._tests: dict[PairId, set[_Test]] = {}
        self._shared: dict[PairId, set[PerfTestName]] = {}
        for record in study.perf_tests:
            what = record.metadata
            self.of(what.case).records.append(record)
            self._tests.setdefault(what.test_pair, set()).add(_test(record))
        for row in study.measurements:
            self._add(row)

    def of(self, case: CaseId) -> _CaseFacts:
        return self._cases.setdefault(case, _CaseFacts())

    def _add(self, row: Measurement) -> None:
        known = self.of(row.case)
        known.rows.append(row)
        if row.void_reason or row.metric != PRIMARY.get(row.perf_test):
            return
        if row.shared_baseline:
            self._shared.setdefault(row.what.test_pair, set()).add(row.test)
            return
        units = known.arms.setdefault(_Test(row.test, row.is_switched), {})
        units.setdefault(row.unit_index, {}).setdefault(row.pair_index if row.is_switched else 0, set()).add(row.arm)

    def tests(self, case: CaseStudy) -> list[_Test]:
        """The perf tests of any case of the same bed; flows only if this case has some."""
        flows = any(record.metadata.arm == SWITCHED for record in self.of(case.id).records)
        tests = self._tests.get(PairId(case.id.environment, case.id.iteration, case.pair_kind), set())
        return sorted((test for test in tests if flows or not test.in_flows), key=_order)

    def has_shared(self, case: CaseStudy, test: _Test) -> bool:
        """Whether the case has no own baseline but a shared one."""
        own = any(record.metadata.arm == BASELINE for record in self.of(case.id).records)
        place = PairId(case.id.environment, case.id.iteration, case.pair_kind)
        return not own and test.name in self._shared.get(place, set())

    def planned(self, case: CaseId, test: _Test) -> set[int]:
        """The units that the perf test should have: planned ones, and any additional ones that were made."""
        records = self.of(case).records
        made = _made(records, test)
        if not test.in_flows:
            visits = [record for record in records if record.metadata.arm != SWITCHED]
            asked = {unit for record in visits for unit in record.metadata.planned_units}
            return made | (asked or set(planned_units(visits) if visits else ()))
        return made | (self._planned_flows(records) if self.is_fixed else set())

    @staticmethod
    def _planned_flows(records: Sequence[PerfTestFiles]) -> set[int]:
        """Planned flows from 1; a plan that stops by itself has no fixed number."""
        asked = [record.metadata.options.get("units", "") for record in records if record.metadata.arm == SWITCHED]
        return set(range(1, max((int(text) for text in asked if text.isdecimal()), default=0) + 1))


def _test(record: PerfTestFiles) -> _Test:
    return _Test(record.metadata.test, record.metadata.arm == SWITCHED)


def _made(records: Iterable[PerfTestFiles], test: _Test) -> set[int]:
    """The units with the perf test."""
    return {record.metadata.unit for record in records if _test(record) == test}


def _order(test: _Test) -> tuple[bool, int, _Test]:
    """Sort key: flows last, perf tests as in the tables, then at loads."""
    return (test.in_flows, place(test.name), test)


def _case(case: CaseStudy, facts: _Facts, problems: list[Problem]) -> CaseValidation:
    known = facts.of(case.id)
    problems += [problem for problem in doubts_of_case(case, known.records, known.rows) if problem not in problems]
    tests = []
    for test in facts.tests(case) if known.records else ():
        planned, arms = facts.planned(case.id, test), known.arms.get(test, {})
        shared = {BASELINE} if facts.has_shared(case, test) else set()
        complete = {
            unit for unit, pairs in arms.items() if any(valid | shared >= set(ARMS) for valid in pairs.values())
        }
        tests.append(
            TestState(
                test.name.perf_test,
                test.name.conn_type,
                FLOWS if test.in_flows else VISITS,
                len(planned),
                len(complete),
            )
        )
        if test.in_flows:
            problems += _flows_not_there(case.id, known, test, planned)
    outcome = case.outcome.outcome if case.outcome is not None else ""
    return CaseValidation(case.id, outcome, tuple(tests), tuple(problems), _state(problems))


def _flows_not_there(case: CaseId, known: _CaseFacts, test: _Test, planned: set[int]) -> Iterator[Problem]:
    for unit in sorted(planned - _made(known.records, test)):
        where = Where(*case, arm=SWITCHED, unit=unit, perf_test=test.name.perf_test, conn_type=test.name.conn_type)
        yield Problem(where, known.records[0].group, "the flow is not there", Kind.MISSING)


def _state(problems: Sequence[Problem]) -> State:
    kinds = {problem.kind.in_check for problem in problems}
    if Kind.MISSING in kinds:
        return State.INCOMPLETE
    return State.IMPLAUSIBLE if Kind.IMPLAUSIBLE in kinds else State.COMPLETE


def _is_wrong(problem: Problem) -> bool:
    return problem.kind.in_check in (Kind.MISSING, Kind.IMPLAUSIBLE)


def _not_run(study: Study, there: set[CaseId]) -> Iterator[CaseValidation]:
    """The planned cases that the run did not reach."""
    for outcome in study.run.cases:
        case = CaseId(outcome.environment, outcome.iteration or 1, outcome.case_key)
        if outcome.was_started or case in there:
            continue
        place = study.root / case.environment / iteration_name(case.iteration)
        problem = Problem(Where(*case), place, "the case was not run", Kind.MISSING)
        yield CaseValidation(case, outcome.outcome or State.NOT_RUN, (), (problem,), State.NOT_RUN)


def count_states(cases: Sequence[CaseValidation]) -> Mapping[State, int]:
    """The number of cases in each state, without empty states."""
    counted = Counter(case.state for case in cases)
    return {state: counted[state] for state in State if counted[state]}
