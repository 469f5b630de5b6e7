"""The visits of one case in one iteration, with their figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from probecost.analysis.judge.baseline import Comparisons, compare, has_own_baseline
from probecost.analysis.settings.settings import Settings
from probecost.analysis.tree.problem import Problem
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.values.case import CaseValues, Reading, measure_case
from probecost.analysis.values.measurement import Measurement
from probecost.analysis.values.tool_usage import CaseUsage, case_usage
from probecost.results.names import CaseId


@dataclass(frozen=True)
class VisitFigures:
    """Figures of the visits of one case, without metadata, to be sent between processes.

    By perf test, in order: ``figures``, each a metric and its value, and ``void_reasons``. ``comparisons``: with the
    case's own baseline, ``None`` without one.
    """

    figures: tuple[tuple[tuple[str, float], ...], ...]
    void_reasons: tuple[str, ...]
    problems: tuple[Problem, ...]
    usage: CaseUsage
    usage_problems: tuple[Problem, ...]
    comparisons: Comparisons | None


@dataclass(frozen=True)
class CaseVisits:
    """The visits of one case in one iteration, or of its shared baseline: perf tests, rows and figures."""

    id: CaseId
    records: Sequence[PerfTestFiles]
    rows: Sequence[Measurement]
    found: VisitFigures

    @classmethod
    def of(cls, case: CaseId, records: Sequence[PerfTestFiles], found: VisitFigures) -> Self:
        """Combine ``found`` with its ``records``, which get the reason if a gate voided one."""
        own = [_voided(*pair) for pair in zip(records, found.void_reasons, strict=True)]
        rows = [
            Measurement(record.metadata, metric, value, record.metadata.unusable)
            for record, figures in zip(own, found.figures, strict=True)
            for metric, value in figures
        ]
        return cls(case, own, rows, found)


def measure_visits(case: CaseId, readings: Sequence[Reading], settings: Settings) -> VisitFigures:
    """Measure the visits of one case."""
    return visit_figures(case, [reading.counted.record for reading in readings], measure_case(readings, settings))


def visit_figures(case: CaseId, records: Iterable[PerfTestFiles], values: CaseValues) -> VisitFigures:
    """The figures of the visits of one case from ``values``, measured from ``records``, in order."""
    usage, usage_problems = case_usage(records)
    rows = values.measurements
    return VisitFigures(
        figures=tuple(tuple((row.metric, row.value) for row in result.measurements) for result in values.results),
        void_reasons=tuple(what.void_reason for what in values.metadata),
        problems=(*(problem for result in values.results for problem in result.problems), *values.notes),
        usage=usage,
        usage_problems=usage_problems,
        comparisons=compare(rows)[case] if has_own_baseline(rows) else None,
    )


def _voided(record: PerfTestFiles, void_reason: str) -> PerfTestFiles:
    what = record.metadata
    if what.void_reason == void_reason:
        return record
    return replace(record, metadata=replace(what, void_reason=void_reason))
