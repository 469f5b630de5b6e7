"""The bench of many pairs: its engine of naps is one that the fixtures can use, with and without workers."""

from __future__ import annotations

from bench.parallel import Walls, lines, measure


def test_a_run_of_two_pairs_is_timed_both_ways() -> None:
    walls = measure(2, cases=2, visit_s=0.01)
    assert walls.serial_s > 0
    assert walls.parallel_s > 0


def test_the_table() -> None:
    *_, last = lines([Walls(1, 40.0, 42.0), Walls(4, 160.0, 42.0)])
    assert last == "  4 pairs: one after the other  160.0 s, -n auto   42.0 s, ratio 3.81 (aim 3.8)"
