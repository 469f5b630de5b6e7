"""A login on a node as a child process of the test: a shell of the test's choice runs what is asked."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

_WINDOW = 1 << 20  # what a channel takes before anybody on the node reads it


class ShellChannel:
    """What ``Session`` uses of a paramiko channel, over the pipes of a process."""

    def __init__(self, argv: list[str], env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | env,
            bufsize=0,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        fcntl.fcntl(self.process.stdin.fileno(), fcntl.F_SETPIPE_SZ, _WINDOW)
        self.closed = False
        self.status_event = threading.Event()
        self.exit_status = -1
        self._peeked = b""
        self._timeout_s = 10.0
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        self.exit_status = self.process.wait()
        self.status_event.set()

    def settimeout(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s

    def send(self, data: bytes) -> int:
        assert self.process.stdin is not None
        if not select.select([], [self.process.stdin], [], self._timeout_s)[1]:
            raise TimeoutError
        return os.write(self.process.stdin.fileno(), data)

    def recv(self, size: int) -> bytes:
        return self._read(self.process.stdout, size, self._timeout_s)

    def recv_stderr_ready(self) -> bool:
        if not self._peeked and not self.closed and select.select([self.process.stderr], [], [], 0)[0]:
            assert self.process.stderr is not None
            self._peeked = os.read(self.process.stderr.fileno(), 4096)
        return bool(self._peeked)

    def recv_stderr(self, size: int) -> bytes:
        said, self._peeked = self._peeked[:size], self._peeked[size:]
        return said

    def _read(self, pipe: IO[bytes] | None, size: int, timeout_s: float) -> bytes:
        assert pipe is not None
        if self.closed:
            return b""
        if not select.select([pipe], [], [], timeout_s)[0]:
            raise TimeoutError
        return os.read(pipe.fileno(), size)

    def shutdown_write(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def close(self) -> None:
        """The node's end notices, as it does when a channel is closed."""
        self.closed = True
        if not self.status_event.is_set():
            with suppress(ProcessLookupError):  # it has ended just now
                os.killpg(self.process.pid, signal.SIGKILL)


class ShellConnection:
    """What ``Session`` uses of ``probecost.remote.ssh.Connection``; commands are run by ``shell -c``."""

    def __init__(self, shell: Path | str, env: dict[str, str] | None = None) -> None:
        self.node = "node-a"
        self.commands: list[str] = []
        self._shell = str(shell)
        self._env = env or {}
        self.channel: ShellChannel | None = None

    def open_channel(self, command: str, deadline: object) -> ShellChannel:
        self.commands.append(command)
        self.channel = ShellChannel([self._shell, "-c", command], self._env)
        return self.channel

    def abort(self) -> None:
        if self.channel is not None:
            self.channel.close()

    def finish(self) -> None:
        """Wait until nobody reads from it any more."""
        assert self.channel is not None
        self.channel.close()
        self.channel.process.wait()
        for thread in threading.enumerate():
            if thread.name == f"read {self.node}":
                thread.join()
        for pipe in (self.channel.process.stdin, self.channel.process.stdout, self.channel.process.stderr):
            assert pipe is not None
            pipe.close()
