"""A verdict for each metric of each case of a run: units paired, gates checked, families adjusted.

A unit is a baseline visit and a tool visit next to each other, in any iteration; where a metric was measured in flows
inside which the tool was switched, a unit is such a flow, and its effect the mean over the flow's pairs of segments.
Counts that may be zero (retransmits, lost datagrams) have no ratio and get no verdict. One metric of each perf test is
primary; the primary ones of all cases that were planned are one family (Holm), the others another (Benjamini and
Hochberg).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from statistics import fmean
from typing import NamedTuple

from analysis.compare import MetricId
from analysis.measurements import PRIMARY, UNITS, Measurement
from analysis.metadata import PerfTestMetadata
from analysis.statistics.families import benjamini_hochberg, holm
from analysis.statistics.signflip import Estimate, estimate
from analysis.statistics.verdict import ALPHA, DEFAULT_MARGIN_PCT, Cost, Verdict, Word, cost_of, judge
from probecost.layout import ARMS, BASELINE, TOOL

#: Metrics with a better end: ``True`` where lower is better.
LOWER_IS_BETTER = {
    "sent_bps": False,
    "received_bps": False,
    "min_us": True,
    "mean_us": True,
    "max_us": True,
    "p50_us": True,
    "p90_us": True,
    "p99_us": True,
    "transactions_per_s": False,
    "sent_pps": False,
    "received_pps": False,
    "cpu_s_per_gb": True,
}
VISITS, FLOWS = "visits", "switched"
_LEAST_VOIDS = 5
_UNEVEN_P = 0.01


class CaseName(NamedTuple):
    """A case over all iterations of a run."""

    environment: str
    case_key: str


@dataclass(frozen=True)
class MetricVerdict:
    """What is said of one metric of one case. ``estimate`` and ``cost`` are ``None`` where no unit has a ratio.

    ``n_void_baseline`` and ``n_void_tool`` count perf tests that were made and are not used; ``family_m`` is how many
    tests the family of this one was planned with; ``margin_pct`` is what counts as negligible.
    """

    case: CaseName
    pair_kind: str
    tool: str
    metric: MetricId
    unit: str
    is_primary: bool
    schedule: str
    n_units: int
    n_void_baseline: int
    n_void_tool: int
    estimate: Estimate | None
    cost: Cost | None
    p_adjusted: float | None
    family_m: int
    margin_pct: float
    verdict: Verdict


def verdicts(
    records: Iterable[PerfTestMetadata],
    measurements: Iterable[Measurement],
    planned: Iterable[CaseName],
    margin_pct: float = DEFAULT_MARGIN_PCT,
) -> tuple[MetricVerdict, ...]:
    """All verdicts of a run, by case and metric. ``planned``: every case the run was to measure, measured or not."""
    rows = list(measurements)
    facts = _Facts(records)
    facts.add_segments(rows)
    found = [_untested(case, metric, series, facts) for (case, metric), series in sorted(_series(rows).items())]
    primary = [entry for entry in found if entry.is_primary]
    others = [entry for entry in found if not entry.is_primary]
    m = max(facts.primary_tests(planned), len(primary))
    adjusted = {
        **_adjusted(primary, holm([p for p in map(_p_value, primary) if p is not None], m), m),
        **_adjusted(others, benjamini_hochberg([p for p in map(_p_value, others) if p is not None]), len(others)),
    }
    return tuple(_judged(adjusted[entry.case, entry.metric], margin_pct) for entry in found)


def unit_effects(measurements: Iterable[Measurement]) -> Mapping[tuple[CaseName, MetricId], tuple[float, ...]]:
    """log(tool / baseline) of each unit, in natural-log units: what the verdicts are made of, void values left out."""
    return {where: tuple(_effects(series.units())) for where, series in sorted(_series(measurements).items())}


class _Pair(NamedTuple):
    """One value of each arm; ``effect`` is ``None`` where no ratio can be formed."""

    name: str
    baseline: float
    tool: float

    @property
    def effect(self) -> float | None:
        return log(self.tool / self.baseline) if self.tool > 0 and self.baseline > 0 else None


class _Series:
    """The values of one metric of one case by unit, pair and arm. With any switched flow, only flows count."""

    def __init__(self) -> None:
        self._values: dict[str, dict[tuple[int, int], dict[int, dict[str, list[float]]]]] = {VISITS: {}, FLOWS: {}}

    def add(self, row: Measurement) -> None:
        units = self._values[FLOWS if row.is_switched else VISITS]
        pairs = units.setdefault((row.iteration, row.unit_index), {})
        pair = row.pair_index if row.is_switched else 0
        pairs.setdefault(pair, {}).setdefault(row.arm, []).append(row.value)

    @property
    def schedule(self) -> str:
        return FLOWS if self._values[FLOWS] else VISITS

    def units(self) -> list[list[_Pair]]:
        """The complete pairs of each unit that has any."""
        found = []
        for (_, unit), pairs in sorted(self._values[self.schedule].items()):
            complete = [
                _Pair(f"unit {unit}, pair {number}" if number else f"unit {unit}", *(fmean(arms[arm]) for arm in ARMS))
                for number, arms in sorted(pairs.items())
                if all(arm in arms for arm in ARMS)
            ]
            found += [complete] if complete else []
        return found


class _Facts:
    """What the visits' metadata say: which tool a case is of, what was planned, what was void."""

    def __init__(self, records: Iterable[PerfTestMetadata]) -> None:
        self.tools: dict[CaseName, str] = {}
        self.pair_kinds: dict[CaseName, str] = {}
        self.voids: Counter[tuple[CaseName, str, str, str]] = Counter()
        self.visits: Counter[tuple[CaseName, str, str, str]] = Counter()
        self._tests: dict[tuple[str, str], set[tuple[str, str]]] = {}
        for what in records:
            self._tests.setdefault((what.environment, what.pair_kind), set()).add((what.perf_test, what.conn_type))
            if what.shared_baseline:
                continue
            case = CaseName(what.environment, what.case_key)
            self.tools[case], self.pair_kinds[case] = what.tool_id, what.pair_kind
            place = (case, what.perf_test, what.conn_type, what.arm)
            self.visits[place] += 1
            self.voids[place] += bool(what.void_reason or what.error)

    def add_segments(self, measurements: Iterable[Measurement]) -> None:
        """The segments of flows count as visits of their arm, once for all their metrics."""
        segments = {
            (
                CaseName(row.environment, row.case_key),
                row.perf_test,
                row.conn_type,
                row.arm,
                row.iteration,
                row.visit_id,
            ): (bool(row.void_reason))
            for row in measurements
            if row.is_switched
        }
        for (case, perf_test, conn_type, arm, _, _), is_void in segments.items():
            self.visits[case, perf_test, conn_type, arm] += 1
            self.voids[case, perf_test, conn_type, arm] += is_void

    def primary_tests(self, planned: Iterable[CaseName]) -> int:
        """How many primary tests the plan has: every case with the perf tests of its environment and pair kind."""
        total = 0
        for case in {*planned, *self.tools}:
            kinds = [self.pair_kinds[case]] if case in self.pair_kinds else ["host", "vm"]
            total += max(len(self._tests.get((case.environment, kind), ())) for kind in kinds)
        return total

    def uneven_voids(self, case: CaseName, metric: MetricId) -> str:
        """The gate: voids must not prefer an arm (exact binomial test). In words if they do."""
        from scipy import stats  # takes a second: only where something is computed

        arms = [(case, metric.perf_test, metric.conn_type, arm) for arm in (BASELINE, TOOL)]
        voids, visits = [self.voids[arm] for arm in arms], [self.visits[arm] for arm in arms]
        if sum(voids) < _LEAST_VOIDS or 0 in visits:
            return ""
        p = stats.binomtest(voids[1], sum(voids), visits[1] / sum(visits)).pvalue
        if p >= _UNEVEN_P:
            return ""
        return f"void visits prefer an arm: {voids[0]} of the baseline, {voids[1]} of the tool (p {p:.4f})"


