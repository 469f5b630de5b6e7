"""Combines iterations: means of each case's values, and percentages from these means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from probecost.analysis.judge.baseline import Comparison, diff_pct
from probecost.analysis.statistics.moments import mean
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.values.tool_usage import NO_USAGE, CaseUsage, Usage
from probecost.results.names import MetricId, PerfTestName

#: The iteration of a ``CaseStudy`` over all iterations.
ALL_ITERATIONS = 0


def series(cases: Iterable[CaseStudy]) -> list[list[CaseStudy]]:
    """The cases of one environment by key, each with its iterations in order."""
    found: dict[str, list[CaseStudy]] = {}
    for case in cases:
        found.setdefault(case.id.case_key, []).append(case)
    return [sorted(found[key], key=lambda case: case.id) for key in sorted(found)]


def compared(cases: Sequence[CaseStudy], metric: MetricId) -> list[CaseStudy]:
    """The iterations that count for a metric: with both arms, if there is one, else all."""
    with_both = [case for case in cases if (found := case.comparisons.get(metric)) is not None and found.n_units]
    return with_both or list(cases)


def over_iterations(cases: Sequence[CaseStudy]) -> CaseStudy:
    """One case over its iterations: every value is the mean of the iterations' values, with equal weights.

    Percentages are computed from the means. Identity and texts are from the iteration with the most units.
    """
    fullest = max(cases, key=lambda case: case.n_units)
    metrics = sorted({metric for case in cases for metric in case.comparisons})
    return replace(
        fullest,
        id=fullest.id._replace(iteration=ALL_ITERATIONS),
        comparisons={metric: _comparison(metric, compared(cases, metric)) for metric in metrics},
        usage=_usage([case.usage for case in cases if case.usage is not NO_USAGE]),
        problems=tuple(problem for case in cases for problem in case.problems),
        folders=tuple(folder for case in cases for folder in case.folders),
        time_to_ready_s=_mean([case.time_to_ready_s for case in cases]),
        outcome=None,
    )


def _comparison(metric: MetricId, cases: Sequence[CaseStudy]) -> Comparison:
    found = [case.comparisons[metric] for case in cases if metric in case.comparisons]
    tool = _mean([each.tool_mean for each in found])
    baseline = _mean([each.baseline_mean for each in found])
    n_units = sum(each.n_units for each in found)
    return Comparison(
        metric=metric,
        unit=found[0].unit,
        tool_mean=tool,
        baseline_mean=baseline,
        diff_pct=diff_pct(tool, baseline) if n_units else None,
        diff_min_pct=min((each.diff_min_pct for each in found if each.diff_min_pct is not None), default=None),
        diff_max_pct=max((each.diff_max_pct for each in found if each.diff_max_pct is not None), default=None),
        n_units=n_units,
        shared_baseline=any(each.shared_baseline for each in found),
    )


def _usage(usages: Sequence[CaseUsage]) -> CaseUsage:
    if not usages:
        return NO_USAGE
    tests = sorted({test for usage in usages for test in usage.perf_tests})
    return CaseUsage(
        perf_tests={test: _window([usage.perf_tests for usage in usages], test) for test in tests},
        cpu_avg_percent=_mean([usage.cpu_avg_percent for usage in usages]),
        cpu_max_percent=_mean([usage.cpu_max_percent for usage in usages]),
        rss_max_kb=_mean([usage.rss_max_kb for usage in usages]),
        virtual_max_kb=_mean([usage.virtual_max_kb for usage in usages]),
        cpu_samples=round(mean(counts)) if (counts := [u.cpu_samples for u in usages if u.cpu_samples]) else 0,
        log_bytes=_mean([usage.log_bytes for usage in usages]),
        log_bytes_per_s=_mean([usage.log_bytes_per_s for usage in usages]),
    )


def _window(usages: Sequence[Mapping[PerfTestName, Usage]], test: PerfTestName) -> Usage:
    found = [usage[test] for usage in usages if test in usage]
    return Usage(
        _mean([usage.cpu_avg_percent for usage in found]),
        _mean([usage.cpu_max_percent for usage in found]),
        _mean([usage.rss_max_kb for usage in found]),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known else None
