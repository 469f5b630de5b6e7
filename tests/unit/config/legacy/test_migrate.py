from dataclasses import replace
from pathlib import Path

import pytest
from helpers.legacy_folder import GUEST_CASES, change, make_legacy, write_cases

from probecost.cli.main import main
from probecost.config.folder import is_outdated, load_all, load_folder
from probecost.errors import ConfigError

Text = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_legacy(tmp_path / "config")


def test_the_migrated_form_gives_the_same_models(folder: Path, tmp_path: Path) -> None:
    before = load_all(folder)
    out = tmp_path / "out" / "elsewhere"
    assert main(["migrate", "--config-dir", str(folder), "--output-dir", str(out)]) == 0
    after = load_all(out)
    assert replace(after.environment, folder=folder) == before.environment
    assert after.cases == before.cases
    assert after.case_file.entries == before.case_file.entries
    assert after.full.file.model_copy(update={"generated": None}) == before.full.file


def test_beside_the_legacy_files_the_written_ones_count(folder: Path, capsys: Text) -> None:
    before = load_folder(folder)
    assert main(["migrate", "--config-dir", str(folder.parent), "--env", "old-bed"]) == 0
    printed = capsys.readouterr().out
    assert f"written: {folder}/old-bed-full.yaml" in printed
    assert "What has no counterpart in probecost:\n" in printed
    assert "performance-test-spec.yaml:8: performance_tests.throughput.single_stream.ports" in printed
    assert printed.endswith("old-bed: 3 cases\n")
    assert load_folder(folder) == before
    change(folder, "old-bed-full.yaml", "duration: 6", "duration: 7")
    assert [spec.duration_s for spec in load_folder(folder)[0].perf_tests] == [4, 7, 5]


def test_what_has_no_counterpart_stands_in_the_file_too(folder: Path) -> None:
    main(["migrate", "--config-dir", str(folder)])
    head = (folder / "old-bed-full.yaml").read_text().partition("version:")[0]
    assert "# performance-test-spec.yaml:8: performance_tests.throughput.single_stream.ports = [6001]" in head


def test_changed_legacy_files_make_it_outdated(folder: Path) -> None:
    main(["migrate", "--config-dir", str(folder)])
    assert not is_outdated(folder)
    change(folder, "ssh-config.yaml", "192.0.2.1", "192.0.2.9")
    assert is_outdated(folder)
    assert main(["migrate", "--config-dir", str(folder), "--force"]) == 0
    assert not is_outdated(folder)
    assert load_folder(folder)[0].nodes["left"].host == "192.0.2.9"


@pytest.mark.parametrize("existing", ["old-bed-full.yaml", "old-bed-cases.json"])
def test_nothing_is_overwritten_without_force(folder: Path, tmp_path: Path, existing: str, capsys: Text) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / existing).write_text("mine\n")
    arguments = ["migrate", "--config-dir", str(folder), "--output-dir", str(out)]
    assert main(arguments) == 4
    message = capsys.readouterr().err
    assert f"{out / existing}: there already, not overwritten (nothing was written)" in message
    assert "-mine" in message
    assert [file.name for file in out.iterdir()] == [existing]
    assert main([*arguments, "--force"]) == 0
    assert load_all(out).environment.name == "old-bed"


def test_twice_the_same_changes_nothing(folder: Path, capsys: Text) -> None:
    arguments = ["migrate", "--config-dir", str(folder)]
    main(arguments)
    text = (folder / "old-bed-full.yaml").read_text()
    capsys.readouterr()
    assert main(arguments) == 0
    assert "unchanged: " in capsys.readouterr().out
    assert (folder / "old-bed-full.yaml").read_text() == text


def test_a_dry_run_writes_nothing(folder: Path, capsys: Text) -> None:
    assert main(["migrate", "--config-dir", str(folder), "--dry-run"]) == 0
    assert capsys.readouterr().out.endswith("old-bed: 3 cases (nothing was written)\n")
    assert not list(folder.glob("old-bed-*"))


def test_a_file_of_cases_is_not_replaced_by_its_copy(folder: Path, capsys: Text) -> None:
    write_cases(folder / "old-bed-cases.json", GUEST_CASES)
    change(folder, "ebpf-tools-config.yaml", "cases/guests.json", "old-bed-cases.json")
    assert main(["migrate", "--config-dir", str(folder), "--force"]) == 4
    assert "old-bed-cases.json: is one of the files to migrate" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["other-full.yaml", "minimal-input.yaml", "ssh-config.yaml", "other-cases.json"])
def test_another_environment_is_in_the_way(folder: Path, tmp_path: Path, file: str, capsys: Text) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / file).touch()
    assert main(["migrate", "--config-dir", str(folder), "--output-dir", str(out), "--force"]) == 4
    assert f"{out}: holds another environment: {file}" in capsys.readouterr().err


def test_mistakes_come_before_anything_is_written(folder: Path, capsys: Text) -> None:
    change(folder, "ssh-config.yaml", "port: 2222", "port: many")
    assert main(["migrate", "--config-dir", str(folder)]) == 4
    assert "ssh-config.yaml:6: ssh_hosts.right.port" in capsys.readouterr().err
    assert not list(folder.glob("old-bed-*"))


def test_other_folders_are_refused(tmp_path: Path, folder: Path, capsys: Text) -> None:
    unified = tmp_path / "config/new-bed"
    unified.mkdir()
    (unified / "minimal-input.yaml").write_text("environment: new-bed\n")
    assert main(["migrate", "--config-dir", str(unified)]) == 4
    assert "is not of the legacy format" in capsys.readouterr().err
    assert main(["migrate", "--config-dir", str(tmp_path / "config")]) == 4
    assert "or --env NAME as well" in capsys.readouterr().err


def test_the_command_for_an_outdated_one_is_named(folder: Path) -> None:
    from probecost.config.find import bootstrap_command

    main(["migrate", "--config-dir", str(folder)])
    assert bootstrap_command(folder) == f"probecost migrate --config-dir {folder} --force"
    (folder / "minimal-input.yaml").write_text("environment: x\n")
    (folder / "old-bed-full.yaml").unlink()
    with pytest.raises(ConfigError, match="both formats"):
        load_folder(folder)
