"""Budgets against what was measured: broken or within only where the whole interval says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.tree.run import Budget
from probecost.results.names import CaseName
from probecost.results.rules import LEAST_UNITS
from probecost.text import counted


class Result(StrEnum):
    """What is said of a budget."""

    WITHIN = "within"
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class BudgetCheck:
    """One budget of one case. ``verdict`` is what it was read from, ``None`` where nothing was measured.

    ``reason`` says why it is inconclusive, and is empty otherwise.
    """

    case: CaseName
    budget: Budget
    result: Result
    verdict: MetricVerdict | None
    reason: str = ""


def check_budgets(
    budgets: Mapping[CaseName, Sequence[Budget]], verdicts: Iterable[MetricVerdict]
) -> tuple[BudgetCheck, ...]:
    """A check of each budget, by case and metric. The interval is the one of the verdict; no family is needed."""
    found = {(each.case, each.metric): each for each in verdicts}
    return tuple(
        _check(case, budget, found.get((case, budget.metric)))
        for case, own in sorted(budgets.items())
        for budget in sorted(own, key=lambda budget: budget.metric)
    )


def _check(case: CaseName, budget: Budget, verdict: MetricVerdict | None) -> BudgetCheck:
    doubt = _doubt(verdict)
    if doubt or verdict is None or verdict.cost is None:
        return BudgetCheck(case, budget, Result.INCONCLUSIVE, verdict, doubt)
    if verdict.cost.low_pct > budget.percent:
        return BudgetCheck(case, budget, Result.BROKEN, verdict)
    if verdict.cost.high_pct <= budget.percent:
        return BudgetCheck(case, budget, Result.WITHIN, verdict)
    return BudgetCheck(case, budget, Result.INCONCLUSIVE, verdict, "the interval reaches to both sides of it")


def _doubt(verdict: MetricVerdict | None) -> str:
    """Why no interval can be believed; empty where there is one."""
    if verdict is None:
        return "nothing was measured"
    if verdict.verdict.word is Word.INVALID:
        return f"INVALID: {verdict.verdict.reason}"
    if verdict.estimate is None or verdict.cost is None:
        return verdict.verdict.reason
    if verdict.estimate.n < LEAST_UNITS:
        return f"{counted(verdict.estimate.n, 'unit')}, {LEAST_UNITS} are needed"
    return ""
