"""The eBPF tool on this node: started, awaited until all of it is attached, watched, stopped with what it attached."""

import os
import resource
import signal
import subprocess
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from . import GRACE_S, bpf, removal
from .attachments import Inventories
from .cgroups import Cgroup
from .ending import end
from .files import Files
from .footprint import Footprint, Seen, missing
from .output import gave_up, tail
from .processes import CHILDREN, Stat, spawn, trees

READY_POLL_S = 0.1
KNOWN_POLL_S = 0.05
READY_POLLS = 5
PARTIAL_S = 5.0
LATE_S = 2.0
WATCH_S = 0.25
LOOK_S = 1.0


class Tool:
    """One start of one tool. ``emit`` tells the controller when it ends on its own or exceeds its log cap."""

    def __init__(
        self,
        spec: Dict[str, Any],
        files: Files,
        group: Optional[Cgroup],
        emit: Callable[[Dict[str, Any]], None],
        footprint: Optional[Footprint] = None,
    ) -> None:
        self.footprint = footprint or Footprint.now(Inventories())
        self._ready: Optional[Seen] = None
        self._names: Tuple[str, ...] = ()
        self._changed: Optional[float] = None
        self._spec = spec
        self._group = group
        self._emit = emit
        self._cap = int(spec["log_cap_bytes"])
        self.stdout = files.path(spec["stdout"])
        self.stderr = files.path(spec["stderr"])
        self._stopping = threading.Event()
        self._cap_hit = False
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
        looked, programs = time.monotonic(), bpf.all_programs()
        while not self._stopping.wait(WATCH_S):
            if self.log_bytes() >= self._cap:
                self._cap_hit = True
                end(self.tree, [])
            if self._process.poll() is not None:
                if not self._stopping.is_set():
                    self._emit(dict(self._ending(), event="tool_ended"))
                return
            if time.monotonic() - looked >= LOOK_S:
                looked, before, programs = time.monotonic(), programs, bpf.all_programs()
                if programs != before and self._ready is not None:
                    self._note_change(self._ready)

    def _note_change(self, ready: Seen) -> None:
        """Some program of the kernel came or went: the time counts if the tool has more of them than when last seen."""
        names = self.footprint.seen([stat.pid for stat in self.tree()]).names
        if missing(names, self._names or ready.names):
            self._changed = time.monotonic()
        self._names = names

    def _ending(self) -> Dict[str, Any]:
        return {
            "exit_code": self._process.poll(),
            "cap_hit": self._cap_hit or self.log_bytes() >= self._cap,
            "stderr_tail": tail(self.stderr),
            "stdout_tail": tail(self.stdout),
            "log_bytes": self.log_bytes(),
        }

    def await_ready(self) -> Dict[str, Any]:
        """Wait until the tool is attached; how that ended is the result's ``outcome``.

        ``ready``: every tracing program that its tree holds is attached and all that came with it, held by a process or
        not, was unchanged for 5 polls (a tool that attaches nothing is ready when it lives that long); ``partial``:
        some are, and nothing changed for 5 s; ``refused``: none is, and the tool reports that; ``exited``; ``timeout``.
        ``time_to_ready_s`` counts to the first poll that saw the final set.

        Where the tool was started before, its spec may say what it was then: how many programs were loaded and attached
        (``expected``: as soon as two polls see as many, it is ready), their names and how long after the start the last
        one came. For a program that is missing then it is waited, half as long again; after that it is ``partial``.
        """
        expected = self._spec.get("expected")
        names = self._spec.get("expected_names") or []
        patient_until = self._started + 1.5 * float(self._spec.get("expected_within_s") or 0) + LATE_S
        deadline = self._started + float(self._spec["ready_timeout_s"])
        seen: Optional[Seen] = None
        since = self._started
        polls = 0
        while True:
            now = time.monotonic()
            if self._process.poll() is not None:
                return self._readiness("exited", since, None)
            found = self.footprint.seen([stat.pid for stat in self.tree()])
            if found != seen:
                seen, since, polls = found, now, 0
            polls += 1
            lacks = missing(names, found.names)
            counts = [len(found.loaded), len(found.attached)]
            stable = polls > READY_POLLS and now - since >= READY_POLLS * READY_POLL_S
            stable = (stable and (not lacks or now >= patient_until)) or (
                counts == expected and polls > 1 and not lacks
            )
            if self._spec["attaches"] == "none":
                if stable:
                    return self._readiness("ready", since, found)
            elif polls > READY_POLLS and not found.attached and self._gave_up():
                return self._readiness("refused", since, found, found.idle_names)
            elif stable and (found.loaded or found.others):
                if lacks:
                    return self._readiness("partial", since, found, lacks)
                if not found.idle or not found.observable:
                    return self._readiness("ready", since, found)
                if found.attached and now - since >= PARTIAL_S:
                    return self._readiness("partial", since, found, found.idle_names)
            if now >= deadline:
                return self._readiness("timeout", now, found)
            time.sleep(KNOWN_POLL_S if expected else READY_POLL_S)

    def _gave_up(self) -> bool:
        return gave_up(tail(self.stderr)) or gave_up(tail(self.stdout))

    def _readiness(
        self, outcome: str, since: float, found: Optional[Seen], lacks: Sequence[str] = ()
    ) -> Dict[str, Any]:
        self._ready = found
        return dict(
            self._ending(),
            outcome=outcome,
            pid=self.pid,
            time_to_ready_s=round(since - self._started, 3) if outcome in ("ready", "partial") else None,
            programs_loaded=len(found.loaded) if found else 0,
            programs_attached=len(found.attached) if found else 0,
            attachment_observable=found.observable if found else False,
            names=list(found.names) if found else [],
            missing=list(lacks),
        )

    def stop(self) -> Dict[str, Any]:
        """End the tree (stop signal, SIGTERM, SIGKILL within the grace) and wait until all that it attached is gone.

        ``still_running`` names what even SIGKILL did not end, ``left`` what was still attached, ``late`` the programs
        that came after the tool was ready, the last of them ``complete_s`` after its start; ``names`` are all of them.
        """
        last = self.footprint.seen([stat.pid for stat in self.tree()])
        self._stopping.set()
        self._watcher.join()
        alive = self._process.poll() is None
        first = signal.Signals[self._spec["stop_signal"]]
        steps = [(first, GRACE_S / 2), (signal.SIGTERM, GRACE_S / 2)]
        began = time.monotonic()
        used = end(self.tree, steps)
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            pass
        still = ["%s (pid %d)" % (stat.comm, stat.pid) for stat in self.living()]
        left = removal.clean(self.footprint)
        programs = last.loaded | (self._ready.loaded if self._ready else frozenset())
        deadline = time.monotonic() + GRACE_S
        while not bpf.gone(programs) and time.monotonic() < deadline:
            time.sleep(0.02)
        if self._group is not None:
            self._group.remove()
        late = missing(last.names, self._ready.names) if self._ready else []
        return dict(
            self._ending(),
            alive=alive,
            signal=used,
            programs_gone=bpf.gone(programs),
            still_running=still,
            left=[one._asdict() for one in left],
            stop_s=round(time.monotonic() - began, 3),
            names=list(last.names),
            late=late,
            complete_s=round((self._changed or began) - self._started, 3) if late else None,
        )
