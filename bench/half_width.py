"""What a run's time bought: half of the interval's width after 8, 16 and 24 units, and what one unit alone would say.

``python -m bench.half_width RUN...`` for runs that are there; of several, one with each schedule makes sense. The last
column is the field's method on the same raw data: the first baseline and the first visit with the tool, one percentage.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from probecost.analysis.judge.units import Series, effects
from probecost.analysis.judge.verdicts import FLOWS
from probecost.analysis.settings.settings import Settings
from probecost.analysis.statistics.signflip import estimate
from probecost.analysis.statistics.verdict import cost_of
from probecost.analysis.study.run import Study, study_run
from probecost.analysis.values.measurement import Measurement
from probecost.results.layout import BASELINE, SWITCHED, TOOL
from probecost.results.metrics import lower_is_better
from probecost.results.names import CaseName, MetricId

UNITS = (8, 16, 24)


@dataclass(frozen=True)
class Spent:
    """A metric of a case: half-width in percent of cost after so many units, and the minutes that they took."""

    units: int
    half_width_pct: float
    minutes: float

    @property
    def merit(self) -> float:
        return self.half_width_pct * sqrt(self.minutes)


def lines(study: Study) -> Iterator[str]:
    yield f"{study.run.run_id}: half-width (minutes that flows ran; half-width x sqrt(minutes))"
    for (case, metric, schedule), rows in sorted(_by_metric(study).items()):
        found = [spent for n in UNITS if (spent := _spent(study, case, metric, rows, n)) is not None]
        if not found:
            continue
        cells = [f"{one.units}: ±{one.half_width_pct:.1f} % ({one.minutes:.1f} min; {one.merit:.1f})" for one in found]
        name = f"{case.case_key}, {metric.perf_test} {metric.conn_type} {metric.metric}"
        yield f"  {name:66} {schedule:8}  {'  '.join(cells)}{_one_run(metric, study, case)}"


def _by_metric(study: Study) -> dict[tuple[CaseName, MetricId, str], list[Measurement]]:
    """The usable rows of every primary metric by case and schedule."""
    wanted = {(one.case, one.metric, one.schedule) for one in study.verdicts if one.is_primary}
    found: dict[tuple[CaseName, MetricId, str], list[Measurement]] = {key: [] for key in wanted}
    for row in study.measurements:
        metric = row.metric_id
        key = (row.case.name, metric, FLOWS if row.is_switched else "visits")
        if key in found and not row.void_reason:
            found[key].append(row)
    return found


def _spent(study: Study, case: CaseName, metric: MetricId, rows: Sequence[Measurement], n: int) -> Spent | None:
    series = Series()
    for row in rows:
        series.add(row)
    known = effects(series.units())
    if len(known) < n:
        return None
    cost = cost_of(estimate(known[:n]), lower_is_better(metric.metric))
    used = set(sorted({(row.iteration, row.unit_index) for row in rows})[:n])
    arms = (SWITCHED,) if rows[0].is_switched else (BASELINE, TOOL)
    seconds = sum(
        (record.end_ns - record.start_ns) / 1e9
        for record in study.records
        if (record.environment, record.case_key) == case
        and record.test == metric.test
        and record.arm in arms
        and (record.iteration, record.unit) in used
        and record.start_ns
        and record.end_ns
    )
    return Spent(n, cost.half_width_pct, seconds / 60)


def _one_run(metric: MetricId, study: Study, case: CaseName) -> str:
    """The field's percentage: cost of the first tool visit over the first baseline visit."""
    first: dict[str, float] = {}
    for row in sorted(study.measurements, key=lambda row: row.start_ns or 0):
        same = row.metric_id == metric and not row.is_switched
        if same and row.case.name == case:
            first.setdefault(row.arm, row.value)
    if BASELINE not in first or TOOL not in first or first[BASELINE] <= 0:
        return ""
    ratio = first[TOOL] / first[BASELINE]
    cost = (ratio - 1) if lower_is_better(metric.metric) else (1 - ratio)
    return f"  one baseline, one run: {100 * cost:+.1f} %"


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        sys.stderr.write("usage: python -m bench.half_width RUN...\n")
        return 4
    for argument in arguments:
        for line in lines(study_run(Path(argument), Settings())):
            sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
