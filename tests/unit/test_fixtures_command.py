"""``pytest --command`` and ``probecost measure``: one command instead of the cases of an environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_project import Project, plain
from test_fixtures_collection import refused
from workflow_project import again, made_visits, written

from cli.main import main


@pytest.fixture(autouse=True)
def bed(project: Project) -> Path:
    return project.add_environment()


def test_it_takes_the_place_of_the_cases_and_the_null_case_is_beside_it(project: Project) -> None:
    result = project.run("--command", "x {host_LOCAL_IP}", "--name", "mine", "--null-case", "always")
    assert result.ret == 0, result.stdout.str()
    assert set(project.outcomes) == {"host-mine", "host-null"}
    cases = project.run_json["cases"]
    assert cases["host-mine"]["command"] == "x 198.51.100.1"
    assert project.run_json["options"]["command"] == "x {host_LOCAL_IP}"


def test_no_cases_are_needed(project: Project, bed: Path) -> None:
    (bed / "bed-cases.json").unlink()
    assert project.run("--command", "x", "--name", "mine").ret == 0
    assert project.outcomes == {"host-mine": "passed"}


def test_its_workflow_runs_again(project: Project) -> None:
    content = written(project, "--command", "x {host_LOCAL_IP}", "--attaches", "none")
    asked = {"template": "x {host_LOCAL_IP}", "name": "", "pair": "host", "attaches": "none"}
    assert content["metadata"]["options"]["command"] == asked
    assert again(project).ret == 0
    assert {key.rpartition("-")[0] for _, key in made_visits(project)} == {"host-command"}
    kept = json.loads((project.tree / "workflow.json").read_text())
    assert kept["test_sequence"] == content["test_sequence"]
    resumed = project.pytester.runpytest_inprocess("--resume", str(project.tree))
    assert resumed.ret == 0, resumed.stdout.str()


def test_a_workflow_that_has_another_address_now_is_refused(project: Project, bed: Path) -> None:
    written(project, "--command", "x {host_LOCAL_IP}")
    full = bed / "bed-full.yaml"
    full.write_text(full.read_text().replace("198.51.100.1", "198.51.100.9"))
    result = again(project)
    assert result.ret == 4
    result.stderr.fnmatch_lines(['*command: "x 198.51.100.1" -> "x 198.51.100.9"*'])


def test_a_workflow_has_its_own_command(project: Project) -> None:
    written(project, "--command", "x")
    result = again(project, "--command", "y", "--pair", "host")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--command, --pair: a workflow says itself what it measures*"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--command", "x {nowhere}"), "in command: x {nowhere}"),
        (("--command", "x", "--pair", "vm"), "environment bed has no vm test pair, only host"),
        (("--command", "  "), "--command: expected a command, not an empty text"),
        (("--name", "x", "--attaches", "none"), "--name, --attaches is about --command TEMPLATE"),
        (("--command", "x", "--pair", "both"), "--pair: invalid choice: 'both'"),
    ],
)
def test_mistakes_are_errors_of_usage(project: Project, options: tuple[str, ...], told: str) -> None:
    refused(project.run(*options), told)
    assert project.log == []


class TestMeasure:
    def test_it_is_pytest_with_a_command(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        called: list[str] = []
        monkeypatch.setattr(os, "execv", lambda _, arguments: called.extend(arguments))
        asked = ["measure", "--env", "bed", "--units", "1", "--name", "mine", "--perf-tests", "latency"]
        assert main([*asked, "--seed", "7", "sudo", "-n", "tool", "-e", "k:f { @ = 1 }", "{host_LOCAL_IP}"]) == 0
        python, *module, tests = called[:3] + called[-1:]
        assert (python, module, Path(tests).name) == (sys.executable, ["-m", "pytest"], "perftests")
        assert project.pytester.runpytest_inprocess(*called[3:-1]).ret == 0
        assert set(project.outcomes) == {"host-mine", "host-null"}
        command = project.run_json["cases"]["host-mine"]["command"]
        assert command == "sudo -n tool -e 'k:f { @ = 1 }' 198.51.100.1"
        assert project.run_json["options"]["seed"] == 7

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["--env", "bed"], "Missing argument '-- COMMAND...'"),
            (["--env", "bed", "--"], "Missing argument '-- COMMAND...'"),
            (["--", "x"], "Missing option '--env'"),
            (["--env", "bed", "--nonsense", "3", "x"], "No such option"),
        ],
    )
    def test_wrong_usage(self, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["measure", *arguments]) == 4
        assert told in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (["--env", "nowhere"], "unknown environment 'nowhere'"),
            (["--env", "bed", "--pair", "vm"], "environment bed has no vm test pair, only host"),
            (["--env", "bed", "--units", "none"], "--units: expected a whole number from 1"),
        ],
    )
    def test_what_pytest_refuses_from_any_folder(self, options: list[str], told: str, project: Project) -> None:
        command = [sys.executable, "-m", "cli.main", "measure", "--config-dir", "config", *options, "--", "x"]
        done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)
        assert done.returncode == 4
        assert told in done.stderr


def test_plain_options_are_as_before(project: Project) -> None:
    """Without a command nothing of it is asked for."""
    content = written(project, *plain())
    assert content["metadata"]["options"]["command"] is None
    assert content["metadata"]["options"]["versus"] is None
