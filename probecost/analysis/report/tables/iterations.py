"""``{topic}_statistics_all.csv``: the spread of each value of the four tables over the iterations, a row per value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from probecost.analysis.report.tables.columns import TABLES
from probecost.analysis.report.tables.tables import cell, csv_text, row_names
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.study.over_iterations import compared

STATISTICS = "statistics"


class ValueName(NamedTuple):
    """Identity of a value: ``tool_case`` is the row of the four tables, ``column`` the column of ``table``."""

    environment: str
    case_key: str
    tool_case: str
    protocol: str
    direction: str
    table: str
    perf_test: str
    conn_type: str
    column: str


class IterationValue(NamedTuple):
    """A value in one iteration, in its column's unit. ``over_all``: for a percentage, that of the means."""

    name: ValueName
    over_all: float | None
    value: float


class Spread(NamedTuple):
    """A value over the iterations.

    ``mean``: for a percentage, that of the means, as in the tables; the rest is of the iterations' own percentages.
    ``sd`` is the sample's (n - 1), ``None`` for one value. ``mad`` is the median absolute deviation from the median,
    not scaled (times 1.4826 it estimates the sd of normal values).
    """

    name: ValueName
    n: int
    mean: float
    sd: float | None
    min: float
    max: float
    median: float
    mad: float

    @property
    def cells(self) -> tuple[str | int | float | None, ...]:
        """The cells of ``STATISTICS_COLUMNS``."""
        return (*self.name, *self[1:])


STATISTICS_COLUMNS = (*ValueName._fields, *Spread._fields[1:])


def spreads(found: Iterable[IterationValue]) -> list[Spread]:
    """A row for each existing value, in the order of ``found``."""
    import pandas  # takes a while: only for several iterations

    values = pandas.DataFrame(found, columns=IterationValue._fields)
    at, names = pandas.factorize(values["name"])
    values["largest"] = values["value"].abs().groupby(at).transform("max").replace(0.0, 1.0)
    values["scaled"] = values["value"] / values["largest"]  # the square of a value may be too large
    values["distance"] = (values["value"] - values["value"].groupby(at).transform("median")).abs()
    table = values.groupby(at).agg(
        n=("value", "count"),
        mean=("value", "mean"),
        sd=("scaled", "std"),
        min=("value", "min"),
        max=("value", "max"),
        median=("value", "median"),
        mad=("distance", "median"),
        largest=("largest", "first"),
        over_all=("over_all", "first"),
    )
    table["sd"] *= table["largest"]
    table["mean"] = table["over_all"].fillna(table["mean"])
    numbers = table[list(Spread._fields[1:])].astype(object)
    rows = numbers.where(numbers.notna(), None).itertuples(index=False)
    return [Spread(name, *row) for name, row in zip(names, rows, strict=True)]


def spreads_text(rows: Iterable[Spread]) -> str:
    """The CSV of the rows."""
    return csv_text([STATISTICS_COLUMNS, *(map(cell, row.cells) for row in rows)])


def iteration_values(cases: Sequence[CaseStudy], members: Sequence[Sequence[CaseStudy]]) -> Iterator[IterationValue]:
    """All values of ``cases``; ``members``: each of them in its iterations.

    Only iterations with both arms of a metric count, if there is one.
    """
    for case, label, iterations in zip(cases, row_names(cases), members, strict=True):
        who = (case.id.environment, case.id.case_key, label, case.protocol, case.direction)
        for table, columns in TABLES:
            for column in (column for column in columns if column.number_format):
                test = ("", "") if column.test is None else (column.test.perf_test, column.test.conn_type)
                name = ValueName(*who, table, *test, column.name)
                counted = iterations if column.metric is None else compared(iterations, column.metric)
                over_all = column.value(case) if column.is_diff else None
                for value in map(column.value, counted):
                    if value is not None:
                        yield IterationValue(name, over_all, column.in_unit(value))
