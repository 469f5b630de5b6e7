"""Labs that are brought up for a user, and go when the last one does, whichever way that ends. Needs root."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from bed_access import PROJECT
from own_lab import GONE_S, OwnLab, Traces

from probecost.lab import control
from probecost.lab.waiting import Deadline, wait_until

HOLDER = """
import sys, time
from pathlib import Path
from probecost.lab import control
hold = control.acquire("lab", Path(sys.argv[1]))
print("holding", flush=True)
time.sleep(1000)
"""


@pytest.fixture
def hold_elsewhere(own: OwnLab) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts processes that use the lab until they are killed."""
    holders: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(own.config_dir)]
        holders.append(subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True))
        assert holders[-1].stdout is not None
        assert holders[-1].stdout.readline() == "holding\n"
        return holders[-1]

    yield start
    for holder in holders:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()


def stands(guard: int, own: OwnLab) -> bool:
    """Whether a guard that has started waits for the lab's lock by now."""
    with suppress(FileNotFoundError):
        return str(own.place.in_use_file) in [str(file.readlink()) for file in Path(f"/proc/{guard}/fd").iterdir()]
    return False


class TestAutomatic:
    """Labs that live as long as they are used."""

    def test_acquire_and_release(self, own: OwnLab) -> None:
        hold = control.acquire("lab", own.config_dir)
        traces = Traces.of(own)
        assert own.says("host-server", "hostname") == "host-server"
        hold.release()
        assert traces.left() == []
        hold.release()

    def test_kill_of_the_holder(self, own: OwnLab, hold_elsewhere: Callable[[], subprocess.Popen[str]]) -> None:
        holder = hold_elsewhere()
        traces = Traces.of(own)
        holder.kill()
        traces.assert_gone()

    def test_kill_of_holder_and_guard(self, own: OwnLab, hold_elsewhere: Callable[[], subprocess.Popen[str]]) -> None:
        holder = hold_elsewhere()
        traces = Traces.of(own)
        assert own.recorded.guard is not None
        os.kill(own.recorded.guard.pid, signal.SIGKILL)
        holder.kill()
        assert own.condition() == "up"
        assert own.down() == "lab is down"
        traces.assert_gone()

    def test_release_without_a_guard(self, own: OwnLab) -> None:
        with control.acquire("lab", own.config_dir):
            traces = Traces.of(own)
            assert own.recorded.guard is not None
            os.kill(own.recorded.guard.pid, signal.SIGKILL)
        traces.assert_gone()

    def test_stays_for_other_users(self, own: OwnLab, hold_elsewhere: Callable[[], subprocess.Popen[str]]) -> None:
        holder = hold_elsewhere()
        with control.acquire("lab", own.config_dir):
            traces = Traces.of(own)
        assert own.says("host-server", "hostname") == "host-server"
        holder.kill()
        traces.assert_gone()

    def test_up_makes_it_stay(self, own: OwnLab) -> None:
        with control.acquire("lab", own.config_dir):
            guard = own.recorded.guard
            assert own.up().startswith("lab was up already")
        assert guard is not None
        assert wait_until(lambda: not guard.alive, Deadline.after(5))
        assert own.condition() == "up"
        with control.acquire("lab", own.config_dir):
            pass
        assert own.condition() == "up"

    def test_broken_lab_is_repaired_for_its_user(self, own: OwnLab) -> None:
        with control.acquire("lab", own.config_dir):
            os.kill(own.recorded.hosts["host-client"].pid, signal.SIGKILL)
            with control.acquire("lab", own.config_dir):
                traces = Traces.of(own)
                assert own.says("host-client", "hostname") == "host-client"
        traces.assert_gone()

    def test_state_removed_by_hand(self, own: OwnLab, hold_elsewhere: Callable[[], subprocess.Popen[str]]) -> None:
        hold_elsewhere()
        traces = Traces.of(own)
        guard = own.recorded.guard
        assert guard is not None
        assert wait_until(lambda: stands(guard.pid, own), Deadline.after(GONE_S))
        time.sleep(0.5)  # and has looked at the record
        own.place.state_file.unlink()
        own.place.in_use_file.unlink()
        assert wait_until(lambda: not any(process.alive for process in traces.processes), Deadline.after(GONE_S))
        own.down()
        traces.assert_gone()

    @pytest.mark.parametrize("delay_ms", [60, 150, 250, 350])
    def test_user_killed_on_the_way_up(self, own: OwnLab, delay_ms: int) -> None:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(own.config_dir)], cwd=PROJECT, stdout=subprocess.DEVNULL
        )
        time.sleep(delay_ms / 1000)  # the moment is the parameter
        holder.kill()
        holder.wait()
        time.sleep(0.5)  # whatever was on its way may come up, and must go by itself
        assert wait_until(lambda: not own.place.state_dir.exists(), Deadline.after(GONE_S))

    def test_many_users_coming_and_going(self, own: OwnLab) -> None:
        script = (
            "import sys\nfrom pathlib import Path\nfrom probecost.lab import control\n"
            "for _ in range(4):\n    with control.acquire('lab', Path(sys.argv[1])):\n        pass\n"
        )
        users = [
            subprocess.Popen([sys.executable, "-c", script, str(own.config_dir)], cwd=PROJECT, stderr=subprocess.PIPE)
            for _ in range(3)
        ]
        answers = [user.communicate(timeout=60) for user in users]
        assert [answer[1] for answer in answers] == [b"", b"", b""]
        assert wait_until(lambda: not own.place.state_dir.exists(), Deadline.after(GONE_S))
