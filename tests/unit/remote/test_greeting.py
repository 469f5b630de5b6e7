"""Login shells that print, wait, refuse or are not there: the supervisor starts all the same, or the reason is told."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from helpers.hostile_shell import ShellConnection

from probecost.deadline import Deadline
from probecost.errors import SupervisorError, UnreachableError
from probecost.remote.greeting import NOISE_LIMIT, Greeting, why_not_started
from probecost.remote.session import Session
from probecost.remote.ssh import Connection
from probecost.remote.supervisor.frames import FrameError, encode

READY = encode({"event": "ready"})
Login = Callable[..., Session]


class TestNoise:
    @pytest.mark.parametrize(
        "noise", [b"", b"\n", b"Welcome!\nto host\n", b"no end of line\n", b"\x00\xff\x1b[2J\n", b'{"event":"hello"}\n']
    )
    def test_it_is_passed_over_in_pieces_of_any_size(self, noise: bytes) -> None:
        greeting = Greeting()
        data = noise + READY + READY
        given = b"".join(greeting.feed(data[at : at + 3]) for at in range(0, len(data), 3))
        assert given == READY + READY
        assert bytes(greeting.noise).strip() == noise.strip()

    def test_it_must_end(self) -> None:
        greeting = Greeting()
        assert greeting.feed(b"x" * NOISE_LIMIT) == b""
        with pytest.raises(FrameError, match=f"{NOISE_LIMIT} bytes of other output"):
            greeting.feed(b"noise\n")


@pytest.fixture
def login(tmp_path: Path) -> Iterator[Login]:
    """Starts a supervisor through bash, whose start-up file is ``rc``."""
    started: list[Session] = []
    connections: list[ShellConnection] = []

    def start(
        rc: str = "",
        *,
        shell: str = "/bin/bash",
        python: str = sys.executable,
        sudo: bool = False,
        wait_s: float = 30.0,
    ) -> Session:
        file = tmp_path / "bashrc"
        file.write_text(f"unset BASH_ENV\n{rc}\n")
        connection = ShellConnection(shell, {"BASH_ENV": str(file)})
        connections.append(connection)
        session = Session(
            cast(Connection, connection),
            python=python,
            sudo=sudo,
            config={"mark": "hostile", "workdir": str(tmp_path), "cgroup": False},
            deadline=Deadline.after(wait_s),
        )
        started.append(session)
        return session

    yield start
    for session in started:
        session.close(5.0)
    for connection in connections:
        connection.finish()


class TestShells:
    @pytest.mark.parametrize(
        "rc",
        [
            "echo Welcome to this host; echo to all >&2",
            "echo -n no end of line",
            r"printf '\000\377\033[2J\033]0;owned\007\r{"  # control characters, and half a frame
            r"\n'",
            "head -c 30000 /dev/urandom",
            "sleep 1",
        ],
        ids=["banner", "no newline", "binary", "much", "slow"],
    )
    def test_a_noisy_start_up_file_does_no_harm(self, login: Login, rc: str) -> None:
        assert login(rc).request("hello", deadline=Deadline.after(30))["uid"] >= 0

    def test_endless_noise_is_told(self, login: Login) -> None:
        with pytest.raises(SupervisorError, match=r"node node-a: .*unexpected output.*login shell must print nothing"):
            login("yes noise")

    def test_noise_and_no_supervisor_are_told_apart(self, login: Login) -> None:
        with pytest.raises(SupervisorError, match="no-python is missing: install Python") as told:
            login("echo hello from .bashrc; no-tool init", python="no-python")
        assert "no-tool" not in str(told.value)

    def test_what_a_shell_that_refuses_logins_says_is_told(self, login: Login, tmp_path: Path) -> None:
        nologin = tmp_path / "nologin"
        nologin.write_text("#!/bin/sh\nprintf 'This account is \\033[1mnot available.\\n'; exit 1\n")
        nologin.chmod(0o755)
        with pytest.raises(SupervisorError, match=r"exit code 1; .* printed: This account is .*not available") as told:
            login(shell=str(nologin))
        assert "\x1b" not in str(told.value)

    def test_a_start_up_file_that_waits_for_input_is_told(self, login: Login) -> None:
        with pytest.raises(UnreachableError, match=r"nothing came from its supervisor: .*a start-up file of the login"):
            login("cat > /dev/null", wait_s=1.0)

    def test_the_command_says_the_same_to_every_shell(self, login: Login) -> None:
        """Bourne shells, csh and fish agree on words, and on single quotes around no quote, backslash or ``!``."""
        session = login()
        (command,) = cast(ShellConnection, session._connection).commands
        assert re.fullmatch(r"(?:[\w./=-]+ )+'[^'\\!\n]+'", command)


class TestSudo:
    @pytest.fixture
    def sudo(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A sudo that asks for a password, in the language that it is told to speak."""
        file = tmp_path / "bin" / "sudo"
        file.parent.mkdir()
        file.write_text(
            "#!/bin/sh\n"
            'case "$LC_MESSAGES$LANGUAGE" in CC) echo "sudo: a password is required" >&2;;'
            ' *) echo "sudo: Ein Passwort ist notwendig" >&2;; esac\nexit 1\n'
        )
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{file.parent}:/usr/bin:/bin")
        monkeypatch.setenv("LANG", "de_DE.UTF-8")
        return file

    @pytest.mark.usefixtures("sudo")
    def test_one_that_asks_for_a_password_is_told_in_any_language(self, login: Login) -> None:
        with pytest.raises(SupervisorError, match="node node-a: sudo asks for a password: allow it without one"):
            login("echo Willkommen; echo profile: command not found >&2", sudo=True)

    @pytest.mark.parametrize(
        "said",
        ["sudo: a terminal is required to read the password", "sudo: sorry, you must have a tty to run sudo"],
    )
    def test_all_its_ways_to_ask(self, said: str) -> None:
        assert "sudo asks for a password" in why_not_started(said, "python3", sudo=True)
