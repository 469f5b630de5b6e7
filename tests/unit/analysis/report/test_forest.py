"""Forest plots as SVG files: one for each primary test, readable XML whatever the names hold."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from helpers.analysis_tree import Tree, full_tree
from helpers.page_trees import EXPENSIVE, HOSTILE, NO_COST, NULL, judged_tree

from probecost.analysis.report.forest import MAX_CASES, MAX_PAGE_CASES, Line, forest_files, page_forest
from probecost.analysis.settings.settings import Settings
from probecost.analysis.statistics.verdict import Word
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


def line(number: int, name: str, cost_pct: float) -> Line:
    return Line(name, Word.OVERHEAD, name == NULL, False, cost_pct, (cost_pct - 1, cost_pct + 1), None, "text", number)


def test_the_plot_of_the_page_is_a_group_for_each_case() -> None:
    cases, text = page_forest([line(0, NULL, 0.0), line(1, "cheap", 2.0), line(2, f"<b>{HOSTILE}", 9.0)], 3.0)
    root = ElementTree.fromstring(text)
    groups = list(root.iter(f"{SVG}g"))
    assert cases == (2, 1, 0)
    assert tuple(int(each.attrib["data-case"]) for each in groups) == cases
    assert [each.attrib["href"] for each in root.iter(f"{SVG}a")] == ["#case-2", "#case-1", "#case-0"]
    assert texts(groups[0])[0].startswith("<b></script>")
    assert not list(root.iter(f"{SVG}script"))
    assert {"style", "fill", "stroke"}.isdisjoint(name for each in root.iter() for name in each.attrib)


def test_the_plot_of_the_page_is_cut_and_keeps_the_null_case() -> None:
    cases, text = page_forest([line(0, NULL, 0.0), *(line(n, f"t{n}", n) for n in range(1, MAX_PAGE_CASES + 9))], 3.0)
    assert len(cases) == MAX_PAGE_CASES + 1
    assert cases[0] == MAX_PAGE_CASES + 8
    assert cases[-1] == 0
    assert text.count("<g ") == len(cases)
