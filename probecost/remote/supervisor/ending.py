"""Ends processes: each is asked in the way that it listens to, and killed when it does not end in time."""

import re
import signal
import time
from typing import Callable, Dict, List, Optional, Sequence, Set, Tuple

from . import processes
from .processes import POLL_S, Stat

_SHELLS = {"sh", "bash", "dash", "ksh", "zsh", "ash", "busybox"}
_MASKS = re.compile(r"^Sig(Ign|Cgt):\s*([0-9a-f]+)", re.MULTILINE)


def _disposition(pid: int, number: int) -> str:
    """A process's disposition of a signal: ``ignored``, ``caught``, or empty: the signal ends it, or it has gone."""
    try:
        with open("/proc/%d/status" % pid) as file:
            masks = {name: int(mask, 16) >> (number - 1) & 1 for name, mask in _MASKS.findall(file.read())}
    except OSError:
        return ""
    return "ignored" if masks.get("Ign") else "caught" if masks.get("Cgt") else ""


class Asked:
    """One signal for all processes of a tree, sent to each once, in a way that works.

    sudo with living children ends with its child and gets no signal: it relays signals, so that the tool would get two,
    which bpftrace takes as "at once". The same holds for a shell without a trap. A shell with a trap gets the signal
    first, and its children ``TRAP_S`` later: the trap may end them itself. A process that ignores the signal, like any
    that a shell started with ``&``, gets SIGTERM instead.
    """

    TRAP_S = 0.3

    def __init__(self, number: int) -> None:
        self._number = number
        self._already: Set[int] = set()
        self._traps: Dict[int, float] = {}

    def ask(self, stats: Sequence[Stat]) -> None:
        """Signal the processes that have not had it yet and whose turn it is."""
        now = time.monotonic()
        parents = {stat.ppid for stat in stats}
        for stat in stats:
            is_wrapper = stat.comm in _SHELLS and stat.pid in parents and stat.pid not in self._already
            if is_wrapper and _disposition(stat.pid, self._number) == "caught":
                self._traps[stat.pid] = now
                self._send(stat.pid, self._number)
        for stat in stats:
            is_wrapper = stat.pid in parents and (stat.comm == "sudo" or stat.comm in _SHELLS)
            if stat.pid in self._already or is_wrapper or now - self._traps.get(stat.ppid, 0.0) < self.TRAP_S:
                continue
            is_deaf = _disposition(stat.pid, self._number) == "ignored"
            self._send(stat.pid, signal.SIGTERM if is_deaf else self._number)

    def _send(self, pid: int, number: int) -> None:
        self._already.add(pid)
        processes.send_signal(pid, number)


def end(find: Callable[[], List[Stat]], steps: Sequence[Tuple[int, float]]) -> Optional[str]:
    """End every process that ``find`` returns, by ``steps`` of (signal, seconds); a last SIGKILL step follows.

    Return the name of the last signal that was needed, or ``None`` if there was nothing to end.
    """
    used: Optional[str] = None
    for number, seconds in list(steps) + [(signal.SIGKILL, 2.0)]:
        asked = Asked(number)
        deadline = time.monotonic() + seconds
        while True:
            processes.CHILDREN.reap_adopted()
            living = [stat for stat in find() if stat.state != "Z"]
            if not living:
                return used
            used = signal.Signals(number).name
            if number == signal.SIGKILL:
                for stat in living:
                    processes.send_signal(stat.pid, number)
            else:
                asked.ask(living)
            if time.monotonic() >= deadline:
                break
            time.sleep(POLL_S)
    return used
