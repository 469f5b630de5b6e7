"""``{topic}_tables_{iteration}.xlsx``: the tables of a group as a workbook, degradations in colour.

Cells are numbers with a format, or text, never a formula. The same study gives the same bytes, so every time in the
file is the run's.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.writer.excel import ExcelWriter

from probecost.analysis.report.findings.degradations import legend
from probecost.analysis.report.findings.provenance import Provenance
from probecost.analysis.report.tables.columns import Column
from probecost.analysis.report.tables.groups import Group
from probecost.analysis.report.tables.iterations import STATISTICS_COLUMNS
from probecost.analysis.report.tables.tables import Row, Table
from probecost.analysis.settings.thresholds import Thresholds
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.words.cells import NA

_EPOCH = datetime(1980, 1, 1, tzinfo=UTC)  # the first time in a ZIP archive
_LAST = datetime(2107, 12, 31, tzinfo=UTC)
_MOST_CHARACTERS = 32767  # of a cell
_BOLD = Font(bold=True)
_DEGRADED_FONT = Font(bold=True, color="9C0006")
_DEGRADED_FILL = PatternFill("solid", fgColor="FFC7CE")
_ABSENT = Font(color="808080")
_LABEL_WIDTH, _NUMBER_WIDTH, _TEXT_WIDTH = 44, 14, 100
_BOLD_IS_WIDER = 3


def workbook_bytes(group: Group, origin: Provenance, thresholds: Thresholds) -> bytes:
    """The workbook: a sheet per table, a sheet of statistics over several iterations, and one on provenance."""
    book = Workbook(write_only=True)
    for table in group.tables:
        widths = [_LABEL_WIDTH, *(max(_NUMBER_WIDTH, len(name) + _BOLD_IS_WIDER) for name in table.head[1:])]
        sheet = _sheet(book, table.name, widths, "D2")
        sheet.append([_text(sheet, name, _BOLD) for name in table.head])
        for row, case in zip(table.rows, group.cases, strict=True):
            sheet.append(list(_cells(sheet, table, row, case, thresholds)))
    if group.iteration is None:
        sheet = _sheet(book, "statistics", [_NUMBER_WIDTH, _LABEL_WIDTH, _LABEL_WIDTH], "A2")
        sheet.append([_text(sheet, name, _BOLD) for name in STATISTICS_COLUMNS])
        for found in group.spreads:
            sheet.append([_text(sheet, cell) if isinstance(cell, str) else cell for cell in found.cells])
    _provenance_sheet(book, group, origin, thresholds)
    return _saved(book, _time(origin.started_ns))


def _sheet(book: Any, name: str, widths: Sequence[int], frozen: str) -> Any:
    sheet = book.create_sheet(name)
    sheet.freeze_panes = frozen
    sheet.page_setup.orientation = "landscape"  # on paper as wide as one page
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    for number, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    return sheet


def _cells(sheet: Any, table: Table, row: Row, case: CaseStudy, thresholds: Thresholds) -> Iterator[Any]:
    for text in (row.label, row.protocol, row.direction):
        yield _text(sheet, text) if text else _text(sheet, NA, _ABSENT)
    for column, value in zip(table.columns, row.values, strict=True):
        if value is None:
            yield _text(sheet, NA, _ABSENT)
        elif not column.number_format:
            yield _text(sheet, column.show(value))
        else:
            yield _number(sheet, column, value, _is_degraded(column, case, thresholds))


def _is_degraded(column: Column, case: CaseStudy, thresholds: Thresholds) -> bool:
    if not column.is_diff or column.metric is None:
        return False
    return thresholds.is_degraded(column.metric, column.value(case))


def _number(sheet: Any, column: Column, value: float, is_degraded: bool) -> Any:
    cell = WriteOnlyCell(sheet, column.in_unit(value))
    cell.number_format = column.number_format
    if is_degraded:
        cell.font, cell.fill = _DEGRADED_FONT, _DEGRADED_FILL
    return cell


def _text(sheet: Any, text: str, font: Font | None = None) -> Any:
    """A cell that stays text for any beginning, even after an edit; without control characters."""
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub(" ", text)[:_MOST_CHARACTERS])
    cell.data_type = "s"  # "=1+1" would be a formula, "#N/A" an error
    cell.quotePrefix = True
    if font is not None:
        cell.font = font
    return cell


def _provenance_sheet(book: Any, group: Group, origin: Provenance, thresholds: Thresholds) -> None:
    sheet = _sheet(book, "provenance", [_LABEL_WIDTH, _TEXT_WIDTH], "A1")
    what = f"{group.topic}, {group.iteration_words}"
    for name, text in (
        ("Cases of", f"{group.environment}: {what}"),
        *((fact.name, fact.text) for fact in origin.all_facts()),
        ("Colour", legend(thresholds)),
    ):
        sheet.append([_text(sheet, name, _BOLD), _text(sheet, text)])


def _time(time_ns: int | None) -> datetime:
    """The run's time, to two seconds as in ZIP; the first possible time if unknown."""
    try:
        time = datetime.fromtimestamp((time_ns or 0) // 2_000_000_000 * 2, UTC)
    except (OverflowError, ValueError, OSError):
        return _EPOCH
    return time if _EPOCH <= time <= _LAST else _EPOCH


def _saved(book: Any, time: datetime) -> bytes:
    """The workbook's bytes, with ``time`` instead of the present time in the document and the archive."""
    book.properties.creator = "probecost"
    book.properties.created = book.properties.modified = time.replace(tzinfo=None)
    written, result = io.BytesIO(), io.BytesIO()
    ExcelWriter(book, ZipFile(written, "w")).save()
    with ZipFile(written) as source, ZipFile(result, "w") as target:
        for name in source.namelist():
            entry = ZipInfo(name, time.timetuple()[:6])
            entry.compress_type = ZIP_DEFLATED
            target.writestr(entry, source.read(name))
    return result.getvalue()
