"""What a run answers in words: groups of tools, how sure, on what machine."""

from __future__ import annotations

from pathlib import Path

from helpers.analysis_tree import Tree, full_tree, netperf
from helpers.page_trees import EXPENSIVE, NULL, judged_tree

from probecost.analysis.report.findings.answer import Answer, answer
from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import study_run


def answer_of(tree: Tree) -> Answer:
    return answer(study_run(tree.root, Settings()), 3.0)


def test_tools_stand_by_their_worst_verdict_the_worst_first(tmp_path: Path) -> None:
    found = answer_of(judged_tree(tmp_path))
    assert found.headline == "packet_print costs 3 % or more in some test, and quiet stays within 3 % in every test."
    assert [(group.title, [tool.tool for tool in group.tools]) for group in found.groups] == [
        ("Costs 3 % or more", ["packet_print"]),
        ("Within 3 % in every test", ["quiet"]),
    ]
    (test,) = found.groups[0].tools[0].tests
    assert (test.title, test.word.value) == ("TCP RR latency", "OVERHEAD")
    assert test.text.startswith("OVERHEAD +50.1 % [+49.5 %, +50.7 %]")


def test_how_sure_the_certificate_and_the_machine(tmp_path: Path) -> None:
    found = answer_of(judged_tree(tmp_path))
    assert found.sure[0].startswith("Measured over 8 pairs of visits; intervals at 95 %.")
    assert "all 3 primary tests" in found.sure[0]
    assert found.certificate[0].startswith(f"{NULL} only sleeps, and ")
    assert found.machines[0].startswith("lab (host-client, host-server): Kernel 6.1.0-test x86_64; CPU 2 x Test | CPU")


def test_estimates_are_no_verdict_and_never_a_tool_without_cost(tmp_path: Path) -> None:
    found = answer_of(full_tree(tmp_path))
    assert found.headline.startswith("No verdict on any tool")
    (group,) = found.groups
    assert group.title == "No verdict"
    assert "may be noise" in group.meaning
    assert any("estimate +3" in test.text for test in group.tools[0].tests)
    assert found.certificate[0].startswith("There is no null case")


def test_an_empty_tree(tmp_path: Path) -> None:
    found = answer_of(Tree(tmp_path))
    assert (found.headline, found.groups) == ("No tool was measured.", ())
    assert found.machines == ("The results do not say on what machine they were measured.",)


def test_a_tool_of_which_one_case_was_not_measured_counts_it(tmp_path: Path) -> None:
    costs = {EXPENSIVE: 10.0, "host-quiet": 0.0}
    tree = judged_tree(tmp_path, costs)
    for folder in tree.root.rglob("quiet_case_*"):
        for file in folder.rglob("latency_*"):
            file.write_text("")
    found = answer_of(tree)
    assert [group.title for group in found.groups] == ["Costs 3 % or more", "No verdict"]
    assert any(line.startswith("Data are missing in 1 of 2") for line in found.sure)


def test_a_shared_baseline_gives_an_estimate_that_is_called_one(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)], shared=True)
    tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(25)])
    found = answer_of(tree)
    (test,) = found.groups[0].tools[0].tests
    assert (found.groups[0].title, test.text) == ("No verdict", "estimate +25.0 %, against a shared baseline")
    assert any("one shared baseline" in line for line in found.sure)
    (row,) = [line for line in summary_text(tree).splitlines() if line.startswith("| host-")]
    assert "estimate +25.0 %" in row


def summary_text(tree: Tree) -> str:
    return (write_reports(tree.root).parent / "summary.md").read_text()
