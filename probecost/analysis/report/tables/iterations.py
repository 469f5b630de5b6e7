"""``{topic}_statistics_all.csv``: how each value of the four tables lies over the iterations, a line per value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from probecost.analysis.processes import each
from probecost.analysis.report.tables.columns import TABLES, Column
from probecost.analysis.report.tables.groups import Group
from probecost.analysis.report.tables.tables import cell, csv_text, row_names
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.study.over_iterations import Spread, compared, spread

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


class Members(NamedTuple):
    """A case over all iterations, its name in the tables, and the case in each of them."""

    case: CaseStudy
    label: str
    iterations: Sequence[CaseStudy]


def statistics_text(group: Group, jobs: int = 1) -> str:
    """The CSV of a group over all iterations. Values that no iteration has have no line.

    ``jobs``: see ``study_run``.
    """
    return "".join([csv_text([STATISTICS_COLUMNS]), *each(_lines, members_of(group), jobs)])


def members_of(group: Group) -> list[Members]:
    return list(map(Members, group.cases, row_names(group.cases), group.members))


def _lines(case: Members) -> str:
    return csv_text(map(cell, line) for line in statistics_rows(case))


def iteration_spread(cases: Sequence[CaseStudy], column: Column) -> Spread | None:
    """How a column's values lie over the iterations of one case, in the column's unit.

    For a metric only iterations count in which both arms were measured, if there is one.
    """
    counted = cases if column.metric is None else compared(cases, column.metric)
    values = [column.value(case) for case in counted]
    return spread([column.in_unit(value) for value in values if value is not None])


def statistics_rows(members: Members) -> Iterator[tuple[str | int | float | None, ...]]:
    """The cells below ``STATISTICS_COLUMNS``: text and numbers, ``None`` for the deviation of a single value."""
    case, label, iterations = members
    who = (case.id.environment, case.id.case_key, label, case.protocol, case.direction)
    for table, columns in TABLES:
        for column in columns:
            found = iteration_spread(iterations, column) if column.number_format else None
            if found is None:
                continue
            # A percentage is that of the means, as in the tables; how the iterations' own percentages lie follows.
            over_all = column.value(case) if column.is_diff else None
            mean = found.mean if over_all is None else over_all
            test = ("", "") if column.test is None else (column.test.perf_test, column.test.conn_type)
            yield (
                *(*who, table, *test, column.name, found.n),
                *(mean, found.sd, found.min, found.max, found.median, found.mad),
            )
