"""Cases as pytest items: ids, order, selection, and everything that is an error of usage."""

from __future__ import annotations

import json

import pytest
from fake_project import CASES, Project

IDS = ["host-eth_drop-rx", "host-eth_drop-tx", "host-packet_print-rx", "host-packet_print-tx"]
USAGE_ERROR = pytest.ExitCode.USAGE_ERROR


def collected(result: pytest.RunResult) -> list[str]:
    """What stands in the brackets of the items that ``--collect-only -q`` lists."""
    return [line.split("[", 1)[1][:-1] for line in result.outlines if "::test_case[" in line]


def measured(project: Project) -> list[str]:
    return [line.split(" ", 1)[1] for line in project.log if line.startswith("measure ")]


def refused(result: pytest.RunResult, *parts: str) -> None:
    """An error of usage, told in words and without a traceback."""
    assert result.ret == USAGE_ERROR
    text = "\n".join(result.errlines)
    assert text.startswith("ERROR: ")
    assert "Traceback" not in text
    assert "INTERNALERROR" not in result.stdout.str()
    for part in parts:
        assert part in text


class TestItems:
    def test_one_per_case_in_the_order_of_measuring(self, project: Project) -> None:
        project.add_environment()
        project.run().assert_outcomes(passed=4)
        assert measured(project) == IDS

    def test_ids_are_the_cases_keys(self, project: Project) -> None:
        project.add_environment()
        assert collected(project.run("--collect-only", "-q")) == IDS

    def test_ids_do_not_move_when_a_case_is_added(self, project: Project) -> None:
        project.add_environment(cases=["null rx", *CASES])
        assert collected(project.run("--collect-only", "-q")) == ["host-null-rx", *IDS]

    def test_each_tool_is_set_up_once_however_the_file_mixes_them(self, project: Project) -> None:
        directions = [f"{direction}{number}" for number in range(4) for direction in ("rx", "tx")]
        cases = [f"{tool} {direction}" for direction in directions for tool in ("eth_drop", "null")]
        project.add_environment(cases=cases)
        project.run().assert_outcomes(passed=16)
        assert [line for line in project.log if line.startswith("prepare ")] == [
            "prepare bed eth_drop 8",
            "prepare bed null 8",
        ]
        assert measured(project)[:3] == ["host-eth_drop-rx0", "host-eth_drop-tx0", "host-eth_drop-rx1"]

    def test_collect_only_makes_no_run_and_connects_nowhere(self, project: Project) -> None:
        project.add_environment()
        result = project.run("--collect-only")
        assert result.ret == 0
        assert project.log == []
        assert not (project.path / "results").exists()

    @pytest.mark.parametrize("option", ["--fixtures", "--fixtures-per-test", "--setup-plan", "--help", "--markers"])
    def test_what_only_tells_about_pytest_measures_nothing(self, project: Project, option: str) -> None:
        project.add_environment()
        assert project.run(option).ret == 0
        assert project.log == []
        if option != "--setup-plan":
            assert project.pytester.runpytest_inprocess(option).ret == 0

    def test_the_run_is_where_the_options_say(self, project: Project) -> None:
        place = project.add_environment()
        place.parent.rename(project.path / "elsewhere")
        project.run("--config-dir", "elsewhere", "--results-dir", "out/deep").assert_outcomes(passed=4)
        assert (project.path / "out" / "deep" / "latest" / "run.json").is_file()

    def test_perf_tests_and_duration_reach_the_engine(self, project: Project) -> None:
        place = project.add_environment(cases=["null rx"])
        full = place / "bed-full.yaml"
        content = json.loads(full.read_text())
        content["performance_tests"]["throughput"] = {"single_stream": {"duration": 9}, "multi_stream": {"duration": 9}}
        full.write_text(json.dumps(content))
        project.run("--perf-tests", "throughput:single, latency", "--duration", "0.5").assert_outcomes(passed=1)
        assert [line for line in project.log if " tool " in line] == [
            "throughput:single tool host-null-rx",
            "latency:tcp_rr tool host-null-rx",
        ]
        assert project.run_json["options"]["duration_s"] == 0.5
        assert project.run_json["options"]["perf_tests"] == ["throughput:single", "latency"]


