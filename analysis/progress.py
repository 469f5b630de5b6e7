"""What the units of one case say while it is being measured: how many are usable, how wide the intervals are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isinf
from pathlib import Path

from analysis.gated import measure_case
from analysis.gates.foreign import LIMIT_PCT
from analysis.locate import locate
from analysis.report.cells import percent
from analysis.report.verdicts import title
from analysis.run_facts import PrimaryMetrics, primary_metric
from analysis.seen import Seen
from analysis.verdicts import CaseName, MetricVerdict, verdicts
from probecost.layout import iteration_name


@dataclass(frozen=True)
class CaseProgress:
    """By perf test (``latency:tcp_rr``). ``usable``: units of its primary metric, or of its best one where it has none.

    ``half_widths_pct`` are of primary metrics. ``text`` is for the line that a unit gets.
    """

    usable: Mapping[str, int]
    half_widths_pct: Mapping[str, float | None]
    text: str


def case_progress(
    root: Path,
    environment: str,
    iteration: int,
    case_key: str,
    foreign_cpu_limit_pct: float = LIMIT_PCT,
    seen: Seen | None = None,
) -> CaseProgress:
    """Read what is there of the case. A metric of which nothing is usable yet counts as 0 units.

    With ``seen``, which is kept from one question to the next, other cases cost no time.
    """
    seen = seen or Seen()
    seen.begin(case_key)
    records = [
        record
        for record in locate(root / environment / iteration_name(iteration), seen).records
        if record.metadata.case_key == case_key
    ]
    measured = measure_case(records, foreign_cpu_limit_pct)
    run = seen.run(root)
    found = verdicts(
        [result.record.metadata for result in measured],
        [row for result in measured for row in result.measurements],
        [CaseName(environment, case_key)],
        rule=run.rule,
        primary=run.primary,
    )
    primary = {f"{one.metric.perf_test}:{one.metric.conn_type}": one for one in found if one.is_primary}
    tests = {f"{what.perf_test}:{what.conn_type}" for what in (record.metadata for record in records)}
    usable = {name: max(_units(name, found, run.primary), default=0) for name in sorted(tests)}
    widths = {name: _half_width(one) for name, one in primary.items()}
    return CaseProgress(usable, widths, ", ".join(f"{title(one.metric)} {_said(one)}" for one in primary.values()))


def _units(perf_test: str, found: Sequence[MetricVerdict], primary: PrimaryMetrics) -> Iterator[int]:
    """How many units are usable for each metric that counts: a perf test may have none that is primary, by the plan."""
    for one in found:
        where = one.metric.perf_test, one.metric.conn_type
        if ":".join(where) == perf_test and (one.is_primary or primary_metric(*where, primary) is None):
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
