"""Budgets in words: the result of each check, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from probecost.analysis.judge.budgets import BudgetCheck, Result
from probecost.analysis.judge.verdicts import FLOWS, MetricVerdict
from probecost.analysis.words.cells import NA
from probecost.analysis.words.verdict_words import cost_text
from probecost.text import counted

_ORDER = (Result.BROKEN, Result.INCONCLUSIVE, Result.WITHIN)
_UNITS = {FLOWS: ("switched flow", "switched flows")}
_PAIRS = ("pair of visits", "pairs of visits")


def budget_text(check: BudgetCheck) -> str:
    """``broken: latency_mean:tcp_rr costs +50.1 % [+49.5 %, +50.7 %] over 8 pairs of visits, its budget is 5 %``."""
    reason = f": {check.reason}" if check.reason else ""
    return f"{check.result}: {check.budget.name}{_measured(check)}, its budget is {check.budget.percent:g} %{reason}"


def budget_counts(checks: Sequence[BudgetCheck]) -> str:
    """``1 broken, 2 inconclusive, 3 within``."""
    counts = Counter(check.result for check in checks)
    return ", ".join(f"{counts[result]} {result}" for result in _ORDER if counts[result])


def budget_cost(check: BudgetCheck) -> str:
    """``+50.1 % [+49.5 %, +50.7 %]``."""
    return cost_text(check.verdict.cost) if check.verdict is not None and check.verdict.cost is not None else NA


def worst_budgets_first(checks: Sequence[BudgetCheck]) -> list[tuple[str, BudgetCheck]]:
    """The checks, the worst first, each with its case's name, with the environment if there are several."""
    several = len({check.case.environment for check in checks}) > 1
    return [
        (f"{check.case.environment}:{check.case.case_key}" if several else check.case.case_key, check)
        for check in sorted(checks, key=lambda check: _ORDER.index(check.result))
    ]


def units_of(verdict: MetricVerdict) -> str:
    """``8 pairs of visits``, ``1 switched flow``."""
    return counted(verdict.n_units, *_UNITS.get(verdict.schedule, _PAIRS))


def _measured(check: BudgetCheck) -> str:
    if check.verdict is None or check.verdict.cost is None:
        return ""
    return f" costs {budget_cost(check)} over {units_of(check.verdict)}"