class TestSelection:
    def test_k_measures_and_checks_only_what_it_selects(self, project: Project) -> None:
        project.add_environment()
        project.run("-k", "eth_drop").assert_outcomes(passed=2, deselected=2)
        assert project.log[0] == "open bed 2"
        assert list(project.outcomes) == IDS[:2]

    def test_lf_measures_only_the_case_that_failed(self, project: Project) -> None:
        project.add_environment()
        project.fail({f"measure {IDS[1]}": "the tool exited with 1"})
        project.run().assert_outcomes(passed=3, failed=1)
        (project.path / "engine.log").unlink()
        project.fail({})
        project.run("--lf").assert_outcomes(passed=1)
        assert measured(project) == [IDS[1]]

    def test_x_stops_and_tears_down(self, project: Project) -> None:
        project.add_environment()
        project.fail({f"measure {IDS[0]}": "the tool exited with 1"})
        project.run("-x").assert_outcomes(failed=1)
        assert measured(project) == [IDS[0]]
        assert project.log[-3:] == [f"stop {IDS[0]}", f"fetch {IDS[0]}", "close bed"]
        assert project.outcomes == dict.fromkeys(IDS, "not run") | {IDS[0]: "failed"}

    def test_by_node_id(self, project: Project) -> None:
        project.add_environment()
        project.run(f"perftests/test_ebpf_tools.py::test_case[{IDS[2]}]").assert_outcomes(passed=1)
        assert measured(project) == [IDS[2]]


class TestSeveralEnvironments:
    def test_one_after_the_other_with_their_names_in_the_ids(self, project: Project) -> None:
        project.add_environment("zeta", ["null rx"])
        project.add_environment("alpha", ["null rx"])
        project.run("--env", "alpha", "-v", env="zeta").assert_outcomes(passed=2)
        steps = [line for line in project.log if line.split()[0] in ("open", "prepare", "close")]
        assert steps == [
            "open zeta 1",
            "prepare zeta null 1",
            "close zeta",
            "open alpha 1",
            "prepare alpha null 1",
            "close alpha",
        ]
        assert project.outcomes == {"zeta:host-null-rx": "passed", "alpha:host-null-rx": "passed"}
        assert project.run_json["environments"] == ["zeta", "alpha"]

    def test_a_second_run_overwrites_nothing(self, project: Project) -> None:
        project.add_environment(cases=["null rx"])
        project.run()
        first = project.tree
        project.run()
        assert project.tree != first
        assert (first / "run.json").is_file()

    def test_the_same_one_twice_is_measured_once(self, project: Project) -> None:
        project.add_environment("bed", ["null rx"], folder="rack7")
        project.run("--env", "bed", env="rack7").assert_outcomes(passed=1)
        assert measured(project) == ["host-null-rx"]

    def test_two_folders_of_one_name_are_refused(self, project: Project) -> None:
        project.add_environment("bed", ["null rx"], folder="a")
        project.add_environment("bed", ["null rx"], folder="b")
        refused(project.run("--env", "b", env="a"), "both declare the environment 'bed'")


class TestErrorsOfUsage:
    def test_no_environment(self, project: Project) -> None:
        project.add_environment()
        refused(project.pytester.runpytest_inprocess(), "pytest --env NAME", "known environments: lab, bed")

    def test_without_an_environment_other_tests_run(self, project: Project) -> None:
        (project.path / "test_own.py").write_text("def test_own(): pass\n")
        project.pytester.runpytest_inprocess("test_own.py", "-n", "0").assert_outcomes(passed=1)
        assert project.log == []

    def test_unknown_environment(self, project: Project) -> None:
        project.add_environment()
        refused(project.run(env="bad"), "unknown environment 'bad'", "bed", "lab")

    def test_no_cases(self, project: Project) -> None:
        place = project.add_environment()
        (place / "bed-cases.json").write_text('{"test_cases": []}')
        refused(project.run(), "bed-cases.json", "no cases")

    def test_broken_json(self, project: Project) -> None:
        place = project.add_environment()
        (place / "bed-cases.json").write_text('{"test_cases": [\n  {"id": 1,\n]}')
        refused(project.run(), "bed-cases.json:3")

    def test_broken_yaml_of_an_environment_that_is_not_worked_out(self, project: Project) -> None:
        place = project.path / "config" / "new"
        place.mkdir(parents=True)
        (place / "minimal-input.yaml").write_text("environment: new\nnodes: [\n")
        refused(project.run(env="new"), "minimal-input.yaml:3", "broken YAML")

    def test_a_results_folder_that_cannot_be_made(self, project: Project) -> None:
        project.add_environment()
        refused(project.run("--results-dir", "x" * 300), "--results-dir", "cannot be made: File name too long")
        (project.path / "loose").symlink_to(project.path / "nowhere" / "deep")
        refused(project.run("--results-dir", "loose"), "--results-dir", "cannot be made")

    def test_broken_yaml(self, project: Project) -> None:
        place = project.add_environment()
        (place / "bed-full.yaml").write_text("environment: bed\nssh: [\n")
        refused(project.run(), "bed-full.yaml:")

    def test_unknown_perf_test(self, project: Project) -> None:
        project.add_environment()
        refused(project.run("--perf-tests", "latency:tcp"), "latency:tcp_rr")

    @pytest.mark.parametrize(
        "option",
        [
            "--units=0",
            "--units=x",
            "--duration=0",
            "--duration=inf",
            "--duration=x",
            "--seed=-1",
            "--baseline=x",
            "--perf-tests=,",
        ],
    )
    def test_bad_values(self, project: Project, option: str) -> None:
        project.add_environment()
        result = project.run(option)
        assert result.ret == USAGE_ERROR
        assert option.split("=", 1)[0] in result.stderr.str()

    def test_results_dir_that_is_a_file(self, project: Project) -> None:
        project.add_environment()
        (project.path / "taken").write_text("")
        refused(project.run("--results-dir", "taken/deep"), "--results-dir", "taken is not a folder")


