"""As whom things are started on a node, where their programs are looked for, and whether they can write there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from probecost.remote.supervisor import facts
from probecost.remote.supervisor.files import Files
from probecost.remote.supervisor.processes import Identity, search_path, spawn


class Stranger(Identity):
    """A login whose number is not that of this process; it becomes nobody else all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.uid += 1
        self.gid += 1
        self.user = "alice"

    def become(self) -> None:
        pass


def test_groups_are_looked_up_before_the_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, object]] = []
    monkeypatch.setenv("SUDO_UID", str(os.getuid() + 1))
    monkeypatch.setenv("SUDO_GID", "77")
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setattr(os, "getgrouplist", lambda user, gid: [gid, 88])
    identity = Identity()
    for name in ("getgrouplist", "initgroups"):
        monkeypatch.setattr(os, name, lambda *_: pytest.fail("a look-up in the child"))
    for name in ("setgroups", "setgid", "setuid"):
        monkeypatch.setattr(os, name, lambda value, name=name: called.append((name, value)))
    identity.become()
    assert called == [("setgroups", [77, 88]), ("setgid", 77), ("setuid", os.getuid() + 1)]


class TestPath:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A program below the system's own folders only: ours are not in PATH, as with a sudo that sets it."""
        monkeypatch.setenv("PATH", str(tmp_path))
        program = tmp_path / "only-here"
        program.write_text("#!/bin/sh\necho $PATH; command -v only-here; command -v sh\n")
        program.chmod(0o755)
        return tmp_path

    def test_what_is_found_before_a_run_is_found_by_what_is_started(self, folder: Path, tmp_path: Path) -> None:
        assert facts.find("only-here") == str(folder / "only-here")
        found = facts.find("sh")
        out = tmp_path / "out"
        with out.open("wb") as file:
            process = spawn(["only-here"], file, subprocess.STDOUT, "/", Identity())
        process.wait()
        assert out.read_text().splitlines() == [search_path(), str(folder / "only-here"), found]

    def test_a_folder_is_there_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/opt/bin:/usr/bin::/opt/bin")
        assert search_path() == "/opt/bin:/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin"
        monkeypatch.delenv("PATH")
        assert search_path().startswith("/usr/local/sbin:")


class TestWorkdir:
    def test_whoever_can_write_there_may_whatever_the_mode_says(self, tmp_path: Path) -> None:
        """A group, an ACL or a network file system lets a user write where owner and mode do not show it."""
        assert facts.missing([], str(tmp_path / "not" / "there" / "yet"), Stranger()) == []
        assert list(tmp_path.iterdir()) == []

    def test_a_place_that_takes_no_file_is_told(self) -> None:
        (told,) = facts.missing([], "/proc/probecost/work", Stranger())
        assert told["kind"] == "workdir"
        assert told["name"].startswith("root cannot write to /proc: ")

    def test_one_where_only_the_login_user_cannot_write_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(facts, "create_as_root", lambda name: None)
        (told,) = facts.missing([], "/proc/probecost/work", Stranger())
        assert told["name"].startswith("alice cannot write to /proc: ")

    def test_a_file_in_the_way_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        (told,) = facts.missing([], str(tmp_path / "file" / "work"), Stranger())
        assert told["name"] == f"{tmp_path}/file is not a directory"


def test_the_workdir_lies_in_the_login_users_home() -> None:
    assert Files("work", Identity(), lambda kind, path: None).workdir.endswith("/work")
