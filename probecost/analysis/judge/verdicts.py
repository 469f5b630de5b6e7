"""Makes a verdict for each metric of each case of a run: pairs units, checks gates, respects looks, adjusts families.

Counts that may be zero (retransmits, lost datagrams) have no ratio and get no verdict. The plan chooses one primary
metric of each perf test; the primary metrics of all planned cases are one family (Holm), all others another one
(Benjamini and Hochberg). Units beyond the last reached look count in no verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from probecost.analysis.judge.confirmation import Fresh
from probecost.analysis.judge.family import RunFacts, RunPlan
from probecost.analysis.judge.units import FLOWS, VISITS, Pair, Series, Unit, effects, ordered_effects, tool_mean
from probecost.analysis.settings.settings import Settings
from probecost.analysis.statistics.carryover import CarryOver, carry_overs
from probecost.analysis.statistics.confirmation import Confirmation, second_verdict
from probecost.analysis.statistics.families import benjamini_hochberg, holm
from probecost.analysis.statistics.looks import StopRule
from probecost.analysis.statistics.signflip import Estimate, estimates
from probecost.analysis.statistics.verdict import Cost, Verdict, Word, cost_of, judge, masked
from probecost.analysis.tree.metadata import PerfTestMetadata
from probecost.analysis.values.measurement import Measurement
from probecost.results.layout import BASELINE, TOOL
from probecost.results.metrics import CPU_PER_BYTE, METRICS, has_verdict, lower_is_better
from probecost.results.names import CaseName, MetricId

__all__ = ["FLOWS", "VISITS", "CaseName", "MetricVerdict", "unit_effects", "verdicts"]

_NO_FRESH = Fresh()


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """The verdict on one metric of one case. ``estimate`` and ``cost`` are ``None`` if no unit has a ratio.

    ``n_units`` units count, ``n_unused`` are beyond the last look. ``n_void_baseline`` and ``n_void_tool`` are numbers
    of unused perf tests; ``family_m`` is the planned size of its family; costs up to ``margin_pct`` are negligible.
    ``tool_value``: the mean with the tool, in ``unit``. ``rule``: the stop rule of the run. ``fresh``: the result of
    the units for the confirmation of a speed-up, ``None`` without any; they are in no other figure.
    """

    case: CaseName
    pair_kind: str
    tool: str
    metric: MetricId
    unit: str
    is_primary: bool
    schedule: str
    n_units: int
    n_unused: int
    n_void_baseline: int
    n_void_tool: int
    estimate: Estimate | None
    cost: Cost | None
    tool_value: float | None
    carry_over: CarryOver
    rule: StopRule
    p_adjusted: float | None
    family_m: int
    margin_pct: float
    verdict: Verdict
    fresh: Confirmation | None = None

    @property
    def is_unconfirmed(self) -> bool:
        """Whether it is a speed-up that may not have a number yet."""
        return self.verdict.word is Word.SPEED_UP and (self.fresh is None or not self.fresh.is_confirmed)

    @property
    def stated_cost(self) -> Cost | None:
        """The cost for the verdict's word: for a confirmed speed-up, the cost in the fresh units."""
        is_confirmed = self.verdict.word is Word.SPEED_UP and not self.is_unconfirmed
        return self.fresh.cost if is_confirmed and self.fresh is not None else self.cost


def verdicts(
    records: Iterable[PerfTestMetadata],
    measurements: Iterable[Measurement],
    plan: RunPlan,
    settings: Settings,
    fresh: Fresh = _NO_FRESH,
) -> tuple[MetricVerdict, ...]:
    """All verdicts of a run, by case and metric.

    ``fresh``: the units of confirmation, which are not in ``records`` and ``measurements``.
    """
    rows = list(measurements)
    facts = RunFacts(records, plan.primary)
    facts.add_segments(rows)
    found = _untested(
        [_looked_at(*where, series, plan.rule) for where, series in sorted(_series(rows).items())], facts, plan.rule
    )
    own = [entry for entry in found if entry.is_primary]
    others = [entry for entry in found if not entry.is_primary]
    m = max(facts.primary_tests(plan.cases), len(own))
    judged = {
        **_judged(own, holm([p for p in map(_p_value, own) if p is not None], m), m, settings.margin_pct),
        **_judged(
            others,
            benjamini_hochberg([p for p in map(_p_value, others) if p is not None]),
            len(others),
            settings.margin_pct,
        ),
    }
    return tuple(
        _remarked(_confirmed(_unmasked(judged[entry.case, entry.metric], judged, facts), fresh)) for entry in found
    )


def unit_effects(measurements: Iterable[Measurement]) -> Mapping[tuple[CaseName, MetricId], tuple[float, ...]]:
    """log(tool / baseline) of each unit (natural logarithm), the data of verdicts, without void values."""
    return {where: tuple(effects(series.units())) for where, series in sorted(_series(measurements).items())}


def _confirmed(entry: MetricVerdict, fresh: Fresh) -> MetricVerdict:
    """The verdict after the second stage of a speed-up; any other verdict is unchanged."""
    if entry.verdict.word is not Word.SPEED_UP:
        return entry
    found = fresh.confirmation(entry.case, entry.metric, entry.schedule, lower_is_better(entry.metric.metric))
    return entry if found is None else replace(entry, fresh=found, verdict=second_verdict(entry.verdict, found))


def _series(measurements: Iterable[Measurement]) -> dict[tuple[CaseName, MetricId], Series]:
    """The series by case and metric, without void and shared values."""
    found: dict[tuple[CaseName, MetricId], Series] = {}
    before: Measurement | None = None
    case = CaseName("", "")
    for row in measurements:
        if row.void_reason or row.shared_baseline or not has_verdict(row.metric):
            continue
        if not row.is_beside(before):
            case, before = row.case.name, row
        where = case, row.metric_id
        found.setdefault(where, Series()).add(row)
    return found


