"""Expected perf tests of a case, and the missing ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from probecost.analysis.study.visits import CaseVisits
from probecost.analysis.tree.problem import Kind, Problem, Where
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.tree.run import RunInfo
from probecost.analysis.values.measurement import Measurement
from probecost.results.layout import ARMS, BASELINE, SWITCHED, TOOL
from probecost.results.metrics import PRIMARY, place
from probecost.results.names import CaseName, PairId, PerfTestName


class Expected:
    """Expected perf tests of the visits of one case, and the missing ones.

    A visit should have all perf tests that any visit of the same test pair has; a visit of an unplanned unit, a
    reserve, those that its unit was made for.
    """

    def __init__(
        self,
        own: CaseVisits,
        shared: CaseVisits | None,
        tests: Mapping[PairId, Collection[PerfTestName]],
        in_flows: Mapping[PerfTestName, str],
    ) -> None:
        """``shared``: the shared baseline of its environment and iteration. ``tests``: of each test pair.

        ``in_flows``: perf tests of switched flows, each with the reason that no flow is usable; empty if one is.
        """
        case, records = own.id, own.records
        kinds = {record.metadata.pair_kind for record in records}
        wanted = {test for kind in kinds for test in tests[PairId(case.environment, case.iteration, kind)]}
        self.case = case
        self._in_flows = in_flows
        self.group = records[0].group
        self.tests = sorted(wanted, key=lambda test: (place(test), test))
        self.units = planned_units(records)
        self._planned = {unit for record in records for unit in record.metadata.planned_units}
        self._made = {(record.metadata.unit, record.metadata.test) for record in records}
        self.there = {(record.metadata.arm, record.metadata.unit) for record in records}
        self.valid = {(row.arm, row.unit_index, row.test) for row in own.rows if _is_valid(row)}
        has_baseline = any(arm == BASELINE for arm, _ in self.there)
        shared_records, shared_rows = (shared.records, shared.rows) if shared is not None else ((), ())
        self.uses_shared = not has_baseline and any(r.metadata.pair_kind in kinds for r in shared_records)
        self.shared_valid = {row.test for row in shared_rows if _is_valid(row) and row.pair_kind in kinds}

    def unmeasured(self, known: Sequence[Problem]) -> Iterator[Problem]:
        """A problem for each perf test of each visit without valid data and without a known problem.

        A voided perf test is no problem as long as another unit has it in both arms, or a switched flow.
        """
        for test, reason in sorted(self._in_flows.items()):
            if reason:
                yield self._missing(f"no flow is left: {reason}", SWITCHED, 0, test)
        listed = {_visit(problem.where) for problem in known if problem.missing}
        void = {_visit(problem.where): problem.reason for problem in known if problem.is_unused}
        complete = {test for test in self.tests if any(self._is_complete(unit, test) for unit in self.units)}
        complete |= {test for test, reason in self._in_flows.items() if not reason}
        for test in self.tests if self.uses_shared else ():
            if test not in self.shared_valid:
                yield self._missing("the shared baseline has no valid data", BASELINE, 0, test)
        for unit in self.units:
            for arm in (TOOL,) if self.uses_shared else ARMS:
                if (arm, unit) not in self.there:
                    yield self._missing("nothing was measured", arm, unit)
                    continue
                for test in self._tests_of(unit):
                    visit = (arm, unit, test)
                    if visit in self.valid or visit in listed or (visit in void and test in complete):
                        continue
                    why = f"no unit is left: {void[visit]}" if visit in void else "there are no results"
                    yield self._missing(why, *visit)

    def _tests_of(self, unit: int) -> list[PerfTestName]:
        if not self._planned or unit in self._planned:
            return self.tests
        return [test for test in self.tests if (unit, test) in self._made]

    def _is_complete(self, unit: int, test: PerfTestName) -> bool:
        return all((arm, unit, test) in self.valid for arm in ((TOOL,) if self.uses_shared else ARMS))

    def _missing(self, reason: str, arm: str, unit: int, test: PerfTestName | None = None) -> Problem:
        perf_test, conn_type = (test.perf_test, test.conn_type) if test else ("", "")
        where = Where(*self.case, arm=arm, unit=unit, perf_test=perf_test, conn_type=conn_type)
        return Problem(where, self.group, reason, Kind.MISSING)


def _visit(where: Where) -> tuple[str, int, PerfTestName]:
    return where.arm, where.unit, PerfTestName.of(where.perf_test, where.conn_type)


def _is_valid(row: Measurement) -> bool:
    return not row.void_reason and row.metric == PRIMARY.get(row.perf_test)


def planned_units(records: Sequence[PerfTestFiles]) -> Sequence[int]:
    """The expected units of a case: planned ones, else from 1 to the number of the options; and all that exist."""
    planned = {unit for record in records for unit in record.metadata.planned_units}
    if planned:
        return sorted(planned | {record.metadata.unit for record in records})
    asked = [what.options["units"] for what in (record.metadata for record in records) if "units" in what.options]
    count = max([record.metadata.unit for record in records] + [int(text) for text in asked if text.isdecimal()])
    return range(1, count + 1)


def planned_cases(run: RunInfo, records: Sequence[PerfTestFiles]) -> set[CaseName]:
    """All planned cases of the run."""
    only = only_environment(records)
    return {CaseName(case.environment or only, case.case_key) for case in run.cases}


def only_environment(records: Sequence[PerfTestFiles]) -> str:
    """The only environment of ``records``, which the run's file may not name; empty if there are several."""
    environments = {record.metadata.environment for record in records}
    return environments.pop() if len(environments) == 1 else ""
