"""The verdicts as a table: ``verdicts.csv``, the overview's section, and what the control proves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import isinf

from probecost.analysis.judge.budgets import BudgetCheck
from probecost.analysis.judge.verdicts import FLOWS, VISITS, MetricVerdict
from probecost.analysis.report.tables.tables import csv_text
from probecost.analysis.statistics.confirmation import Confirmation
from probecost.analysis.statistics.looks import FIXED, StopRule
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.words.cells import decimal, exact, markdown, percent, text_cell
from probecost.results.metrics import CPU_PER_BYTE, METRICS, PERF_TESTS, place
from probecost.results.names import CaseName, MetricId

#: The tool that only sleeps. Whatever it seems to cost is the noise of the bed.
CONTROL = "null"

VERDICT_COLUMNS = (
    "run_id",
    "environment",
    "pair_kind",
    "case_key",
    "tool",
    "perf_test",
    "conn_type",
    "metric",
    "unit",
    "primary",
    "schedule",
    "n_units",
    "n_void_baseline",
    "n_void_tool",
    "estimate_pct",
    "ci_low_pct",
    "ci_high_pct",
    "ci_level",
    "p",
    "p_adjusted",
    "family_m",
    "margin_pct",
    "verdict",
    "reason",
    "budget_pct",
    "budget_result",
)
# The order in which a reader wants to see them.
_BADNESS = (
    Word.OVERHEAD,
    Word.SMALL,
    Word.MASKED,
    Word.INVALID,
    Word.SPEED_UP,
    Word.INCONCLUSIVE,
    Word.NONE,
    Word.NEGLIGIBLE,
)
_CLAIMS = (Word.OVERHEAD, Word.SMALL, Word.SPEED_UP, Word.MASKED)
_TITLES = {test.name: test.title for test in PERF_TESTS}


def verdicts_text(run_id: str, verdicts: Iterable[MetricVerdict], budgets: Iterable[BudgetCheck] = ()) -> str:
    """``verdicts.csv``. Percentages are costs: positive is worse. What does not exist is an empty cell."""
    checks = {(check.case, check.budget.metric): check for check in budgets}

    def number(value: float | None) -> str:
        return "" if value is None or isinf(value) else exact(round(value, 6))

    rows = []
    for each in verdicts:
        found, cost = each.estimate, each.cost
        interval = cost if found is not None and not isinf(found.low) else None
        check = checks.get((each.case, each.metric))
        rows.append(
            (
                text_cell(run_id),
                text_cell(each.case.environment),
                text_cell(each.pair_kind),
                text_cell(each.case.case_key),
                text_cell(each.tool),
                text_cell(each.metric.perf_test),
                text_cell(each.metric.conn_type),
                each.metric.metric,
                each.unit,
                "yes" if each.is_primary else "no",
                each.schedule,
                str(each.n_units),
                str(each.n_void_baseline),
                str(each.n_void_tool),
                number(cost.estimate_pct if cost else None),
                number(interval.low_pct if interval else None),
                number(interval.high_pct if interval else None),
                number(found.level if found else None),
                number(found.p if found else None),
                number(each.p_adjusted),
                str(each.family_m),
                number(each.margin_pct),
                each.verdict.word.value,
                text_cell(each.verdict.reason),
                number(check.budget.percent if check else None),
                check.result.value if check else "",
            )
        )
    return csv_text([VERDICT_COLUMNS, *rows])


def worst_first(verdicts: Iterable[MetricVerdict]) -> list[tuple[CaseName, list[MetricVerdict]]]:
    """The primary verdicts by case, the case with the worst one first, controls last."""
    primary = sorted((each for each in verdicts if each.is_primary), key=lambda each: each.case)
    cases = [(case, list(own)) for case, own in groupby(primary, key=lambda each: each.case)]
    return sorted(cases, key=lambda entry: (is_control(entry[1]), min(map(badness, entry[1])), entry[0]))


def is_control(verdicts: Sequence[MetricVerdict]) -> bool:
    return all(each.tool == CONTROL for each in verdicts)


def short(verdict: MetricVerdict) -> str:
    """One cell: ``OVERHEAD +9.3 % [+7.0 %, +11.2 %]``; without a verdict the estimate."""
    word, cost = verdict.verdict.word, verdict.cost
    if word is Word.NONE:
        return f"({percent(cost.estimate_pct)})" if cost else "N/A"
    numbers = f"{percent(cost.estimate_pct)} [{percent(cost.low_pct)}, {percent(cost.high_pct)}]" if cost else ""
    if word in (Word.OVERHEAD, Word.SMALL) and cost:
        return f"{word} {numbers}"
    if verdict.fresh is not None and verdict.fresh.is_complete:
        return _confirmed(word, verdict.fresh)
    if word is Word.SPEED_UP:
        return f"{word}, unconfirmed"
    if word is Word.NEGLIGIBLE and cost:
        return f"{word} ≤ {decimal(max(abs(cost.low_pct), abs(cost.high_pct)), 1)} %"
    if word is Word.INCONCLUSIVE and cost and not isinf(cost.half_width_pct):
        if is_held_back(verdict):
            return f"{word}, {numbers} in this test alone"
        return f"{word}, floor {decimal(cost.half_width_pct, 1)} %"
    if word is Word.MASKED:
        return f"{word} {verdict.verdict.reason}"
    return word.value


def _confirmed(word: Word, fresh: Confirmation) -> str:
    """``UNEXPECTED SPEED-UP, confirmed -6.2 % [-8.0 %, -4.4 %] on 8 fresh units``."""
    if not fresh.is_confirmed or fresh.cost is None:
        return f"{word}, a speed-up that fresh units did not confirm"
    cost = fresh.cost
    numbers = f"{percent(cost.estimate_pct)} [{percent(cost.low_pct)}, {percent(cost.high_pct)}]"
    return f"{word}, confirmed {numbers} on {fresh.usable} fresh units"


def verdict_words(verdicts: Iterable[MetricVerdict]) -> dict[tuple[CaseName, MetricId], str]:
    """What is said of each metric that has a verdict, as in one cell."""
    return {(each.case, each.metric): short(each) for each in verdicts if each.verdict.word is not Word.NONE}


def is_held_back(verdict: MetricVerdict) -> bool:
    """Whether its own interval is clear of 0, and only the other tests of the plan let nothing be claimed."""
    cost = verdict.cost
    return (
        verdict.fresh is None
        and verdict.verdict.word is Word.INCONCLUSIVE
        and cost is not None
        and (cost.low_pct > 0 or cost.high_pct < 0)
    )


def verdict_section(verdicts: Sequence[MetricVerdict]) -> Iterator[str]:
    """The part of overview.md that answers: what does each tool cost, and how sure is that?"""
    cases = worst_first(verdicts)
    if not any(each.verdict.word is not Word.NONE for each in verdicts):
        return
    tests = sorted({each.metric for _, own in cases for each in own}, key=column_order)
    yield "## Verdicts"
    yield ""
    if not cases:
        yield "No primary metric was measured: what there is stands in verdicts.csv."
        yield ""
        return
    yield f"Measured over {units_text(verdicts)}."
    yield ""
    several = len({case.environment for case, _ in cases}) > 1
    yield "| Case | " + " | ".join(markdown(title(test)) for test in tests) + " |"
    yield "|" + " --- |" * (len(tests) + 1)
    for case, own in cases:
        by_test = {each.metric: markdown(short(each)) for each in own}
        name = f"{case.environment} {case.case_key}" if several else case.case_key
        yield f"| {markdown(name)} | " + " | ".join(by_test.get(test, "N/A") for test in tests) + " |"
    yield ""
    margin = decimal(verdicts[0].margin_pct, 1)
    yield f"- Cost in percent, positive is worse; margin {margin} %, intervals at {levels_text(cases)}."
    m = max((each.family_m for _, own in cases for each in own), default=0)
    yield f"- OVERHEAD, SMALL and UNEXPECTED SPEED-UP hold among all {m} primary tests of this plan (Holm)."
    yield from (f"- **{line}**" for line in too_few_units(cases))
    if any(each.verdict.word is Word.INCONCLUSIVE for _, own in cases for each in own):
        yield (
            "- INCONCLUSIVE does not mean that there is no cost: these units cannot tell. A cost must be about as "
            "large as the floor to be seen; more units lower it."
        )
    if any(each.verdict.word is Word.MASKED for _, own in cases for each in own):
        yield (
            "- MASKED: this rate stands at what was offered or at what the line carries and cannot fall before the "
            "CPU is used up. The cost is elsewhere: in the CPU time per byte that the cell names."
        )
    for case, own in cases:
        if is_control(own):
            yield f"- {markdown(control_line(case, own))}"
    invalid = [each for _, own in cases for each in own if each.verdict.word is Word.INVALID]
    for each in invalid:
        yield f"- {markdown(f'{each.case.case_key}, {title(each.metric)}: {each.verdict.reason}')}"


def verdict_lines(verdicts: Sequence[MetricVerdict]) -> Iterator[str]:
    """The same for the terminal: a line per case with its worst verdict first, then what the control proves."""
    if not any(each.verdict.word is not Word.NONE for each in verdicts):
        return
    cases = worst_first(verdicts)
    yield ""
    yield f"Verdicts ({units_text(verdicts)}; cost in percent, positive is worse):"
    width = max(len(case.case_key) for case, _ in cases)
    for case, own in cases:
        shown = [f"{title(each.metric)}: {short(each)}" for each in sorted(own, key=badness)]
        yield f"{case.case_key.ljust(width)}  {shown[0]}"
        for rest in shown[1:]:
            yield f"{'':{width}}  {rest}"
    for case, own in cases:
        if is_control(own):
            yield control_line(case, own)
    yield from too_few_units(cases)


def title(metric: MetricId) -> str:
    """What a primary metric is called, perf tests of a kind that is new included.

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


