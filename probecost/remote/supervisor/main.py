"""Both processes: the watchdog waits, the supervisor serves. See the package's docstring for who ends what."""

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
    """Run until told to end. ``config``: ``mark`` (a name), ``workdir``; optionally ``lease_s``, ``grace_s``,
    ``cgroup``: whether to use one if the kernel has them, and ``run``: how the marks of all nodes of this run begin.

    ``own_connection``: the SSH connection serves this session alone, and is ended when the controller is not heard.
    ``lease``, if it is there, is who wants this node for a run of theirs: whoever finds it taken is told by whom.
    """
    signal.alarm(0)
    os.write(1, b"\n")  # what a start-up file of the login shell printed may lack its end of line
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
    """The sshd process that serves the connection over which ``pid`` was started; ``None`` where it is not by SSH.

    It is the nearest one above: the daemon that listens stands above that one. When the network is cut it would wait
    for hours for a controller that makes another connection to come back.
    """
    return next((stat for stat in ancestors(pid)[1:] if stat.comm.startswith("sshd")), None)


def _cgroup(config: Dict[str, Any]) -> Optional[Cgroup]:
    run = str(config.get("run") or "")
    return Cgroup.create(PREFIX + config["mark"], PREFIX + run if run else "")


def _take_lease(config: Dict[str, Any]) -> Optional[Lease]:
    """The lease that was asked for. When it cannot be had, the controller is told and this process ends."""
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

    What was noted meanwhile, and whether it was the silence that ended it.
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
        """Until the connection or the watchdog ends: of a killed watchdog, either may be seen first."""
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
        """Tell the controller that this node is there, whatever else is being sent or awaited."""
        try:
            while True:
                time.sleep(ALIVE_S)
                self._emit({"event": "alive"})
        except OSError:
            pass  # nobody listens any more: the main thread sees that too

    def _orphaned(self) -> None:
        """The watchdog is gone: do its work. The cgroup is left first, so that it can be removed."""
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
        except Exception as error:  # whatever it is, the controller must hear of it
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
        """Whether the watchdog is there to hear it; if not, the main thread does its work."""
        try:
            os.write(self._watchdog, data)
        except BrokenPipeError:
            return False
        return True
