"""Results trees from anywhere: no file of this machine is read through them, none keeps us, no cell is a command."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest
from helpers.analysis_tree import CLIENT, SERVER, Tree, full_tree

from probecost.analysis.parsers import json_fields
from probecost.analysis.parsers.json_fields import parse_object
from probecost.analysis.parsers.text import ParseError, read_text
from probecost.analysis.report.markdown.text import code, markdown
from probecost.analysis.report.write import write_reports
from probecost.analysis.words.cells import text_cell

ESCAPES = "\x1b]0;owned\x07"


class TestFiles:
    def test_a_link_is_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("key")
        (tmp_path / "link").symlink_to(tmp_path / "secret")
        with pytest.raises(ParseError, match="it is a link, no plain file"):
            read_text(tmp_path / "link")

    def test_a_pipe_without_a_writer_does_not_keep_us(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ParseError, match="it is no plain file"):
            read_text(tmp_path / "pipe")

    def test_a_device_or_a_folder_is_no_file(self, tmp_path: Path) -> None:
        for path in (Path("/dev/zero"), tmp_path):
            with pytest.raises(ParseError, match=r"plain file|cannot be read"):
                read_text(path)

    def test_one_of_a_terabyte_is_not_read(self, tmp_path: Path) -> None:
        with (tmp_path / "huge").open("wb") as file:
            file.truncate(1 << 40)
        with pytest.raises(ParseError, match="the file has 1099511627776 bytes, more than"):
            read_text(tmp_path / "huge")

    def test_json_has_an_end_and_a_depth(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ParseError, match="broken or truncated"):
            parse_object('{"a":' * 100_000)
        monkeypatch.setattr(json_fields, "MAX_JSON", 10)
        with pytest.raises(ParseError, match="has 12 characters, more than 10"):
            parse_object('{"a": "bbb"}')

    def test_in_a_tree_they_are_problems(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        (tmp_path / "secret").write_text("root:x:0:0:the secret\n")
        latency = sorted(tree.node(CLIENT).rglob("latency_tcp_rr.txt"))
        latency[0].unlink()
        latency[0].symlink_to(tmp_path / "secret")
        latency[1].unlink()
        os.mkfifo(latency[1])
        overview = write_reports(tree.root).read_text()
        assert "it is a link, no plain file" in overview
        assert "it is no plain file" in overview
        assert "the secret" not in "".join(path.read_text() for path in (tree.root / "reports").rglob("*.*"))


class TestCells:
    @pytest.mark.parametrize(
        "text",
        ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\n=1", "\uff1d1+1", "eth0;=cmd()", "died; @x", "a\t-1", ";\t=1"],
    )
    def test_no_formula_is_left(self, text: str) -> None:
        shown = text_cell(text)
        assert shown.replace("'", "") == text
        for cell in shown.replace("\t", ";").split(";"):
            assert not cell.strip().startswith(("=", "+", "-", "@", "\uff1d"))

    @pytest.mark.parametrize("text", ["tcp", "eth_drop_case_1_0a1b2c", "a=1; b-2", "x; it said: 5 - 3", "rx+tx"])
    def test_other_text_stays(self, text: str) -> None:
        assert text_cell(text) == text

    @pytest.mark.parametrize("show", [text_cell, markdown, code])
    def test_nothing_steers_a_terminal(self, show: object) -> None:
        assert callable(show)
        shown = show(f"a{ESCAPES}b\x9bc\u202ed")
        assert shown.isprintable()
        assert "owned" in shown

    def test_markdown_holds_no_html(self) -> None:
        assert "<" not in markdown("<script>alert(1)</script>")


def test_what_a_node_says_of_itself_is_text_in_every_report(tmp_path: Path) -> None:
    """The error of a perf test quotes the node: it stands in CSV and Markdown, and is harmless in both."""
    tree = full_tree(tmp_path)
    said = f"{ESCAPES}<script>alert(1)</script>;=cmd()"
    for path in tree.root.rglob("metadata_*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"error": said}))
    overview = write_reports(tree.root)
    for path in overview.parent.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert "\x1b" not in text
            assert path.suffix != ".md" or "<script" not in text
    rows = list(csv.DictReader(io.StringIO((overview.parent / "measurements.csv").read_text())))
    assert not [cell for row in rows for cell in row.values() if ";=" in cell]


def test_a_clock_ten_years_off_changes_no_figure(tmp_path: Path) -> None:
    """All files of a node are of one clock, and only differences count."""
    near, far = full_tree(tmp_path / "near"), full_tree(tmp_path / "far")
    years_ns = 10 * 365 * 86400 * 10**9
    for path in far.root.rglob("metadata_*.json"):
        document = json.loads(path.read_text())
        clock = {"offset_ns": years_ns, "uncertainty_ns": 1000, "drift_ns": 0}
        path.write_text(json.dumps(document | {"clocks": {CLIENT: clock, SERVER: clock}}))
    tables = [_throughput(tree) for tree in (near, far)]
    assert tables[0] == tables[1]


def _throughput(tree: Tree) -> list[str]:
    reports = write_reports(tree.root).parent
    return [path.read_text() for path in sorted(reports.rglob("*_throughput_*.csv"))]
