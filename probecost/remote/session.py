"""A conversation with the supervisor on one node: requests, answers, events, and the lease."""

from __future__ import annotations

import itertools
import queue
import shlex
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import paramiko

from probecost.deadline import Deadline
from probecost.errors import (
    ConnectionLostError,
    NodeBusyError,
    NodeError,
    RemoteError,
    SupervisorError,
    UnreachableError,
)
from probecost.remote.bundle import bootstrap, supervisor_text
from probecost.remote.greeting import NO_WORD, Greeting, why_not_started
from probecost.remote.lease import in_use_by
from probecost.remote.ssh import Connection
from probecost.remote.supervisor import LEASE_S
from probecost.remote.supervisor.frames import Decoder, Frame, FrameError, encode

RENEW_S = 2.0
STALL_S = 15.0
CLOSE_S = 10.0
CHUNK = 1 << 15
#: Messages of sudo are parsed, so they must be in English.
IN_ENGLISH = ("env", "LC_MESSAGES=C", "LANGUAGE=C")
MAX_PAYLOAD = 1 << 21
MAX_EVENTS = 1000
PROGRESS_BYTES = 1 << 16
_ENDED = "the supervisor on the node ended"
_STDERR_LIMIT = 8192
_POLL_S = 0.5


@dataclass
class _Pending:
    """State of one request; ``since_progress`` counts the bytes of a stream since the last progress."""

    on_data: Callable[[bytes], None] | None
    done: threading.Event = field(default_factory=threading.Event)
    progress: float = field(default_factory=time.monotonic)
    since_progress: int = 0
    answer: Frame | None = None
    failure: BaseException | None = None

    def take(self, chunk: bytes) -> None:
        """Pass one chunk to ``on_data``. Its exception ends the request and is raised at the caller."""
        self.since_progress += len(chunk)
        if self.since_progress >= PROGRESS_BYTES:
            self.progress, self.since_progress = time.monotonic(), 0
        if self.on_data is None or self.done.is_set():
            return
        try:
            self.on_data(chunk)
        except Exception as error:
            self.failure = error
            self.done.set()


