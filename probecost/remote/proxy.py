"""Runs the program of a ``ProxyCommand`` in the user's shell, like ssh, with a socket as its standard streams."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress

from probecost.errors import UnreachableError

_ENDS_S = 2
_NOT_STARTED = (2, 126, 127)  # exit codes of a shell for a command that it cannot read, run or find


class Proxy:
    """A running program, and ``socket``, our end of its stream."""

    def __init__(self, node: str, command: str) -> None:
        self._node = node
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the program
        self.socket, theirs = socket.socketpair()
        shell = os.environ.get("SHELL") or "/bin/sh"
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [shell, "-c", f"exec {command}"],
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=self._errors.fileno(),
                    start_new_session=True,
                )
        except (OSError, ValueError) as error:
            self.socket.close()
            self._errors.close()
            raise self._not_started(str(error)) from error

    def failure(self) -> UnreachableError | None:
        """The program's failure, if it has failed. Its arguments are not shown: they may hold a password."""
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(0.2)
            self._errors.seek(0)
            lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
            reason = lines[-1] if lines else f"exit code {code}"
            if code in _NOT_STARTED:
                return self._not_started(reason)
            if code:
                return UnreachableError(self._node, f"its ProxyCommand failed: {reason}")
        return None

    def close(self) -> None:
        """End the program and its children."""
        self.socket.close()
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(_ENDS_S)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._process.wait()
        self._errors.close()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _not_started(self, reason: str) -> UnreachableError:
        hint = "install that program, or change ProxyCommand in the ssh configuration"
        return UnreachableError(self._node, f"the ProxyCommand cannot be started: {reason}; {hint}")
