"""report.html without a browser: one file, its data complete, nothing of a tree ever markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from helpers.analysis_older_tree import older_tree
from helpers.analysis_tree import CASE_KEY, SECOND_NS, Tree, full_tree, netperf
from helpers.page_trees import EXPENSIVE, HOSTILE, NULL, hostile_tree, judged_tree

from probecost.analysis.report.page.build import metric_title
from probecost.analysis.report.page.details import points_of_each
from probecost.analysis.report.page.embed import SCRIPTS
from probecost.analysis.report.page.thin import thin
from probecost.analysis.report.write import write_reports
from probecost.results.names import metric_id


class Parsed(HTMLParser):
    """What a browser would find: tags with attributes, and the text of each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: list[tuple[str, str, str]] = []
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        if tag in ("script", "style"):
            self.blocks.append((tag, dict(attrs).get("id") or "", ""))

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style"):
            tag, name, text = self.blocks[-1]
            self.blocks[-1] = (tag, name, text + data)

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def data(self, name: str) -> Any:
        (text,) = [text for _, own, text in self.blocks if own == name]
        return json.loads(text)

    def rows(self) -> list[dict[str, Any]]:
        page = self.data("page")
        return [dict(zip(page["row_fields"], row, strict=True)) for row in page["rows"]]


def page_of(tree: Tree) -> Parsed:
    return Parsed((write_reports(tree.root).parent / "report.html").read_text())


def numbers(value: Any) -> list[float]:
    return [entry for entry in value if entry is not None]


