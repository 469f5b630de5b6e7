"""The part of overview.md on budgets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probecost.analysis.judge.budgets import BudgetCheck
from probecost.analysis.report.markdown.text import markdown, table_lines
from probecost.analysis.words.budget_words import budget_cost, budget_counts, worst_budgets_first


def budget_section(checks: Sequence[BudgetCheck]) -> Iterator[str]:
    """The section on budgets; empty without any budget."""
    if not checks:
        return
    yield "## Budgets"
    yield ""
    yield f"{budget_counts(checks)}."
    yield ""
    rows = []
    for case, check in worst_budgets_first(checks):
        result = f"{check.result}: {check.reason}" if check.reason else check.result.value
        rows.append((case, check.budget.name, f"{check.budget.percent:g} %", budget_cost(check), result))
    yield from table_lines(("Case", "Metric", "Budget", "Cost", "Result"), (tuple(map(markdown, row)) for row in rows))
