"""A verdict for each metric of each case of a run: units paired, gates checked, families adjusted.

A unit is a baseline visit and a tool visit next to each other, in any iteration. Counts that may be zero (retransmits,
lost datagrams) have no ratio and get no verdict. One metric of each perf test is primary; the primary ones of all cases
that were planned are one family (Holm), the others another (Benjamini and Hochberg).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from statistics import fmean
from typing import NamedTuple

from scipy import stats

from analysis.compare import MetricId
from analysis.measurements import PRIMARY, UNITS, Measurement
from analysis.metadata import PerfTestMetadata
from analysis.statistics.families import benjamini_hochberg, holm
from analysis.statistics.signflip import Estimate, estimate
from analysis.statistics.verdict import ALPHA, DEFAULT_MARGIN_PCT, Cost, Verdict, Word, cost_of, judge
from probecost.layout import BASELINE, TOOL

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
}
SCHEDULE = "visits"
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
    facts = _Facts(records)
    found = [_untested(case, metric, arms, facts) for (case, metric), arms in sorted(_arms(measurements).items())]
    primary = [entry for entry in found if entry.is_primary]
    others = [entry for entry in found if not entry.is_primary]
    m = max(facts.primary_tests(planned), len(primary))
    adjusted = {
        **_adjusted(primary, holm([p for p in map(_p_value, primary) if p is not None], m), m),
        **_adjusted(others, benjamini_hochberg([p for p in map(_p_value, others) if p is not None]), len(others)),
    }
    return tuple(_judged(adjusted[entry.case, entry.metric], margin_pct) for entry in found)


class _Ratio(NamedTuple):
    """The unit's values; ``effect`` is ``None`` where no ratio can be formed."""

    unit: tuple[int, int]
    baseline: float
    tool: float

    @property
    def effect(self) -> float | None:
        return log(self.tool / self.baseline) if self.tool > 0 and self.baseline > 0 else None


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

    def primary_tests(self, planned: Iterable[CaseName]) -> int:
        """How many primary tests the plan has: every case with the perf tests of its environment and pair kind."""
        total = 0
        for case in {*planned, *self.tools}:
            kinds = [self.pair_kinds[case]] if case in self.pair_kinds else ["host", "vm"]
            total += max(len(self._tests.get((case.environment, kind), ())) for kind in kinds)
        return total

    def uneven_voids(self, case: CaseName, metric: MetricId) -> str:
        """The gate: voids must not prefer an arm (exact binomial test). In words if they do."""
        arms = [(case, metric.perf_test, metric.conn_type, arm) for arm in (BASELINE, TOOL)]
        voids, visits = [self.voids[arm] for arm in arms], [self.visits[arm] for arm in arms]
        if sum(voids) < _LEAST_VOIDS or 0 in visits:
            return ""
        p = stats.binomtest(voids[1], sum(voids), visits[1] / sum(visits)).pvalue
        if p >= _UNEVEN_P:
            return ""
        return f"void visits prefer an arm: {voids[0]} of the baseline, {voids[1]} of the tool (p {p:.4f})"


_Arms = Mapping[str, dict[tuple[int, int], list[float]]]


def _arms(measurements: Iterable[Measurement]) -> dict[tuple[CaseName, MetricId], _Arms]:
    """Values by case and metric, then by arm, then by iteration and unit; void and shared ones left out."""
    found: dict[tuple[CaseName, MetricId], _Arms] = {}
    for row in measurements:
        if row.void_reason or row.shared_baseline or row.metric not in LOWER_IS_BETTER:
            continue
        where = CaseName(row.environment, row.case_key), MetricId(row.perf_test, row.conn_type, row.metric)
        arms = found.setdefault(where, {BASELINE: {}, TOOL: {}})
        arms[row.arm].setdefault((row.iteration, row.unit_index), []).append(row.value)
    return found


def _untested(case: CaseName, metric: MetricId, arms: _Arms, facts: _Facts) -> MetricVerdict:
    """Everything but the family and the word; a gate that failed is in the verdict already."""
    both = sorted(arms[BASELINE].keys() & arms[TOOL].keys())
    ratios = [_Ratio(unit, fmean(arms[BASELINE][unit]), fmean(arms[TOOL][unit])) for unit in both]
    effects = [ratio.effect for ratio in ratios if ratio.effect is not None]
    found = estimate(effects, ALPHA) if effects else None
    gate = facts.uneven_voids(case, metric) or _without_ratio(ratios)
    return MetricVerdict(
        case=case,
        pair_kind=facts.pair_kinds.get(case, ""),
        tool=facts.tools.get(case, ""),
        metric=metric,
        unit=UNITS[metric.metric],
        is_primary=PRIMARY.get(metric.perf_test) == metric.metric,
        n_units=len(ratios),
        n_void_baseline=facts.voids[case, metric.perf_test, metric.conn_type, BASELINE],
        n_void_tool=facts.voids[case, metric.perf_test, metric.conn_type, TOOL],
        estimate=found,
        cost=cost_of(found, LOWER_IS_BETTER[metric.metric]) if found else None,
        p_adjusted=None,
        family_m=0,
        margin_pct=0.0,
        verdict=Verdict(Word.INVALID, gate) if gate else Verdict(Word.NONE, "no unit has both arms"),
    )


def _without_ratio(ratios: Sequence[_Ratio]) -> str:
    """The gate: a zero is data, and no ratio can be formed with it."""
    zeros = [ratio for ratio in ratios if ratio.effect is None]
    if not zeros:
        return ""
    arms = ", ".join(
        f"unit {ratio.unit[1]} ({BASELINE if ratio.baseline <= 0 else TOOL} {min(ratio.baseline, ratio.tool):g})"
        for ratio in zeros[:3]
    )
    return f"no ratio can be formed in {len(zeros)} of {len(ratios)} units: {arms}"


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
