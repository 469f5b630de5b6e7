"""Both processes: the watchdog waits, the supervisor serves. The package's docstring has their duties."""

import json
import os
import select
import signal
import sys
import threading
import time
import traceback
from typing import Any, Dict, List, Optional, Tuple

from . import ALIVE_S, GRACE_S, LEASE_S
from .attachments import Inventories
from .cgroups import PREFIX, Cgroup
from .clearing import Clearing
from .frames import Decoder, Frame, FrameError, Writer
from .lease import Busy, Lease
from .owner import Owner
from .processes import OWNER, Stat, ancestors, become_subreaper, send_signal, stat_of
from .service import Service

Notes = List[List[str]]

#: Verbs whose answer is too large for one frame: they send chunks before it.
STREAMS = ("archive", "discover", "manifest")


def main(config: Dict[str, Any]) -> None:
    """Run until the session ends. ``config``: ``mark`` (a name), ``workdir``; optionally ``lease_s``, ``grace_s``,
    ``cgroup``: whether to use one if the kernel has them, and ``run``: prefix of the marks of all nodes of this run.

    ``own_connection``: the SSH connection serves this session alone, and is ended when the controller falls silent.
    ``lease``, if given, describes the run that takes this node; if it is taken, the controller gets its holder.
    """
    signal.alarm(0)
    os.write(1, b"\n")  # output of a start-up file of the login shell may lack its end of line
    lease = _take_lease(config)
    login = sshd_of(os.getpid()) if config.get("own_connection") else None
    try:
        os.setsid()
    except OSError:
        pass  # sudo may have made this process a group leader already
    become_subreaper()
    group = _cgroup(config) if config.get("cgroup", True) else None
    clearing = Clearing(group, Inventories(group.path if group else ""), float(config.get("grace_s", GRACE_S)))
    reading, writing = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        os.close(reading)
        Supervisor(config, clearing, writing, lease).run()
        os._exit(0)
    os.close(writing)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: send_signal(supervisor, signal.SIGKILL))
    notes, is_silent = watch(reading, float(config.get("lease_s", LEASE_S)))
    send_signal(supervisor, signal.SIGKILL)
    clearing.clear(notes)
    if lease is not None:
        lease.release()
    if is_silent and login is not None:
        there = stat_of(login.pid)
        if there is not None and there.start == login.start:
            send_signal(login.pid, signal.SIGTERM)
    os._exit(0)


def sshd_of(pid: int) -> Optional[Stat]:
    """The sshd process of the connection over which ``pid`` was started; ``None`` if it was not started by SSH.

    It is the nearest sshd among its ancestors; the listening daemon is above it. After a cut of the network it would
    wait for hours, though the controller comes back over another connection.
    """
    return next((stat for stat in ancestors(pid)[1:] if stat.comm.startswith("sshd")), None)


def _cgroup(config: Dict[str, Any]) -> Optional[Cgroup]:
    run = str(config.get("run") or "")
    return Cgroup.create(PREFIX + config["mark"], PREFIX + run if run else "")


def _take_lease(config: Dict[str, Any]) -> Optional[Lease]:
    """Take the lease of ``config``, if any. If that fails, report it to the controller and end this process."""
    if not config.get("lease"):
        return None
    try:
        return Lease.take(config["lease"], config.get("lease_file"))
    except Busy as busy:
        told = {key: value for key, value in busy.holder.items() if key != "token"}  # which would open the lease
        refusal = {"event": "busy", "holder": told, "held_s": busy.held_s}
    except OSError as error:
        refusal = {"event": "refused", "reason": "the node's lease cannot be taken: %s" % error}
    Writer(os.fdopen(1, "wb", buffering=0)).write(refusal)
    os._exit(0)


def watch(pipe: int, lease_s: float) -> Tuple[Notes, bool]:
    """Wait until the supervisor's end of the pipe closes, or nothing came for ``lease_s``.

    Return the notes of the meantime, and whether silence ended the wait.
    """
    notes: Notes = []
    rest = b""
    while True:
        ready, _, _ = select.select([pipe], [], [], lease_s)
        data = os.read(pipe, 65536) if ready else b""
        if not data:
            return notes, not ready
        *lines, rest = (rest + data).split(b"\n")
        notes += [json.loads(line.decode("utf-8")) for line in lines if line]


