"""A supervisor as a child process of the test, spoken to over pipes: no SSH, no root."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from probecost.remote.bundle import bootstrap, supervisor_text
from probecost.remote.supervisor.frames import Decoder, encode
from probecost.remote.supervisor.processes import descendants, stat_of


class SupervisorProcess:
    """Talks to a watchdog and its supervisor like the controller does, one request at a time."""

    def __init__(self, workdir: Path, lease_s: float = 8.0, **options: object) -> None:
        config: dict[str, object] = {"mark": f"unit-{os.getpid()}-{time.time_ns()}", "workdir": str(workdir), **options}
        text = supervisor_text(config | {"lease_s": lease_s, "grace_s": 0.5}).encode()
        self._numbers = itertools.count(1)
        self._decoder = Decoder()
        self.events: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", bootstrap(len(text))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._write(text)
        self.greeting = self._next()[0]
        if self.greeting["event"] != "ready":
            return
        self.supervisor_pid = int(self.ask("hello")["pid"])

    @property
    def watchdog_pid(self) -> int:
        return self.process.pid

    def ask(self, verb: str, payload: bytes = b"", **args: object) -> Any:
        return self.answer(self.send(verb, payload, **args))

    def answer(self, number: int) -> Any:
        """Wait for the answer to the request of that number."""
        while True:
            frame, _ = self._next()
            if frame.get("event") == "alive":
                continue
            if "event" in frame:
                self.events.append(frame)
            elif frame.get("id") == number and "more" not in frame:
                if "error" in frame:
                    raise RuntimeError(json.dumps(frame["error"]))
                return frame["result"]

    def send(self, verb: str, payload: bytes = b"", **args: object) -> int:
        number = next(self._numbers)
        self._write(encode({"id": number, "verb": verb, "args": args}, payload))
        return number

    def hang_up(self) -> None:
        """Close the supervisor's standard input, as a closed SSH channel does."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def wait_gone(self, timeout_s: float = 15.0) -> float:
        """Wait until the watchdog has ended; how long that took."""
        start = time.monotonic()
        self.process.wait(timeout_s)
        return time.monotonic() - start

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if not self.process.stdin.closed:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
        self.process.wait(15)
        self.process.stdout.close()

    def tree(self) -> list[int]:
        return [stat.pid for stat in descendants(self.watchdog_pid)]

    def _write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def _next(self) -> tuple[dict[str, Any], bytes]:
        assert self.process.stdout is not None
        while (item := self._decoder.next()) is None:
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise EOFError("the supervisor ended")
            self._decoder.feed(data)
        return item


def alive(pid: int) -> bool:
    stat = stat_of(pid)
    return stat is not None and stat.state != "Z"


def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    """Poll until ``condition`` holds; whether it did in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
