"""``probecost workflow`` hands over to pytest, which writes the file; what it refuses is shown without noise."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from helpers.fake_project import Project, full_config
from helpers.workflow_project import written_by_verb

from probecost.cli.main import main

Verb = Callable[..., pytest.RunResult]
MINIMAL = "environment: bed\n"


@pytest.fixture
def verb(project: Project, monkeypatch: pytest.MonkeyPatch) -> Verb:
    for folder, name in (("bed", "bed"), ("rack7", "other")):
        project.add_environment(name, ["a rx", "b tx", "a tx"], folder=folder)
    return partial(written_by_verb, project, monkeypatch)


def cycles(project: Project) -> list[str]:
    content = json.loads((project.path / "c.json").read_text())
    return [cycle["cycle_id"] for cycle in content["test_sequence"]]


def test_options_decide(project: Project, verb: Verb) -> None:
    options = ["--units", "2", "--baseline", "shared", "--iterations", "2", "--seed", "4", "--duration", "3"]
    result = verb("--env", "rack7", *options)
    assert result.ret == 0
    files = "perftests/test_ebpf_tools.py: 6"
    told = f"probecost: 14 cycles, about 1 min 25 s: {project.path / 'c.json'}"
    assert [line for line in result.outlines if line] == [files, told]
    assert cycles(project)[:4] == [
        "other/iteration_001/host/shared/baseline",
        "other/iteration_001/host-a-rx/u001/tool",
        "other/iteration_001/host-a-rx/u002/tool",
        "other/iteration_001/host-a-tx/u001/tool",
    ]
    metadata = json.loads((project.path / "c.json").read_text())["metadata"]
    assert (metadata["seed"], metadata["options"]["duration"], metadata["environments"]) == (4, 3, ["other"])
    assert project.log == []


def test_several_environments_and_a_selection(project: Project, verb: Verb) -> None:
    assert verb("--env", "bed", "--env", "other", "-k", "(a and rx) or other:host-b").ret == 0
    assert {cycle.rsplit("/", 2)[0] for cycle in cycles(project)} == {
        "bed/iteration_001/host-a-rx",
        "other/iteration_001/host-a-rx",
        "other/iteration_001/host-b-tx",
    }


def test_the_same_environment_twice_is_one(project: Project, verb: Verb) -> None:
    assert verb("--env", "rack7", "--env", "other").ret == 0
    assert len(cycles(project)) == 6


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--env", "moon"], "unknown environment 'moon'"),
        (["--env", "bed", "--units", "3", "--precision", "2%"], "--units N is a fixed plan, --precision ends"),
        (["--env", "bed", "-k", "and"], "Wrong expression passed to '-k'"),
        (["--env", "bed", "--perf-tests", "speed"], "unknown perf test 'speed'"),
        (["--env", "bed", "--duration", "0"], "expected a number of seconds above 0"),
        (["--env", "bed", "--units", "0"], "--units"),
        (["--env", "bed", "--command", " "], "--command: expected a command, not an empty text"),
        (["--env", "bed", "--name", "x", "--pair", "vm"], "--name, --pair: only with --command TEMPLATE"),
        (["--env", "bed", "--command", "x", "--pair", "vm"], "environment bed has no vm test pair, only host"),
        (["--env", "bed", "--command", "x {nowhere}"], "unknown variable {nowhere}"),
        (["--env", "bed", "--versus", "moon"], "there is no such folder"),
        (["--env", "bed", "--versus", "."], "has no other version of any tool of bed"),
        (["--env", "bed", "--versus-command", ""], "--versus-command: expected a command, not an empty text"),
        (["--env", "bed", "--versus-command", "x", "--baseline", "shared"], "it has no --baseline shared"),
        (["--env", "bed", "--output", "no/c.json"], "--workflow-out"),
    ],
)
def test_wrong_options_are_4(project: Project, verb: Verb, options: list[str], told: str) -> None:
    result = verb(*options)
    assert result.ret == 4
    assert told in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
    assert not (project.path / "c.json").exists()


@pytest.mark.parametrize(
    ("options", "told"), [([], "Missing option '--env'"), (["--env", "bed", "--pair", "both"], "--pair")]
)
def test_what_is_no_command_line_is_4(options: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workflow", "--output", "c.json", *options]) == 4
    assert told in capsys.readouterr().err


def test_a_selection_of_nothing_is_5(project: Project, verb: Verb) -> None:
    result = verb("--env", "bed", "-k", "moon")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "no case is selected" in result.stdout.str()
    assert not (project.path / "c.json").exists()


def test_what_is_not_generated_yet_is_4(project: Project, verb: Verb) -> None:
    place = project.path / "config" / "bed"
    (place / "minimal-input.yaml").write_text(MINIMAL)
    (place / "bed-cases.json").unlink()
    result = verb("--env", "bed")
    assert result.ret == 4
    assert "probecost bootstrap --minimal-input" in result.stderr.str()


def test_what_changed_since_is_named(project: Project, verb: Verb) -> None:
    place = project.path / "config" / "bed"
    (place / "minimal-input.yaml").write_text(MINIMAL)
    (place / "more.yaml").write_text("tools: {}")
    full = {**full_config("bed"), "generated": {"inputs": {"more.yaml": "0" * 64}}}
    (place / "bed-full.yaml").write_text(json.dumps(full))
    result = verb("--env", "bed")
    assert result.ret == 4
    assert "more.yaml changed since configuration and cases were generated" in result.stderr.str()


def test_outside_of_a_project_the_tests_are_those_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "execv", lambda _, arguments: called.extend(arguments))
    main(["workflow", "--env", "bed", "--output", "c.json"])
    assert (Path(called[-1]) / "test_ebpf_tools.py").is_file()
