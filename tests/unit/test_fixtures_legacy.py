"""Environments of the legacy format as pytest items, and configuration that is refused before anything runs."""

from __future__ import annotations

import pytest
from fake_project import Project
from legacy_folder import change, make_legacy

from cli.main import main

USAGE_ERROR = pytest.ExitCode.USAGE_ERROR


def test_cases_of_a_legacy_folder_are_measured(project: Project) -> None:
    make_legacy(project.path / "config")
    result = project.run(env="old-bed")
    result.assert_outcomes(passed=3)
    assert list(project.outcomes) == ["host-drops-tx", "host-drops-rx", "vm-ring-vhost_pid_vhost_pids.0"]
    result.stdout.fnmatch_lines(
        ["probecost: not taken over from *old-bed: 1 of its settings, listed by: probecost cases --env old-bed *"]
    )


def test_the_same_cases_after_migration(project: Project) -> None:
    folder = make_legacy(project.path / "config")
    before = project.run("--collect-only", "-q", env="old-bed").outlines
    assert main(["migrate", "--config-dir", str(folder)]) == 0
    after = project.run("--collect-only", "-q", env="old-bed").outlines
    listed = [line for line in before if "::" in line]
    assert len(listed) == 3
    assert [line for line in after if "::" in line] == listed


def test_changed_legacy_files_beside_their_migrated_form(project: Project) -> None:
    folder = make_legacy(project.path / "config")
    main(["migrate", "--config-dir", str(folder)])
    change(folder, "ssh-config.yaml", "192.0.2.1", "192.0.2.9")
    result = project.run(env="old-bed")
    assert result.ret == USAGE_ERROR
    text = "\n".join(result.errlines)
    assert "its legacy files have changed since old-bed-full.yaml was made of them" in text
    assert f"probecost migrate --config-dir {folder} --force" in text


def test_mistakes_of_all_files_at_once(project: Project) -> None:
    folder = project.add_environment()
    (folder / "minimal-input.yaml").write_text("environment: bed\nnodes: {a: {ssh: x, role: hots}}\n")
    change(folder, "bed-full.yaml", "198.51.100.2", "198.51.100")
    change(folder, "bed-cases.json", '"id": 2', '"id": "two"')
    result = project.run()
    assert result.ret == USAGE_ERROR
    text = "\n".join(result.errlines)
    for part in ("bed-full.yaml:1: ", "bed-cases.json:15: ", "minimal-input.yaml:2: "):
        assert part in text


def test_a_config_dir_that_is_not_there_is_not_made(project: Project) -> None:
    for arguments in (["--env", "lab"], ["--env", "lab", "--collect-only"]):
        result = project.pytester.runpytest_inprocess(*arguments, "--config-dir", "elsewhere")
        assert result.ret == USAGE_ERROR
        assert f"--config-dir: there is no folder {project.path / 'elsewhere'}" in "\n".join(result.errlines)
    assert not (project.path / "elsewhere").exists()
    assert project.log == []
