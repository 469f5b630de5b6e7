"""A session's connection: what is sent over it in the beginning, and what becomes of it when the network is cut."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.supervisor_process import SupervisorProcess

from probecost.remote import bundle
from probecost.remote.supervisor import main
from probecost.remote.supervisor.processes import Stat


class TestConnection:
    def above(self, *names: str) -> list[Stat]:
        return [Stat(100 - at, name, "S", 99 - at, 0, 0, 0) for at, name in enumerate(names)]

    @pytest.mark.parametrize(
        ("names", "found"),
        [
            (("python3", "sudo", "sudo", "sh", "sshd", "sshd", "sshd", "init"), 96),
            (("python3", "sshd-session", "sshd-session", "sshd", "init"), 99),
            (("python3", "bash", "login", "init"), None),
        ],
    )
    def test_it_is_the_nearest_sshd(
        self, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], found: int | None
    ) -> None:
        """The daemon that listens, which serves everybody, stands above it."""
        monkeypatch.setattr(main, "ancestors", lambda pid: self.above(*names))
        stat = main.sshd_of(100)
        assert (None if stat is None else stat.pid) == found

    @pytest.mark.parametrize(("sent", "is_silent"), [(b"\n", True), (b"", False)])
    def test_silence_is_told_from_an_end(self, sent: bytes, is_silent: bool) -> None:
        reading, writing = os.pipe()
        os.write(writing, b'["dir", "/x"]\n' + sent)
        if not is_silent:
            os.close(writing)
        assert main.watch(reading, 0.1) == ([["dir", "/x"]], is_silent)


class TestArrival:
    def test_a_text_that_does_not_arrive_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The network was cut while it was sent: nobody would end this process, as there is no watchdog yet."""
        monkeypatch.setattr(bundle, "_ARRIVES_S", 1)
        reader = subprocess.Popen([sys.executable, "-c", bundle.bootstrap(100)], stdin=subprocess.PIPE)
        assert reader.stdin is not None
        reader.stdin.write(b"import")
        reader.stdin.flush()
        assert reader.wait(10) == -signal.SIGALRM
        reader.stdin.close()

    def test_one_that_has_arrived_runs_on(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(bundle, "_ARRIVES_S", 1)
        supervisor = SupervisorProcess(tmp_path)
        time.sleep(1.2)
        assert supervisor.ask("ping")["time_ns"] > 0
        supervisor.close()
