"""``--analysis-config FILE``, and ``--config FILE`` of verbs: a run is judged by settings of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.analysis_tree import CASE_KEY, Tree, load_counters, netperf
from helpers.fake_project import Project

from probecost.analysis.plugin import AnalysisPlugin
from probecost.analysis.settings.settings import Settings
from probecost.cli.main import main
from probecost.results.layout import BASELINE, TOOL, RunTree
from unit.fixtures.collect.test_cases import refused


def settings(folder: Path, text: str = "foreign_cpu_limit_pct: 60\n") -> Path:
    file = folder / "mine.yaml"
    file.write_text(text)
    return file


class TestRun:
    @pytest.fixture(autouse=True)
    def _whole(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.use_analysis()

    def overview(self, project: Project) -> str:
        return (project.tree / "reports" / "overview.md").read_text()

    def test_is_judged_by_them(self, project: Project) -> None:
        file = settings(project.path, "margin_pct: 7\n")
        project.run("--analysis-config", "mine.yaml")
        assert project.run_json["options"]["analysis_config"] == str(file)
        assert f"{file}; margin 7 %" in self.overview(project)

    def test_is_judged_by_the_defaults_without(self, project: Project) -> None:
        project.run()
        assert project.run_json["options"]["analysis_config"] is None
        assert "the defaults; margin 3 %" in self.overview(project)

    def test_that_goes_on_is_judged_as_before_unless_told_otherwise(self, project: Project) -> None:
        settings(project.path, "margin_pct: 7\n")
        project.fail({"measure host-a-rx": "ctrl-c"})
        tree = project.interrupted("--analysis-config", "mine.yaml")
        project.fail({})
        project.pytester.runpytest_inprocess("--resume", str(tree))
        assert "mine.yaml; margin 7 %" in self.overview(project)
        (project.path / "other.yaml").write_text("margin_pct: 9\n")
        project.pytester.runpytest_inprocess("--resume", str(tree), "--analysis-config", "other.yaml")
        assert "other.yaml; margin 9 %" in self.overview(project)

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            (None, "mine.yaml: there is no such file"),
            ("foreign: 50\n", "mine.yaml:1: foreign: "),
            ("margin_pct: much\n", "mine.yaml:1: margin_pct: expected a percentage"),
        ],
    )
    def test_with_wrong_ones_measures_nothing(self, project: Project, text: str | None, told: str) -> None:
        if text is not None:
            settings(project.path, text)
        refused(project.run("--analysis-config", "mine.yaml"), "--analysis-config", told)
        assert project.log == []


def loaded(folder: Path) -> Tree:
    """A unit of which others took half a core."""
    tree = Tree(folder)
    for arm, foreign_pct in ((BASELINE, 3.0), (TOOL, 53.0)):
        counted = load_counters(foreign_pct)
        tree.perf_test(arm, 1, "latency", "tcp_rr", client=[netperf(20.0)], udp_counters=counted, client_counters="")
    tree.run_file({CASE_KEY: {"outcome": "passed"}})
    return tree


def test_a_case_that_shared_its_machine_has_data_where_that_is_accepted(tmp_path: Path) -> None:
    tree = RunTree(loaded(tmp_path).root)
    strict, wide = AnalysisPlugin(Settings()), AnalysisPlugin(Settings({}, foreign_cpu_limit_pct=60))
    (problem,) = strict.pytest_probecost_case_results(tree, "lab", 1, CASE_KEY).problems
    assert "foreign processes on host-server used 53 % of a core" in problem
    assert wide.pytest_probecost_case_results(tree, "lab", 1, CASE_KEY).problems == ()


class TestVerbs:
    def test_a_workflow_is_planned_by_them(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.use_analysis()
        project.run("--units", "8")  # calibrates
        options = ("--null-case", "selected", "--order", "file", "--analysis-config", "mine.yaml")

        def planned(margin_pct: float) -> bytes:
            settings(project.path, f"margin_pct: {margin_pct}\n")
            file = project.path / "w.json"
            dry = ("--collect-only", "--workflow-out", str(file))
            project.pytester.runpytest_inprocess("--env", "bed", *options, *dry)
            return file.read_bytes()

        assert planned(50) != planned(0.01)

    def test_validate(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        tree, file = loaded(tmp_path).root, settings(tmp_path)
        main(["validate", "--results", str(tree)])
        assert "foreign processes" in capsys.readouterr().out
        main(["validate", "--results", str(tree), "--config", str(file)])
        assert "foreign processes" not in capsys.readouterr().out

    @pytest.mark.parametrize(
        "verb",
        [
            ("validate", "--results", ".", "--config"),
            ("compare", ".", ".", "--config"),
        ],
        ids=lambda verb: verb[0],
    )
    def test_wrong_settings_are_refused(
        self, project: Project, verb: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        project.add_environment(cases=["a rx"])
        settings(project.path, "margin_pct: much\n")
        assert main([*verb, "mine.yaml"]) == 4
        assert "mine.yaml:1: margin_pct: expected a percentage" in capsys.readouterr().err