def too_few_units(cases: Iterable[tuple[CaseName, Sequence[MetricVerdict]]]) -> Iterator[str]:
    """Where no effect could be claimed, however large: said once for the run."""
    own = [each for _, verdicts in cases for each in verdicts]
    units, tests = max(each.n_units for each in own), max(each.family_m for each in own)
    line = claim_line(units, tests, own[0].rule)
    if line:
        yield line


def claim_line(units: int, tests: int, rule: StopRule = FIXED) -> str:
    """That ``units`` cannot carry so many primary tests, and how many can; empty where they can."""
    needed = rule.units_to_claim(tests)
    if needed is not None and units >= needed:
        return ""
    line = f"{units} units cannot carry {tests} primary tests: no overhead can be claimed, however large it is. "
    if needed is None:
        return f"{line}No number of units can: take fewer cases and perf tests."
    return f"{line}{needed} units can, or fewer cases and perf tests."


def units_text(verdicts: Sequence[MetricVerdict]) -> str:
    """``8 switched flows per test``, ``8 to 10 pairs of visits``, both where cases differ."""
    what = {VISITS: "pairs of visits", FLOWS: "switched flows per test"}
    parts = []
    for schedule, words in what.items():
        counts = sorted({each.n_units for each in verdicts if each.is_primary and each.schedule == schedule})
        if counts:
            parts.append(f"{counts[0]} {words}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} {words}")
    return " and ".join(parts)


