"""What a run that went on measured again: kept, told, and used nowhere; what it lacks is not missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.analysis_tree import CLIENT, Tree, netperf

from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import study_run
from probecost.results.layout import BASELINE, TOOL

REASON = "its unit was measured again"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """One unit whose first baseline was cut: no output, an hour before the two visits that count."""
    made = Tree(tmp_path, units=1)
    half = made.perf_test(BASELINE, 1, "latency", "tcp_rr", client=[netperf(99.0)], void_reason=REASON, superseded=True)
    for file in (made.node(CLIENT) / str(half.client)).iterdir():
        file.unlink()
    made.now_ns += 3600 * 10**9
    for arm, mean_us in ((BASELINE, 20.0), (TOOL, 30.0)):
        made.perf_test(arm, 1, "latency", "tcp_rr", client=[netperf(mean_us)])
    made.run_file()
    return made


def test_it_is_told_and_lacks_nothing(tree: Tree) -> None:
    (case,) = study_run(tree.root, Settings()).cases
    assert case.missing == ()
    assert [problem.reason for problem in case.problems if REASON in problem.reason] == [f"not used, {REASON}"]


def test_it_counts_in_no_figure_and_as_no_void(tree: Tree) -> None:
    study = study_run(tree.root, Settings())
    (comparison,) = (c for c in study.cases[0].comparisons.values() if c.metric.metric == "mean_us")
    assert (comparison.baseline_mean, comparison.tool_mean) == (20.0, 30.0)
    (verdict,) = (each for each in study.verdicts if each.is_primary)
    assert (verdict.n_units, verdict.n_void_baseline) == (1, 0)
