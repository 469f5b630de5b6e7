"""Identifies processes beyond doubt: by a PID together with the start time of its process.

A PID alone may belong to another process by the time it is used. The start time (field 22 of ``/proc/PID/stat``, clock
ticks since boot) distinguishes them; a signal goes through a pidfd that was opened before the start time was compared,
so that it reaches that process or none.
"""

from __future__ import annotations

import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path

from probecost.lab.waiting import Deadline


@dataclass(frozen=True)
class ProcessId:
    """One process of this boot."""

    pid: int
    start_ticks: int

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """The process that has ``pid`` now; ``ProcessLookupError``: there is none."""
        stat = _stat(pid)
        if stat is None:
            raise ProcessLookupError(f"no process {pid}")
        return cls(pid, stat[1])

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        stat = _stat(self.pid)
        return stat is not None and stat[1] == self.start_ticks and stat[0] not in "ZX"


def kill(process: ProcessId, deadline: Deadline) -> bool:
    """End ``process`` with SIGKILL and wait for its end; ``False`` if it is still there at the deadline.

    The first process of a PID namespace ends after every other process of that namespace.
    """
    try:
        pidfd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        if not process.alive:
            return True
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        readable, _, _ = select.select([pidfd], [], [], deadline.left_s)
        return bool(readable)
    except ProcessLookupError:
        return True
    finally:
        os.close(pidfd)


def _stat(pid: int) -> tuple[str, int] | None:
    """State letter and start time of a PID, ``None`` if it is not in use."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])
