"""``-n``: test pairs that share nothing at the same time, and all else as in a serial run."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_project import Project
from helpers.parallel_project import Ended, add_pairs, run

SEED = ("--seed", "7")


def ran(project: Project, *arguments: str, code: int = 0) -> Ended:
    (project.path / "engine.log").unlink(missing_ok=True)
    result = run(project, *arguments)
    assert result.code == code, result.output
    assert "INTERNALERROR" not in result.output
    return result


def content(tree: Path, name: str) -> Any:
    return json.loads((tree / name).read_text())


def without_times(value: object) -> object:
    """``value`` without what is another in each run."""
    times = ("started_ns", "ended_ns", "start_time", "end_time", "generation_time")
    moving = (*times, "argv", "run_id", "results_path", "workflow", "paths")
    if isinstance(value, dict):
        return {key: without_times(one) for key, one in value.items() if key not in moving}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def junit(file: Path) -> list[tuple[str, list[str]]]:
    """Names of test cases in order of name, each with the names of its properties."""
    cases = ET.parse(file).getroot().iter("testcase")
    return sorted((case.attrib["name"], [entry.attrib["name"] for entry in case.iter("property")]) for case in cases)


def set_ups(project: Project) -> Counter[str]:
    return Counter(line for line in project.log if line.startswith(("prepare", "open")))


class TestAsSerial:
    @pytest.fixture
    def names(self, project: Project) -> list[str]:
        project.fail({"keep metadata": True, "measure host-two_a-tx": "the tool died"})
        return add_pairs(project, 2)

    def test_the_same_files(self, project: Project, names: list[str]) -> None:
        options = (*names, *SEED, "--iterations", "2", "--units", "2")
        ran(project, *options, "--junitxml=serial.xml", code=1)
        serial, opened = project.tree, set_ups(project)
        result = ran(project, *options, "-n", "2", "--junitxml=parallel.xml", code=1)
        parallel = project.tree
        assert parallel != serial
        for name in ("run.json", "workflow.json", "workflow-results.json"):
            assert without_times(content(parallel, name)) == without_times(content(serial, name)), name
        counts = [
            [len(cycle["paths"]) for cycle in content(tree, "workflow-results.json")["cycles"]]
            for tree in (serial, parallel)
        ]
        assert counts[0] == counts[1]
        assert junit(project.path / "parallel.xml") == junit(project.path / "serial.xml")
        assert set_ups(project) == opened
        assert opened.total() == 2 * 2 * 3  # in each iteration of each environment its bed and two tools
        assert "probecost: 2 groups of test pairs that share no node: 2 workers\n" in result.output
        for item_id, outcome in project.outcomes.items():
            told = [line for line in result.output.splitlines() if f"{item_id}: unit " in line]
            assert len(told) == (2 if outcome == "passed" else 0), item_id

    def test_the_order_within_a_pair(self, project: Project, names: list[str]) -> None:
        ran(project, *names, *SEED, "--order", "random", code=1)
        serial = [line for line in project.log if line.startswith("measure")]
        ran(project, *names, *SEED, "--order", "random", "-n", "2", code=1)
        parallel = [line for line in project.log if line.startswith("measure")]
        for name in ("one", "two"):
            assert [line for line in parallel if name in line] == [line for line in serial if name in line]

    def test_last_failed_goes_from_one_to_the_other(self, project: Project, names: list[str]) -> None:
        ran(project, *names, "-n", "2", code=1)
        assert ran(project, *names, "--lf", code=1).counts == {"failed": 1}
        project.fail({"measure host-two_b-rx": "the tool died"})
        ran(project, *names, code=1)
        project.fail({})
        result = ran(project, *names, "--lf", "-n", "2")
        assert result.counts == {"passed": 1}
        assert [line for line in project.log if line.startswith("measure")] == ["measure host-two_b-rx"]

    def test_selections(self, project: Project, names: list[str]) -> None:
        result = ran(project, *names, "-k", "b-rx", "--null-case", "always", "-n", "2")
        assert result.counts == {"passed": 4, "deselected": 4}
        assert sum(line.startswith("measure host-null") for line in project.log) == 2
        node_id = "perftests/test_ebpf_tools.py::test_case[two:host-two_b-rx]"
        assert ran(project, *names, node_id, "-n", "2").counts == {"passed": 1}

    def test_hooks_of_the_run_are_called_once(self, project: Project, names: list[str]) -> None:
        project.add_conftest(
            "import fake_engine\n"
            "def pytest_probecost_run_init(run): fake_engine.step('init of the run')\n"
            "def pytest_probecost_run_post(run):\n"
            "    fake_engine.step('end of the run', sum(len(run.visits(item)) for item in run.items))\n"
        )
        ran(project, *names, "-n", "2", code=1)
        assert project.log[0] == "init of the run"
        assert project.log[-1] == "end of the run 10"
        assert sum("of the run" in line for line in project.log) == 2

    def test_one_page(self, project: Project, names: list[str]) -> None:
        ran(project, *names, "-n", "2", "--html=page.html", code=1)
        page = (project.path / "page.html").read_text()
        assert project.tree.name in page
        for case in ("one_a-rx", "one_b-rx", "two_a-tx", "two_b-rx"):
            assert f"host-{case}" in page

    def test_collect_only(self, project: Project, names: list[str]) -> None:
        ran(project, *names, *SEED, "--collect-only", "--workflow-out", "serial.json")
        ran(project, *names, *SEED, "--collect-only", "--workflow-out", "parallel.json", "-n", "2")
        one, other = (content(project.path, f"{name}.json") for name in ("serial", "parallel"))
        assert without_times(one) == without_times(other)
        assert project.log == []

    def test_a_workflow(self, project: Project, names: list[str]) -> None:
        ran(project, *names, "--collect-only", "--workflow-out", "all.json")
        result = ran(project, "--workflow", "all.json", "-n", "auto", code=1)
        assert result.counts == {"passed": 5, "failed": 1}


class TestWorkers:
    def test_more_than_groups_is_told_and_not_obeyed(self, project: Project) -> None:
        result = ran(project, *add_pairs(project, 3), "-n", "8")
        assert "3 groups of test pairs that share no node: 3 workers instead of 8" in result.output
        assert result.counts == {"passed": 9}

    def test_pairs_on_the_same_machine_are_one_group(self, project: Project) -> None:
        project.add_environment("one", ["a rx"], addresses=("192.0.2.1", "192.0.2.2"))
        project.add_environment("two", ["b rx"], addresses=("192.0.2.3", "192.0.2.2"))
        result = ran(project, "--env", "one", "--env", "two", "-n", "auto")
        assert "all test pairs share nodes: 1 worker\n" in result.output
        assert [line for line in project.log if "e one" in line or "n two" in line][-1:] == ["open two 1"]

    def test_two_independent_pairs_of_one_environment(self, project: Project) -> None:
        place = project.add_environment("one", ["a rx"], addresses=("192.0.2.1", "192.0.2.2"))
        full, cases = (place / f"one-{name}" for name in ("full.yaml", "cases.json"))
        environment = json.loads(full.read_text())
        for number, side in enumerate(("server", "client"), 3):
            for name, address in (("vm", number), ("below", number + 2)):
                node = {"host": f"192.0.2.{address}", "workdir": "/tmp/w"}
                environment["ssh"]["ssh_hosts"][f"{name}-{side}"] = node
            end = {
                "ssh_ref": f"vm-{side}",
                "test_ip": f"198.51.100.{number}",
                "physical_host_ref": f"below-{side}",
            }
            environment["environments"].setdefault("vm", {})[side] = end
        full.write_text(json.dumps(environment))
        listed = json.loads(cases.read_text())
        listed["test_cases"].append({**listed["test_cases"][0], "id": 2, "environment": "vm"})
        cases.write_text(json.dumps(listed))
        result = ran(project, "--env", "one", "-n", "auto")
        assert "2 groups of test pairs that share no node: 2 workers\n" in result.output
        assert project.outcomes == {"host-a-rx": "passed", "vm-a-rx": "passed"}
        assert [line for line in project.log if line.startswith("open")] == ["open one 1"] * 2

    def test_fewer_than_groups(self, project: Project) -> None:
        names = add_pairs(project, 4, ["a rx", "a tx"])
        result = ran(project, *names, "-n", "2")
        assert "4 groups of test pairs that share no node: 2 workers\n" in result.output
        assert result.counts == {"passed": 8}
        assert set(set_ups(project).values()) == {1}
        opened = [line for line in project.log if line.startswith(("open", "close"))]
        assert Counter(line.split()[0] for line in opened) == {"open": 4, "close": 4}
        for at in range(len(opened)):  # never more beds open than workers
            now = Counter(line.split()[0] for line in opened[: at + 1])
            assert now["open"] - now["close"] <= 2

    def test_one_case_each(self, project: Project) -> None:
        result = ran(project, *add_pairs(project, 4, ["a rx"]), "-n", "3")
        assert result.counts == {"passed": 4}

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (["-n", "2", "--dist", "each"], "--dist each would"),
            (["--tx", "ssh=here", "--dist", "load"], "--tx ssh=here"),
        ],
    )
    def test_other_distributions_are_refused(self, project: Project, options: list[str], told: str) -> None:
        assert told in ran(project, *add_pairs(project, 2), *options, code=4).output

    def test_other_tests_of_the_session(self, project: Project) -> None:
        (project.path / "perftests" / "test_zzz.py").write_text("def test_plain(): pass\n")
        assert ran(project, *add_pairs(project, 2), "-n", "2").counts == {"passed": 7}
        assert ran(project, "--env", "one", "-n", "2", "perftests/test_zzz.py").counts == {"passed": 1}
        assert (
            "probecost: there is one test pair: 1 worker instead of 2\n"
            in ran(project, "--env", "one", "-n", "2").output
        )

    def test_calibration_and_time_budget(self, project: Project) -> None:
        names = add_pairs(project, 2, ["a rx", "b rx"])
        needed = ("--precision", "2%", "--time-budget")
        too_short = ran(project, *names, *needed, "100s", code=4)
        assert "--time-budget 1 min 40 s: 4 cases" in too_short.output
        result = ran(project, *names, *needed, "100s", "-n", "2")
        assert result.counts == {"passed": 4}
        assert "with 2 workers" in result.output
        assert [line for line in project.log if line.startswith("calibrate")] == ["calibrate one 2", "calibrate two 2"]

    def test_judge_by_the_settings_of_the_run(self, project: Project) -> None:
        names = add_pairs(project, 2, ["a rx"])
        project.use_analysis()
        settings = project.path / "mine.yaml"
        settings.write_text("margin_pct: 7\n")
        project.add_conftest(
            "from pathlib import Path\n\n"
            "def pytest_runtest_setup(item):\n"
            "    found = item.config.getoption('probecost_analysis_config')\n"
            "    Path(f\"judged-{item.config.workerinput['workerid']}\").write_text(found)\n"
        )
        ran(project, *names, "-n", "2", "--analysis-config", "mine.yaml", code=1)  # the fake engine leaves no results
        assert [file.read_text() for file in project.path.glob("judged-*")] == [str(settings)] * 2
        assert "mine.yaml; margin 7 %" in (project.tree / "reports" / "overview.md").read_text()


class TestFailures:
    def test_a_bed_that_does_not_open(self, project: Project) -> None:
        names = add_pairs(project, 2)
        project.fail({"open one 3": "no such host"})
        result = ran(project, *names, "-n", "2", code=1)
        assert result.counts == {"passed": 3, "error": 3}
        assert result.output.splitlines().count("environment one could not be set up, see one:host-one_a-rx") == 2
        assert Counter(project.outcomes.values()) == {"error": 3, "passed": 3}

    def test_the_first_hook(self, project: Project) -> None:
        names = add_pairs(project, 2)
        project.add_conftest("def pytest_probecost_run_init(run): raise ValueError('no origin')\n")
        result = ran(project, *names, "-n", "2", code=1)
        assert result.counts == {"error": 6}
        assert "no origin" in result.output
        assert project.log == []

    def test_what_cannot_be_closed(self, project: Project) -> None:
        names = add_pairs(project, 2)
        project.fail({"close one": "the connection was cut"})
        ran(project, *names, "-n", "2", code=1)
        assert "the connection was cut" in json.dumps(content(project.tree, "run.json"))

    def test_the_first_failure_ends_the_run(self, project: Project) -> None:
        names = add_pairs(project, 2, ["a rx", "b rx", "c rx", "d rx", "e rx"])
        project.fail({"measure host-one_a-rx": "the tool died"})
        project.add_conftest(
            "import time\ndef pytest_probecost_case_init(case):\n    if 'two' in case.key: time.sleep(1.5)\n"
        )
        result = ran(project, *names, "-n", "2", "-x", code=1)
        assert "stopping after 1 failures" in result.output
        assert len([line for line in project.log if line.startswith("measure")]) <= 3
        assert project.log.count("close one") == project.log.count("close two") == 1

    def test_a_worker_that_dies(self, project: Project) -> None:
        names = add_pairs(project, 2, ["a rx", "a tx", "b rx"])
        project.add_conftest(
            "import os, signal\n"
            "def pytest_probecost_case_init(case):\n"
            "    if case.key == 'host-one_a-tx': os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        result = ran(project, *names, "-n", "2", "--junitxml=junit.xml", code=1)
        assert result.counts == {"passed": 5, "error": 1}
        assert "the process that measured this case (worker gw" in result.output
        assert project.outcomes == {
            **{f"{name}:host-{name}_{case}": "passed" for name in ("one", "two") for case in ("a-rx", "a-tx", "b-rx")},
            "one:host-one_a-tx": "error",
        }
        assert "ended in the middle of it" in project.run_json["cases"]["one:host-one_a-tx"]["message"]
        cases = dict(junit(project.path / "junit.xml"))
        assert cases["test_case[one:host-one_a-tx]"] == ["run_id", "environment", "iteration", "case_key"]

    def test_a_shared_baseline_is_not_made_again_by_who_replaces(self, project: Project) -> None:
        names = add_pairs(project, 2, ["a rx", "a tx", "b rx"])
        project.add_conftest(
            "import os, signal\n"
            "def pytest_probecost_case_init(case):\n"
            "    if case.key == 'host-one_a-tx': os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        ran(project, *names, "-n", "2", "--baseline", "shared", code=1)
        shared = [line for line in project.log if " shared " in line and "one" in line]
        assert shared == ["latency:tcp_rr shared host-one_a-rx"]