def control_line(case: CaseName, verdicts: Sequence[MetricVerdict]) -> str:
    """What the control proves of the bed, in words."""
    claims = [each for each in verdicts if each.verdict.word in _CLAIMS]
    judged = [each for each in verdicts if each.verdict.word not in (Word.NONE, Word.INVALID)]
    if claims:
        what = ", ".join(f"{title(each.metric)} {short(each)}" for each in claims)
        return f"{case.case_key} only sleeps and still: {what}. Do not believe verdicts of this size on this bed."
    if not judged:
        return f"{case.case_key} has no verdict: this run says nothing of the bed."
    floors = [each.cost.half_width_pct for each in judged if each.cost and not isinf(each.cost.half_width_pct)]
    sizes = " to ".join(dict.fromkeys(f"{floor:.1f}" for floor in (min(floors), max(floors)))) if floors else ""
    span = f"; what this bed can tell apart: {sizes} %" if sizes else ""
    tests = "its only test does not claim" if len(judged) == 1 else f"none of its {len(judged)} tests claims"
    return f"{case.case_key} only sleeps, and {tests} an effect{span}."


def badness(verdict: MetricVerdict) -> tuple[int, float]:
    cost = verdict.cost
    return _BADNESS.index(verdict.verdict.word), -cost.estimate_pct if cost else 0.0


def column_order(metric: MetricId) -> tuple[int, MetricId]:
    """The usual perf tests first, each with its loads beside it, then what is new."""
    return place(metric.test.unloaded), metric


def levels_text(cases: Iterable[tuple[CaseName, Sequence[MetricVerdict]]]) -> str:
    """``95 %``; where looks had different levels, all of them and what for."""
    own = [each for _, verdicts in cases for each in verdicts]
    levels = sorted({each.estimate.level for each in own if each.estimate is not None})
    text = ", ".join(f"{100 * level:.3g}" for level in levels) + " %"
    return text if own[0].rule == FIXED else f"{text}, which pays for {len(own[0].rule.planned)} looks"
