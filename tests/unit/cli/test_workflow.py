from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.fake_project import case_entries, full_config, plain

from probecost.cli.main import main

Text = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for folder, name in (("bed", "bed"), ("rack7", "other")):
        place = tmp_path / "config" / folder
        place.mkdir(parents=True)
        (place / f"{name}-full.yaml").write_text(json.dumps(full_config(name)))
        entries = case_entries(["a rx", "b tx", "a tx"])
        (place / f"{name}-cases.json").write_text(json.dumps({"test_cases": entries}))
    return tmp_path / "config"


def run(config: Path, *options: str) -> int:
    where = ["--config-dir", str(config), "--output", str(config.parent / "w.json")]
    return main(["workflow", *where, *plain(options), *options])


def cycles(config: Path) -> list[str]:
    content = json.loads((config.parent / "w.json").read_text())
    return [cycle["cycle_id"] for cycle in content["test_sequence"]]


def test_options_decide(config: Path, capsys: Text) -> None:
    options = ["--units", "2", "--baseline", "shared", "--iterations", "2", "--seed", "4", "--duration", "3"]
    assert run(config, "--env", "rack7", *options) == 0
    assert capsys.readouterr().out == f"{config.parent / 'w.json'}: 14 cycles, about 1 min 25 s\n"
    assert cycles(config)[:4] == [
        "other/iteration_001/host/shared/baseline",
        "other/iteration_001/host-a-rx/u001/tool",
        "other/iteration_001/host-a-rx/u002/tool",
        "other/iteration_001/host-a-tx/u001/tool",
    ]
    metadata = json.loads((config.parent / "w.json").read_text())["metadata"]
    assert (metadata["seed"], metadata["options"]["duration"], metadata["environments"]) == (4, 3, ["other"])


def test_several_environments_and_a_selection(config: Path) -> None:
    assert run(config, "--env", "bed", "--env", "other", "-k", "(a and rx) or other:host-b") == 0
    assert {cycle.rsplit("/", 2)[0] for cycle in cycles(config)} == {
        "bed/iteration_001/host-a-rx",
        "other/iteration_001/host-a-rx",
        "other/iteration_001/host-b-tx",
    }


def test_the_same_environment_twice_is_one(config: Path) -> None:
    assert run(config, "--env", "rack7", "--env", "other") == 0
    assert len(cycles(config)) == 6


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--env", "moon"], "unknown environment 'moon'"),
        (["--env", "lab"], "lab is made on this machine, by: probecost lab up lab, or: pytest --env lab"),
        (["--env", "bed", "--units", "3", "--precision", "2%"], "--units N is a fixed plan, --precision ends"),
        (["--env", "bed", "-k", "moon"], "-k 'moon' selects none of 3 cases"),
        (["--env", "bed", "-k", "and"], "a word is missing"),
        (["--env", "bed", "--perf-tests", "speed"], "unknown perf test 'speed'"),
        (["--env", "bed", "--duration", "0"], "expected a number above 0"),
        (["--env", "bed", "--units", "0"], "--units"),
        (["--env", "bed", "--command", " "], "--command: expected a command, not an empty text"),
        (["--env", "bed", "--name", "x", "--pair", "vm"], "--name, --pair is about --command TEMPLATE"),
        (["--env", "bed", "--command", "x", "--pair", "vm"], "environment bed has no vm test pair, only host"),
        (["--env", "bed", "--command", "x {nowhere}"], "unknown variable {nowhere}"),
        (["--env", "bed", "--versus", "moon"], "there is no such folder"),
        (["--env", "bed", "--versus", "."], "has no other version of any tool of bed"),
        (["--env", "bed", "--versus-command", ""], "--versus-command: expected a command, not an empty text"),
        (["--env", "bed", "--versus-command", "x", "--baseline", "shared"], "it has no --baseline shared"),
        ([], "--env"),
    ],
)
def test_wrong_options_are_4(config: Path, options: list[str], told: str, capsys: Text) -> None:
    assert run(config, *options) == 4
    assert told in capsys.readouterr().err
    assert not (config.parent / "w.json").exists()


def test_what_is_not_generated_yet_is_4(config: Path, capsys: Text) -> None:
    (config / "bed" / "minimal-input.yaml").write_text("environment: bed\n")
    (config / "bed" / "bed-cases.json").unlink()
    assert run(config, "--env", "bed") == 4
    assert "probecost bootstrap --minimal-input" in capsys.readouterr().err


def test_what_changed_since_is_named(config: Path, capsys: Text) -> None:
    (config / "bed" / "more.yaml").write_text("tools: {}")
    full = {**full_config("bed"), "generated": {"inputs": {"more.yaml": "0" * 64}}}
    (config / "bed" / "bed-full.yaml").write_text(json.dumps(full))
    assert run(config, "--env", "bed") == 4
    assert "more.yaml changed since its files were generated" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_1(config: Path, capsys: Text) -> None:
    assert (
        main(["workflow", "--config-dir", str(config), "--env", "bed", "--output", str(config / "no" / "w.json")]) == 1
    )
    assert "the workflow cannot be written" in capsys.readouterr().err
