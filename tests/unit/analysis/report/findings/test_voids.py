"""Where units do not count the reports say so first: why, what to do, and with the case that they belong to."""

from __future__ import annotations

from pathlib import Path

from helpers.analysis_tree import Tree, load_counters, netperf
from helpers.page_trees import EXPENSIVE, NULL, judged_tree

from probecost.analysis.gates.foreign_load import ForeignCpu, read_reason
from probecost.analysis.report.findings.answer import answer
from probecost.analysis.report.findings.voids import voids
from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import Study, study_run
from probecost.results.layout import BASELINE, TOOL, CaseFolder

BUSY = {"udp_counters": load_counters(140.0)}
IDLE = {"udp_counters": load_counters(1.0)}
FLOW = [(pair, arm, 1000) for pair in (1, 2) for arm in (BASELINE, TOOL)]
ALL_VOID = "all 6 units void: other processes used 1.4 cores on host-server"


def busy_tree(folder: Path, *, idle_flows: bool = False) -> Tree:
    """Of two tools a pair of visits beside a load, and two flows beside one, or without."""
    tree = Tree(folder, units=1)
    percent = 1.0 if idle_flows else 140.0
    for number, key in enumerate((NULL, EXPENSIVE), 1):
        of = {"case": CaseFolder(key.removeprefix("host-"), number, f"{number:06x}"), "case_key": key}
        for arm in (BASELINE, TOOL):
            tree.perf_test(arm, 1, "latency", "tcp_rr", client=[netperf(20.0)], **BUSY, **of)
        for unit in (1, 2):
            foreign_pct = {BASELINE: percent, TOOL: percent}
            tree.flow(unit, "latency", "tcp_rr", FLOW, counter="rx_packets", foreign_pct=foreign_pct, **of)
    tree.run_file({key: {"outcome": "passed", "message": ""} for key in (NULL, EXPENSIVE)})
    return tree


def void_text(study: Study) -> str:
    found = voids(study)
    return found.text if found is not None else ""


def test_a_reason_is_read_as_it_was_written() -> None:
    load = ForeignCpu(("a", "b"), 53.0)
    assert read_reason(load.void_reason(10)) == load
    assert read_reason("the flow had ended") is None


def test_the_common_reason_stands_first(tmp_path: Path) -> None:
    reports = write_reports(busy_tree(tmp_path).root).parent
    summary = (reports / "summary.md").read_text()
    assert summary.splitlines()[2] == f"**No verdict on any tool: {ALL_VOID}.**"
    for name in ("summary.md", "overview.md", "report.html"):
        text = (reports / name).read_text().replace("\\", "")
        assert f"A{ALL_VOID[1:]}. End them or wait until they are done" in text, name
        assert "--calibration always; or raise foreign_cpu_limit_pct" in text, name


def test_a_null_case_of_which_nothing_counts_was_measured(tmp_path: Path) -> None:
    (line,) = answer(study_run(busy_tree(tmp_path).root, Settings()), 3.0).certificate
    assert line.startswith(
        "The null case (a tool that only sleeps) was measured, and nothing of it counts, all 3 units"
    )


def test_void_flows_stand_with_their_case_and_are_not_said_to_be_used(tmp_path: Path) -> None:
    tree = busy_tree(tmp_path)
    study = study_run(tree.root, Settings())
    assert study.problems == ()
    assert all(any("segment 1 " in each.reason for each in case.problems) for case in study.cases)
    text = write_reports(tree.root).read_text()
    unused = text[text.index("Data that are not used:") :]
    assert "segment 1 (baseline) is not used: foreign processes" in unused
    with_care = unused.partition("Data that are used and should be read with care:")[2]
    assert "not used, " not in with_care
    assert "is not used" not in with_care


def test_most_units_are_told_and_few_are_not(tmp_path: Path) -> None:
    assert void_text(study_run(busy_tree(tmp_path / "flows", idle_flows=True).root, Settings())) == ""
    assert void_text(study_run(judged_tree(tmp_path / "good").root, Settings())) == ""
    tree = Tree(tmp_path / "half", units=2)
    for unit, load in ((1, BUSY), (2, IDLE)):
        for arm in (BASELINE, TOOL):
            tree.perf_test(arm, unit, "latency", "tcp_rr", client=[netperf(20.0)], **load)
    assert void_text(study_run(tree.root, Settings())).startswith("1 of 2 units void: other processes used 1.4 cores")


def test_another_reason_stands_as_it_is(tmp_path: Path) -> None:
    tree = Tree(tmp_path, units=1)
    for arm in (BASELINE, TOOL):
        tree.perf_test(arm, 1, "latency", "tcp_rr", client=[netperf(20.0)], void_reason="the link went down")
    found = voids(study_run(tree.root, Settings()))
    assert found is not None
    assert found.text.startswith("the only unit void: ")
    assert found.reason.endswith("the link went down")
    assert found.to_do == ""
