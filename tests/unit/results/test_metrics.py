"""A metric is one entry: units, verdicts, titles, budgets and thresholds follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from helpers.analysis_tree import Tree, visit

from probecost.analysis.report.page.build import metric_title
from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import Settings, load_settings
from probecost.analysis.settings.thresholds import Thresholds, names
from probecost.analysis.study.case_properties import figures
from probecost.analysis.study.run import study_run
from probecost.analysis.values.visit import RawReader
from probecost.config.budgets import budgets_of, parse_rule
from probecost.results.metrics import CONN_TYPES, METRICS, PERF_TESTS, PRIMARY, Metric, by_budget, columns, metrics_of

JITTER = Metric(
    "jitter_us",
    "us",
    "pps",
    "jitter",
    lower_is_better=True,
    budget="jitter",
    threshold_pct=20.0,
    heading="Jitter {conn_type} (us)",
    stem="jitter",
)


@pytest.fixture
def jitter(monkeypatch: pytest.MonkeyPatch) -> Metric:
    """The entry, and a reader that counts it: 10 % more with the tool."""
    monkeypatch.setitem(METRICS, JITTER.name, JITTER)
    usual = RawReader.pps

    def pps(reader: RawReader) -> Mapping[str, float | None]:
        what = reader.record.metadata
        return usual(reader) | {JITTER.name: (11.0 if what.arm == "tool" else 10.0) * (1 + what.unit / 1000)}

    monkeypatch.setattr(RawReader, "pps", pps)
    return JITTER


def test_each_perf_test_has_one_primary_metric_with_a_budget_and_a_column() -> None:
    for perf_type in CONN_TYPES:
        primary = [metric for metric in metrics_of(perf_type) if metric.is_primary]
        assert [metric.name for metric in primary] == [PRIMARY[perf_type]]
        assert primary[0].budget
        assert primary[0].heading
    assert len({test.title for test in PERF_TESTS}) == len(PERF_TESTS) == len({test.short for test in PERF_TESTS})


def test_each_name_is_of_one_metric() -> None:
    budgets = [metric.budget for metric in METRICS.values() if metric.budget]
    assert len(budgets) == len(set(budgets)) == len(by_budget())
    assert all(name == metric.name for name, metric in METRICS.items())
    assert all(metric.name == f"{metric.stem}_{metric.property_unit}" for metric in METRICS.values() if metric.stem)


def test_a_new_metric_has_a_unit_a_verdict_and_a_title(jitter: Metric, tmp_path: Path) -> None:
    tree = Tree(tmp_path, units=8)
    for unit in range(1, 9):
        for arm in ("baseline", "tool"):
            visit(tree, arm, unit, 26.1, 25.0, 10.0, 6.0, 110_000, 180_000)
    study = study_run(tree.root, Settings())
    found = [each for each in study.verdicts if each.metric.metric == jitter.name]
    assert {each.metric.conn_type for each in found} == {"single", "multi"}
    for each in found:
        assert (each.unit, each.is_primary, each.n_units) == ("us", False, 8)
        assert each.cost is not None
        assert each.cost.estimate_pct == pytest.approx(10.0)
        assert metric_title(each.metric) == f"Packets/s {each.metric.conn_type}, jitter"
    assert figures(study.cases[0])["pps_single_jitter_diff_pct"] == pytest.approx(10.0)
    write_reports(tree.root)
    assert ",pps,single,jitter_us,us,no," in (tree.root / "reports" / "verdicts.csv").read_text()


def test_a_new_metric_has_budgets_thresholds_and_columns(jitter: Metric, tmp_path: Path) -> None:
    assert parse_rule("eth_drop:jitter:multi=5%").metric == ("jitter", "multi")
    assert [budget.figure for budget in budgets_of({"jitter": 5.0})] == [jitter.name] * 2
    assert {"jitter", "jitter:single", "jitter:multi"} <= set(names())
    assert Thresholds().limits_pct["jitter"] == 20.0
    settings = tmp_path / "config.yaml"
    settings.write_text("thresholds:\n  jitter:multi: 7 %\n")
    assert load_settings(settings).thresholds.limits_pct["jitter:multi"] == 7.0
    assert "Jitter multi (us)" in [heading for heading, _, _ in columns()]
