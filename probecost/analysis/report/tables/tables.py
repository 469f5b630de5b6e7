"""The four CSV tables per topic and iteration, column by column, and measurements.csv."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from probecost.analysis.report.tables.columns import CASE_COLUMNS, LATENCY, PPS, RESOURCES, TABLES, THROUGHPUT, Column
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.values.measurement import COLUMNS, Measurement
from probecost.analysis.words.cells import exact, text_cell


def _names(columns: Iterable[Column]) -> tuple[str, ...]:
    return (*CASE_COLUMNS, *(column.name for column in columns))


LATENCY_COLUMNS, THROUGHPUT_COLUMNS, PPS_COLUMNS, RESOURCES_COLUMNS = map(_names, (LATENCY, THROUGHPUT, PPS, RESOURCES))


@dataclass(frozen=True)
class Row:
    """A case in a table. ``values`` are in the base units of the table's columns."""

    label: str
    protocol: str
    direction: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Table:
    """One CSV file: ``name`` is the part of the file's name between topic and iteration."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def head(self) -> tuple[str, ...]:
        return _names(self.columns)

    def text(self) -> str:
        return csv_text([self.head, *map(self._cells, self.rows)])

    def _cells(self, row: Row) -> tuple[str, ...]:
        shown = (column.show(value) for column, value in zip(self.columns, row.values, strict=True))
        return (text_cell(row.label), text_cell(row.protocol), text_cell(row.direction), *shown)


def tables(cases: Sequence[CaseStudy]) -> tuple[Table, ...]:
    """Latency, throughput, pps and resources of the cases of one topic and iteration, a row per case."""
    labelled = list(zip(cases, row_names(cases), strict=True))
    return tuple(
        Table(
            name,
            columns,
            tuple(
                Row(label, case.protocol, case.direction, tuple(column.value(case) for column in columns))
                for case, label in labelled
            ),
        )
        for name, columns in TABLES
    )


def row_names(cases: Sequence[CaseStudy]) -> list[str]:
    """The cases' folder names; if two share one (of two pair kinds), the pair kind is added."""
    times = Counter(case.label for case in cases)
    return [f"{case.label}/{case.pair_kind}" if times[case.label] > 1 else case.label for case in cases]


def measurements_text(measurements: Iterable[Measurement]) -> str:
    """The tidy table as CSV; cells without a value are empty."""
    return csv_text(chain([COLUMNS], _measurement_rows(measurements)))


def _measurement_rows(measurements: Iterable[Measurement]) -> Iterator[Sequence[object]]:
    """Rows in the order of ``COLUMNS``. Figures of one perf test mostly come in sequence and share most cells."""
    before: Measurement | None = None
    place: list[object] = []
    for row in measurements:
        if not row.is_beside(before):
            place = list(map(cell, row.place()))
            before = row
        yield (*place, row.metric, exact(row.value), row.unit, row.start_ns, row.end_ns, cell(row.void_reason))


def cell(value: object) -> object:
    """A raw value as a CSV cell."""
    if isinstance(value, str):
        return text_cell(value) if value else ""
    return exact(value) if isinstance(value, float) else value


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV; ``None`` is an empty cell."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
