"""Forest plots as SVG files: one for each primary test, readable XML whatever the names hold."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from helpers.analysis_tree import Tree, full_tree
from helpers.page_trees import EXPENSIVE, HOSTILE, NO_COST, NULL, judged_tree

from probecost.analysis.report.forest import MAX_CASES, forest_files
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import study_run

SVG = "{http://www.w3.org/2000/svg}"


def forests(tree: Tree) -> dict[str, ElementTree.Element]:
    study = study_run(tree.root, Settings())
    return {name: ElementTree.fromstring(text) for name, text in forest_files(study.verdicts, study.budgets).items()}


def texts(root: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{SVG}text")]


def test_the_worst_first_and_the_null_case_last(tmp_path: Path) -> None:
    found = forests(judged_tree(tmp_path))
    assert list(found) == ["forest_latency_tcp_rr_mean_us.svg"]
    root = found["forest_latency_tcp_rr_mean_us.svg"]
    shown = texts(root)
    assert shown[0] == "TCP RR latency: cost in percent, positive is worse"
    assert [text for text in shown if text.startswith("host-")] == [EXPENSIVE, NO_COST, NULL]
    assert any(text.startswith("OVERHEAD +50.1 %") for text in shown)
    assert "larger values are compressed" in shown[-1]
    xs = [float(circle.attrib["cx"]) for circle in root.iter(f"{SVG}circle")]
    assert xs[0] > xs[1]


def test_estimates_have_a_point_and_no_interval(tmp_path: Path) -> None:
    found = forests(full_tree(tmp_path))
    assert "forest_throughput_multi_received_bps.svg" in found
    assert any(text.startswith("estimate +") for text in texts(found["forest_latency_tcp_rr_mean_us.svg"]))


def test_names_are_text(tmp_path: Path) -> None:
    (root,) = forests(judged_tree(tmp_path, {f"host-{HOSTILE[:1]}b> & \x1b": 5.0}, units=1)).values()
    assert any(text.startswith("host-<b> & ?") for text in texts(root))
    assert {each.tag for each in root.iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "rect", "text", "line", "circle")
    }


def test_many_cases_are_cut_and_told(tmp_path: Path) -> None:
    costs = {f"host-t{number}": number / 10 for number in range(MAX_CASES + 3)}
    (root,) = forests(judged_tree(tmp_path, costs, units=1)).values()
    assert len([text for text in texts(root) if text.startswith("host-")]) == MAX_CASES
    assert texts(root)[0].endswith("; 3 more cases")


def test_nothing_measured_makes_no_file(tmp_path: Path) -> None:
    assert forests(Tree(tmp_path)) == {}
