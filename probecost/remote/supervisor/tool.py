"""The eBPF tool on this node: started, awaited until its programs are attached, watched, stopped with all its tree."""

import os
import resource
import signal
import subprocess
import threading
import time
from typing import Any, Callable, Dict, List, Optional

from . import GRACE_S, bpf
from .cgroups import Cgroup
from .files import Files
from .processes import CHILDREN, Stat, end, spawn, trees

READY_POLL_S = 0.1
KNOWN_POLL_S = 0.05
READY_POLLS = 5
PARTIAL_S = 5.0
WATCH_S = 0.25
TAIL_BYTES = 2000


def tail(path: str) -> str:
    """The last lines of a file as text, for messages."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            return file.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""


class Tool:
    """One start of one tool. ``emit`` tells the controller when it ends on its own or exceeds its log cap."""

    def __init__(
        self,
        spec: Dict[str, Any],
        files: Files,
        group: Optional[Cgroup],
        emit: Callable[[Dict[str, Any]], None],
    ) -> None:
        self._spec = spec
        self._group = group
        self._emit = emit
        self._cap = int(spec["log_cap_bytes"])
        self.stdout = files.path(spec["stdout"])
        self.stderr = files.path(spec["stderr"])
        self._stopping = threading.Event()
        self._cap_hit = False
        self._programs: List[int] = []
        self._started = time.monotonic()
        with files.create(spec["stdout"]) as out, files.create(spec["stderr"]) as err:
            argv = ["/bin/sh", "-c", spec["command"]]
            self._process = spawn(argv, out, err, files.workdir, files.identity, self._before)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _before(self) -> None:
        if self._group is not None:
            self._group.join()
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._cap, self._cap))

    def tree(self) -> List[Stat]:
        """Every process of the tool: its first one, the members of its cgroup, the orphans that came to us, all below.

        One that has left the cgroup, or the session and its parent, is still among them.
        """
        members = self._group.pids() if self._group is not None else []
        own = [self.pid] if self._process.poll() is None else []  # the number of one that has ended may be a stranger's
        return trees(own + members + CHILDREN.adopted(self.pid))

    def living(self) -> List[Stat]:
        return [stat for stat in self.tree() if stat.state != "Z"]

    def log_bytes(self) -> int:
        """Size of stdout and stderr together."""
        total = 0
        for path in (self.stdout, self.stderr):
            try:
                total += os.stat(path).st_size
            except OSError:
                continue
        return total

    def cpu_ns(self) -> Optional[int]:
        return self._group.cpu_ns() if self._group is not None else None

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_S):
            if self.log_bytes() >= self._cap:
                self._cap_hit = True
                end(self.tree, [])
            if self._process.poll() is not None:
                if not self._stopping.is_set():
                    self._emit(dict(self._ending(), event="tool_ended"))
                return

    def _ending(self) -> Dict[str, Any]:
        return {
            "exit_code": self._process.poll(),
            "cap_hit": self._cap_hit or self.log_bytes() >= self._cap,
            "stderr_tail": tail(self.stderr) or tail(self.stdout),
            "log_bytes": self.log_bytes(),
        }

    def await_ready(self) -> Dict[str, Any]:
        """Wait until the tool is attached; how that ended is the result's ``outcome``.

        ``ready``: every tracing program that its tree holds is attached and the set was unchanged for 5 polls (a tool
        that attaches nothing is ready when it lives that long); ``partial``: some are, and nothing changed for 5 s;
        ``exited``; ``timeout``. ``time_to_ready_s`` counts to the first poll that saw the final set.

        Where the tool was started before, its spec may say how many programs were loaded and attached then
        (``expected``): as soon as two polls see as many, it is ready.
        """
        expected = self._spec.get("expected")
        deadline = self._started + float(self._spec["ready_timeout_s"])
        seen: Any = None
        since = self._started
        polls = 0
        while True:
            now = time.monotonic()
            if self._process.poll() is not None:
                return self._readiness("exited", since, None)
            programs = bpf.programs_of([stat.pid for stat in self.tree()])
            if programs != seen:
                seen, since, polls = programs, now, 0
            polls += 1
            counts = [len(programs.loaded), len(programs.attached)]
            stable = polls > READY_POLLS and now - since >= READY_POLLS * READY_POLL_S
            stable = stable or (counts == expected and polls > 1)
            if self._spec["attaches"] == "none":
                if stable:
                    return self._readiness("ready", since, programs)
            elif programs.loaded and stable:
                if programs.tracing <= programs.attached or not programs.observable:
                    return self._readiness("ready", since, programs)
                if programs.attached and now - since >= PARTIAL_S:
                    return self._readiness("partial", since, programs)
            if now >= deadline:
                return self._readiness("timeout", now, programs)
            time.sleep(KNOWN_POLL_S if expected else READY_POLL_S)

    def _readiness(self, outcome: str, since: float, programs: Optional[bpf.Programs]) -> Dict[str, Any]:
        if programs is not None:
            self._programs = sorted(programs.loaded)
        return dict(
            self._ending(),
            outcome=outcome,
            pid=self.pid,
            time_to_ready_s=round(since - self._started, 3) if outcome in ("ready", "partial") else None,
            programs_loaded=len(programs.loaded) if programs else 0,
            programs_attached=len(programs.attached) if programs else 0,
            attachment_observable=programs.observable if programs else False,
        )

    def stop(self) -> Dict[str, Any]:
        """End the tree (stop signal, SIGTERM, SIGKILL within the grace) and wait until its programs are gone.

        ``still_running`` names what even SIGKILL did not end.
        """
        self._stopping.set()
        self._watcher.join()
        alive = self._process.poll() is None
        first = signal.Signals[self._spec["stop_signal"]]
        steps = [(first, GRACE_S / 2), (signal.SIGTERM, GRACE_S / 2)]
        used = end(self.tree, steps)
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            pass
        deadline = time.monotonic() + GRACE_S
        while not bpf.gone(self._programs) and time.monotonic() < deadline:
            time.sleep(0.02)
        still = ["%s (pid %d)" % (stat.comm, stat.pid) for stat in self.living()]
        if self._group is not None:
            self._group.remove()
        return dict(
            self._ending(), alive=alive, signal=used, programs_gone=bpf.gone(self._programs), still_running=still
        )
