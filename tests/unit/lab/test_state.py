"""Names, records, locks, processes and files of the lab, without any lab."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from probecost.lab import control, state
from probecost.lab.errors import LabError
from probecost.lab.places import Place
from probecost.lab.process import ProcessId, kill
from probecost.lab.publish import Owner, make_folder, write_if_changed
from probecost.lab.requirements import find_programs, parse_openssh_version
from probecost.lab.state import LabState
from probecost.lab.waiting import Deadline, wait_until

NOW = Deadline.after(0.0)
RECORD = LabState(
    config_dir="/c", index=4, kept=False, hosts={"host-server": ProcessId(12, 345)}, guard=ProcessId(13, 346)
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place("lab", tmp_path / "config", tmp_path / "state")
    place.state_dir.mkdir(parents=True)
    return place


class TestNames:
    def test_folders_have_labs_of_their_own(self) -> None:
        one, other = Place.of("lab", Path("/a/config")), Place.of("lab", Path("/b/config"))
        assert one.instance != other.instance
        assert one.instance.startswith("lab-")
        assert one == Place.of("lab", Path("/a/../a/config"))

    def test_known_names(self) -> None:
        assert control.names() == ("lab", "lab-vm")
        with pytest.raises(LabError, match="no lab is called 'lob'"):
            Place.of("lob", Path("/a"))


class TestRecord:
    def test_what_is_saved_is_loaded(self, place: Place) -> None:
        state.save(place, RECORD)
        assert state.load(place) == RECORD

    def test_no_record(self, place: Place) -> None:
        assert state.load(place) is None

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": 99}', '{"schema": 1, "config_dir": ""}'])
    def test_unreadable_record(self, place: Place, text: str) -> None:
        place.state_file.write_text(text)
        assert state.load(place) is None

    def test_indices_of_others(self, place: Place) -> None:
        other = Place("lab", place.config_dir / "other", place.state_root)
        other.state_dir.mkdir()
        state.save(place, RECORD)
        state.save(other, LabState("/d", 9, True))
        assert state.indices_taken(place) == {9}


class TestLocks:
    def test_only_one_works_at_a_time(self, tmp_path: Path) -> None:
        with (
            state.working(tmp_path / "labs", NOW),
            pytest.raises(LabError, match="another program"),
            state.working(tmp_path / "labs", NOW),
        ):
            pass

    def test_folder_comes_and_goes(self, tmp_path: Path) -> None:
        for _ in range(2):
            with state.working(tmp_path / "labs", NOW):
                assert (tmp_path / "labs").is_dir()
            assert not (tmp_path / "labs").exists()

    def test_labs_come_and_go_side_by_side(self, place: Place) -> None:
        other = Place("lab", place.config_dir / "other", place.state_root)
        with state.working_on(place, NOW), state.working_on(other, NOW), state.working(place.state_root, NOW):
            with pytest.raises(LabError, match="another program"), state.working_on(place, NOW):
                pass
            assert place.work_lock.exists()
        assert not list(place.state_root.glob("*.lock"))
        with state.working_on(place, NOW):
            pass

    def test_folder_comes_and_goes_with_the_lock_of_a_lab(self, tmp_path: Path) -> None:
        place = Place("lab", tmp_path / "config", tmp_path / "labs")
        for _ in range(2):
            with state.working_on(place, NOW):
                assert place.state_root.is_dir()
            assert not place.state_root.exists()

    def test_folder_stays_for_others(self, place: Place) -> None:
        with state.working(place.state_root, NOW):
            pass
        assert place.state_dir.is_dir()

    def test_users_share_and_the_guard_does_not(self, place: Place) -> None:
        place.in_use_file.touch()
        one, other, guard = (state.open_in_use(place) for _ in range(3))
        try:
            assert state.try_lock(one, exclusive=False)
            assert state.try_lock(other, exclusive=False)
            assert not state.try_lock(guard, exclusive=True)
            state.unlock(one)
            state.unlock(other)
            assert state.try_lock(guard, exclusive=True)
        finally:
            for handle in (one, other, guard):
                os.close(handle)

    def test_replaced_file_is_another_file(self, place: Place) -> None:
        place.in_use_file.touch()
        handle = state.open_in_use(place)
        try:
            assert state.is_same_file(handle, place.in_use_file)
            place.in_use_file.rename(place.in_use_file.with_name("old"))
            place.in_use_file.touch()
            assert not state.is_same_file(handle, place.in_use_file)
            place.in_use_file.unlink()
            assert not state.is_same_file(handle, place.in_use_file)
        finally:
            os.close(handle)


class TestProcess:
    def test_kill_ends_the_process(self) -> None:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
        process = ProcessId.of(child.pid)
        assert process.alive
        assert kill(process, Deadline.after(5))
        assert not process.alive  # a zombie, until it is waited for
        child.wait()
        assert not process.alive
        assert kill(process, NOW)

    def test_another_process_with_the_same_number_is_left_alone(self) -> None:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
        try:
            process = ProcessId(child.pid, ProcessId.of(child.pid).start_ticks - 1)
            assert not process.alive
            assert kill(process, NOW)
            assert child.poll() is None
        finally:
            child.kill()
            child.wait()

    def test_odd_names_do_not_confuse(self, tmp_path: Path) -> None:
        odd = tmp_path / "a) R 1 2 (b"
        odd.symlink_to("/bin/sleep")
        child = subprocess.Popen([odd, "100"])
        try:
            assert wait_until(lambda: b"a) R" in Path(f"/proc/{child.pid}/comm").read_bytes(), Deadline.after(5))
            assert ProcessId.of(child.pid).start_ticks >= ProcessId.of(os.getpid()).start_ticks
        finally:
            child.kill()
            child.wait()

    def test_no_such_process(self) -> None:
        with pytest.raises(ProcessLookupError):
            ProcessId.of(2**22 + 1)


class TestFiles:
    def test_unchanged_text_keeps_its_time(self, tmp_path: Path) -> None:
        file = tmp_path / "file"
        assert write_if_changed(file, "text\n", Owner.calling())
        os.utime(file, ns=(1, 1))
        assert not write_if_changed(file, "text\n", Owner.calling())
        assert file.stat().st_mtime_ns == 1
        assert write_if_changed(file, "other\n", Owner.calling())
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    def test_mode_is_kept_private(self, tmp_path: Path) -> None:
        file = tmp_path / "key"
        write_if_changed(file, "secret", Owner.calling(), 0o600)
        file.chmod(0o644)
        write_if_changed(file, "secret", Owner.calling(), 0o600)
        assert file.stat().st_mode & 0o777 == 0o600

    def test_folders_are_made(self, tmp_path: Path) -> None:
        make_folder(tmp_path / "a" / "b", Owner.calling())
        make_folder(tmp_path / "a" / "b", Owner.calling())
        assert (tmp_path / "a" / "b").is_dir()

    def test_owner_is_who_called_sudo(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setenv("SUDO_UID", "1234")
        monkeypatch.setenv("SUDO_GID", "567")
        assert Owner.calling() == Owner(1234, 567)


class TestRequirements:
    def test_all_missing_programs_are_told_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(LabError) as caught:
            find_programs(str(tmp_path))
        assert "ip, sshd, ssh-keygen, sudo, python3" in str(caught.value)
        assert "apt-get install --no-install-recommends iproute2 openssh-client openssh-server python3 sudo" in str(
            caught.value
        )

    @pytest.mark.parametrize(
        ("text", "version"),
        [
            ("OpenSSH_9.2, OpenSSL 3.0.19 27 Jan 2026", (9, 2)),
            ("OpenSSH_10.0p2 Debian-7", (10, 0)),
            ("sshd: illegal option -- V\nOpenSSH_8.9p1 Ubuntu-3\nusage: sshd", (8, 9)),
            ("dropbear", (0, 0)),
        ],
    )
    def test_openssh_version(self, text: str, version: tuple[int, int]) -> None:
        assert parse_openssh_version(text) == version

    def test_why_there_is_no_root_is_told_however_late_the_child_ends(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refusing = ["sh", "-c", "exec >&-; sleep 0.2; echo 'sudo: a password is required' >&2; exit 1"]
        monkeypatch.setattr(control, "elevated", lambda *_: refusing)
        with pytest.raises(LabError, match=r"needs root.*sudo: a password is required"):
            control.acquire("lab", tmp_path)

    def test_root_is_reached_through_sudo(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
        assert control.elevated("up", place, "--auto")[:3] == ["sudo", "-n", sys.executable]
        monkeypatch.setattr("shutil.which", lambda name: None)
        with pytest.raises(LabError, match="needs root"):
            control.elevated("up", place)
