"""Estimates for metrics without units: the difference of means against a shared baseline."""

from __future__ import annotations

from collections.abc import Iterable

from probecost.analysis.judge.baseline import Comparison
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.study.run import Study
from probecost.results.metrics import has_verdict, lower_is_better
from probecost.results.names import CaseName, MetricId


def estimate_of(studies: Iterable[CaseStudy], metric: MetricId) -> Comparison | None:
    """The difference of a metric with a direction, from the first iteration that has one."""
    if not has_verdict(metric.metric):
        return None
    own = (case.comparisons.get(metric) for case in studies)
    return next((found for found in own if found is not None and found.diff_pct is not None), None)


def estimated_cost_pct(found: Comparison) -> float | None:
    """The difference as a cost: a rate that falls is positive."""
    if found.diff_pct is None:
        return None
    return found.diff_pct if lower_is_better(found.metric.metric) else -found.diff_pct


class Estimates:
    """Costs of a study in percent, by case and metric."""

    def __init__(self, study: Study) -> None:
        self._cases: dict[CaseName, list[CaseStudy]] = {}
        for case in study.cases:
            self._cases.setdefault(case.id.name, []).append(case)

    def cost_pct(self, case: CaseName, metric: MetricId) -> float | None:
        found = estimate_of(self._cases.get(case, ()), metric)
        return None if found is None else estimated_cost_pct(found)
