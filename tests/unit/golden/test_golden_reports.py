"""Reports of stored trees, to the byte: no change of the code alters one unnoticed. See ``golden_files``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from helpers.golden_files import (
    COMPARISONS,
    COMPARISONS_OF,
    EXPECTED,
    GOLDEN,
    TREES,
    Comparison,
    GoldenTree,
    comparison_files,
    difference,
    page_text,
    read_expected,
    tree_files,
)


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The analysis starts no further processes: those of the test run use all CPUs already."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})


def same(expected: Mapping[str, str], found: Mapping[str, str], subtests: pytest.Subtests) -> None:
    """Every file that differs is a failure of its own."""
    assert expected, "no file is expected: python tests/golden/update.py"
    for name in sorted({*expected, *found}):
        if told := difference(name, expected.get(name), found.get(name)):
            with subtests.test(name):
                pytest.fail(told, pytrace=False)


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.name)
def test_reports(tree: GoldenTree, tmp_path: Path, subtests: pytest.Subtests) -> None:
    same(read_expected(tree.expected), tree_files(tree, tmp_path), subtests)


@pytest.mark.parametrize("comparison", COMPARISONS_OF, ids=lambda comparison: comparison.name)
def test_comparison(comparison: Comparison, tmp_path: Path, subtests: pytest.Subtests) -> None:
    expected = read_expected(GOLDEN / COMPARISONS / comparison.name)
    same(expected, comparison_files(comparison, tmp_path), subtests)


def test_every_folder_belongs_to_a_test() -> None:
    folders = {path.parent.name for path in GOLDEN.glob(f"*/{EXPECTED}")}
    assert folders == {tree.name for tree in TREES}
    assert {path.name for path in (GOLDEN / COMPARISONS).iterdir()} == {each.name for each in COMPARISONS_OF}


@pytest.mark.parametrize(
    ("expected", "found", "told"),
    [
        ("a\nb\n", "a\nb\n", ""),
        ("a\nb\n", "a\nbx\n", "f: line 2, character 2 (lines that differ: 1)\n    a\n  - b\n  + bx"),
        ("a\nb\n", "a\n", "f: line 2, character 1 (lines that differ: 1)\n    a\n  - b\n  + (the file ends)"),
        ("a\n", "a", "f: line 1, character 2 (lines that differ: 1)\n  - a\n  + a"),
        ("a\r\n", "a\n", "f: line 1, character 2 (lines that differ: 1)\n  - a\\r\n  + a"),
        (None, "a", "f: written, but no file is expected"),
        ("a", None, "f: expected, but not written"),
    ],
)
def test_a_difference_is_told_by_its_first_line(expected: str | None, found: str | None, told: str) -> None:
    assert difference("f", expected, found).partition("\n- is expected")[0] == told


def test_no_byte_of_a_page_is_lost_on_the_way_to_lines() -> None:
    page = "<style>a</style><p>[1],{2},\n</p><script>b</script>"
    assert page_text(page) != page_text(page.replace(">a<", ">c<"))
    assert page_text(page) != page_text(page.replace(">b<", ">c<"))
    assert page_text(page).count("\n") == 2