def _series(measurements: Iterable[Measurement]) -> dict[tuple[CaseName, MetricId], _Series]:
    """By case and metric; void and shared values left out."""
    found: dict[tuple[CaseName, MetricId], _Series] = {}
    for row in measurements:
        if row.void_reason or row.shared_baseline or row.metric not in LOWER_IS_BETTER:
            continue
        where = CaseName(row.environment, row.case_key), MetricId(row.perf_test, row.conn_type, row.metric)
        found.setdefault(where, _Series()).add(row)
    return found


def _effects(units: Iterable[Sequence[_Pair]]) -> list[float]:
    """The mean effect of each unit's pairs; units in which no ratio can be formed are left out."""
    return [fmean(known) for pairs in units if (known := [pair.effect for pair in pairs if pair.effect is not None])]


def _untested(case: CaseName, metric: MetricId, series: _Series, facts: _Facts) -> MetricVerdict:
    """Everything but the family and the word; a gate that failed is in the verdict already."""
    units = series.units()
    effects = _effects(units)
    found = estimate(effects, ALPHA) if effects else None
    gate = facts.uneven_voids(case, metric) or _without_ratio([pair for pairs in units for pair in pairs])
    return MetricVerdict(
        case=case,
        pair_kind=facts.pair_kinds.get(case, ""),
        tool=facts.tools.get(case, ""),
        metric=metric,
        unit=UNITS[metric.metric],
        is_primary=PRIMARY.get(metric.perf_test) == metric.metric,
        schedule=series.schedule,
        n_units=len(units),
        n_void_baseline=facts.voids[case, metric.perf_test, metric.conn_type, BASELINE],
        n_void_tool=facts.voids[case, metric.perf_test, metric.conn_type, TOOL],
        estimate=found,
        cost=cost_of(found, LOWER_IS_BETTER[metric.metric]) if found else None,
        p_adjusted=None,
        family_m=0,
        margin_pct=0.0,
        verdict=Verdict(Word.INVALID, gate) if gate else Verdict(Word.NONE, "no unit has both arms"),
    )


