"""Perf tests at loads in the analysis: their files, figures and tables; CPU time per gigabyte of a visit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.analysis_tree import Tree, csv_rows, full_tree, netperf, stat, tcp_client

from probecost.analysis.parsers.stat import CpuTime, parse
from probecost.analysis.parsers.text import ParseError
from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import Study, study_run
from probecost.analysis.values.measurement import Measurement

LOADS: dict[str, tuple[float, float]] = {"load25": (20.0, 24.0), "load2G": (20.0, 40.0), "load500M": (20.0, 30.0)}


def loaded_tree(tmp_path: Path) -> Tree:
    """The full tree, and latency and throughput at three loads in both arms."""
    tree = full_tree(tmp_path)
    for load, means in LOADS.items():
        for arm, mean_us in zip(("baseline", "tool"), means, strict=True):
            latency(tree, arm, f"tcp_rr-{load}", mean_us)
            throughput(tree, arm, f"single-{load}", stat((0, 0), (10, 90), (20, 180)))
    return tree


def latency(tree: Tree, arm: str, conn_type: str, mean_us: float = 20.0, carried_bps: float = 1e9, **more: Any) -> None:
    flow = tcp_client(carried_bps, carried_bps, 2.0)
    values: dict[str, Any] = {"background": flow, "background_bps": 1e9, **more}
    tree.perf_test(arm, 1, "latency", conn_type, client=[netperf(mean_us)], **values)


def throughput(tree: Tree, arm: str, conn_type: str, ticks: str, **more: Any) -> None:
    tree.perf_test(arm, 1, "throughput", conn_type, client=[tcp_client(8e9, 8e9)], stat=ticks, **more)


def values(study: Study, conn_type: str, metric: str) -> list[float]:
    def wanted(row: Measurement) -> bool:
        return (row.conn_type, row.metric) == (conn_type, metric)

    return [row.value for row in study.measurements if wanted(row)]


def test_the_flow_beside_latency_is_no_result_of_it(tmp_path: Path) -> None:
    study = study_run(loaded_tree(tmp_path).root, Settings())
    assert values(study, "tcp_rr-load2G", "mean_us") == [20.0, 40.0]
    assert values(study, "tcp_rr-load2G", "background_bps") == [1e9, 1e9]
    assert values(study, "tcp_rr", "background_bps") == []
    assert {each.metric.metric for each in study.verdicts} & {"background_bps"} == set()


def test_a_flow_that_carried_less_is_said(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    latency(tree, "baseline", "tcp_rr-load2G", carried_bps=0.8e9)
    latency(tree, "tool", "tcp_rr-load2G")
    (case,) = study_run(tree.root, Settings()).cases
    assert [problem.reason for problem in case.problems if "background" in problem.reason] == [
        "the background flow carried 800000000 of 1000000000 bits/s"
    ]
    assert not case.missing


def test_a_flow_without_a_result_costs_data(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    latency(tree, "baseline", "tcp_rr-load2G", background="")
    latency(tree, "tool", "tcp_rr-load2G")
    (case,) = study_run(tree.root, Settings()).cases
    assert "the result of the background flow is not there" in [problem.reason for problem in case.missing]


def test_tables_of_fixed_columns_hold_the_plain_perf_tests_only(tmp_path: Path) -> None:
    plain, loaded = full_tree(tmp_path / "plain"), loaded_tree(tmp_path / "loaded")
    for tree in (plain, loaded):
        write_reports(tree.root)
    for name in ("latency", "throughput", "pps"):
        (one,), (other,) = (list((tree.root / "reports").rglob(f"*_{name}_iter*.csv")) for tree in (plain, loaded))
        assert csv_rows(one) == csv_rows(other)
    for name in ("measurements.csv", "verdicts.csv"):
        rows = csv_rows(loaded.root / "reports" / name)
        column = rows[0].index("conn_type")
        assert {row[column] for row in rows} >= {"single", "single-load25", "tcp_rr-load500M"}


def test_the_overview_has_a_table_for_each_load(tmp_path: Path) -> None:
    text = write_reports(loaded_tree(tmp_path).root).read_text()
    heads = [line for line in text.splitlines() if line.startswith("At ")]
    assert heads == ["At 25 % load:", "At 500 Mbit/s:", "At 2 Gbit/s:"]
    table = text[text.index("At 500 Mbit/s:") : text.index("At 2 Gbit/s:")]
    assert "| Case | TCP RR mean (us) | Throughput single (Gbit/s) | CPU s/GB single |" in table
    assert "**20.0 → 30.0, +50.0 %** ⚠ | 8.0 → 8.0, 0.0 % | 0.2 → 0.2, 0.0 % |" in table
    assert "- At a load: " in text


def test_without_a_load_the_overview_says_nothing_of_them(tmp_path: Path) -> None:
    text = write_reports(full_tree(tmp_path).root).read_text()
    assert "load:" not in text
    assert "- At a load: " not in text


@pytest.mark.parametrize(
    ("idle_busy_share", "expected"), [({}, 0.2), ({"idle_busy_share": 0.05}, 0.1), ({"idle_busy_share": 0.15}, -0.1)]
)
def test_cpu_time_per_gigabyte_is_beyond_the_idle_baseline(
    tmp_path: Path, idle_busy_share: dict[str, float], expected: float
) -> None:
    """One gigabyte was received; of 2 s of all CPUs 0.2 s were busy."""
    tree = Tree(tmp_path)
    throughput(tree, "baseline", "single", stat((5, 5), (15, 95), (25, 185)), **idle_busy_share)
    assert values(study_run(tree.root, Settings()), "single", "cpu_s_per_gb") == [pytest.approx(expected)]


def test_without_samples_there_is_no_cpu_time(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    throughput(tree, "baseline", "single", "")
    throughput(tree, "tool", "single", "# 1\ncpu  1 2 3 4 5\ncpu0 1\n")
    study = study_run(tree.root, Settings())
    assert values(study, "single", "cpu_s_per_gb") == []
    assert values(study, "single", "received_bps") == [8e9, 8e9]
    assert [p.reason for case in study.cases for p in case.problems if "samples" in p.reason] == [
        "has 1 samples of all CPUs, expected one at each end"
    ]


def test_proc_stat() -> None:
    """Two CPUs for 2 s, 3.1 s of them idle; what the kernel sampled as busy is not asked."""
    first, last = "cpu  100 1 50 1000 10 2 3 4 7 0", "cpu  100 1 50 1300 20 2 3 4 7 0"
    cpus = "cpu0 9 9\ncpu1 9 9\nintr 7\n"
    found = parse(f"# 1000000000\n{first}\n{cpus}# 3000000000\n{last}\n{cpus}")
    assert found == CpuTime(pytest.approx(0.9), pytest.approx(4.0))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has 0 samples of all CPUs"),
        ("# 1\ncpu  1 1 1 1 1\ncpu0 1\n", "has 1 samples of all CPUs"),
        ("# 2\ncpu  1 1 1 1 1\ncpu0 1\n# 1\ncpu  1 1 1 1 1\ncpu0 1\n", "ran backwards"),
        ("# 1\ncpu  1 1 1 9 9\ncpu0 1\n# 2\ncpu  1 1 1 1 1\ncpu0 1\n", "ran backwards"),
        ("# 1\ncpu  1 1 1 1 1\ncpu0 1\n# 2\ncpu  1 1\ncpu0 1\n", "a line of CPU times is damaged"),
        ("# 1\ncpu  1 1 1 1 1\ncpu0 1\n# 2\ncpu  1 1 1 x 1\ncpu0 1\n", "a line of CPU times is damaged"),
        ("# 1\ncpu  1 1 1 1 1\n# 2\ncpu  1 1 1 1 1\n", "does not tell how many CPUs there are"),
        ("# 1\ncpu  1 1 1 1 1\ncpu0 1\n# 2\ncpu  1 1 1 1 1\ncpu0 1\ncpu1 1\n", "1 CPUs were online at its start"),
    ],
)
def test_damaged_proc_stat(text: str, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        parse(text)
