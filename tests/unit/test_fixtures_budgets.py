"""Budgets through pytest: options, run.json, workflows, and cases that fail by them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
from fake_project import Project
from scipy import stats as _stats  # noqa: F401
from workflow_project import again, edit, written

# Imported here so that each pytest inside pytest finds them loaded: they cannot be loaded twice in a process.
from analysis.statistics import signflip as _signflip  # noqa: F401

#: Stands in for the engine: after a case was measured, TCP RR of 20 us is 30 us with the tool in each of eight units.
_MEASURED = """
from analysis_tree import Tree, netperf
from probecost.layout import CaseFolder

def pytest_probecost_run_init(run):
    tree = Tree(run.tree.root.parent, environment="bed")
    tree.root = run.tree.root
    for unit, with_tool_us in enumerate((30, 30.2, 29.9, 30.1, 29.8, 30.15, 29.95, 30.05), 1):
        for arm, us in (("baseline", 20), ("tool", with_tool_us)):
            for item in run.items:
                case = item.case
                folder = CaseFolder(case.tool_id, case.id, case.hash)
                tree.perf_test(arm, unit, "latency", "tcp_rr", client=[netperf(us)], case=folder, case_key=case.key)

"""


@pytest.fixture
def measured(project: Project) -> Project:
    project.add_environment(cases=["eth_drop rx", "null rx"])
    project.use_analysis()
    project.add_conftest(_MEASURED)
    return project


def properties(project: Project) -> dict[str, dict[str, str]]:
    cases = ET.parse(project.path / "junit.xml").getroot().iter("testcase")
    return {
        case.attrib["name"]: {entry.attrib["name"]: entry.attrib["value"] for entry in case.iter("property")}
        for case in cases
    }


def recorded(project: Project) -> dict[str, dict[str, float]]:
    return {
        item_id: {f"{one['metric']}:{one['conn_type']}": one["percent"] for one in case["budgets"]}
        for item_id, case in project.run_json["cases"].items()
    }


class TestCases:
    def test_a_broken_budget_fails_its_case_and_no_other(self, measured: Project) -> None:
        result = measured.run("--budget", "eth_drop:latency_mean=5%", "--junitxml=junit.xml")
        result.assert_outcomes(failed=1, passed=1)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(
            [
                "*budget broken: latency_mean:tcp_rr costs +50.1 % [[]+49.5 %, +50.7 %] over 8 pairs of visits, its "
                "budget is 5 %*",
                f"*look at {measured.tree}/*/ebpf/eth_drop_case_1_*",
                "*overview.md and verdicts.csv in *",
                "Primary verdicts: 2 OVERHEAD",
                "Budgets: 1 broken",
                "host-eth_drop-rx  broken: latency_mean:tcp_rr costs *",
            ]
        )
        found = properties(measured)
        assert found["test_case[host-eth_drop-rx]"]["budget_latency_mean_tcp_rr"].startswith("broken: ")
        assert found["test_case[host-null-rx]"]["verdict_latency_tcp_rr"] == "OVERHEAD +50.1 % [+49.5 %, +50.7 %]"
        assert "budget_latency_mean_tcp_rr" not in found["test_case[host-null-rx]"]

    def test_an_inconclusive_one_passes_and_is_shown(self, measured: Project) -> None:
        result = measured.run("--budget", "latency_mean=50", "--junitxml=junit.xml")
        result.assert_outcomes(passed=2)
        assert result.ret == pytest.ExitCode.OK
        result.stdout.fnmatch_lines(["Budgets: 2 inconclusive"])
        text = properties(measured)["test_case[host-null-rx]"]["budget_latency_mean_tcp_rr"]
        assert text.startswith("inconclusive: latency_mean:tcp_rr costs +50.1 % [+49.5 %, +50.7 %]")

    def test_it_fails_in_a_strict_run(self, measured: Project) -> None:
        result = measured.run("--budget", "latency_mean=50", "--strict-budgets")
        result.assert_outcomes(failed=2)
        result.stdout.fnmatch_lines(["*budget inconclusive: latency_mean:tcp_rr costs *"])

    def test_one_that_holds_passes_a_strict_run(self, measured: Project) -> None:
        measured.run("--budget", "latency_mean=51", "--strict-budgets").assert_outcomes(passed=2)


class TestOptions:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (
                "latency_men=5%",
                "there is no such metric (did you mean 'latency_mean'?); budgets are for latency_mean, ",
            ),
            ("latency_mean=0", "expected a percentage above 0"),
            ("latency_mean=-5%", "expected a percentage above 0"),
            ("latency_mean", "expected [SCOPE:]METRIC[:CONNECTION]=PERCENT"),
            (",", "expected [SCOPE:]METRIC[:CONNECTION]=PERCENT"),
            ("eth_dorp:latency_mean=5%", "there is no case, tool or category 'eth_dorp' (did you mean 'eth_drop'?)"),
            ("throughput=5%", "this run does not measure it, only latency:tcp_rr"),
        ],
    )
    def test_what_is_wrong_is_an_error_of_usage(self, project: Project, text: str, said: str) -> None:
        project.add_environment()
        result = project.run("--budget", text)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert said in result.stderr.str()
        assert project.log == []

    def test_a_mistake_in_the_configuration_is_one_too(self, project: Project) -> None:
        file = project.add_environment() / "bed-full.yaml"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"budgets": {"tools": {"nobody": {"pps": 1}}}}))
        result = project.run()
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "bed-full.yaml:1: budgets.tools.nobody: there is no such tool; known: eth_drop" in result.stderr.str()

    def test_they_are_recorded_case_by_case_over_those_of_the_file(self, project: Project) -> None:
        file = project.add_environment(cases=["a rx", "b rx"]) / "bed-full.yaml"
        budgets = {"default": {"latency_mean": "5%", "pps": "5%"}, "tools": {"b": {"latency_mean": "8%"}}}
        file.write_text(json.dumps(json.loads(file.read_text()) | {"budgets": budgets}))
        project.run("--budget", "latency_p99=9%,a:latency_mean=2", "--budget", "latency_max=30")
        more = {"latency_p99:tcp_rr": 9, "latency_max:tcp_rr": 30}
        assert recorded(project) == {
            "host-a-rx": {"latency_mean:tcp_rr": 2} | more,
            "host-b-rx": {"latency_mean:tcp_rr": 8} | more,
        }
        options = project.run_json["options"]
        assert options["budgets"] == ["latency_p99=9%", "a:latency_mean=2", "latency_max=30"]
        assert options["strict_budgets"] is False


class TestWorkflow:
    def test_it_carries_them(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        content = written(project, "--budget", "latency_mean=5%")
        (case,) = {json.dumps(c["ebpf_case"]) for c in content["test_sequence"] if c["ebpf_case"]}
        assert json.loads(case)["budgets"] == {"latency_mean:tcp_rr": 5.0}
        assert content["metadata"]["options"]["budgets"] == ["latency_mean=5%"]
        again(project).assert_outcomes(passed=1)
        assert recorded(project) == {"host-a-rx": {"latency_mean:tcp_rr": 5.0}}

    def test_the_command_line_goes_before_it(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        written(project, "--budget", "latency_mean=5%,latency_p99=9%")
        again(project, "--budget", "latency_mean=7%").assert_outcomes(passed=1)
        assert recorded(project) == {"host-a-rx": {"latency_mean:tcp_rr": 7.0, "latency_p99:tcp_rr": 9.0}}

    def test_one_of_an_older_version_has_none(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        written(project)

        def without(content: dict[str, object]) -> None:
            for cycle in content["test_sequence"]:  # type: ignore[attr-defined]
                if cycle["ebpf_case"]:
                    del cycle["ebpf_case"]["budgets"]

        edit(project, without)
        again(project).assert_outcomes(passed=1)
        assert recorded(project) == {"host-a-rx": {}}

    def test_a_metric_that_does_not_exist(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        written(project)

        def misspelt(content: dict[str, object]) -> None:
            for cycle in content["test_sequence"]:  # type: ignore[attr-defined]
                if cycle["ebpf_case"]:
                    cycle["ebpf_case"]["budgets"] = {"latency_men": 5}

        edit(project, misspelt)
        result = again(project)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "there is no such metric (did you mean 'latency_mean'?)" in result.stderr.str()

    def test_other_budgets_of_the_environment_are_no_change(self, project: Project) -> None:
        file = project.add_environment(cases=["a rx"]) / "bed-full.yaml"
        written(project)
        file.write_text(json.dumps(json.loads(file.read_text()) | {"budgets": {"default": {"latency_mean": 5}}}))
        again(project).assert_outcomes(passed=1)
        assert recorded(project) == {"host-a-rx": {}}
