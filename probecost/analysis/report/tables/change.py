"""``compare.csv``: a line per metric that two runs have in common."""

from __future__ import annotations

from math import isinf

from probecost.analysis.report.tables.tables import csv_text
from probecost.analysis.statistics.verdict import Cost
from probecost.analysis.two_runs.changes import RunChange
from probecost.analysis.words.cells import exact, text_cell
from probecost.analysis.words.change_words import change_word

CHANGE_COLUMNS = (
    "run_id_a", "run_id_b", "environment", "pair_kind", "case_key", "tool", "perf_test", "conn_type", "metric",
    "primary", "n_units_a", "n_units_b", "overhead_a_pct", "overhead_a_low_pct", "overhead_a_high_pct",
    "overhead_b_pct", "overhead_b_low_pct", "overhead_b_high_pct", "change_pct", "ci_low_pct", "ci_high_pct",
    "ci_level", "p", "p_permutation", "p_adjusted", "family_m", "margin_pct", "verdict", "reason",
)  # fmt: skip


def change_csv(found: RunChange) -> str:
    """A line per metric. Percentages are costs: positive is worse, in B. A missing value is an empty cell."""

    def number(value: float | None) -> str:
        return "" if value is None or isinf(value) else exact(round(value, 6))

    def three(cost: Cost | None) -> tuple[str, ...]:
        ends = (cost.low_pct, cost.high_pct) if cost and not isinf(cost.half_width_pct) else (None, None)
        return tuple(map(number, (cost.estimate_pct if cost else None, *ends)))

    rows = [
        (
            text_cell(found.a.run.run_id or found.a.root.name),
            text_cell(found.b.run.run_id or found.b.root.name),
            text_cell(each.case.environment),
            text_cell(each.b.pair_kind),
            text_cell(each.case.case_key),
            text_cell(each.tool),
            *map(text_cell, each.b.metric.columns),
            "yes" if each.is_primary else "no",
            str(each.a.n_units),
            str(each.b.n_units),
            *three(each.a.cost),
            *three(each.b.cost),
            *three(each.cost),
            number(each.shift.level if each.shift else None),
            number(each.shift.p if each.shift else None),
            number(each.shift.p_permutation if each.shift else None),
            number(each.p_adjusted),
            str(each.family_m),
            number(found.margin_pct),
            change_word(each.verdict.word),
            text_cell(each.verdict.reason),
        )
        for each in found.changes
    ]
    return csv_text([CHANGE_COLUMNS, *rows])
