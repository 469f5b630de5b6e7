"""summary.md: one screen for a merge request."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from helpers.analysis_tree import RUN_ID, Tree
from helpers.page_trees import EXPENSIVE, hostile_tree, judged_tree

from probecost.analysis.report.write import write_reports

ONE_SCREEN = 50


def summary_of(tree: Tree) -> str:
    return (write_reports(tree.root).parent / "summary.md").read_text()


def test_the_answer_comes_first(tmp_path: Path) -> None:
    lines = summary_of(judged_tree(tmp_path)).splitlines()
    assert lines[0] == f"# Overhead: run {RUN_ID}"
    assert lines[2].startswith("**packet")
    assert "costs 3 % or more" in lines[2]
    assert "- Primary verdicts, the null case left out: 1 OVERHEAD, 1 NEGLIGIBLE." in lines
    assert "- Cases: 3 passed." in lines
    rows = [line for line in lines if line.startswith("| host-")]
    assert len(rows) == 1
    assert EXPENSIVE in rows[0].replace("\\", "")
    assert "OVERHEAD +50.1 %" in rows[0]


def test_one_screen_however_many_cases(tmp_path: Path) -> None:
    text = summary_of(judged_tree(tmp_path, {f"host-t{number}": 5.0 for number in range(30)}, units=1))
    assert len(text.splitlines()) <= ONE_SCREEN
    assert "The worst of 30 that are not NEGLIGIBLE." in text


def test_links_lead_to_files_and_texts_are_no_markup(tmp_path: Path) -> None:
    tree = hostile_tree(tmp_path)
    text = summary_of(tree)
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert {"report.html", "overview.md", "measurements.csv", "verdicts.csv"} <= set(links)
    assert all((tree.root / "reports" / unquote(target)).exists() for target in links)
    outside = re.sub(r"`+[^`]*`+", "", text)
    assert "<img" not in outside
    assert "&lt;img" in outside


def test_an_empty_tree_says_so(tmp_path: Path) -> None:
    text = summary_of(Tree(tmp_path))
    assert "**No tool was measured.**" in text
    assert "|" not in text
