"""Output before the supervisor's first frame: noise of the login shell, and reasons for a missing first frame.

A start-up file of the shell (``.bashrc``) may print anything to standard output, even without an end of line. It is
skipped, up to a limit, and shown in the error if the supervisor does not start.
"""

from __future__ import annotations

import re

from probecost.remote.supervisor.frames import FrameError

NOISE_LIMIT = 1 << 16
NO_WORD = (
    "nothing came from its supervisor: its network is cut, it hangs, "
    "or a start-up file of the login shell waits for input"
)
_TOLD = 300
_FIRST = re.compile(rb'(?:\A|\n)\{"event":"(?:ready|busy|refused)"')
_ABSENT = ("not found", "No such file", "unable to execute", "Unknown command")
_PASSWORD = ("password is required", "terminal is required", "must have a tty", "no tty present")


class Greeting:
    """Finds the supervisor's first frame after the noise of a login shell."""

    def __init__(self) -> None:
        self.noise = bytearray()
        self._is_over = False

    def feed(self, data: bytes) -> bytes:
        """Nothing until the first frame begins, then all data from there on. ``FrameError``: too much noise."""
        if self._is_over:
            return data
        self.noise += data
        found = _FIRST.search(self.noise)
        if found is not None:
            start = self.noise.index(b"{", found.start())
            rest = bytes(self.noise[start:])
            del self.noise[start:]
            self._is_over = True
            return rest
        if len(self.noise) > NOISE_LIMIT:
            raise FrameError(f"{NOISE_LIMIT} bytes of other output before it")
        return b""

    @property
    def said(self) -> str:
        """The end of the noise, for messages."""
        return self.noise[-_TOLD:].decode("utf-8", "replace").strip()


def why_not_started(said: str, python: str, *, sudo: bool, status: int | None = None, noise: str = "") -> str:
    """The reason that the supervisor did not start, and the remedy.

    ``said``: stderr of the login shell, sudo or Python; ``status``: the exit code, ``None`` if there is none;
    ``noise``: standard output before the supervisor's first frame.
    """
    if sudo and any(words in said for words in _PASSWORD):
        return "sudo asks for a password: allow it without one (NOPASSWD) for the login user"
    for line in said.splitlines():  # by line: one of them may be the noise of a start-up file
        absent = any(words in line for words in _ABSENT)
        if absent and python in line:
            return f"{python} is missing: install Python 3.6 or newer, or name it as python_interpreter ({line})"
        if absent and "sudo" in line:
            return "sudo is missing: install it (apt-get install sudo, dnf install sudo)"
    printed = f"; the login shell printed: {noise}" if noise else ""
    if said:
        return f"the supervisor did not start: {said}{printed}"
    if status is not None:
        return f"the supervisor did not start: the login shell ended with exit code {status}{printed}"
    return f"the supervisor did not start: it ended without a word{printed}"
