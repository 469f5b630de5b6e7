"""Labs brought up and taken down, and killed at every point. Needs root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from bed_access import PROJECT
from own_lab import GONE_S, OwnLab, Traces, all_pids, is_in_host, namespaces_of

from probecost.lab import control, state
from probecost.lab.places import STATE_ROOT
from probecost.lab.process import ProcessId
from probecost.lab.state import LabState
from probecost.lab.waiting import Deadline, wait_until


class TestUpAndDown:
    """Bringing up and taking down, one after the other."""

    def test_down_leaves_nothing(self, own: OwnLab) -> None:
        own.up()
        user = subprocess.Popen(
            ["ssh", "-F", str(own.place.ssh_config()), "host-server", "sudo -n sleep 1000"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert wait_until(lambda: "sleep 1000" in own.says("host-server", "ps -e -o args="), Deadline.after(5))
        traces = Traces.of(own)
        assert len(traces.processes) >= 7
        assert own.down() == "lab is down"
        traces.assert_gone()
        assert user.wait(timeout=10) != 0
        assert own.condition() == "down"
        assert own.down() == "lab was down already"

    def test_up_twice_is_fine(self, own: OwnLab) -> None:
        assert own.up().startswith("lab is up")
        before = Traces.of(own)
        assert own.up().startswith("lab was up already")
        assert Traces.of(own) == before

    def test_minimal_input_stays_the_same(self, own: OwnLab) -> None:
        own.up()
        file = own.place.minimal_input()
        before = (file.read_text(), file.stat().st_mtime_ns, own.place.identity().read_text())
        own.down()
        own.up()
        assert (file.read_text(), file.stat().st_mtime_ns, own.place.identity().read_text()) == before
        assert own.says("host-server", "hostname") == "host-server"

    def test_two_labs_at_once(self, new_lab: Callable[[str], OwnLab]) -> None:
        one, other = new_lab("one"), new_lab("other")
        one.up()
        other.up()
        assert one.recorded.index != other.recorded.index
        assert one.says("host-server", "cat /etc/machine-id") != other.says("host-server", "cat /etc/machine-id")
        traces = Traces.of(one)
        one.down()
        traces.assert_gone()
        assert other.says("host-client", "hostname") == "host-client"

    def test_unknown_name(self, tmp_path: Path) -> None:
        with pytest.raises(control.LabError, match="no lab is called 'nonsense'; known: lab"):
            control.up("nonsense", tmp_path)

    def test_command_line(self, own: OwnLab) -> None:
        def run(verb: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "probecost.lab", verb, "lab", "--config-dir", str(own.config_dir)]
            return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

        assert run("status").returncode == 3
        assert run("up").returncode == 0
        assert run("status").returncode == 0
        os.kill(own.recorded.hosts["host-server"].pid, signal.SIGKILL)
        assert wait_until(lambda: run("status").returncode == 4, Deadline.after(5))
        assert run("down").returncode == 0
        assert run("status").returncode == 3


class TestBroken:
    """States that only a crash, or somebody's hand, brings about."""

    def test_killing_the_first_process_ends_the_host(self, own: OwnLab) -> None:
        own.up()
        first = own.recorded.hosts["host-server"]
        own.says("host-server", "nohup setsid sleep 1000 >/dev/null 2>&1 &")
        namespaces = namespaces_of(first.pid) - namespaces_of(os.getpid())
        os.kill(first.pid, signal.SIGKILL)

        def gone() -> bool:
            return not first.alive and not any(namespaces_of(pid) & namespaces for pid in all_pids())

        assert wait_until(gone, Deadline.after(GONE_S))
        assert control.status("lab", own.config_dir).problem == "host-server has ended"
        assert own.says("host-client", "hostname") == "host-client"
        traces = Traces.of(own)
        assert own.up().startswith("lab was broken and is up again")
        assert not [process for process in traces.processes if process.alive]
        assert own.says("host-server", "hostname") == "host-server"

    def test_missing_files_are_repaired(self, own: OwnLab) -> None:
        own.up()
        own.place.known_hosts().unlink()
        assert "known_hosts is missing" in control.status("lab", own.config_dir).problem
        own.up()
        assert own.condition() == "up"

    @pytest.mark.parametrize("then", ["up", "down"])
    @pytest.mark.parametrize("loss", ["unreadable record", "no record", "no state folder"])
    def test_a_lost_record_loses_no_host(self, own: OwnLab, loss: str, then: str) -> None:
        own.up()
        traces = Traces.of(own)
        match loss:
            case "unreadable record":
                own.place.state_file.write_text("{")
                assert own.condition() == "broken"
            case "no record":
                own.place.state_file.unlink()
            case _:
                shutil.rmtree(own.place.state_dir)
        if then == "up":
            own.up()
            assert own.says("host-server", "hostname") == "host-server"
            assert not [process for process in traces.processes if process.alive]
        own.down()
        traces.assert_gone()

    def test_a_recycled_pid_is_left_alone(self, own: OwnLab) -> None:
        bystander = subprocess.Popen(["sleep", "1000"])
        try:
            stranger = ProcessId(bystander.pid, ProcessId.of(bystander.pid).start_ticks - 1)
            own.place.state_dir.mkdir(parents=True)
            hosts = {"host-server": stranger, "host-client": stranger}
            state.save(own.place, LabState(str(own.config_dir), 7, True, hosts, stranger, True))
            assert own.down() == "lab is down"
            assert bystander.poll() is None
        finally:
            bystander.kill()
            bystander.wait()

    @pytest.mark.parametrize("delay_ms", [30, 80, 120, 160, 200, 240, 280, 320])
    def test_up_killed_on_its_way(self, own: OwnLab, delay_ms: int) -> None:
        before = set(all_pids())
        command = [sys.executable, "-m", "probecost.lab", "up", "lab", "--config-dir", str(own.config_dir)]
        up = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
        time.sleep(delay_ms / 1000)  # the moment is the parameter
        up.kill()
        up.wait()
        recorded = state.load(own.place)
        if recorded is not None and not recorded.complete:  # else it was quicker
            assert wait_until(lambda: not any(p.alive for p in recorded.hosts.values()), Deadline.after(GONE_S))
        if recorded is None or not recorded.complete:

            def gone() -> bool:
                return not any(is_in_host(pid, own) for pid in set(all_pids()) - before)

            assert wait_until(gone, Deadline.after(GONE_S))
        own.up()
        assert own.says("host-server", "hostname") == "host-server"
        traces = Traces.of(own)
        own.down()
        traces.assert_gone()


def test_nothing_is_left_of_the_state_folder(tmp_path: Path) -> None:
    own = OwnLab(tmp_path / "config")
    own.up()
    own.down()
    assert not [path for path in STATE_ROOT.glob("*") if path.name.startswith(own.place.instance)]
    with suppress(FileNotFoundError):  # an empty folder stays only as long as another lab is on its way
        assert wait_until(lambda: any(STATE_ROOT.iterdir()), Deadline.after(GONE_S))
