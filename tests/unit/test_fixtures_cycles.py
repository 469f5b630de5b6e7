"""workflow-results.json: what became of each cycle of a run, and the table that the analysis makes of it."""

from __future__ import annotations

import json

from fake_project import Project
from test_fixtures_collection import refused
from workflow_project import Workflow, results


class TestResults:
    def content(self, project: Project) -> Workflow:
        content: Workflow = json.loads((project.tree / "workflow-results.json").read_text())
        return content

    def test_of_a_run_without_failures(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.run("--seed", "10", "--output", "out.json").assert_outcomes(passed=1)
        content = self.content(project)
        assert content == json.loads((project.path / "out.json").read_text())
        assert (content["status"], content["exit_status"]) == ("completed", 0)
        assert content["summary"] == {"completed": 2}
        baseline, tool = content["cycles"]
        assert baseline["cycle_id"] == "bed/iteration_001/host-a-rx/u001/baseline"
        assert (baseline["command"], tool["command"]) == (None, "sudo -n lab/tools/packet-drop/a.sh rx")
        assert baseline["start_time"] <= baseline["end_time"] <= tool["start_time"] <= tool["end_time"]
        assert (tool["error"], tool["case_outcome"]) == (None, "passed")

    def test_what_replaced_and_confirmed_nothing_was_not_needed(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.run("--units", "8", "--schedule", "visits").assert_outcomes(passed=1)
        assert self.content(project)["summary"] == {"completed": 16, "not needed": 4 + 16}

    def test_of_failures(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.fail({"latency:tcp_rr tool host-a-rx": "netperf hung", "prepare bed b 1": "no space left"})
        project.run("--seed", "10", "--units", "2").assert_outcomes(failed=1, errors=1)
        content = self.content(project)
        assert content["status"] == "failed"
        told = [(cycle["status"], cycle["error"]) for cycle in content["cycles"]]
        assert told[:2] == [
            ("void", "the tool visit of its unit was not completed"),
            ("failed", "netperf hung"),
        ]
        assert {status for status, _ in told[2:]} == {"not run"}
        assert told[4][1] == "no space left"
        assert [cycle["case_outcome"] for cycle in content["cycles"]] == ["failed"] * 4 + ["error"] * 4

    def test_of_skipped_cases_and_of_those_after_the_last(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx", "c rx"])
        project.add_conftest(
            "import pytest\n\n"
            "def pytest_probecost_case_init(case):\n"
            "    if case.key == 'host-a-rx': pytest.skip('not today')\n"
        )
        project.fail({"measure host-b-rx": "the tool died"})
        project.run("-x")
        statuses = [status for _, status in results(project)]
        assert statuses == ["skipped"] * 2 + ["not run"] * 4

    def test_a_file_that_cannot_be_written_is_told(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        refused(project.run("--output", "missing/out.json"), "--output", "no folder")
        project.add_conftest(
            "from pathlib import Path\n\ndef pytest_probecost_case_init(case): Path('out.json').mkdir()\n"
        )
        result = project.run("--output", "out.json")
        assert result.ret == 1
        result.stdout.fnmatch_lines(["*out.json could not be written: *"])


class TestReports:
    def test_a_case_that_failed_before_its_first_perf_test_is_in_the_table(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx", "c rx"])
        project.use_analysis()
        project.fail({"measure host-a-rx": "the tool died", "prepare bed b 1": "no space left"})
        result = project.run("--maxfail=2", "--iterations", "2")
        result.stdout.fnmatch_lines(
            [
                "host-a-rx *failed, data missing",
                "host-b-rx *error, data missing",
                "No case has a complete unit*",
            ]
        )
        overview = (project.tree / "reports" / "overview.md").read_text()
        assert "2 cases measured in 1 environment, 2 of them with missing data." in overview
        assert "- 4 selected cases were not run" in overview
        assert "- **host-b-rx** error: no space left" in overview