class TestFile:
    def test_it_needs_no_other(self, tmp_path: Path) -> None:
        found = page_of(judged_tree(tmp_path))
        assert not [attributes for _, attributes in found.tags if "src" in attributes]
        assert not [tag for tag, _ in found.tags if tag in ("link", "img", "iframe", "object")]
        assert {(attributes["href"] or "")[0] for tag, attributes in found.tags if tag == "a"} == {"#"}

    def test_only_its_own_script_and_style_may_run(self, tmp_path: Path) -> None:
        found = page_of(judged_tree(tmp_path))
        (policy,) = [each["content"] or "" for tag, each in found.tags if tag == "meta" and "http-equiv" in each]
        assert policy.startswith("default-src 'none'; ")
        running = [text for tag, name, text in found.blocks if not name]
        assert len(running) == 2
        for text in running:
            assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy

    def test_all_scripts_are_in_it(self, tmp_path: Path) -> None:
        text = page_of(judged_tree(tmp_path)).blocks[-1][2]
        assert re.findall(r"^// (\w+\.js)$", text, re.MULTILINE) == list(SCRIPTS)
        assert "innerHTML" not in text

    def test_twice_gives_the_same_bytes(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        first = (write_reports(tree.root).parent / "report.html").read_bytes()
        elsewhere = write_reports(tree.root, tmp_path / "elsewhere").parent / "report.html"
        assert elsewhere.read_bytes() == first

    def test_all_links_lead_to_something(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        found = page_of(tree)
        links = [*found.data("page")["files"], *found.data("data-0")["iterations"][0]["files"]]
        labels = [link["label"] for link in links]
        assert {"summary.md", "verdicts.csv", "run.json", "host-server: with the tool"} <= set(labels)
        for link in links:
            assert (tree.root / "reports" / unquote(link["href"])).exists(), link


class TestHostileTexts:
    def test_they_are_data_and_never_markup(self, tmp_path: Path) -> None:
        harmless, hostile = (
            page_of(judged_tree(tmp_path / "a", {EXPENSIVE: 5.0})),
            page_of(hostile_tree(tmp_path / "b")),
        )
        assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in harmless.tags]
        page, detail = hostile.data("page"), hostile.data("data-0")
        assert page["cases"][0]["tool"] == HOSTILE
        assert page["cases"][0]["command"] == HOSTILE
        assert any(HOSTILE in fact for row in page["machines"][0]["facts"] for fact in row)
        assert detail["iterations"][0]["message"] == HOSTILE
        assert detail["iterations"][0]["charts"][0]["voids"] == [HOSTILE]

    def test_no_link_leaves_the_folder_of_results(self, tmp_path: Path) -> None:
        found = page_of(hostile_tree(tmp_path))
        links = [*found.data("page")["files"], *found.data("data-0")["iterations"][0]["files"]]
        assert links
        assert not [link for link in links if ":" in link["href"] or link["href"].startswith("/")]


class TestRows:
    def test_verdicts_the_worst_first_and_the_null_case_behind_the_tools(self, tmp_path: Path) -> None:
        found = page_of(judged_tree(tmp_path))
        page, rows = found.data("page"), found.rows()
        primary = [row for row in rows if row["is_primary"]]
        assert [page["cases"][row["case"]]["name"] for row in primary] == [EXPENSIVE, "host-quiet", NULL]
        worst = primary[0]
        assert (worst["word"], worst["n_units"], worst["schedule"]) == ("OVERHEAD", 8, "visits")
        assert worst["low"] < worst["cost"] < worst["high"]
        assert worst["cost"] == pytest.approx(50.09, abs=0.01)
        assert page["tests"][worst["test"]]["title"] == "TCP RR latency"
        assert page["reasons"][worst["reason"]].startswith("50.1 %")
        assert rows[: len(primary)] == primary

    def test_an_estimate_is_a_cost_without_word_and_interval(self, tmp_path: Path) -> None:
        found = page_of(full_tree(tmp_path))
        tests = [test["title"] for test in found.data("page")["tests"]]
        by_test = {tests[row["test"]]: row for row in found.rows() if row["is_primary"]}
        assert by_test["TCP RR latency"]["word"] == ""
        assert by_test["TCP RR latency"]["cost"] > 25
        assert by_test["Packets/s single"]["cost"] > 0
        assert {row["low"] for row in by_test.values()} == {None}

    def test_budgets(self, tmp_path: Path) -> None:
        tree = judged_tree(tmp_path)
        budget = {
            "metric": "latency_mean",
            "figure": "mean_us",
            "percent": 5,
            "perf_type": "latency",
            "conn_type": "tcp_rr",
        }
        tree.run_file({EXPENSIVE: {"outcome": "failed", "message": "", "budgets": [budget]}})
        rows = [row for row in page_of(tree).rows() if row["budget_result"]]
        assert [(row["word"], row["budget"], row["budget_result"]) for row in rows] == [("OVERHEAD", 5, "broken")]

    def test_titles_of_metrics(self) -> None:
        assert metric_title(metric_id("pps", "single", "lost_share")) == "Packets/s single, share lost"


class TestDetails:
    def test_visits_over_time_in_both_arms(self, tmp_path: Path) -> None:
        found = page_of(full_tree(tmp_path))
        detail = found.data("data-0")
        tests = [test["title"] for test in found.data("page")["tests"]]
        iteration = detail["iterations"][0]
        charts = {tests[chart["test"]]: chart for chart in iteration["charts"]}
        latency = charts["TCP RR latency"]
        assert (latency["value"], latency["tool"], latency["unit"]) == ([20, 30, 30, 36], [0, 1, 0, 1], [1, 1, 2, 2])
        assert (latency["schedule"], latency["total"], latency["void"]) == ("visits", 4, [-1] * 4)
        assert latency["time_s"] == sorted(latency["time_s"])

    def test_what_the_tool_used_stands_on_the_clock_of_its_perf_tests(self, tmp_path: Path) -> None:
        iteration = page_of(full_tree(tmp_path)).data("data-0")["iterations"][0]
        cpu, windows = iteration["cpu"], iteration["windows"]
        assert max(numbers(cpu["value"])) == 90
        assert cpu["value"].count(None) == 1
        assert len(windows) == 2 * 6
        inside = [
            value
            for at, value in zip(cpu["time_s"], cpu["value"], strict=True)
            if value is not None and any(each["start_s"] < at <= each["end_s"] for each in windows)
        ]
        assert set(inside) == {5, 7}
        assert max(numbers(iteration["resident_kb"]["value"])) == 9000
        assert max(numbers(iteration["log_size"]["value"])) == 1200

    def test_older_trees_have_traces_too(self, tmp_path: Path) -> None:
        found = Parsed((write_reports(older_tree(tmp_path / "lab")).parent / "report.html").read_text())
        for name in ("data-0", "data-1"):
            iteration = found.data(name)["iterations"][0]
            windows = iteration["windows"]
            for kind, value in (("cpu", 7), ("resident_kb", 1500), ("log_size", 640)):
                assert max(numbers(iteration[kind]["value"])) == value, kind
                first, last = iteration[kind]["time_s"][0], iteration[kind]["time_s"][-1]
                assert all(first <= each["start_s"] < each["end_s"] <= last + 1 for each in windows), kind

    def test_percentiles_are_among_the_figures(self, tmp_path: Path) -> None:
        found = page_of(full_tree(tmp_path))
        tests = found.data("page")["tests"]
        figures = found.data("data-0")["iterations"][0]["figures"]
        metrics = {tests[figure["test"]]["metric"] for figure in figures if figure["tool"] is not None}
        assert {"p50_us", "p90_us", "p99_us"} <= metrics

    def test_remarks_and_unreadable_logs(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        for log in tree.root.rglob("tool_cpu_usage_*.log"):
            log.write_text("damaged\n")
        iteration = page_of(tree).data("data-0")["iterations"][0]
        assert iteration["cpu"]["time_s"] == []
        assert iteration["resident_kb"]["time_s"]
        assert any("tool_cpu_usage" in text for text, _ in iteration["problems"])

    def test_iterations_have_their_own_parts(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        tree.iteration = 2
        tree.now_ns += 100 * SECOND_NS
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)])
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(22)])
        found = page_of(tree)
        assert [case["name"] for case in found.data("page")["cases"]] == [CASE_KEY]
        assert [each["number"] for each in found.data("data-0")["iterations"]] == [1, 2]

    def test_a_page_keeps_its_size(self) -> None:
        for cases in (1, 100, 1000, 3000):
            series = cases * 9
            each = points_of_each(series, cases)
            assert 24 <= each <= 200
            assert each * series * 16 <= max(3_000_000, cases * 8_000)

    def test_long_series_keep_their_peaks(self) -> None:
        values = [1.0] * 1000
        values[371], values[372] = 99.0, -99.0
        kept = thin(values, 20)
        assert {371, 372} <= set(kept)
        assert len(kept) <= 20


def test_an_empty_tree_has_a_page(tmp_path: Path) -> None:
    found = page_of(Tree(tmp_path))
    page = found.data("page")
    assert (page["cases"], page["rows"], page["machines"]) == ([], [], [])
    assert page["answer"]["headline"] == "No tool was measured."
