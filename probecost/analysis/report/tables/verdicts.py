"""``verdicts.csv``: a line per metric of each case."""

from __future__ import annotations

from collections.abc import Iterable
from math import isinf

from probecost.analysis.judge.budgets import BudgetCheck
from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.report.tables.tables import csv_text
from probecost.analysis.words.cells import exact, text_cell

VERDICT_COLUMNS = (
    "run_id", "environment", "pair_kind", "case_key", "tool", "perf_test", "conn_type", "metric", "unit", "primary",
    "schedule", "n_units", "n_void_baseline", "n_void_tool", "estimate_pct", "ci_low_pct", "ci_high_pct", "ci_level",
    "p", "p_adjusted", "family_m", "margin_pct", "verdict", "reason", "budget_pct", "budget_result",
)  # fmt: skip


def verdicts_text(run_id: str, verdicts: Iterable[MetricVerdict], budgets: Iterable[BudgetCheck] = ()) -> str:
    """The text of ``verdicts.csv``. Percentages are costs: positive is worse. A missing value is an empty cell."""
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
