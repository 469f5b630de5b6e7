import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from probecost.cli import main as cli_main
from probecost.cli.main import main
from probecost.errors import ConfigError, NodeError
from probecost.lab import control

Text = pytest.CaptureFixture[str]


def test_help_lists_the_verbs(capsys: Text) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(verb in printed for verb in ("analyze", "bootstrap", "cases", "lab"))


def test_help_loads_no_verb() -> None:
    code = (
        "import sys; from probecost.cli.main import main; main(['--help'])\n"
        "print(sorted({'pandas', 'paramiko', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments", [["cases"], ["nonsense"], ["lab", "sideways"], ["lab", "up", "a", "b"], ["lab", "status", "nonsense"]]
)
def test_wrong_usage_is_4(arguments: list[str], capsys: Text) -> None:
    assert main(arguments) == 4
    assert "Usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("a.yaml:3: is wrong", hint="do this"), 4),
        (NodeError("x", "is down"), 1),
        (click.Abort(), 2),
        (KeyboardInterrupt(), 2),
        (click.ClickException("lab says no"), 1),
    ],
)
def test_errors_are_messages_and_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: Text
) -> None:
    @click.command()
    def failing() -> None:
        raise error

    monkeypatch.setattr(cli_main.Verbs, "get_command", lambda self, ctx, name: failing)
    assert main(["anything"]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert str(error) in printed.err


def test_a_bug_is_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def failing() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli_main.Verbs, "get_command", lambda self, ctx, name: failing)
    with pytest.raises(ZeroDivisionError):
        main(["anything"])


class TestLab:
    def test_up_and_down(self, monkeypatch: pytest.MonkeyPatch, capsys: Text, tmp_path: Path) -> None:
        calls: list[tuple[str, str, Path]] = []

        def record(verb: str) -> Callable[[str, Path], str]:
            return lambda name, config_dir: calls.append((verb, name, config_dir)) or f"{name} {verb}"  # type: ignore[func-returns-value]

        monkeypatch.setattr(control, "up", record("up"))
        monkeypatch.setattr(control, "down", record("down"))
        assert main(["lab", "up"]) == 0
        assert main(["lab", "down", "lab-vm", "--config-dir", str(tmp_path)]) == 0
        assert calls == [("up", "lab", Path("config")), ("down", "lab-vm", tmp_path)]
        assert capsys.readouterr().out == "lab up\nlab-vm down\n"

    @pytest.mark.parametrize(("condition", "code"), [("up", 0), ("down", 3), ("broken", 1)])
    def test_status(self, condition: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: Text) -> None:
        found = SimpleNamespace(instance="lab-1", condition=condition, problem="", hosts=(("host-a", "192.0.2.1"),))
        monkeypatch.setattr(control, "status", lambda name, config_dir: found)
        assert main(["lab", "status"]) == code
        assert capsys.readouterr().out == f"lab-1: {condition}\n  host-a 192.0.2.1\n"

    def test_an_error_of_the_lab(self, monkeypatch: pytest.MonkeyPatch, capsys: Text) -> None:
        def refuse(name: str, config_dir: Path) -> str:
            raise control.LabError("takes root")

        monkeypatch.setattr(control, "up", refuse)
        assert main(["lab", "up"]) == 1
        assert "takes root" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["lab", "up"], ["cases", "--env", "x"], ["bootstrap", "--env", "x"], ["migrate"]])
def test_a_config_dir_that_is_not_there_is_refused(verb: list[str], tmp_path: Path, capsys: Text) -> None:
    assert main([*verb, "--config-dir", str(tmp_path / "absent")]) == 4
    assert f"there is no folder {tmp_path / 'absent'}" in capsys.readouterr().err
    assert not (tmp_path / "absent").exists()


def test_a_lab_is_taken_down_when_its_folder_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(control, "down", lambda name, config_dir: f"{name} down")
    assert main(["lab", "down", "--config-dir", str(tmp_path / "absent")]) == 0


class TestAnalyze:
    def test_calls_the_reports(self, monkeypatch: pytest.MonkeyPatch, capsys: Text, tmp_path: Path) -> None:
        def write(study: object, output_dir: Path, *_: object) -> Path:
            return output_dir

        (tmp_path / "run.json").write_text("{}")
        monkeypatch.setattr("probecost.analysis.command.write_study", write)
        assert main(["analyze", "--iteration-path", str(tmp_path)]) == 0
        assert main(["analyze", "--iteration-path", str(tmp_path), "--output-dir", "out"]) == 0
        assert capsys.readouterr().out == f"reports: {tmp_path / 'reports'}\nreports: out\n"

    def test_a_run_that_is_not_there(self, tmp_path: Path) -> None:
        assert main(["analyze", "--iteration-path", str(tmp_path / "absent")]) == 4
