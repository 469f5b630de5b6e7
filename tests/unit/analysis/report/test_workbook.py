"""Workbooks: the tables as numbers, degradations in colour, and text that is never a formula."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from helpers.analysis_tree import CASE, RUN_ID, Tree, csv_rows, full_tree, netperf
from openpyxl import load_workbook

from probecost.analysis.report.tables.tables import LATENCY_COLUMNS, RESOURCES_COLUMNS
from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import load_settings
from probecost.analysis.study.selection import Request

XLSX = Request(formats=("xlsx",))


def book(root: Path, of: str = "iteration_001", topic: str = "packet_drop") -> Any:
    path = write_reports(root, request=XLSX).parent / "lab" / f"{topic}_tables_{of}.xlsx"
    return load_workbook(path)


def rows(sheet: Any) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_the_same_tables_as_in_csv_as_numbers(tmp_path: Path) -> None:
    root = full_tree(tmp_path).root
    found = book(root)
    assert found.sheetnames == ["latency", "throughput", "pps", "resources", "provenance"]
    assert rows(found["latency"])[0] == list(LATENCY_COLUMNS)
    assert rows(found["latency"])[1] == [
        *(CASE.name, "tcp", "rx"),
        *(10, 33, 1000, 25, 32),
        *(10, 39, 1000, 40, -2.5),
    ]
    assert rows(found["throughput"])[1][3:6] == [pytest.approx(19.05), 20, pytest.approx(-4.75)]
    assert rows(found["resources"])[0] == list(RESOURCES_COLUMNS)
    assert rows(found["resources"])[1][-5:] == [9000, 18000, 28, 1200, "1.2KB"]


def test_headings_are_whole_and_a_sheet_is_one_page_wide(tmp_path: Path) -> None:
    sheet = book(full_tree(tmp_path).root)["resources"]
    for cell in sheet[1]:
        assert sheet.column_dimensions[cell.column_letter].width > len(cell.value)
    page = sheet.page_setup
    assert (page.orientation, page.fitToHeight, sheet.sheet_properties.pageSetUpPr.fitToPage) == ("landscape", 0, True)


def test_what_was_not_measured_is_text(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)], parameters={}, case_name="")
    assert rows(book(tree.root)["latency"])[1] == [CASE.name, "N/A", "N/A", 10, 20, 1000, *["N/A"] * 7]


def test_degradations_are_coloured(tmp_path: Path) -> None:
    found = book(full_tree(tmp_path).root)
    coloured = [
        (sheet.title, sheet.cell(1, cell.column).value)
        for sheet in found
        for row in sheet.iter_rows(min_row=2)
        for cell in row
        if cell.fill.fgColor.rgb == "00FFC7CE"
    ]
    pps = [("pps", f"Server {streams} Diff (%)") for streams in ("Single", "Multi")]
    assert coloured == [("latency", "TCP RR Diff (%)"), *pps]


def test_the_settings_say_what_is_coloured(tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("thresholds: {latency_mean: none, pps: none, throughput_sent: 4}\n")
    path = write_reports(full_tree(tmp_path).root, settings=load_settings(config), request=XLSX).parent
    found = load_workbook(path / "lab" / "packet_drop_tables_iteration_001.xlsx")
    coloured = [
        sheet.cell(1, cell.column).value
        for sheet in found
        for row in sheet.iter_rows(min_row=2)
        for cell in row
        if cell.fill.fgColor.rgb == "00FFC7CE"
    ]
    assert coloured == ["Client Single Diff (%)"]


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1+1", "-1+1", "@SUM(A1)", "#N/A", "=\x01\x0b1"])
def test_text_is_never_a_formula(tmp_path: Path, text: str) -> None:
    tree = Tree(tmp_path)
    parameters = {"protocol": text, "direction": "rx"}
    for tree.iteration in (1, 2):
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)], parameters=parameters)
    for of, sheet, column in (("iteration_001", "latency", 2), ("all", "latency", 2), ("all", "statistics", 4)):
        cell = book(tree.root, of)[sheet].cell(2, column)
        assert cell.value == text.replace("\x01", " ").replace("\x0b", " ")
        assert cell.data_type == "s"
        assert cell.quotePrefix


def test_commands_of_a_run_are_text(tmp_path: Path) -> None:
    tree = full_tree(tmp_path)
    tree.run_file({}, run_id="=1+1")
    sheet = book(tree.root)["provenance"]
    (cell,) = (row[1] for row in sheet.iter_rows() if row[0].value == "Run")
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_it_says_where_it_comes_from(tmp_path: Path) -> None:
    root = full_tree(tmp_path).root
    facts = dict(rows(book(root)["provenance"]))
    assert facts["Cases of"] == "lab: packet_drop, iteration_001"
    assert (facts["Run"], facts["Seed"], facts["Command"]) == (RUN_ID, "7", "pytest -k 'eth drop' --env lab")
    assert facts["The same reports again"] == f"probecost analyze --iteration-path {root} --format xlsx"
    assert "Kernel 6.1.0-test x86_64" in facts["Node host-server"]
    assert "latency_mean 10 %" in facts["Colour"]


def test_over_iterations_with_statistics(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    for tree.iteration in (1, 2):
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)])
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20 + tree.iteration)])
    reports = write_reports(tree.root, request=XLSX).parent / "lab"
    found = load_workbook(reports / "packet_drop_tables_all.xlsx")
    text = csv_rows(reports / "packet_drop_statistics_all.csv")
    shown = rows(found["statistics"])
    assert len(shown) == len(text) > 4
    assert shown[0] == text[0]
    line = next(row for row in shown if row[8] == "TCP RR Mean (us)")
    assert line[9:] == [2, 21.5, pytest.approx(0.7071, abs=1e-4), 21, 22, 21.5, 0.5]


def test_the_same_bytes_and_no_time_but_the_runs(tmp_path: Path) -> None:
    root = full_tree(tmp_path).root
    path = write_reports(root, request=XLSX).parent / "lab" / "packet_drop_tables_iteration_001.xlsx"
    first = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 11, 22, 21, 35, 0)}
        assert b"2026-11-22T21:35:00Z" in archive.read("docProps/core.xml")
    write_reports(root, request=XLSX)
    assert path.read_bytes() == first


@pytest.mark.parametrize("started_ns", [None, 1, 10**30, -(10**30)])
def test_a_time_that_no_archive_can_hold(tmp_path: Path, started_ns: int | None) -> None:
    tree = full_tree(tmp_path)
    tree.run_file({}, started_ns=started_ns)
    assert book(tree.root).properties.created.year == (2026 if started_ns is None else 1980)


def test_none_without_being_asked_for(tmp_path: Path) -> None:
    assert not list(write_reports(full_tree(tmp_path).root).parent.rglob("*.xlsx"))