class Supervisor:
    """Reads requests from standard input, serves each in a thread, renews the watchdog's lease with every byte."""

    def __init__(
        self, config: Dict[str, Any], clearing: Clearing, watchdog: int, lease: Optional[Lease] = None
    ) -> None:
        become_subreaper()
        group = clearing.group
        if group is not None:
            group.join()
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self._clearing = clearing
        self._watchdog = watchdog
        self._lease = lease
        self._notes: Notes = []
        self._writer = Writer(os.fdopen(1, "wb", buffering=0))
        owner = Owner.of(config["mark"], os.getppid(), os.getpid())
        os.environ[OWNER] = owner.text
        awake = bool(config.get("keep_awake"))
        self._service = Service(config["workdir"], group, self._emit, self._note, awake, owner, clearing)

    def run(self) -> None:
        self._emit({"event": "ready"})
        threading.Thread(target=self._say_alive, daemon=True).start()
        self._serve_requests()
        if not self._tell_watchdog(b"\n"):
            self._orphaned()

    def _serve_requests(self) -> None:
        """Serve until the connection or the watchdog ends; if the watchdog is killed, either may come first."""
        decoder = Decoder()
        poller = select.poll()
        poller.register(0, select.POLLIN)
        poller.register(self._watchdog, 0)
        while True:
            for fd, event in poller.poll():
                if fd == self._watchdog:
                    return
                data = os.read(0, 65536) if event & (select.POLLIN | select.POLLHUP) else b""
                if not data:
                    return
                if not self._tell_watchdog(b"\n"):
                    return
                decoder.feed(data)
            while True:
                try:
                    request = decoder.next()
                except FrameError as error:
                    sys.stderr.write("supervisor: %s\n" % error)
                    return
                if request is None:
                    break
                if request[0].get("verb") == "bye":
                    return
                if request[0].get("verb") == "ping" and "id" not in request[0]:
                    continue  # only renews the lease
                threading.Thread(target=self._serve, args=request, daemon=True).start()

    def _say_alive(self) -> None:
        """Send a sign of life to the controller, independently of all other messages."""
        try:
            while True:
                time.sleep(ALIVE_S)
                self._emit({"event": "alive"})
        except OSError:
            pass  # the controller is gone: the main thread notices it too

    def _orphaned(self) -> None:
        """Do the work of a dead watchdog. This process leaves the cgroup first, so that it can be removed."""
        group = self._clearing.group
        if group is not None:
            with open(os.path.join(os.path.dirname(group.path), "cgroup.procs"), "w") as file:
                file.write("0")
        self._clearing.clear(self._notes)
        if self._lease is not None:
            self._lease.release()

    def _serve(self, frame: Frame, payload: bytes) -> None:
        number = frame.get("id")
        try:
            method = getattr(self._service, str(frame["verb"]))
            arguments = dict(frame.get("args") or {})
            if payload:
                arguments["payload"] = payload
            if frame["verb"] in STREAMS:
                arguments["send"] = lambda chunk: self._writer.write({"id": number, "more": True}, chunk)
            result = method(**arguments)
        except Exception as error:  # the controller must hear of any failure
            where = traceback.extract_tb(sys.exc_info()[2])[-1]
            reason = {
                "type": type(error).__name__,
                "text": str(error),
                "where": "%s:%s" % (where[0], where[1]),
            }
            self._writer.write({"id": number, "error": reason})
        else:
            self._writer.write({"id": number, "result": result})

    def _emit(self, event: Dict[str, Any]) -> None:
        self._writer.write(event)

    def _note(self, kind: str, path: str) -> None:
        note = [kind, path]
        self._notes.append(note)
        self._tell_watchdog(json.dumps(note).encode("utf-8") + b"\n")

    def _tell_watchdog(self, data: bytes) -> bool:
        """Send data to the watchdog; return whether it is alive. If not, the main thread does its work."""
        try:
            os.write(self._watchdog, data)
        except BrokenPipeError:
            return False
        return True
