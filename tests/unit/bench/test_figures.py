"""The benches that read results: what they make of verdicts and of units, on trees whose values are known."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.analysis_tree import Tree, netperf

from bench import aa, half_width, memory
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import study_run


def test_false_verdicts_are_counted_by_metric() -> None:
    quiet = aa.Test("latency tcp_rr mean_us", True, "INCONCLUSIVE", -1.0, 2.0)
    wrong = aa.Test("latency tcp_rr mean_us", True, "OVERHEAD", 4.0, 8.0)
    held_back = aa.Test("latency tcp_rr p99_us", False, "INCONCLUSIVE", 1.0, 3.0)
    table = list(aa.lines([[quiet, held_back], [wrong], [quiet]]))
    assert table[1].split()[:7] == ["latency", "tcp_rr", "mean_us", "*", "3", "1", "1"]
    assert table[1].endswith("1.5 %")
    assert table[2].split()[:6] == ["latency", "tcp_rr", "p99_us", "1", "0", "1"]
    assert table[3] == "* primary: 1 false verdicts in 3 tests; all metrics: 1 in 4"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Eight units; the tool costs 10 % in the first one, and between 20 and 27 % in the others."""
    made = Tree(tmp_path, units=8)
    for unit in range(1, 9):
        for arm, mean_us in (("baseline", 20.0), ("tool", 22.0 if unit == 1 else 24.0 + 0.2 * unit)):
            made.perf_test(arm, unit, "latency", "tcp_rr", client=[netperf(mean_us)])
    made.run_file()
    return made.root


def test_half_widths_stand_beside_what_one_run_says(tree: Path) -> None:
    table = list(half_width.lines(study_run(tree, Settings())))
    latency = next(line for line in table if "latency tcp_rr mean_us" in line)
    assert "8: ±" in latency
    assert "16: ±" not in latency
    assert latency.endswith("one baseline, one run: +10.0 %")


def test_a_run_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert half_width.main([]) == 4
    assert "RUN" in capsys.readouterr().err


def test_memory_and_time_at_two_places_of_a_run() -> None:
    cases = range(1, memory.LATE + 1)
    watched = memory.Watched([100 + number / 100 for number in cases], [number**2 / 1000 for number in cases])
    assert memory.lines(watched) == [
        "controller over 1000 cases without hosts (aim: flat)",
        "  resident memory after 100 cases: 101.0 MB, after 1000: 110.0 MB (+10.2 kB per case)",
        "  time per case at the 100th: 150.0 ms, at the 1000th: 1950.0 ms",
    ]
