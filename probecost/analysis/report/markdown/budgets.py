"""Budgets in words: the overview's section, the lines of the terminal, and the message of a failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import isinf

from probecost.analysis.judge.budgets import BudgetCheck, Result
from probecost.analysis.judge.verdicts import FLOWS, MetricVerdict
from probecost.analysis.words.cells import markdown, percent

_ORDER = (Result.BROKEN, Result.INCONCLUSIVE, Result.WITHIN)
_UNITS = {FLOWS: ("switched flow", "switched flows")}
_PAIRS = ("pair of visits", "pairs of visits")


def budget_text(check: BudgetCheck) -> str:
    """``broken: latency_mean:tcp_rr costs +50.1 % [+49.5 %, +50.7 %] over 8 pairs of visits, its budget is 5 %``."""
    reason = f": {check.reason}" if check.reason else ""
    return f"{check.result}: {check.budget.name}{_measured(check)}, its budget is {check.budget.percent:g} %{reason}"


def budget_section(checks: Sequence[BudgetCheck]) -> Iterator[str]:
    """The part of overview.md on budgets; empty without any."""
    if not checks:
        return
    yield "## Budgets"
    yield ""
    yield f"{_counts(checks)}."
    yield ""
    yield "| Case | Metric | Budget | Cost | Result |"
    yield "| --- | --- | --- | --- | --- |"
    for check in _worst_first(checks):
        result = f"{check.result}: {check.reason}" if check.reason else check.result.value
        cells = (_case(checks, check), check.budget.name, f"{check.budget.percent:g} %", _cost(check.verdict), result)
        yield "| " + " | ".join(map(markdown, cells)) + " |"


def budget_lines(checks: Sequence[BudgetCheck]) -> Iterator[str]:
    """For the terminal: how many, and those that do not hold."""
    if not checks:
        return
    yield ""
    yield f"Budgets: {_counts(checks)}"
    for check in _worst_first(checks):
        if check.result is not Result.WITHIN:
            yield f"{_case(checks, check)}  {budget_text(check)}"


def units_of(verdict: MetricVerdict) -> str:
    """``8 pairs of visits``, ``1 switched flow``."""
    one, several = _UNITS.get(verdict.schedule, _PAIRS)
    return f"{verdict.n_units} {one if verdict.n_units == 1 else several}"


def _measured(check: BudgetCheck) -> str:
    if check.verdict is None or check.verdict.cost is None:
        return ""
    return f" costs {_cost(check.verdict)} over {units_of(check.verdict)}"


def _cost(verdict: MetricVerdict | None) -> str:
    cost = verdict.cost if verdict is not None else None
    if cost is None:
        return "N/A"
    interval = "" if isinf(cost.half_width_pct) else f" [{percent(cost.low_pct)}, {percent(cost.high_pct)}]"
    return f"{percent(cost.estimate_pct)}{interval}"


def _counts(checks: Sequence[BudgetCheck]) -> str:
    """``1 broken, 2 inconclusive, 3 within``."""
    counts = Counter(check.result for check in checks)
    return ", ".join(f"{counts[result]} {result}" for result in _ORDER if counts[result])


def _worst_first(checks: Sequence[BudgetCheck]) -> list[BudgetCheck]:
    return sorted(checks, key=lambda check: _ORDER.index(check.result))


def _case(checks: Sequence[BudgetCheck], check: BudgetCheck) -> str:
    several = len({each.case.environment for each in checks}) > 1
    return f"{check.case.environment}:{check.case.case_key}" if several else check.case.case_key
