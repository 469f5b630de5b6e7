"""Results of a running run: the progress and the end of one case, without reading the whole tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from probecost.analysis.judge.budgets import BudgetCheck, check_budgets
from probecost.analysis.judge.confirmation import Fresh
from probecost.analysis.judge.family import RunPlan
from probecost.analysis.judge.verdicts import MetricVerdict, verdicts
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.case import CaseStudy, join_cases
from probecost.analysis.study.expected import planned_cases
from probecost.analysis.study.progress import CaseProgress, case_progress
from probecost.analysis.study.visits import CaseVisits, visit_figures
from probecost.analysis.tree.find import Found
from probecost.analysis.tree.growing import GrowingTree
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.tree.run import RunInfo, read_run
from probecost.analysis.values.case import CaseValues, Reading, fresh_of, measure_case, read, without_fresh
from probecost.results.layout import PerfTestFolder, iteration_name
from probecost.results.names import CaseId, CaseName


@dataclass(frozen=True)
class CaseAlone:
    """One case at its end, before later ones are measured, with the units of all iterations so far.

    The other tests of the family are not known yet: p-values are adjusted for the planned number of tests, assuming
    that all the rest are less clear. That is a bound: a claim holds at the end of the run too. Cases of other
    environments count with as many perf tests as this one has. ``is_strict``: an inconclusive budget fails the case.
    """

    study: CaseStudy
    verdicts: tuple[MetricVerdict, ...]
    budgets: tuple[BudgetCheck, ...]
    is_strict: bool


class LiveRun:
    """A running run, queried for one case at a time: one object per run and process.

    Raw files are read once, after the end of their unit, and kept until the next case.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tree = GrowingTree()
        self._runs: dict[Path, RunInfo] = {}
        self._readings: dict[tuple[Path, PerfTestFolder], Reading] = {}
        self._case_key = ""

    def progress(self, root: Path, case: CaseId) -> CaseProgress:
        """The progress of ``case`` by the units that have ended; ``root`` is the folder of the run."""
        self._begin(case)
        root = root.resolve()
        own = _own(case, self._find(root, case).records)
        run = self._run(root)
        plan = RunPlan([case.name], run.rule, run.primary)
        values, fresh = self._measure(without_fresh(own)), self._measure(fresh_of(own))
        return case_progress(values, fresh, plan, self._settings)

    def results(self, root: Path, case: CaseId) -> CaseAlone | None:
        """The case at its end; ``None`` if it has no results."""
        self._begin(case)
        root = root.resolve()
        found = self._find(root, case)
        own = _own(case, found.records)
        values = self._measure(without_fresh(own))
        study = self._study(root, case, found, values)
        if study is None:
            return None
        every = [*found.records]
        for number in range(case.iteration - 1, 0, -1):
            earlier = case._replace(iteration=number)
            records = self._find(root, earlier).records
            every = [*records, *every]
            own = [*_own(earlier, records), *own]
            values = self._measure(without_fresh(_own(earlier, records))) + values
        run, fresh = self._run(root), Fresh.of(self._measure(fresh_of(own)).results)
        # Cases of other environments are tests of the plan too: each counts with the perf tests of this case.
        planned = [
            name if name.environment == case.environment else CaseName(case.environment, "/".join(name))
            for name in planned_cases(run, every)
        ]
        plan = RunPlan(planned, run.rule, run.primary)
        judged = verdicts(values.metadata, values.measurements, plan, self._settings, fresh)
        limits = study.outcome.budgets if study.outcome is not None else ()
        checks = check_budgets({case.name: limits}, judged)
        return CaseAlone(study, judged, checks, run.options.get("strict_budgets") == str(True))

    def _begin(self, case: CaseId) -> None:
        if case.case_key != self._case_key:
            self._case_key = case.case_key
            self._readings.clear()

    def _run(self, root: Path) -> RunInfo:
        """The run's file, read once: cases, options and budgets do not change.

        (With 3,000 entries of cases, reading it takes as long as the rest of a query.)
        """
        if root not in self._runs:
            self._runs[root] = read_run(root)[0]
        return self._runs[root]

    def _find(self, root: Path, case: CaseId) -> Found:
        return self._tree.find(root / case.environment / iteration_name(case.iteration), case.case_key)

    def _study(self, root: Path, case: CaseId, found: Found, values: CaseValues) -> CaseStudy | None:
        """The case with the shared baseline of its iteration, if any; ``None`` without any visit."""
        own = [record for record in without_fresh(_own(case, found.records)) if not record.place.is_switched]
        if not own:
            return None
        visits = [CaseVisits.of(case, own, visit_figures(case, own, values.of_visits()))]
        baseline = case.shared_baseline
        if shared := _own(baseline, found.records):
            visits.append(CaseVisits.of(baseline, shared, visit_figures(baseline, shared, self._measure(shared))))
        studied = join_cases(visits, self._tree.tests, values.of_flows(), found.problems, self._run(root))
        return studied.cases[0]

    def _measure(self, records: Iterable[PerfTestFiles]) -> CaseValues:
        return measure_case([self._read(record) for record in records], self._settings)

    def _read(self, record: PerfTestFiles) -> Reading:
        """The reading, cached as long as the perf test's metadata are the same."""
        place = (record.group, record.place)
        known = self._readings.get(place)
        if known is None or known.counted.record != record:
            known = self._readings[place] = read(record)
        return known


def _own(case: CaseId, records: Iterable[PerfTestFiles]) -> list[PerfTestFiles]:
    """The records of one case in one iteration, or of its shared baseline."""
    return [record for record in records if record.metadata.case == case]