class TestBootstrap:
    def make_minimal(self, project: Project) -> None:
        """An environment that has only its minimal input; what the fake bootstrap will write lies ready."""
        place = project.add_environment(cases=["null rx"])
        ready = project.path / "bootstrapped"
        place.rename(ready)
        place.mkdir()
        (place / "minimal-input.yaml").write_text("environment: bed\n")

    def test_missing_files_are_told_with_the_command(self, project: Project) -> None:
        self.make_minimal(project)
        refused(project.run(), "probecost bootstrap", "minimal-input.yaml", "--bootstrap")
        assert project.log == []

    def test_made_when_asked(self, project: Project) -> None:
        self.make_minimal(project)
        result = project.run("--bootstrap")
        result.assert_outcomes(passed=1)
        assert project.log[0] == "bootstrap bed"
        result.stdout.fnmatch_lines(["probecost: bootstrapping bed*", "probecost: no vhost workers: left out"])

    def test_a_failing_one_is_told(self, project: Project) -> None:
        self.make_minimal(project)
        project.fail({"bootstrap bed": "node host-server: does not answer"})
        refused(project.run("--bootstrap"), "node host-server: does not answer")


class TestLab:
    def test_is_up_for_the_run_and_gone_after_it(self, project: Project) -> None:
        project.add_environment("lab", ["null rx"])
        project.run(env="lab").assert_outcomes(passed=1)
        assert project.log[0] == "lab acquire lab"
        assert project.log[-2:] == ["close lab", "lab release"]

    def test_is_bootstrapped_without_being_asked(self, project: Project) -> None:
        TestBootstrap().make_minimal(project)
        (project.path / "config" / "bed").rename(project.path / "config" / "lab")
        project.run(env="lab").assert_outcomes(passed=1)
        assert project.log[:2] == ["lab acquire lab", "bootstrap lab"]

    def test_with_guests_is_bootstrapped_each_time(self, project: Project) -> None:
        place = project.add_environment("lab", ["null rx"])
        (place / "minimal-input.yaml").write_text("environment: lab\n")
        full = json.loads((place / "lab-full.yaml").read_text())
        sides = {"ssh_ref": "host-server", "physical_host_ref": "host-server", "test_ip": "198.51.100.3"}
        kvm = {"server": {"qemu_pid": "33"}}
        full["environments"]["vm"] = {"server": sides, "client": sides, "kvm_config": kvm}
        (place / "lab-full.yaml").write_text(json.dumps(full))
        (project.path / "bootstrapped").mkdir()
        result = project.run(env="lab")
        result.assert_outcomes(passed=1)
        assert project.log[:2] == ["lab acquire lab", "bootstrap lab"]
        result.stdout.fnmatch_lines(["*bootstrapping lab: its VMs have other processes each time it is brought up"])

    @pytest.mark.parametrize("options", [["--perf-tests", "none"], ["--env", "bad"], ["--collect-only", "missing.py"]])
    def test_is_released_on_errors_of_usage(self, project: Project, options: list[str]) -> None:
        project.add_environment("other")
        place = project.add_environment("lab", ["null rx"])
        (place / "minimal-input.yaml").write_text("environment: lab\n")
        assert project.run(*options, env="lab").ret == USAGE_ERROR
        assert project.log.count("lab acquire lab") == project.log.count("lab release")

    def test_is_released_when_collection_fails(self, project: Project) -> None:
        project.add_environment("lab", ["null rx"])
        (project.path / "perftests" / "test_broken.py").write_text("import nothing_of_this_name\n")
        assert project.run(env="lab").ret == pytest.ExitCode.INTERRUPTED
        assert project.log == ["lab acquire lab", "lab release"]

    def test_collect_only_leaves_it_down(self, project: Project) -> None:
        project.add_environment("lab", ["null rx"])
        assert collected(project.run("--collect-only", "-q", env="lab")) == ["host-null-rx"]
        assert project.log == []

    def test_that_does_not_come_up_is_told(self, project: Project) -> None:
        project.add_environment("lab", ["null rx"])
        project.fail({"lab acquire lab": "the lab needs root"})
        refused(project.run(env="lab"), "the lab needs root")

    def test_that_is_not_released_is_told(self, project: Project) -> None:
        project.add_environment("lab", ["null rx"])
        project.fail({"lab release": "two processes are left"})
        result = project.run(env="lab")
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["*lab could not be released: two processes are left"])