def _without_ratio(pairs: Sequence[_Pair]) -> str:
    """The gate: a zero is data, and no ratio can be formed with it."""
    zeros = [pair for pair in pairs if pair.effect is None]
    if not zeros:
        return ""
    named = ", ".join(
        f"{pair.name} ({BASELINE if pair.baseline <= 0 else TOOL} {min(pair.baseline, pair.tool):g})"
        for pair in zeros[:3]
    )
    return f"no ratio can be formed in {len(zeros)} of {len(pairs)} pairs: {named}"


def _p_value(entry: MetricVerdict) -> float | None:
    """Its p-value, if it takes part in the family: a metric that a gate stopped says nothing."""
    return None if entry.estimate is None or entry.verdict.word is Word.INVALID else entry.estimate.p


def _adjusted(
    entries: Sequence[MetricVerdict], p_values: Sequence[float], m: int
) -> dict[tuple[CaseName, MetricId], MetricVerdict]:
    remaining = iter(p_values)
    return {
        (entry.case, entry.metric): replace(
            entry, family_m=m, p_adjusted=next(remaining) if _p_value(entry) is not None else None
        )
        for entry in entries
    }


def _judged(entry: MetricVerdict, margin_pct: float) -> MetricVerdict:
    if entry.estimate is None or entry.cost is None or entry.p_adjusted is None:
        return replace(entry, margin_pct=margin_pct)
    verdict = judge(entry.estimate, entry.cost, entry.p_adjusted, margin_pct)
    return replace(entry, margin_pct=margin_pct, verdict=verdict)