@dataclass(frozen=True, slots=True)
class _LookedAt:
    """The units of one metric for its verdict, without those beyond the last look."""

    case: CaseName
    metric: MetricId
    schedule: str
    units: Sequence[Unit]
    n_unused: int
    alpha: float
    effects: Sequence[float]


def _looked_at(case: CaseName, metric: MetricId, series: Series, rule: StopRule) -> _LookedAt:
    usable = series.units()
    look = rule.look(len(usable))
    units = usable if look is None else usable[: look.n_units]
    alpha = rule.planned[0].alpha if look is None else look.alpha
    return _LookedAt(case, metric, series.schedule, units, len(usable) - len(units), alpha, effects(units))


def _untested(found: Sequence[_LookedAt], facts: RunFacts, rule: StopRule) -> list[MetricVerdict]:
    """Verdicts without family and word; failed gates are in them already."""
    known = _estimates(found)
    orders = carry_overs([ordered_effects(entry.units) for entry in found])
    return [_unjudged(*entry, facts, rule) for entry in zip(found, known, orders, strict=True)]


def _estimates(found: Sequence[_LookedAt]) -> list[Estimate | None]:
    """Estimates, computed together per look; ``None`` if no unit has a ratio."""
    by_alpha: dict[float, list[int]] = {}
    for at, entry in enumerate(found):
        if entry.effects:
            by_alpha.setdefault(entry.alpha, []).append(at)
    known: list[Estimate | None] = [None] * len(found)
    for alpha, places in by_alpha.items():
        for at, estimate in zip(places, estimates([found[at].effects for at in places], alpha), strict=True):
            known[at] = estimate
    return known


def _unjudged(
    entry: _LookedAt, found: Estimate | None, order: CarryOver, facts: RunFacts, rule: StopRule
) -> MetricVerdict:
    case, metric, units = entry.case, entry.metric, entry.units
    gate = facts.uneven_voids(case, metric) or _without_ratio([pair for unit in units for pair in unit])
    return MetricVerdict(
        case=case,
        pair_kind=facts.pair_kinds.get(case, ""),
        tool=facts.tools.get(case, ""),
        metric=metric,
        unit=METRICS[metric.metric].unit,
        is_primary=facts.is_primary(metric),
        schedule=entry.schedule,
        n_units=len(units),
        n_unused=entry.n_unused,
        n_void_baseline=facts.voids[case, metric.test, BASELINE],
        n_void_tool=facts.voids[case, metric.test, TOOL],
        estimate=found,
        cost=cost_of(found, lower_is_better(metric.metric)) if found else None,
        tool_value=tool_mean(units) if units else None,
        carry_over=order,
        rule=rule,
        p_adjusted=None,
        family_m=0,
        margin_pct=0.0,
        verdict=Verdict(Word.INVALID, gate) if gate else Verdict(Word.NONE, "no unit has both arms"),
    )


def _without_ratio(pairs: Sequence[Pair]) -> str:
    """The gate on zeros, which are data but have no ratio."""
    zeros = [pair for pair in pairs if pair.effect is None]
    if not zeros:
        return ""
    named = ", ".join(
        f"{pair.name} ({BASELINE if pair.baseline <= 0 else TOOL} {min(pair.baseline, pair.tool):g})"
        for pair in zeros[:3]
    )
    return f"no ratio can be formed in {len(zeros)} of {len(pairs)} pairs: {named}"


def _p_value(entry: MetricVerdict) -> float | None:
    """The p-value, if it takes part in the family: a metric that a gate stopped does not."""
    return None if entry.estimate is None or entry.verdict.word is Word.INVALID else entry.estimate.p


def _judged(
    entries: Sequence[MetricVerdict], p_values: Sequence[float], m: int, margin_pct: float
) -> dict[tuple[CaseName, MetricId], MetricVerdict]:
    """Judge a family of ``m`` tests; ``p_values``: the adjusted ones, in the order of the entries that have one."""
    remaining = iter(p_values)
    found = {}
    for entry in entries:
        p = next(remaining) if _p_value(entry) is not None else None
        verdict = entry.verdict
        if entry.estimate is not None and entry.cost is not None and p is not None:
            verdict = judge(entry.estimate, entry.cost, p, margin_pct)
        found[entry.case, entry.metric] = replace(
            entry, family_m=m, p_adjusted=p, margin_pct=margin_pct, verdict=verdict
        )
    return found


def _unmasked(
    entry: MetricVerdict, judged: Mapping[tuple[CaseName, MetricId], MetricVerdict], facts: RunFacts
) -> MetricVerdict:
    """Mask a cheap verdict on a rate at its limit if CPU time per byte, measured with it, contradicts."""
    cpu = judged.get((entry.case, entry.metric._replace(metric=CPU_PER_BYTE)))
    limit = facts.limit(entry.case, entry.metric)
    if cpu is None or cpu.cost is None or cpu.verdict.word in (Word.NONE, Word.INVALID):
        return entry
    if limit is None or entry.tool_value is None:
        return entry
    return replace(entry, verdict=masked(entry.verdict, entry.tool_value, limit, cpu.cost))


def _remarked(entry: MetricVerdict) -> MetricVerdict:
    """The verdict with remarks in its reason: unused units, signs of carry-over."""
    remarks = []
    if entry.n_unused:
        units = entry.n_units + entry.n_unused
        remarks.append(f"{entry.n_units} of {units} units used: the others lie beyond the last look")
    if entry.verdict.word not in (Word.NONE, Word.INVALID):
        remarks += entry.carry_over.remarks()
    return replace(entry, verdict=entry.verdict.noting(*remarks)) if remarks else entry
