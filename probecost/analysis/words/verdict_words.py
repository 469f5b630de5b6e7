"""Verdicts in words: names of metrics and costs, the order of verdicts, and the proof by the null case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isinf
from typing import Protocol, TypeVar

from probecost.analysis.judge.verdicts import FLOWS, VISITS, MetricVerdict
from probecost.analysis.statistics.confirmation import Confirmation
from probecost.analysis.statistics.looks import FIXED, StopRule
from probecost.analysis.statistics.verdict import Cost, Verdict, Word
from probecost.analysis.words.cells import NA, decimal, percent, span_text
from probecost.analysis.words.vocabulary import WORST_FIRST
from probecost.results.metrics import CPU_PER_BYTE, METRICS, PERF_TESTS, place
from probecost.results.names import CaseName, MetricId
from probecost.results.rules import NULL_TOOL

_CLAIMS = (Word.OVERHEAD, Word.SMALL, Word.SPEED_UP, Word.MASKED)
_TITLES = {test.name: test.title for test in PERF_TESTS}


class Judged(Protocol):
    """A verdict on one metric of one case: of a run, or on the change between two."""

    @property
    def case(self) -> CaseName: ...

    @property
    def tool(self) -> str: ...

    @property
    def metric(self) -> MetricId: ...

    @property
    def is_primary(self) -> bool: ...

    @property
    def cost(self) -> Cost | None: ...

    @property
    def verdict(self) -> Verdict: ...


JudgedT = TypeVar("JudgedT", bound=Judged)


def badness(found: Judged, order: Sequence[Word] = WORST_FIRST) -> tuple[int, float]:
    """A key that sorts the worst first: by word, then by cost."""
    return order.index(found.verdict.word), -found.cost.estimate_pct if found.cost else 0.0


def worst_first(found: Iterable[JudgedT], order: Sequence[Word] = WORST_FIRST) -> list[tuple[CaseName, list[JudgedT]]]:
    """The primary verdicts by case, the case with the worst one first, controls last."""
    primary = sorted((each for each in found if each.is_primary), key=lambda each: each.case)
    cases = [(case, list(own)) for case, own in groupby(primary, key=lambda each: each.case)]
    return sorted(
        cases, key=lambda entry: (is_control(entry[1]), min(badness(each, order) for each in entry[1]), entry[0])
    )


def is_control(found: Sequence[Judged]) -> bool:
    return all(each.tool == NULL_TOOL for each in found)


@dataclass(frozen=True)
class ControlFacts:
    """Summary of the verdicts on the null case.

    ``claims``: the effects that it seems to have, as text. ``n_judged``: number of its tests with a verdict.
    ``floors``: the half-widths of their intervals in percent, ``0.6`` or ``0.6 to 1.2``; empty without an interval.
    """

    claims: str
    n_judged: int
    floors: str


def control_facts(found: Sequence[JudgedT], show: Callable[[JudgedT], str]) -> ControlFacts:
    """The facts of one control; ``show``: formats a claimed effect."""
    judged = [each for each in found if each.verdict.word not in (Word.NONE, Word.INVALID)]
    widths = [each.cost.half_width_pct for each in judged if each.cost and not isinf(each.cost.half_width_pct)]
    return ControlFacts(
        claims=", ".join(show(each) for each in found if each.verdict.word in _CLAIMS),
        n_judged=len(judged),
        floors=" to ".join(dict.fromkeys(f"{width:.1f}" for width in (min(widths), max(widths)))) if widths else "",
    )


def control_line(case: CaseName, verdicts: Sequence[MetricVerdict]) -> str:
    """A sentence on the proof by the control for the bed."""
    found = control_facts(verdicts, lambda each: f"{title(each.metric)} {short(each)}")
    name = case.case_key
    if found.claims:
        return f"{name} only sleeps and still: {found.claims}. Do not believe verdicts of this size on this bed."
    if not found.n_judged:
        return f"{name} has no verdict: this run says nothing of the bed."
    span = f"; what this bed can tell apart: {found.floors} %" if found.floors else ""
    tests = "its only test does not claim" if found.n_judged == 1 else f"none of its {found.n_judged} tests claims"
    return f"{name} only sleeps, and {tests} an effect{span}."


def short(verdict: MetricVerdict) -> str:
    """One cell: ``OVERHEAD +9.3 % [+7.0 %, +11.2 %]``; without a verdict the estimate."""
    word, cost = verdict.verdict.word, verdict.cost
    if word is Word.NONE:
        return estimate_in_brackets(cost)
    if word in (Word.OVERHEAD, Word.SMALL) and cost:
        return f"{word} {cost_text(cost)}"
    if verdict.fresh is not None and verdict.fresh.is_complete:
        return _confirmed(word, verdict.fresh)
    if word is Word.SPEED_UP:
        return f"{word}, unconfirmed"
    if word is Word.NEGLIGIBLE and cost:
        return f"{word} {at_most(cost)}"
    if word is Word.INCONCLUSIVE and cost and not isinf(cost.half_width_pct):
        if is_held_back(verdict):
            return f"{word}, {cost_text(cost)} in this test alone"
        return f"{word}, floor {decimal(cost.half_width_pct, 1)} %"
    if word is Word.MASKED:
        return f"{word} {verdict.verdict.reason}"
    return word.value


def _confirmed(word: Word, fresh: Confirmation) -> str:
    """``UNEXPECTED SPEED-UP, confirmed -6.2 % [-8.0 %, -4.4 %] on 8 fresh units``."""
    if not fresh.is_confirmed or fresh.cost is None:
        return f"{word}, a speed-up that fresh units did not confirm"
    return f"{word}, confirmed {cost_text(fresh.cost)} on {fresh.usable} fresh units"


def cost_text(cost: Cost) -> str:
    """``+9.3 % [+7.0 %, +11.2 %]``; the estimate alone if the interval is infinite."""
    interval = "" if isinf(cost.half_width_pct) else f" [{percent(cost.low_pct)}, {percent(cost.high_pct)}]"
    return f"{percent(cost.estimate_pct)}{interval}"


def at_most(cost: Cost) -> str:
    """``≤ 1.2 %``: the end of the interval that is farther from 0."""
    return f"≤ {decimal(max(abs(cost.low_pct), abs(cost.high_pct)), 1)} %"


def estimate_in_brackets(cost: Cost | None) -> str:
    return f"({percent(cost.estimate_pct)})" if cost else NA


def estimate_text(verdict: MetricVerdict, shared_pct: float | None = None) -> str:
    """The verdict in one cell; a mere estimate is marked as one.

    A cost below the least number of units: ``estimate +13.5 %``. ``shared_pct``: the cost against a shared baseline,
    shown if there is no unit.
    """
    if verdict.verdict.word is not Word.NONE:
        return short(verdict)
    if verdict.cost is not None:
        return f"estimate {percent(verdict.cost.estimate_pct)}"
    return "nothing usable" if shared_pct is None else f"estimate {percent(shared_pct)}, against a shared baseline"


def short_by_metric(verdicts: Iterable[MetricVerdict]) -> dict[tuple[CaseName, MetricId], str]:
    """The cell of each metric with a verdict."""
    return {(each.case, each.metric): short(each) for each in verdicts if each.verdict.word is not Word.NONE}


def is_held_back(verdict: MetricVerdict) -> bool:
    """Whether its own interval excludes 0, and only the other tests of the plan prevent a claim."""
    cost = verdict.cost
    return (
        verdict.fresh is None
        and verdict.verdict.word is Word.INCONCLUSIVE
        and cost is not None
        and (cost.low_pct > 0 or cost.high_pct < 0)
    )


def title(metric: MetricId) -> str:
    """The title of a primary metric, also of unknown perf tests.

    >>> from probecost.results.names import metric_id
    >>> title(metric_id("throughput", "single-load50", "received_bps"))
    'Throughput single at 50 % load'
    >>> title(metric_id("throughput", "single", "cpu_s_per_gb"))
    'CPU per GB, throughput single'
    """
    test = metric.test
    name = _TITLES.get(test.unloaded) or f"{test.perf_test} {test.base.replace('_', ' ')}".strip()
    if test.load:
        load = test.load.removeprefix("load")
        name += f" at {load} % load" if load.isdecimal() else f" at load {load}"
    if metric.metric == CPU_PER_BYTE:
        return (
            f"{METRICS[CPU_PER_BYTE].title}, {name if name.startswith(('TCP', 'UDP')) else name[:1].lower() + name[1:]}"
        )
    return name[:1].upper() + name[1:]


def column_order(metric: MetricId) -> tuple[int, MetricId]:
    """A key that sorts the usual perf tests first, each before its loads, then new ones."""
    return place(metric.test.unloaded), metric


def too_few_units(verdicts: Sequence[MetricVerdict]) -> Iterator[str]:
    """One line for a run with too few units to claim any effect."""
    units, tests = max(each.n_units for each in verdicts), max(each.family_m for each in verdicts)
    line = claim_line(units, tests, verdicts[0].rule)
    if line:
        yield line


def claim_line(units: int, tests: int, rule: StopRule = FIXED) -> str:
    """A sentence that ``units`` cannot carry so many primary tests, and how many can; empty if they can."""
    needed = rule.units_to_claim(tests)
    if needed is not None and units >= needed:
        return ""
    line = f"{units} units cannot carry {tests} primary tests: no overhead can be claimed, however large it is. "
    if needed is None:
        return f"{line}No number of units can: take fewer cases and perf tests."
    return f"{line}{needed} units can, or fewer cases and perf tests."


def units_text(verdicts: Sequence[MetricVerdict]) -> str:
    """``8 switched flows per test``, ``8 to 10 pairs of visits``, both if cases differ."""
    what = {VISITS: "pairs of visits", FLOWS: "switched flows per test"}
    parts = []
    for schedule, words in what.items():
        counts = {each.n_units for each in verdicts if each.is_primary and each.schedule == schedule}
        if counts:
            parts.append(f"{span_text(counts)} {words}")
    return " and ".join(parts)


def levels_text(verdicts: Sequence[MetricVerdict]) -> str:
    """``95 %``; for different levels of looks, all of them with the reason."""
    levels = sorted({each.estimate.level for each in verdicts if each.estimate is not None})
    text = ", ".join(f"{100 * level:.3g}" for level in levels) + " %"
    return text if verdicts[0].rule == FIXED else f"{text}, which pays for {len(verdicts[0].rule.planned)} looks"
