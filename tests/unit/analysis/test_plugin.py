"""The pytest plugin: figures of a case, reports at the end, and what the terminal shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.analysis_tree import CASE_KEY, CLIENT, Tree, full_tree, netperf

from probecost.analysis.plugin import AnalysisPlugin
from probecost.analysis.report.terminal import summary_lines
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import study_run
from probecost.results.layout import RunTree

pytest_plugins = ["pytester"]


def results(tree: Tree, case_key: str = CASE_KEY) -> tuple[dict[str, float | str], tuple[str, ...]]:
    found = AnalysisPlugin(Settings()).pytest_probecost_case_results(RunTree(tree.root), "lab", 1, case_key)
    return dict(found.figures), found.problems


class TestCaseResults:
    def test_figures(self, tmp_path: Path) -> None:
        figures, problems = results(full_tree(tmp_path))
        assert problems == ()
        expected = {
            "units": 2,
            "latency_tcp_rr_mean_us": 33,
            "latency_tcp_rr_mean_baseline_us": 25,
            "latency_tcp_rr_mean_diff_pct": 32,
            "latency_tcp_rr_transactions_per_s": pytest.approx(30555.555, abs=0.01),
            "latency_udp_rr_mean_diff_pct": -2.5,
            "throughput_single_received_bps": 18.05e9,
            "throughput_single_received_diff_pct": -5,
            "throughput_multi_received_diff_pct": 0,
            "pps_single_received_pps": 52_500,
            "pps_multi_received_baseline_pps": 180_000,
            "pps_multi_received_diff_pct": -45,
            "tool_cpu_avg_pct": 6,
            "tool_cpu_max_pct": 7,
            "tool_rss_max_kb": 9000,
            "tool_vsz_max_kb": 18000,
            "tool_log_bytes": 1200,
            "tool_time_to_ready_s": 0.5,
        }
        assert {key: figures[key] for key in expected} == expected
        assert all(isinstance(value, float) for key, value in figures.items() if key[:8] != "verdict_")

    def test_a_case_that_left_nothing(self, tmp_path: Path) -> None:
        figures, problems = results(full_tree(tmp_path), "host-null")
        assert figures == {}
        assert problems == (f"no results of host-null were found in {tmp_path / '20261122_213458_123_ab12' / 'lab'}",)

    def test_no_tree_at_all(self, tmp_path: Path) -> None:
        found = AnalysisPlugin(Settings()).pytest_probecost_case_results(
            RunTree(tmp_path / "absent"), "lab", 1, CASE_KEY
        )
        assert len(found.problems) == 1

    def test_a_damaged_file_is_a_problem_with_visit_and_reason(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        (path,) = tree.node(CLIENT).glob("ebpf/*/host/latency/tcp_rr_20261122_213512_000/client_results/*.txt")
        path.write_text("establish_control could not establish the control connection\n")
        figures, problems = results(tree)
        assert len(problems) == 1
        assert problems[0].startswith("unit 1, tool visit, latency tcp_rr: netperf printed no latency columns")
        assert "(lab/iteration_001/host-client/performance-test-results/ebpf/" in problems[0]
        assert figures["latency_tcp_rr_mean_us"] == 36

    def test_a_visit_and_a_perf_test_that_are_not_there(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path, units=2)
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)])
        tree.perf_test("baseline", 1, "latency", "udp_rr", client=[netperf(20)])
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)])
        tree.perf_test("baseline", 2, "latency", "tcp_rr", client=[netperf(20)])
        tree.perf_test("baseline", 2, "latency", "udp_rr", client=[netperf(20)])
        _, problems = results(tree)
        assert problems == (
            "unit 1, tool visit, latency udp_rr: there are no results (lab/iteration_001)",
            "unit 2, tool visit: nothing was measured (lab/iteration_001)",
        )

    def test_another_cases_problems_are_not_this_ones(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=["broken"], case_key="host-other")
        assert results(tree)[1] == ()

    def test_a_shared_baseline_without_data(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=["broken"], shared=True)
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(22)])
        assert results(tree)[1] == (
            "baseline visit, latency tcp_rr: the shared baseline has no valid data (lab/iteration_001)",
        )

    def test_zero_is_data(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        for path in tree.node(CLIENT).glob("ebpf/*/host/throughput/single_*/client_results/*.json"):
            text = path.read_text()
            path.write_text(text.replace("19000000000.0", "0.0").replace("17100000000.0", "0.0"))
        figures, problems = results(tree)
        assert problems == ()
        assert figures["throughput_single_received_diff_pct"] == -100


def test_summary_lines(tmp_path: Path) -> None:
    lines = summary_lines(study_run(full_tree(tmp_path).root, Settings()).cases)
    assert lines[0].split() == ["case", "TCP", "RR", "UDP", "RR", "throughput", "pps", "tool", "CPU", "status"]
    assert lines[1].split() == [CASE_KEY, "+32.0", "%", "-2.5", "%", "-5.0", "%", "-50.0", "%", "6.0", "%", "passed"]
    assert lines[-1].startswith("Units per case: 2.")


class TestInPytest:
    CONFTEST = """
        from pathlib import Path
        from types import SimpleNamespace

        import pytest

        from probecost.results.layout import RunTree

        @pytest.fixture(scope="session")
        def tree(request):
            tree = RunTree(Path({root!r}))
            request.addfinalizer(
                lambda: request.config.hook.pytest_probecost_run_post(run=SimpleNamespace(tree=tree))
            )
            return tree
    """

    def prepare(self, pytester: pytest.Pytester, tree: Tree, body: str) -> None:
        pytester.makeconftest(self.CONFTEST.replace("{root!r}", repr(str(tree.root))))
        pytester.makepyfile(
            f"""
            def test_case(tree, request):
                hook = request.config.hook.pytest_probecost_case_results
                found = hook(tree=tree, environment="lab", iteration=1, case_key={CASE_KEY!r})
                assert found.figures["latency_tcp_rr_mean_diff_pct"] == 32
                {body}
            """
        )

    def test_reports_table_and_path_at_the_end(self, pytester: pytest.Pytester, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        self.prepare(pytester, tree, "assert not found.problems")
        result = pytester.runpytest("-p", "probecost.analysis.plugin")
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(
            [
                "*overhead (tool against baseline)*",
                "case *TCP RR*",
                f"{CASE_KEY} *+32.0 %*",
                f"report: {tree.root}*overview.md",
            ]
        )
        assert (tree.root / "reports" / "overview.md").is_file()

    def test_after_ctrl_c_too(self, pytester: pytest.Pytester, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        self.prepare(pytester, tree, "raise KeyboardInterrupt")
        result = pytester.runpytest_subprocess("-p", "probecost.analysis.plugin")
        assert result.ret == pytest.ExitCode.INTERRUPTED
        assert result.outlines[-2:] == [
            f"page: {tree.root}/reports/report.html",
            f"report: {tree.root}/reports/overview.md",
        ]
        assert (tree.root / "reports" / "lab" / "packet_drop_pps_iteration_001.csv").is_file()

    @pytest.mark.parametrize("iterations", [1, 2])
    def test_pandas_is_loaded_for_several_iterations_alone(
        self, pytester: pytest.Pytester, tmp_path: Path, iterations: int
    ) -> None:
        tree = full_tree(tmp_path)
        for tree.iteration in range(2, iterations + 1):
            for arm in ("baseline", "tool"):
                tree.perf_test(arm, 1, "latency", "tcp_rr", client=[netperf(20)])
        self.prepare(pytester, tree, "")
        conftest = pytester.path / "conftest.py"
        ending = "\ndef pytest_unconfigure():\n    import sys\n    print('loaded:', 'pandas' in sys.modules)\n"
        conftest.write_text(conftest.read_text() + ending)
        result = pytester.runpytest_subprocess("-p", "probecost.analysis.plugin")
        result.stdout.fnmatch_lines([f"loaded: {iterations > 1}", f"report: {tree.root}*"])

    def test_a_session_that_measures_nothing(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile("def test_it(): pass")
        result = pytester.runpytest("-p", "probecost.analysis.plugin")
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("*report:*")
        result.stdout.no_fnmatch_line("*overhead*")
