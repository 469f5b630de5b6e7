"""The progress of one case while it is measured: the number of usable units and the widths of intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isinf

from probecost.analysis.judge.family import PrimaryMetrics, RunPlan, primary_metric
from probecost.analysis.judge.verdicts import MetricVerdict, verdicts
from probecost.analysis.settings.settings import Settings
from probecost.analysis.statistics.looks import FIXED
from probecost.analysis.statistics.verdict import Word, judge
from probecost.analysis.values.case import CaseValues
from probecost.analysis.words.cells import percent
from probecost.analysis.words.verdict_words import title
from probecost.results.names import PerfTestName


@dataclass(frozen=True)
class CaseProgress:
    """Progress by perf test (``latency:tcp_rr``). ``usable``: units of its primary metric, or of its best one.

    ``half_widths_pct`` are of primary metrics. ``speed_ups``: perf tests with an UNEXPECTED SPEED-UP by their own test,
    without the other tests of the plan. ``text`` is for the line of a unit.
    """

    usable: Mapping[str, int]
    half_widths_pct: Mapping[str, float | None]
    speed_ups: tuple[str, ...]
    text: str


def case_progress(values: CaseValues, fresh: CaseValues, plan: RunPlan, settings: Settings) -> CaseProgress:
    """The progress of one case by its measurements so far. A metric without usable units counts as 0 units.

    ``fresh``: measurements of units of confirmation, which count in nothing; if there are any, the text is about them.
    ``plan``: of this case alone.
    """
    found = _judged(values, plan, settings)
    primary = {str(one.metric.test): one for one in found if one.is_primary}
    tests = sorted({what.test for what in values.metadata}, key=str)
    usable = {str(test): max(_units(test, found, plan.primary), default=0) for test in tests}
    widths = {name: _half_width(one) for name, one in primary.items()}
    speed_ups = tuple(name for name, one in primary.items() if _is_speed_up(one, settings.margin_pct))
    confirming = _judged(fresh, replace(plan, rule=FIXED), settings)
    return CaseProgress(usable, widths, speed_ups, _text(confirming) if confirming else _text(primary.values()))


def _judged(values: CaseValues, plan: RunPlan, settings: Settings) -> tuple[MetricVerdict, ...]:
    return verdicts(values.metadata, values.measurements, plan, settings)


def _is_speed_up(found: MetricVerdict, margin_pct: float) -> bool:
    """Whether it is a speed-up by its own p: the other tests of the plan are not known yet."""
    if found.estimate is None or found.cost is None or found.verdict.word is Word.INVALID:
        return False
    return judge(found.estimate, found.cost, found.estimate.p, margin_pct).word is Word.SPEED_UP


def _text(found: Iterable[MetricVerdict]) -> str:
    return ", ".join(f"{title(one.metric)} {_said(one)}" for one in found if one.is_primary)


def _units(test: PerfTestName, found: Sequence[MetricVerdict], primary: PrimaryMetrics) -> Iterator[int]:
    """Usable units of each counted metric: the primary one, or all if the plan gives the perf test none."""
    for one in found:
        if one.metric.test == test and (one.is_primary or primary_metric(test, primary) is None):
            yield one.n_units + one.n_unused


def _half_width(found: MetricVerdict) -> float | None:
    if found.cost is None or isinf(found.cost.half_width_pct):
        return None
    return found.cost.half_width_pct


def _said(found: MetricVerdict) -> str:
    """The cost so far: ``+3.1 % ± 4.2``; without an interval the estimate alone."""
    if found.cost is None:
        return "N/A"
    width = _half_width(found)
    return percent(found.cost.estimate_pct) + (f" ± {width:.1f}" if width is not None else "")
