"""The tables over all iterations: means of the values, percentages from these means, and how the iterations scatter."""

from __future__ import annotations

from pathlib import Path

from helpers.analysis_tree import CASE, CASE_KEY, Tree, csv_rows, netperf, visit

from probecost.analysis.report.tables.iterations import STATISTICS_COLUMNS
from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.over_iterations import over_iterations, series
from probecost.analysis.study.run import study_run

#: Per iteration: TCP RR mean of the baseline and with the tool. The differences are +50, +20 and 0 %.
MEANS = {1: (20.0, 30.0), 2: (40.0, 48.0), 3: (60.0, 60.0)}


def latencies(results_dir: Path, means: dict[int, tuple[float | None, float | None]]) -> Tree:
    tree = Tree(results_dir)
    for tree.iteration, pair in means.items():
        for arm, mean in zip(("baseline", "tool"), pair, strict=True):
            if mean is not None:
                tree.perf_test(arm, 1, "latency", "tcp_rr", client=[netperf(mean)])
    return tree


def all_row(reports: Path, name: str) -> dict[str, str]:
    head, row = csv_rows(reports / "lab" / f"packet_drop_{name}_all.csv")
    return dict(zip(head, row, strict=True))


def statistics(reports: Path) -> dict[str, dict[str, str]]:
    head, *rows = csv_rows(reports / "lab" / "packet_drop_statistics_all.csv")
    assert tuple(head) == STATISTICS_COLUMNS
    found = [dict(zip(head, row, strict=True)) for row in rows]
    return {f"{row['table']}/{row['column']}": row for row in found}


def test_percentages_are_computed_from_the_means(tmp_path: Path) -> None:
    reports = write_reports(latencies(tmp_path, dict(MEANS)).root).parent
    row = all_row(reports, "latency")
    assert (row["TCP RR Mean (us)"], row["TCP RR Baseline (us)"]) == ("46.0", "40.0")
    assert row["TCP RR Diff (%)"] == "15.0"  # the mean of the three percentages is 23.3
    assert (row["Tool Case"], row["UDP RR Mean (us)"]) == (CASE.name, "N/A")


def test_the_same_columns_as_of_one_iteration(tmp_path: Path) -> None:
    reports = write_reports(latencies(tmp_path, dict(MEANS)).root).parent
    for name in ("latency", "throughput", "pps", "resources"):
        one, over_all = (csv_rows(reports / "lab" / f"packet_drop_{name}_{of}.csv") for of in ("iteration_001", "all"))
        assert one[0] == over_all[0]
        assert len(one) == len(over_all) == 2


def test_statistics(tmp_path: Path) -> None:
    found = statistics(write_reports(latencies(tmp_path, dict(MEANS)).root).parent)
    tool = found["latency/TCP RR Mean (us)"]
    assert {key: tool[key] for key in ("case_key", "tool_case", "perf_test", "conn_type", "n")} == {
        "case_key": CASE_KEY,
        "tool_case": CASE.name,
        "perf_test": "latency",
        "conn_type": "tcp_rr",
        "n": "3",
    }
    numbers = [tool[key] for key in ("mean", "sd", "min", "max", "median", "mad")]
    assert numbers == ["46", "15.099669", "30", "60", "48", "12"]
    diff = found["latency/TCP RR Diff (%)"]
    assert [diff[key] for key in ("mean", "sd", "min", "max", "median", "mad")] == [
        *("15", "25.166115", "0", "50", "20", "20")
    ]
    assert not [name for name in found if name.startswith(("latency/UDP", "pps", "throughput"))]


def test_values_are_in_the_unit_of_their_column(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    for tree.iteration in (1, 2):
        visit(tree, "baseline", 1, 20.0, 40.0, 20.0, 8.0, 100_000, 180_000)
        visit(tree, "tool", 1, 30.0, 38.0, 18.0 + tree.iteration, 8.0, 50_000, 90_000)
    reports = write_reports(tree.root).parent
    found = statistics(reports)["throughput/Server Single (Gbps)"]
    assert [found[key] for key in ("n", "mean", "min", "max")] == ["2", "19.5", "19", "20"]
    row = all_row(reports, "throughput")
    assert (row["Server Single (Gbps)"], row["Server Single Diff (%)"]) == ("19.5", "-2.5")
    resources = all_row(reports, "resources")
    assert (resources["TP Single CPU Avg (%)"], resources["Max RSS (KB)"]) == ("5.0", "9000")
    assert (resources["Total Samples"], resources["Log Size (Human)"]) == ("14", "1.2KB")
    assert statistics(reports)["resources/Max RSS (KB)"]["sd"] == "0"
    assert "resources/Log Size (Human)" not in statistics(reports)


def test_an_iteration_without_a_baseline_does_not_count_where_others_have_one(tmp_path: Path) -> None:
    reports = write_reports(latencies(tmp_path, {1: (20.0, 30.0), 2: (None, 90.0)}).root).parent
    row = all_row(reports, "latency")
    assert (row["TCP RR Mean (us)"], row["TCP RR Baseline (us)"], row["TCP RR Diff (%)"]) == ("30.0", "20.0", "50.0")
    found = statistics(reports)["latency/TCP RR Mean (us)"]
    assert (found["n"], found["mean"], found["sd"]) == ("1", "30", "")


def test_without_any_baseline_there_are_means_and_no_difference(tmp_path: Path) -> None:
    reports = write_reports(latencies(tmp_path, {1: (None, 30.0), 2: (None, 90.0)}).root).parent
    row = all_row(reports, "latency")
    assert (row["TCP RR Mean (us)"], row["TCP RR Baseline (us)"], row["TCP RR Diff (%)"]) == ("60.0", "N/A", "N/A")


def test_the_page(tmp_path: Path) -> None:
    reports = write_reports(latencies(tmp_path, dict(MEANS)).root).parent
    text = (reports / "lab" / "packet_drop_overview_all.md").read_text()
    assert "# packet_drop: lab, all iterations\n" in text
    assert "| tcp | rx | 3 | **+15.0 %** ⚠ | N/A |" in text
    assert "| TCP RR | 3 | 25.17 | 0.0 | 50.0 | 20.0 | 20.0 |" in text
    assert "(packet_drop_statistics_all.csv)" in text
    assert "Between iterations" not in (reports / "lab" / "packet_drop_overview_iteration_001.md").read_text()


def test_one_iteration_has_nothing_over_all(tmp_path: Path) -> None:
    reports = write_reports(latencies(tmp_path, {1: (20.0, 30.0)}).root).parent
    assert not list(reports.rglob("*_all.*"))


def test_units_add_up_and_problems_stay(tmp_path: Path) -> None:
    tree = latencies(tmp_path, dict(MEANS))
    tree.perf_test("tool", 1, "latency", "udp_rr", client=[""])
    (iterations,) = series(study_run(tree.root, Settings()).cases)
    found = over_iterations(iterations)
    assert found.n_units == 3
    assert len(found.missing) == sum(len(case.missing) for case in iterations) > 0
