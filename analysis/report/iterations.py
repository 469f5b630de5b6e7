"""``{topic}_statistics_all.csv``: how each value of the four tables lies over the iterations, a line per value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.aggregate import Spread, compared, spread
from analysis.report.cells import exact, text_cell
from analysis.report.columns import TABLES, Column
from analysis.report.groups import Group
from analysis.report.tables import csv_text, row_names
from analysis.study import CaseStudy

STATISTICS = "statistics"
STATISTICS_COLUMNS = (
    "environment",
    "case_key",
    "tool_case",
    "protocol",
    "direction",
    "table",
    "perf_test",
    "conn_type",
    "column",
    "n",
    "mean",
    "sd",
    "min",
    "max",
    "median",
    "mad",
)


def statistics_text(group: Group) -> str:
    """The CSV of a group over all iterations. Values that no iteration has have no line."""
    return csv_text([STATISTICS_COLUMNS, *(tuple(map(_cell, line)) for line in statistics_rows(group))])


def iteration_spread(cases: Sequence[CaseStudy], column: Column) -> Spread | None:
    """How a column's values lie over the iterations of one case, in the column's unit.

    For a metric only iterations count in which both arms were measured, if there is one.
    """
    counted = cases if column.metric is None else compared(cases, column.metric)
    values = [column.value(case) for case in counted]
    return spread([column.in_unit(value) for value in values if value is not None])


def statistics_rows(group: Group) -> Iterator[tuple[str | int | float | None, ...]]:
    """The cells after ``STATISTICS_COLUMNS``: text and numbers, ``None`` for the deviation of a single value."""
    for case, label, iterations in zip(group.cases, row_names(group.cases), group.members, strict=True):
        who = (case.id.environment, case.id.case_key, label, case.protocol, case.direction)
        for table, columns in TABLES:
            for column in columns:
                found = iteration_spread(iterations, column) if column.number_format else None
                if found is None:
                    continue
                # A percentage is that of the means, as in the tables; how the iterations' own percentages lie follows.
                over_all = column.value(case) if column.is_diff else None
                mean = found.mean if over_all is None else over_all
                yield (
                    *(*who, table, *column.test, column.name, found.n),
                    *(mean, found.sd, found.min, found.max, found.median, found.mad),
                )


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return exact(value)
    return text_cell(value) if isinstance(value, str) and value else str(value)
