"""Thresholds of the settings: what they say, what is wrong with them, and what the reports mark."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.analysis_tree import CASE, Tree, full_tree, netperf

from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import DEFAULT_FILE, Settings, load_settings
from probecost.analysis.settings.thresholds import Thresholds, defaults_pct
from probecost.errors import ConfigError
from probecost.results.names import metric_id

LATENCY = metric_id("latency", "tcp_rr", "mean_us")


def settings(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    return load_settings(path)


class TestSettings:
    def test_defaults_are_those_of_the_file(self) -> None:
        assert load_settings(DEFAULT_FILE) == Settings()
        assert load_settings(DEFAULT_FILE).thresholds.limits_pct == defaults_pct()

    def test_what_is_named_goes_before_the_defaults(self, tmp_path: Path) -> None:
        text = "thresholds: {latency_mean: 2.5%, 'latency_mean:udp_rr': none, throughput: 0}\n"
        found = settings(tmp_path, text).thresholds
        assert found.limit_pct(LATENCY) == 2.5
        assert found.limit_pct(metric_id("latency", "udp_rr", "mean_us")) is None
        assert found.limit_pct(metric_id("latency", "udp_rr-load25", "mean_us")) is None
        assert found.limit_pct(metric_id("throughput", "multi", "received_bps")) == 0
        assert found.limit_pct(metric_id("pps", "multi", "received_pps")) == defaults_pct()["pps"]
        assert found.limit_pct(metric_id("latency", "tcp_rr", "p99_us")) is None

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("thresholds: {pps: -1}", "settings.yaml:1: thresholds.pps: expected a percentage of 0 or more"),
            ("thresholds: {pps: .inf}", "settings.yaml:1: thresholds.pps: expected a percentage of 0 or more"),
            ("thresholds: {pps: yes}", "settings.yaml:1: thresholds.pps: expected a percentage of 0 or more"),
            (
                "margin_pct: 3\nthresholds:\n  ppps: 5\n",
                ":3: thresholds.ppps: there is no such key; known",
            ),
            ("thresholds: 5", "settings.yaml:1: thresholds: expected a mapping of metric to percent, found 5"),
            ("margin_pct: 1\nmargin_pct: 2", "settings.yaml:2: margin_pct: this key is repeated"),
            ("margin_pct: [", "settings.yaml:1: broken YAML"),
            (
                "topics: {a: 5}",
                ":1: topics.a: expected a topic: text with a letter or digit in it, found 5",
            ),
            ("topic: {}", "settings.yaml:1: topic: there is no such key; known: topics, thresholds, margin_pct"),
            ("just words", "settings.yaml:1: expected a mapping of settings"),
            ("a: !!python/none x", "settings.yaml:1: broken YAML"),
            ("foreign_cpu_limit_pct: 1" + "0" * 400, "foreign_cpu_limit_pct: expected a percentage of a core above 0"),
        ],
    )
    def test_mistakes_name_file_line_key_and_what_was_expected(self, tmp_path: Path, text: str, told: str) -> None:
        with pytest.raises(ConfigError) as caught:
            settings(tmp_path, text)
        assert told in str(caught.value)

    def test_all_mistakes_at_once_and_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            settings(tmp_path, "margin_pct: much\nthresholds:\n  pps: some\n  x: 1\nzzz: 1\n")
        assert len(caught.value.problems) == 4
        assert str(caught.value).endswith(f"{DEFAULT_FILE} has every key, what it means, and its default")


class TestMarks:
    def test_latency_up_and_rates_down_are_worse(self) -> None:
        limits = Thresholds({"latency_mean": 5.0, "pps": 5.0, "cpu_per_gb": 5.0})
        pps, cpu = metric_id("pps", "single", "received_pps"), metric_id("throughput", "single", "cpu_s_per_gb")
        assert [limits.is_degraded(LATENCY, diff) for diff in (5.1, 5.0, -50.0)] == [True, False, False]
        assert [limits.is_degraded(pps, diff) for diff in (-5.1, -5.0, 50.0)] == [True, False, False]
        assert [limits.is_degraded(cpu, diff) for diff in (5.1, -50.0)] == [True, False]

    def test_in_the_pages(self, tmp_path: Path) -> None:
        overview = write_reports(full_tree(tmp_path).root)
        topic = (overview.parent / "lab" / "packet_drop_overview_iteration_001.md").read_text()
        diffs = "**+32.0 %** ⚠ | -2.5 % | -5.0 % | 0.0 % | **-50.0 %** ⚠ | **-45.0 %** ⚠ |"
        assert f"| {CASE.name} | tcp | rx | {diffs}" in topic
        assert f"beyond their threshold): 3, the worst: {CASE.name}, PPS single -50.0 %" in topic
        assert "⚠: worse than the threshold of the analysis' settings (latency_mean 10 %, throughput 5 %," in topic
        text = overview.read_text()
        row = f"| lab | packet_drop | iteration_001 | 1 | 1 | **3** ⚠ | {CASE.name}, PPS single -50.0 % | none |"
        assert f"{row} [overview](lab/packet_drop_overview_iteration_001.md) |" in text

    def test_other_thresholds_mark_otherwise(self, tmp_path: Path) -> None:
        text = "thresholds: {latency_mean: 40, throughput: 4.9, pps: none}\n"
        overview = write_reports(full_tree(tmp_path).root, settings=settings(tmp_path, text))
        topic = (overview.parent / "lab" / "packet_drop_overview_iteration_001.md").read_text()
        assert "| tcp | rx | +32.0 % | -2.5 % | **-5.0 %** ⚠ | 0.0 % | -50.0 % | -45.0 % |" in topic

    def test_the_worst_is_the_farthest_beyond_its_own_threshold(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        for conn_type, tool in (("tcp_rr", 30.0), ("udp_rr", 24.0)):
            tree.perf_test("baseline", 1, "latency", conn_type, client=[netperf(20.0)])
            tree.perf_test("tool", 1, "latency", conn_type, client=[netperf(tool)])
        text = "thresholds: {'latency_mean:tcp_rr': 49, 'latency_mean:udp_rr': 1}\n"
        page = write_reports(tree.root, settings=settings(tmp_path, text)).read_text()
        assert "UDP RR +20.0 % | none |" in page[page.index("## Degradations") :]

    def test_the_verdict_stands_beside_the_mark(self, tmp_path: Path) -> None:
        """One noisy pair of visits marks what eight units call negligible."""
        tree = Tree(tmp_path)
        for unit in range(1, 9):
            order = ("baseline", "tool") if unit % 2 else ("tool", "baseline")
            for arm in order:
                mean = 100.0 + unit / 100 + (0.01 if arm == "tool" else 0)
                tree.perf_test(arm, unit, "latency", "tcp_rr", client=[netperf(mean)])
        found = settings(tmp_path, "thresholds: {latency_mean: 0}\n")
        overview = write_reports(tree.root, settings=found)
        topic = overview.parent / "lab" / "packet_drop_overview_iteration_001.md"
        assert f"| {CASE.name} | TCP RR 0.0 % | NEGLIGIBLE ≤ 0.0 % |" in topic.read_text()
        assert "TCP RR 0.0 % | NEGLIGIBLE ≤ 0.0 % | [overview](" in overview.read_text()

    def test_nothing_to_mark(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        for arm in ("baseline", "tool"):
            tree.perf_test(arm, 1, "latency", "tcp_rr", client=[netperf(20.0)])
        assert "| iteration_001 | 1 | 0 | 0 | none |  | [overview]" in write_reports(tree.root).read_text()
