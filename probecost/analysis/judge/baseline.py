"""Compares tool and baseline: per case, perf test and metric, over the units of one iteration.

``diff_pct`` is the ratio of the two means minus one, in percent: positive means more with the tool, which is slower for
a latency and faster for a rate. Percentages are computed from means and never averaged. These are estimates without a
statistical test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from probecost.analysis.statistics.moments import mean
from probecost.analysis.values.measurement import Measurement
from probecost.results.layout import BASELINE, TOOL
from probecost.results.names import CaseId, MetricId, PairId


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of one case. Means are over the ``n_units`` units with both arms.

    Without any, each mean is over the units of its arm, and there is no difference. ``diff_min_pct`` and
    ``diff_max_pct`` are the extremes of the units' own differences.
    """

    metric: MetricId
    unit: str
    tool_mean: float | None
    baseline_mean: float | None
    diff_pct: float | None
    diff_min_pct: float | None
    diff_max_pct: float | None
    n_units: int
    shared_baseline: bool


Comparisons = Mapping[MetricId, Comparison]


def diff_pct(tool: float | None, baseline: float | None) -> float | None:
    """The tool's value relative to the baseline, in percent; ``None`` without a baseline above 0.

    >>> diff_pct(110.0, 100.0)
    10.0
    """
    if tool is None or baseline is None or baseline <= 0:
        return None
    return (tool - baseline) / baseline * 100


def has_own_baseline(measurements: Iterable[Measurement]) -> bool:
    """Whether the measurements of a case include a baseline, so that no shared baseline is needed."""
    return any(row.arm == BASELINE and not row.shared_baseline and _counts(row) for row in measurements)


def compare(measurements: Iterable[Measurement]) -> dict[CaseId, Comparisons]:
    """All comparisons of all measured cases; void measurements and segments of flows are left out.

    A case is compared with its own baseline visits, or without any with its environment's shared baseline (of the same
    iteration and pair kind).
    """
    own: dict[CaseId, _Metrics] = {}
    shared: dict[PairId, _Metrics] = {}
    pair_kinds: dict[CaseId, str] = {}
    units: dict[str, str] = {}
    before: Measurement | None = None
    metrics: _Metrics = {}
    for row in measurements:
        if not _counts(row):
            continue
        if not row.is_beside(before):
            what, before = row.what, row
            if what.shared_baseline:
                metrics = shared.setdefault(what.test_pair, {})
            else:
                case = what.case
                pair_kinds[case] = what.pair_kind
                metrics = own.setdefault(case, {})
        units[row.metric] = row.unit
        arms = metrics.setdefault(row.metric_id, _Arms({}, {}))
        values = arms.tool if row.arm == TOOL else arms.baseline
        values.setdefault(row.unit_index, []).append(row.value)
    result: dict[CaseId, Comparisons] = {}
    for case, metrics in own.items():
        has_own = any(arms.baseline for arms in metrics.values())
        common = {} if has_own else shared.get(PairId(case.environment, case.iteration, pair_kinds[case]), {})
        result[case] = {
            metric: _comparison(metric, units[metric.metric], arms, common.get(metric))
            for metric, arms in metrics.items()
        }
    return result


def _counts(row: Measurement) -> bool:
    return not row.void_reason and row.segment is None


class _Arms(NamedTuple):
    """Values by unit; several of one unit (which should not occur) are averaged."""

    tool: dict[int, list[float]]
    baseline: dict[int, list[float]]


_Metrics = dict[MetricId, _Arms]


def _comparison(metric: MetricId, unit: str, arms: _Arms, shared: _Arms | None) -> Comparison:
    tool = {index: mean(values) for index, values in arms.tool.items()}
    baseline = {index: mean(values) for index, values in arms.baseline.items()}
    if shared is not None and shared.baseline:
        common = mean([mean(values) for values in shared.baseline.values()])
        baseline = dict.fromkeys(tool, common)
    both = sorted(tool.keys() & baseline.keys())
    if not both:
        return Comparison(metric, unit, _mean(tool), _mean(baseline), None, None, None, 0, shared is not None)
    tool_mean, baseline_mean = mean([tool[index] for index in both]), mean([baseline[index] for index in both])
    diffs = [diff for index in both if (diff := diff_pct(tool[index], baseline[index])) is not None]
    return Comparison(
        metric,
        unit,
        tool_mean,
        baseline_mean,
        diff_pct(tool_mean, baseline_mean),
        min(diffs, default=None),
        max(diffs, default=None),
        len(both),
        shared is not None,
    )


def _mean(values: Mapping[int, float]) -> float | None:
    return mean(list(values.values())) if values else None
