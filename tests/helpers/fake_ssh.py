"""A node behind SSH that exists only in this process: a connection whose one channel says what the test wants."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from probecost.remote.supervisor.frames import Decoder, Frame, encode

Answer = Callable[["FakeChannel", Frame], None]


class FakeChannel:
    """The controller's end. ``answer`` gets each frame that arrives; ``say`` sends one back."""

    def __init__(self, answer: Answer, program_bytes: int) -> None:
        self.closed = False
        self.status_event = threading.Event()
        self.stuck = threading.Event()
        self._answer = answer
        self._program_bytes = program_bytes
        self._decoder = Decoder()
        self._said: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._timeout_s = 10.0

    def say(self, frame: Frame, payload: bytes = b"") -> None:
        self.say_bytes(encode(frame, payload))

    def say_bytes(self, data: bytes) -> None:
        """Anything, frames or not."""
        with self._changed:
            self._said.append(data)
            self._changed.notify_all()

    def settimeout(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s

    def send(self, data: bytes) -> int:
        """Like paramiko's: a peer that takes nothing blocks it, whatever the timeout, until it is closed."""
        while self.stuck.is_set():
            if self.closed:
                raise EOFError
            threading.Event().wait(0.01)
        if self.closed:
            raise OSError("Socket is closed")
        program, rest = data[: self._program_bytes], data[self._program_bytes :]
        self._program_bytes -= len(program)
        if program and not self._program_bytes:
            self.say({"event": "ready"})
        self._decoder.feed(rest)
        while (item := self._decoder.next()) is not None:
            self._answer(self, item[0])
        return len(data)

    def recv(self, size: int) -> bytes:
        with self._changed:
            if not self._changed.wait_for(lambda: self._said or self.closed, self._timeout_s):
                raise TimeoutError
            return self._said.popleft() if self._said else b""

    def recv_stderr_ready(self) -> bool:
        return False

    def shutdown_write(self) -> None:
        pass

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()


class FakeConnection:
    """What ``Session`` uses of ``probecost.remote.ssh.Connection``."""

    def __init__(self, answer: Answer) -> None:
        self.node = "node-a"
        self.user = "root"
        self.aborted = threading.Event()
        self.channel: Any = None
        self._answer = answer

    def open_channel(self, command: str, deadline: object) -> Any:
        size = int(command.rpartition("read(")[2].partition(")")[0])
        self.channel = FakeChannel(self._answer, size)
        return self.channel

    def close(self) -> None:
        self.channel.close()

    def abort(self) -> None:
        self.aborted.set()
        self.channel.close()
