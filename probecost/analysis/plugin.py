"""pytest plugin: gives the figures of a case, writes the reports, and shows their paths at the very end."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from probecost.analysis.judge.best_schedule import plan_tool
from probecost.analysis.report.terminal import terminal_lines
from probecost.analysis.report.write import write_study
from probecost.analysis.settings.settings import Settings, load_settings
from probecost.analysis.statistics.looks import FIXED, LOOKS
from probecost.analysis.study.case_properties import CaseResults, case_results
from probecost.analysis.study.live import LiveRun
from probecost.analysis.study.progress import CaseProgress
from probecost.analysis.study.run import Study, study_run
from probecost.analysis.words.verdict_words import claim_line
from probecost.errors import ConfigError, printable
from probecost.results.layout import REPORT_PAGE, RunTree
from probecost.results.names import CaseId
from probecost.results.planning import PlanQuestion, ToolPlan


class Run(Protocol):
    """The part of a run that the plugin needs."""

    @property
    def tree(self) -> RunTree: ...


class AnalysisPlugin:
    """Judges by ``settings``, and keeps the paths of reports for the terminal."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reports: list[Path] = []
        self._study: Study | None = None
        self._live = LiveRun(settings)

    @pytest.hookimpl(trylast=True)
    def pytest_probecost_case_results(
        self, tree: RunTree, environment: str, iteration: int, case_key: str
    ) -> CaseResults:
        """The figures of one case, and the reasons for perf tests without valid data."""
        name = CaseId(environment, iteration, case_key)
        case = self._live.results(tree.root, name)
        if case is None:
            return CaseResults({}, (f"no results of {case_key} were found in {tree.root / environment}",))
        return case_results(case, tree.root.resolve())

    @pytest.hookimpl(trylast=True)
    def pytest_probecost_case_progress(
        self, tree: RunTree, environment: str, iteration: int, case_key: str
    ) -> CaseProgress:
        """The number of usable units, the widths of intervals, and the estimates so far."""
        return self._live.progress(tree.root, CaseId(environment, iteration, case_key))

    @pytest.hookimpl(trylast=True)
    def pytest_probecost_plan_tool(self, question: PlanQuestion) -> ToolPlan | None:
        """The best way to measure a tool on a bed with known noise."""
        return plan_tool(question, self._settings)

    @pytest.hookimpl(trylast=True)
    def pytest_probecost_cannot_claim(self, units: int, tests: int, has_looks: bool) -> str:
        """A sentence if the smallest p of so many units does not survive the adjustment for so many tests."""
        return claim_line(units, tests, LOOKS if has_looks else FIXED)

    def pytest_probecost_run_post(self, run: Run) -> None:
        """Write all reports of the run, from its existing data."""
        self._study = study_run(run.tree.root, self._settings)
        self._reports.append(write_study(self._study, run.tree.reports, self._settings))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A line per case, with the reports written before this hook."""
        if self._study is not None and self._study.cases:
            terminalreporter.section("overhead (tool against baseline)")
            for line in terminal_lines(self._study):
                terminalreporter.line(printable(line))

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Show the paths of reports after everything else: on Ctrl-C they are written after the terminal summary."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            for path in self._reports:
                reporter.write_line(f"page: {path.with_name(REPORT_PAGE)}")
                reporter.write_line(f"report: {path}")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin, in xdist's workers too: they need the figures of their cases.

    It runs last, when the options of a measurement are settled. Wrong settings are reported before any traffic.
    """
    file: str | None = config.getoption("probecost_analysis_config", None)
    try:
        settings = load_settings(None if file is None else Path(file))
    except ConfigError as error:
        raise pytest.UsageError(f"--analysis-config:\n{error}" if file else str(error)) from error
    config.pluginmanager.register(AnalysisPlugin(settings), "probecost-analysis")
