"""Differences beyond the thresholds of the settings, which the reports mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from probecost.analysis.report.tables.tables import row_names
from probecost.analysis.settings.thresholds import Thresholds
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.words.cells import percent
from probecost.results.metrics import PERF_TESTS
from probecost.results.names import CaseName, MetricId

#: The verdict on a metric of a case in words, where it has one.
VerdictWords = Mapping[tuple[CaseName, MetricId], str]

MARK = "⚠"
#: The differences that the overviews show and count: of received traffic.
DIFFS = tuple((test.short, test.primary) for test in PERF_TESTS)


@dataclass(frozen=True)
class Degradation:
    """A marked difference. ``label``: the case's row in the tables. ``times``: the difference over its threshold."""

    case: CaseName
    metric: MetricId
    label: str
    title: str
    diff_pct: float
    times: float

    def text(self) -> str:
        return f"{self.label}, {self.title} {percent(self.diff_pct)}"


def degradations(cases: Sequence[CaseStudy], thresholds: Thresholds) -> list[Degradation]:
    """Degradations of the plain perf tests, the one farthest beyond its threshold first."""
    found = []
    for case, label in zip(cases, row_names(cases), strict=True):
        for title, metric in DIFFS:
            there = case.comparisons.get(metric)
            if there is None or there.diff_pct is None or not thresholds.is_degraded(metric, there.diff_pct):
                continue
            limit_pct = thresholds.limit_pct(metric)
            times = abs(there.diff_pct) / limit_pct if limit_pct else float("inf")
            name = case.id.name
            found.append(Degradation(name, metric, label, title, there.diff_pct, times))
    return sorted(found, key=attrgetter("times"), reverse=True)


def legend(thresholds: Thresholds) -> str:
    """The meaning of the mark."""
    return (
        f"{MARK}: worse than the threshold of the analysis' settings ({thresholds.text()}). "
        "A mark looks at one estimate and is no verdict: it may be noise."
    )