class Session:
    """Starts the supervisor over ``connection`` and talks to it; any thread may send requests.

    The supervisor gives a sign of life every few seconds. After ``silence_s`` without a byte from it the connection
    counts as cut: by then the node, which has heard nothing either, ends its side of the run. ``events`` holds
    unsolicited messages of the supervisor (a tool that ended, for instance). ``limit`` caps the deadlines of all
    requests.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        python: str,
        sudo: bool,
        config: Mapping[str, object],
        deadline: Deadline,
        renew_s: float = RENEW_S,
        silence_s: float = LEASE_S,
    ) -> None:
        self.node = connection.node
        self.limit: Deadline | None = None
        self.events: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self.round_trips = 0
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._lock = threading.Lock()
        self._send_lock = threading.Lock()
        self._closed = threading.Event()
        self._ready = threading.Event()
        self._lost = ""
        self._refusal: NodeError | None = None
        self._strange = ""
        self._stderr = bytearray()
        self._greeting = Greeting()
        self._connection = connection
        self._silence_s = silence_s
        text = supervisor_text(dict(config)).encode()
        argv = [python, "-c", bootstrap(len(text))]
        self._channel: paramiko.Channel = connection.open_channel(
            shlex.join([*IN_ENGLISH, "sudo", "-n", *argv] if sudo else argv), deadline
        )
        self._reader = threading.Thread(target=self._read, name=f"read {self.node}", daemon=True)
        self._renewer = threading.Thread(target=self._renew, args=(renew_s,), name=f"renew {self.node}", daemon=True)
        try:
            cut = self._sent(text)
            self._reader.start()
            ready = self._ready.wait(deadline.left_s)
            if self._refusal is not None:
                raise self._refusal
            said = self._stderr or self._greeting.said
            if cut is not None and not (said or self._channel.status_event.wait(_POLL_S)):
                raise cut
            if not ready and not said:
                raise UnreachableError(self.node, NO_WORD)
            if cut is not None or not ready or self._lost:
                raise SupervisorError(self.node, self._why_not_started(python, sudo=sudo))
        except BaseException:
            self.close(0.0)
            raise
        self._renewer.start()

    def _sent(self, program: bytes) -> ConnectionLostError | None:
        """Send the program; return the error if the login shell ended at once: its output may have the reason."""
        try:
            self._send(program)
        except ConnectionLostError as error:
            return error
        return None

    def _why_not_started(self, python: str, *, sudo: bool) -> str:
        if self._strange:
            said = f"unexpected output ({self._strange}): its login shell must print nothing when it runs a command"
        else:
            said = bytes(self._stderr).decode("utf-8", "replace").strip()
            said = said or (self._lost if self._lost != _ENDED else "")
        ended = self._channel.status_event.wait(_POLL_S) if self._lost else False
        status = self._channel.exit_status if ended else None
        return why_not_started(said, python, sudo=sudo, status=status, noise=self._greeting.said)

    @property
    def alive(self) -> bool:
        return not self._closed.is_set() and not self._lost and not self._channel.closed

    def request(
        self,
        verb: str,
        args: Mapping[str, object] | None = None,
        *,
        deadline: Deadline,
        payload: bytes = b"",
        on_data: Callable[[bytes], None] | None = None,
        stall_s: float | None = None,
    ) -> Any:
        """Send the request ``verb`` and wait for its result; ``on_data`` takes the chunks of a streamed answer.

        With ``stall_s``, the request fails if for this time less than 64 KB came and were taken by ``on_data``. Raises
        ``RemoteError`` with the node's reason, ``ConnectionLostError`` if the conversation ended, and any exception of
        ``on_data``.
        """
        pending = _Pending(on_data)
        with self._lock:
            number = next(self._numbers)
            self._pending[number] = pending
        try:
            self.round_trips += 1
            self._send(encode({"id": number, "verb": verb, "args": dict(args or {})}, payload))
            while not pending.done.wait(min(_POLL_S, max(deadline.left_s, 0.001))):
                if deadline.expired or (self.limit is not None and self.limit.expired):
                    raise RemoteError(self.node, f"{verb}: no answer in time")
                if stall_s is not None and time.monotonic() - pending.progress >= stall_s:
                    raise RemoteError(self.node, f"{verb}: nothing, or next to nothing, came for {stall_s:g} s")
        finally:
            with self._lock:
                self._pending.pop(number, None)
        if pending.failure is not None:
            raise pending.failure
        answer = pending.answer
        if answer is None:
            raise ConnectionLostError(self.node, f"{verb}: {self._lost or 'the connection was closed'}")
        if "error" in answer:
            raise RemoteError(self.node, f"{verb}: {_reason(answer['error'])}")
        return answer.get("result")

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Say good-bye and wait until the supervisor and its watchdog are gone, so that nothing is left afterwards.

        A node that accepts nothing any more, or does not end in time, is left to its watchdog.
        """
        if self._closed.is_set():
            return
        self._closed.set()
        deadline = Deadline.after(timeout_s)
        if not self._lost and not self._channel.closed and timeout_s > 0:
            bye = threading.Thread(target=self._say_bye, name=f"bye {self.node}", daemon=True)
            bye.start()
            bye.join(deadline.left_s)
            if not bye.is_alive():
                self._channel.status_event.wait(deadline.left_s)
        stuck = not self._channel.status_event.is_set()
        self._end("the connection was closed")
        if stuck:
            self._connection.abort()  # closing the channel alone would wait for a stuck send
        self._channel.close()

    def _say_bye(self) -> None:
        try:
            self._send(encode({"verb": "bye"}))
            self._channel.shutdown_write()
        except (NodeError, OSError, EOFError, paramiko.SSHException):
            pass  # gone already: its watchdog clears up

    def _send(self, data: bytes) -> None:
        """Send all data; a node that accepts nothing for ``STALL_S`` is lost."""
        view = memoryview(data)
        with self._send_lock:
            if self._lost:
                raise ConnectionLostError(self.node, self._lost)
            stalled = Deadline.after(STALL_S)
            try:
                while view:
                    try:
                        view = view[self._channel.send(bytes(view[:CHUNK])) :]
                        stalled = Deadline.after(STALL_S)
                    except TimeoutError:
                        if stalled.expired or self._lost:
                            raise
            except (OSError, EOFError, paramiko.SSHException) as error:
                reason = str(error) or f"it took nothing for {STALL_S:g} s"
                raise ConnectionLostError(self.node, self._lost or f"the connection was cut: {reason}") from error

    def _renew(self, renew_s: float) -> None:
        while not self._closed.wait(renew_s):
            try:
                self._send(encode({"verb": "ping"}))
            except ConnectionLostError:
                return

    def _read(self) -> None:
        reason = _ENDED
        silent = False
        try:
            silent = self._listen()
        except FrameError as error:
            self._strange = str(error)
            reason = f"unexpected output ({error})"
        except (OSError, EOFError, paramiko.SSHException) as error:
            reason = f"the connection was cut: {error}"
        if silent:
            reason = f"no sign of life for {self._silence_s:g} s: its network is cut, or it hangs"
        self._drain_stderr()
        self._end(reason)
        if silent:
            self._connection.abort()

    def _listen(self) -> bool:
        """Process the node's output until it ends; return whether it has fallen silent."""
        decoder = Decoder(MAX_PAYLOAD)
        heard = time.monotonic()
        self._channel.settimeout(_POLL_S)
        while True:
            self._drain_stderr()
            try:
                data = self._channel.recv(1 << 18)
            except TimeoutError:
                if self._lost:
                    return False
                if self._ready.is_set() and time.monotonic() - heard >= self._silence_s:
                    return True
                continue
            if not data:
                return False
            decoder.feed(self._greeting.feed(data))
            while (item := decoder.next()) is not None:
                self._dispatch(*item)
            heard = time.monotonic()  # the time of dispatching is not the node's silence

    def _drain_stderr(self) -> None:
        for _ in range(_STDERR_LIMIT // 4096):  # bounded: endless stderr must not block the rest
            if not self._channel.recv_stderr_ready():
                return
            self._stderr = (self._stderr + self._channel.recv_stderr(4096))[-_STDERR_LIMIT:]

    def _note(self, event: Frame) -> None:
        """Keep an event; in a flood of events, only the newest ones stay."""
        self.events.put(event)
        while self.events.qsize() > MAX_EVENTS:
            self.events.get()

    def _dispatch(self, frame: Frame, payload: bytes) -> None:
        if "event" in frame:
            if frame["event"] == "ready":
                self._ready.set()
            elif frame["event"] == "busy":
                holder, held_s = _mapping(frame.get("holder")), frame.get("held_s")
                known_s = float(held_s) if isinstance(held_s, int | float) else None
                self._refuse(NodeBusyError(self.node, in_use_by(holder), str(holder.get("run", "")), known_s))
            elif frame["event"] == "refused":
                self._refuse(SupervisorError(self.node, str(frame.get("reason"))))
            elif frame["event"] != "alive":
                self._note(frame)
            return
        number = frame.get("id")
        with self._lock:
            pending = self._pending.get(number) if isinstance(number, int) else None
        if pending is None:
            return  # its request has been given up
        if frame.get("more"):
            pending.take(payload)
            return
        pending.answer = frame
        pending.done.set()

    def _refuse(self, error: NodeError) -> None:
        self._refusal = error
        self._ready.set()

    def _end(self, reason: str) -> None:
        with self._lock:
            self._lost = self._lost or reason
            waiting = list(self._pending.values())
        self._ready.set()
        for pending in waiting:
            pending.done.set()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _reason(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    kind, text = error.get("type"), error.get("text")
    expected = kind in ("GeneratorError", "Outside", "FileExistsError", "OSError")
    return str(text) if expected else f"{kind}: {text} ({error.get('where')})"
