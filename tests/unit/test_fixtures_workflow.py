"""Workflows through pytest: what is written is what runs, and what a file says is what runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_project import Project, plain
from test_fixtures_collection import measured, refused
from workflow_project import Workflow, again, edit, made_visits, planned_visits, results, written

from cli import main as cli


@pytest.fixture(params=[("--units", "3"), ("--units", "2", "--baseline", "shared"), ("--iterations", "2")])
def options(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Several ways to measure."""
    return (*request.param, "--seed", "5")


class TestDryRun:
    def test_is_what_then_runs(self, project: Project, options: tuple[str, ...]) -> None:
        project.add_environment(cases=["b rx", "a rx", "b tx"])
        content = written(project, *options)
        assert project.log == []
        assert not (project.path / "results").exists()
        project.run(*options)
        assert made_visits(project) == planned_visits(content)
        assert len(made_visits(project)) > 6

    def test_a_run_from_it_is_the_same(self, project: Project, options: tuple[str, ...]) -> None:
        project.add_environment("bed", cases=["b rx", "a rx", "b tx"])
        project.add_environment("other", cases=["a rx"])
        content = written(project, *options, "--env", "other")
        project.run(*options, "--env", "other")
        first = project.log
        (project.path / "engine.log").unlink()
        assert again(project).ret == 0
        assert project.log == first
        assert made_visits(project) == planned_visits(content)

    def test_and_the_run_keeps_it(self, project: Project) -> None:
        project.add_environment()
        project.run("--seed", "7", "-k", "eth_drop")
        kept = json.loads((project.tree / "workflow.json").read_text())
        content = written(project, "--seed", "7", "-k", "eth_drop")
        kept["metadata"].pop("generation_time")
        content["metadata"].pop("generation_time")
        assert kept == content
        first = project.log
        (project.path / "engine.log").unlink()
        project.pytester.runpytest_inprocess("--workflow", str(project.tree / "workflow.json")).assert_outcomes(
            passed=2
        )
        assert project.log == first

    def test_only_what_is_selected(self, project: Project) -> None:
        project.add_environment()
        content = written(project, "-k", "packet_print")
        assert {key for _, key in planned_visits(content)} == {"host-packet_print-rx", "host-packet_print-tx"}
        assert content["metadata"]["total_test_cycles"] == 4

    def test_the_command_writes_the_same_bytes(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        project.add_environment("bed")
        project.add_environment("other", folder="rack7")
        monkeypatch.chdir(project.path)
        monkeypatch.setattr("time.time", lambda: 1_795_383_300.0)
        for options in (
            ["--pretty"],
            ["--units", "2", "--iterations", "2", "-k", "rx"],
            ["--baseline", "shared"],
            ["--budget", "latency_mean=5%,eth_drop:latency_p99=9"],
        ):
            written(project, *options, "--env", "rack7")
            command = ["workflow", "--env", "bed", "--env", "rack7", "--output", "c.json", *options, *plain(options)]
            assert cli.main(command) == 0
            assert (project.path / "c.json").read_bytes() == (project.path / "w.json").read_bytes()

    def test_says_how_much_it_is(self, project: Project) -> None:
        project.add_environment()
        result = project.run("--collect-only", "--workflow-out", "w.json")
        result.stdout.fnmatch_lines(["probecost: 8 cycles, about 24 s: *w.json"])

    def test_of_nothing_is_not_written(self, project: Project) -> None:
        project.add_environment()
        result = project.run("--collect-only", "--workflow-out", "w.json", "-k", "nothing")
        assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
        result.stdout.fnmatch_lines(["probecost: no case is selected: *w.json is not written"])
        assert not (project.path / "w.json").exists()

    def test_cannot_be_written(self, project: Project) -> None:
        project.add_environment()
        refused(project.run("--collect-only", "--workflow-out", "missing/w.json"), "--workflow-out", "no folder")
        refused(project.run("--collect-only", "--workflow-out", "config"), "--workflow-out", "is a folder")
        refused(project.run("--pretty"), "--workflow-out")


class TestContradictions:
    @pytest.mark.parametrize(
        ("option", "told"),
        [
            ("--units=3", "--units 3: the workflow has 2"),
            ("--baseline=shared", "--baseline shared: the workflow has paired"),
            ("--duration=4", "--duration 4: the workflow has what the environment says"),
            ("--perf-tests=latency", "--perf-tests latency: the workflow has what the environment says"),
            ("--seed=9", "--seed 9: the workflow has 0"),
            ("--iterations=2", "--iterations 2: the workflow has 1"),
        ],
    )
    def test_are_refused(self, project: Project, option: str, told: str) -> None:
        project.add_environment()
        written(project, "--units", "2")
        refused(again(project, option), told)
        assert project.log == []

    def test_what_it_says_too_is_fine(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        written(project, "--units", "2", "--perf-tests", "latency:tcp_rr", "--duration", "2")
        options = ("--units=2", "--perf-tests=latency:tcp_rr", "--duration=2", "--baseline=paired", "--env=bed")
        again(project, *options).assert_outcomes(passed=1)

    def test_another_environment(self, project: Project) -> None:
        project.add_environment("bed")
        project.add_environment("other")
        written(project)
        refused(again(project, "--env", "other"), "measures bed; --env other is other", "Leave --env out")

    def test_selection_still_selects(self, project: Project) -> None:
        project.add_environment()
        written(project)
        again(project, "-k", "eth_drop and rx").assert_outcomes(passed=1, deselected=3)
        assert measured(project) == ["host-eth_drop-rx"]
        statuses = [status for _, status in results(project)]
        assert statuses == ["completed"] * 2 + ["not selected"] * 6
        assert json.loads((project.tree / "workflow-results.json").read_text())["status"] == "completed"

    def test_the_last_failed_and_the_first_failure(self, project: Project) -> None:
        project.add_environment()
        written(project)
        project.fail({"measure host-eth_drop-tx": "the tool died"})
        again(project).assert_outcomes(passed=3, failed=1)
        (project.path / "engine.log").unlink()
        again(project, "--lf").assert_outcomes(failed=1)
        assert measured(project) == ["host-eth_drop-tx"]
        again(project, "-x").assert_outcomes(passed=1, failed=1)


class TestEdited:
    def test_another_order_runs_as_edited(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "a tx", "b rx"])
        written(project)

        def tools_alternate(content: Workflow) -> None:
            cycles = content["test_sequence"]
            content["test_sequence"] = [*cycles[0:2], *cycles[4:6][::-1], *cycles[2:4]]

        edit(project, tools_alternate)
        again(project).assert_outcomes(passed=3)
        assert measured(project) == ["host-a-rx", "host-b-rx", "host-a-tx"]
        assert made_visits(project) == planned_visits(json.loads((project.path / "w.json").read_text()))
        assert [line for line in project.log if line.startswith("prepare")] == [
            "prepare bed a 2",
            "prepare bed b 1",
            "prepare bed a 2",
        ]

    def test_removed_cases_and_units(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "a tx"])
        written(project, "--units", "3")

        def less(content: Workflow) -> None:
            cycles = content["test_sequence"]
            content["test_sequence"] = [cycle for cycle in cycles[:6] if cycle["unit"] != 2]

        edit(project, less)
        again(project).assert_outcomes(passed=1)
        assert [name for name, _ in results(project)] == [
            cycle["cycle_id"].split("/", 2)[2]
            for cycle in json.loads((project.path / "w.json").read_text())["test_sequence"]
        ]
        assert len(made_visits(project)) == 4

    def test_a_command_is_a_change_that_can_be_allowed(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        written(project)

        def other_command(content: Workflow) -> None:
            for cycle in content["test_sequence"]:
                if cycle["ebpf_case"]:
                    cycle["ebpf_case"]["command"] += " --more"
                    cycle["test_cycle"]["init_hook"]["ebpf_startup_command"] += " --more"

        edit(project, other_command)
        refused(again(project), "case host-a-rx: command: ", "a.sh rx --more", "--allow-changed-workflow")
        project.add_conftest(
            "def pytest_probecost_case_init(case):\n"
            "    (case.run.tree.root / 'command').write_text(case.case.command)\n"
        )
        again(project, "--allow-changed-workflow").assert_outcomes(passed=1)
        assert (project.tree / "command").read_text().endswith("a.sh rx --more")


class TestChanged:
    def change(self, place: Path, name: str, old: str, new: str) -> None:
        file = place / name
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    @pytest.mark.parametrize(
        ("name", "old", "new", "told"),
        [
            ("bed-full.yaml", "192.0.2.1", "192.0.2.9", 'nodes.host-server.host: "192.0.2.1" -> "192.0.2.9"'),
            ("bed-full.yaml", "198.51.100.2", "198.51.100.9", "test_pairs.host.client.test_ip: "),
            ("bed-full.yaml", '"duration": 1', '"duration": 7', "perf test latency:tcp_rr.duration: 1.0 -> 7.0"),
            ("bed-full.yaml", "tcp_rr", "udp_rr", "perf test latency:udp_rr: is new"),
            ("bed-cases.json", "a.sh tx", "a.sh tx --all", "case host-a-tx: command: "),
            ("bed-cases.json", '"direction": "tx"', '"direction": "ty"', "case host-a-tx: is not among its cases"),
        ],
    )
    def test_is_refused_with_the_differences(self, project: Project, name: str, old: str, new: str, told: str) -> None:
        place = project.add_environment(cases=["a rx", "a tx"])
        written(project)
        self.change(place, name, old, new)
        refused(
            again(project), "w.json: what it was written for has changed", f"bed: {told}", "--allow-changed-workflow"
        )
        assert project.log == []
        result = again(project, "--allow-changed-workflow")
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(["probecost: changed since the workflow was written: bed: *"])
        assert made_visits(project) == planned_visits(json.loads((project.path / "w.json").read_text()))

    def test_a_tool_that_lies_here(self, project: Project) -> None:
        place = project.add_environment(cases=["a rx", "b rx"])
        tools = project.path / "tools" / "packet-drop"
        tools.mkdir(parents=True)
        (tools / "a.sh").write_text("sleep 9")
        self.change(
            place,
            "bed-full.yaml",
            '"version"',
            '"paths": {"tools_dir": "lab/tools", "local_tools_dir": "../../tools"}, "version"',
        )
        content = written(project)
        assert list(content["global_config"]["environments"]["bed"]["tool_files"]) == ["lab/tools/packet-drop/a.sh"]
        again(project).assert_outcomes(passed=2)
        (tools / "a.sh").write_text("sleep 10")
        (tools / "helper.sh").write_text("")
        refused(
            again(project),
            "bed: tool_files.lab/tools/packet-drop/a.sh: ",
            "bed: tool_files.lab/tools/packet-drop/helper.sh: is new",
        )

    def test_what_is_new_in_the_environment_is_no_change(self, project: Project) -> None:
        place = project.add_environment(cases=["a rx"])
        written(project)
        before = (place / "bed-cases.json").read_text()
        (place / "bed-cases.json").unlink()
        (place / "bed-full.yaml").unlink()
        place.rmdir()
        place = project.add_environment(cases=["a rx", "b rx"])
        assert (place / "bed-cases.json").read_text() != before
        again(project).assert_outcomes(passed=1)

    def test_an_environment_that_is_gone(self, project: Project) -> None:
        place = project.add_environment("bed")
        project.add_environment("other")
        written(project)
        place.rename(project.path / "elsewhere")
        refused(again(project), "unknown environment 'bed'")

    def test_a_folder_of_another_name(self, project: Project) -> None:
        place = project.add_environment(cases=["a rx"])
        written(project)
        place.rename(place.with_name("moved"))
        again(project).assert_outcomes(passed=1)

    def test_the_lab_is_brought_up(self, project: Project) -> None:
        project.add_environment("lab", cases=["a rx"])
        written(project, env="lab")
        again(project).assert_outcomes(passed=1)
        assert project.log[0] == "lab acquire lab"
        assert project.log[-1] == "lab release"

    def test_files_that_are_no_workflow(self, project: Project) -> None:
        project.add_environment()
        refused(again(project), "--workflow", "w.json: no such file")
        (project.path / "w.json").write_text('{"metadata": ')
        refused(again(project), "w.json:1:14: broken JSON")
        (project.path / "w.json").write_text('{"metadata": {}}')
        refused(again(project), "w.json:1: test_sequence: this key is missing")

    def test_allowing_changes_needs_a_workflow(self, project: Project) -> None:
        project.add_environment()
        refused(project.run("--allow-changed-workflow"), "--workflow FILE")


class TestSharedBaseline:
    def test_is_made_by_whichever_case_comes_first(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "a tx", "b rx"])
        project.run("--baseline", "shared", "-k", "tx or host-b").assert_outcomes(passed=2, deselected=1)
        assert made_visits(project) == [("baseline", ""), ("tool", "host-a-tx"), ("tool", "host-b-rx")]

    def test_is_made_again_where_it_failed(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.fail({"latency:tcp_rr shared host-a-rx": "netperf hung"})
        project.run("--baseline", "shared").assert_outcomes(passed=1, failed=1)
        assert made_visits(project) == [("baseline", ""), ("baseline", ""), ("tool", "host-b-rx")]
        assert results(project) == [
            ("host/shared/baseline", "completed"),
            ("host-a-rx/u001/tool", "not run"),
            ("host-b-rx/u001/tool", "completed"),
        ]

    def test_each_iteration_has_its_own(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.run("--baseline", "shared", "--iterations", "2").assert_outcomes(passed=2)
        assert made_visits(project) == [("baseline", ""), ("tool", "host-a-rx")] * 2
