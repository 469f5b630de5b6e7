"""What the units of one case say while it is being measured: how many are usable, how wide the intervals are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isinf
from pathlib import Path

from probecost.analysis.judge.family import PrimaryMetrics, RunPlan, primary_metric
from probecost.analysis.judge.verdicts import MetricVerdict, verdicts
from probecost.analysis.settings.settings import Settings
from probecost.analysis.statistics.looks import FIXED
from probecost.analysis.statistics.verdict import Word, judge
from probecost.analysis.tree.cache import Seen
from probecost.analysis.tree.find import find_perf_tests
from probecost.analysis.values.case import measure_case, measure_fresh, without_fresh
from probecost.analysis.values.measurement import Measured
from probecost.analysis.words.cells import percent
from probecost.analysis.words.verdict_words import title
from probecost.results.layout import iteration_name
from probecost.results.names import CaseId, PerfTestName


@dataclass(frozen=True)
class CaseProgress:
    """By perf test (``latency:tcp_rr``). ``usable``: units of its primary metric, or of its best one where it has none.

    ``half_widths_pct`` are of primary metrics. ``speed_ups``: those that are an UNEXPECTED SPEED-UP by their own test,
    whatever the other tests of the plan make of it. ``text`` is for the line that a unit gets.
    """

    usable: Mapping[str, int]
    half_widths_pct: Mapping[str, float | None]
    speed_ups: tuple[str, ...]
    text: str


def case_progress(
    root: Path,
    case: CaseId,
    settings: Settings,
    seen: Seen | None = None,
) -> CaseProgress:
    """Read what is there of the case. A metric of which nothing is usable yet counts as 0 units.

    Units of confirmation count in nothing; the text is about them once there are any. With ``seen``, which is kept from
    one question to the next, other cases cost no time.
    """
    seen = seen or Seen()
    seen.begin(case.case_key)
    every = [
        record
        for record in find_perf_tests(root / case.environment / iteration_name(case.iteration), seen=seen).records
        if record.metadata.case_key == case.case_key
    ]
    records = without_fresh(every)
    run = seen.run(root)
    own = RunPlan([case.name], run.rule, run.primary)
    found = _judged(measure_case(records, settings), own, settings)
    primary = {str(one.metric.test): one for one in found if one.is_primary}
    tests = sorted({record.metadata.test for record in records}, key=str)
    usable = {str(test): max(_units(test, found, run.primary), default=0) for test in tests}
    widths = {name: _half_width(one) for name, one in primary.items()}
    speed_ups = tuple(name for name, one in primary.items() if _is_speed_up(one, settings.margin_pct))
    fresh = _judged(measure_fresh(every, settings), replace(own, rule=FIXED), settings)
    text = _text(fresh) if fresh else _text(primary.values())
    return CaseProgress(usable, widths, speed_ups, text)


def _judged(measured: Sequence[Measured], plan: RunPlan, settings: Settings) -> tuple[MetricVerdict, ...]:
    metadata = [result.record.metadata for result in measured]
    rows = [row for result in measured for row in result.measurements]
    return verdicts(metadata, rows, plan, settings)


def _is_speed_up(found: MetricVerdict, margin_pct: float) -> bool:
    """By its own p: how many other tests there will be, and how clear they are, is not known yet."""
    if found.estimate is None or found.cost is None or found.verdict.word is Word.INVALID:
        return False
    return judge(found.estimate, found.cost, found.estimate.p, margin_pct).word is Word.SPEED_UP


def _text(found: Iterable[MetricVerdict]) -> str:
    return ", ".join(f"{title(one.metric)} {_said(one)}" for one in found if one.is_primary)


def _units(test: PerfTestName, found: Sequence[MetricVerdict], primary: PrimaryMetrics) -> Iterator[int]:
    """How many units are usable for each metric that counts: a perf test may have none that is primary, by the plan."""
    for one in found:
        if one.metric.test == test and (one.is_primary or primary_metric(test, primary) is None):
            yield one.n_units + one.n_unused


def _half_width(found: MetricVerdict) -> float | None:
    if found.cost is None or isinf(found.cost.half_width_pct):
        return None
    return found.cost.half_width_pct


def _said(found: MetricVerdict) -> str:
    """``+3.1 % ± 4.2``: cost so far; without an interval the estimate alone."""
    if found.cost is None:
        return "N/A"
    width = _half_width(found)
    return percent(found.cost.estimate_pct) + (f" ± {width:.1f}" if width is not None else "")
