"""The bench of many pairs: its engine of naps is one that the fixtures can use, with and without workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.parallel import Walls, lines, make_project, measure, wall_s


def test_all_cases_of_two_pairs_pass_both_ways() -> None:
    assert measure(2, cases=2, visit_s=0.01).pairs == 2


def test_a_run_without_all_its_cases_is_no_figure(tmp_path: Path) -> None:
    options = make_project(tmp_path, 1, 2, 0.01)
    with pytest.raises(RuntimeError, match=r"exit code 0:\n(.*\n)*1 passed, 1 deselected"):
        wall_s(tmp_path, 2, *options, "-k", "number_1")


def test_the_table() -> None:
    *_, last = lines([Walls(1, 40.0, 42.0), Walls(4, 160.0, 42.0)])
    assert last == "  4 pairs: one after the other  160.0 s, -n auto   42.0 s, ratio 3.81 (aim 3.8)"
