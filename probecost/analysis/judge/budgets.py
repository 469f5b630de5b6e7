"""Checks budgets against measured costs: broken or within only if the whole interval is."""

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
    """Result of a budget's check."""

    WITHIN = "within"
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class BudgetCheck:
    """One budget of one case, checked by ``verdict``, ``None`` if nothing was measured.

    ``reason``: why it is inconclusive, empty otherwise.
    """

    case: CaseName
    budget: Budget
    result: Result
    verdict: MetricVerdict | None
    reason: str = ""


def check_budgets(
    budgets: Mapping[CaseName, Sequence[Budget]], verdicts: Iterable[MetricVerdict]
) -> tuple[BudgetCheck, ...]:
    """Check each budget, by case and metric, by the interval of its verdict; no family is needed."""
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
    """Why there is no credible interval; empty if there is one."""
    if verdict is None:
        return "nothing was measured"
    if verdict.verdict.word is Word.INVALID:
        return f"INVALID: {verdict.verdict.reason}"
    if verdict.estimate is None or verdict.cost is None:
        return verdict.verdict.reason
    if verdict.estimate.n < LEAST_UNITS:
        return f"{counted(verdict.estimate.n, 'unit')}, {LEAST_UNITS} are needed"
    return ""
