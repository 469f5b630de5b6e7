"""Changes of the overhead from run A to run B, per case and metric, with verdicts.

The effect of a unit is log(tool / baseline); a change is the mean effect of B minus that of A. As cost in percent it is
the ratio of the two ratios: if the tool made round trips 10 % longer in A and 21 % in B, it is +10 %. The words of the
verdicts are the same as for one run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path

from probecost.analysis.judge.verdicts import MetricVerdict, unit_effects
from probecost.analysis.settings.settings import Settings
from probecost.analysis.statistics.families import benjamini_hochberg, holm
from probecost.analysis.statistics.signflip import Estimate
from probecost.analysis.statistics.twosample import Shift, shift
from probecost.analysis.statistics.verdict import ALPHA, Cost, Verdict, Word, cost_of, judge
from probecost.analysis.study.run import Study, refuse_others, study_run
from probecost.analysis.two_runs.conditions import Difference, Differences, Kind, OnPair, differences
from probecost.analysis.two_runs.pairing import Pairing, pair
from probecost.errors import ConfigError
from probecost.results.metrics import lower_is_better
from probecost.results.names import CaseName, MetricId
from probecost.results.rules import LEAST_UNITS


@dataclass(frozen=True)
class Change:
    """The change of one metric of one case. ``a`` and ``b`` are the verdicts of each run.

    ``shift`` and ``cost`` are ``None`` if a run has no unit with a ratio; ``cost`` is in percent, positive is worse in
    B. ``p_adjusted`` is Holm's over the compared primary metrics, that of Benjamini and Hochberg over the rest.
    """

    a: MetricVerdict
    b: MetricVerdict
    shift: Shift | None
    cost: Cost | None
    p_adjusted: float | None
    family_m: int
    verdict: Verdict

    @property
    def case(self) -> CaseName:
        return self.b.case

    @property
    def tool(self) -> str:
        return self.b.tool

    @property
    def metric(self) -> MetricId:
        return self.b.metric

    @property
    def is_primary(self) -> bool:
        return self.a.is_primary or self.b.is_primary


@dataclass(frozen=True)
class RunChange:
    """The comparison: the two runs, differences of their conditions, and the change of each metric."""

    a: Study
    b: Study
    pairing: Pairing
    conditions: Differences
    changes: tuple[Change, ...]
    margin_pct: float

    @property
    def is_worse(self) -> bool:
        """Whether an overhead grew, by a primary metric, beyond the margin and beyond doubt."""
        return any(each.is_primary and each.verdict.word is Word.OVERHEAD for each in self.changes)


def compare_runs(
    a: Path,
    b: Path,
    settings: Settings,
    accepted: Sequence[Kind] = (),
) -> RunChange:
    """Read two results trees and compare them; ``accepted``: kinds of differences that are no reason to refuse.

    A single perf test with different conditions is left out, with a remark. ``ConfigError``: the two are the same run,
    one is no results folder, their conditions differ, or they have no metric in common.
    """
    if a.resolve() == b.resolve():
        raise ConfigError(f"{a} and {b} are the same run, {a.resolve()}: name two")
    studies = study_run(a, settings), study_run(b, settings)
    for study in studies:
        refuse_others(study)
    pairing = pair(*studies)
    if not pairing.metrics:
        raise ConfigError(*_nothing(pairing, *studies))
    conditions = differences(*studies, pairing)
    refused = conditions.refused(accepted)
    left_out = {each.test for each in refused if each.test is not None}
    pairing = replace(pairing, metrics=tuple(each for each in pairing.metrics if _test_of(each[1]) not in left_out))
    if not pairing.metrics or any(each.test is None for each in refused):
        raise ConfigError(*_refusal(refused))
    told = (f"left out, {each.text}: --across {each.kind} compares it nevertheless" for each in refused)
    taken = tuple(each for each in conditions.differences if each not in refused)
    conditions = Differences(taken, (*told, *conditions.remarks))
    return RunChange(*studies, pairing, conditions, changes(*studies, pairing, settings), settings.margin_pct)


def _test_of(verdict: MetricVerdict) -> OnPair:
    return OnPair(verdict.case.environment, verdict.pair_kind, verdict.metric.test)


def changes(a: Study, b: Study, pairing: Pairing, settings: Settings) -> tuple[Change, ...]:
    """The change of every metric that both runs measured, in the order of ``pairing``."""
    effects_a, effects_b = unit_effects(a.measurements), unit_effects(b.measurements)
    found = [
        _untested(one, other, effects_a[one.case, one.metric], effects_b[other.case, other.metric])
        for one, other in pairing.metrics
    ]
    primary = [at for at, each in enumerate(found) if each.is_primary]
    others = [at for at, each in enumerate(found) if not each.is_primary]
    for family, adjust in ((primary, lambda p: holm(p, len(primary))), (others, benjamini_hochberg)):
        tested = [at for at in family if found[at].shift and found[at].verdict.word is not Word.INVALID]
        adjusted = adjust([shift.p for at in tested if (shift := found[at].shift)])
        for at in family:
            found[at] = replace(found[at], family_m=len(family))
        for at, p in zip(tested, adjusted, strict=True):
            found[at] = _judged(replace(found[at], p_adjusted=p), settings.margin_pct)
    return tuple(found)


def _untested(a: MetricVerdict, b: MetricVerdict, effects_a: Sequence[float], effects_b: Sequence[float]) -> Change:
    """A change without family and word; a failed gate in one of the runs stops the comparison."""
    found = shift(effects_a, effects_b, ALPHA) if effects_a and effects_b else None
    gates = [f"run {name}: {v.verdict.reason}" for name, v in (("A", a), ("B", b)) if v.verdict.word is Word.INVALID]
    without = [name for name, effects in (("A", effects_a), ("B", effects_b)) if not effects]
    verdict = Verdict(Word.NONE, f"run {' and '.join(without)} has no unit with both arms")
    if gates:
        verdict = Verdict(Word.INVALID, "; ".join(gates))
    cost = cost_of(_as_estimate(found), lower_is_better(b.metric.metric)) if found else None
    return Change(a, b, found, cost, None, 0, verdict)


def _judged(change: Change, margin_pct: float) -> Change:
    assert change.shift is not None
    assert change.cost is not None
    assert change.p_adjusted is not None
    found = change.shift
    few = [f"run {name} has {n}" for name, n in (("A", found.n_a), ("B", found.n_b)) if n < LEAST_UNITS]
    if few:
        reason = f"{' and '.join(few)} units: below {LEAST_UNITS} there is an estimate and no verdict"
        return replace(change, verdict=Verdict(Word.NONE, reason))
    verdict = judge(_as_estimate(found), change.cost, change.p_adjusted, margin_pct)
    if verdict.word is Word.SPEED_UP:
        verdict = Verdict(verdict.word, "measure again on fresh units before it is told")
    return replace(change, verdict=verdict)


def _as_estimate(found: Shift) -> Estimate:
    """The change as an ``Estimate``: ``sd`` is of one unit's difference, ``n`` is the smaller run's."""
    return Estimate(
        n=min(found.n_a, found.n_b),
        mean=found.mean,
        hodges_lehmann=found.hodges_lehmann,
        sd=sqrt(found.sd_a**2 + found.sd_b**2),
        p=found.p,
        level=found.level,
        low=found.low,
        high=found.high,
        t_low=found.low,
        t_high=found.high,
    )


def _refusal(refused: Sequence[Difference]) -> list[str]:
    accept = " ".join(f"--across {kind}" for kind in dict.fromkeys(each.kind for each in refused))
    return [
        "these runs are not compared, because their conditions differ (A -> B):",
        *(f"  {each.text}  (--across {each.kind})" for each in refused),
        f"To compare them nevertheless: {accept}, or --allow-different for whatever differs.",
    ]


def _nothing(pairing: Pairing, a: Study, b: Study) -> list[str]:
    lines = ["there is nothing to compare: no metric of any case was measured in both runs"]
    for name, study, only in (("A", a, pairing.only_a), ("B", b, pairing.only_b)):
        cases = ", ".join(f"{case.environment} {case.case_key}" for case in only[:5])
        more = f" and {len(only) - 5} more" if len(only) > 5 else ""
        lines.append(f"  run {name}, {study.root}: {'only ' + cases + more if cases else 'no case that is only here'}")
    lines.append("Units are pairs of visits or switched flows: a run with --baseline shared has none.")
    return lines
