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
    """Asks the processes of a tree to end, each once by each signal, in the way that it listens to.

    sudo with living children is left to end with its child: it relays what it is sent, so that signalling both would
    reach the tool twice, which bpftrace takes as "at once". So is a shell without a trap. One with a trap is asked
    first, and what it runs ``TRAP_S`` later: the trap may end that itself. What a process starts when it was asked
    cleans up, and is not asked. What ignores the signal, as everything does that a shell started with ``&``, gets
    SIGTERM instead.
    """

    TRAP_S = 0.3

    def __init__(self) -> None:
        self._number = 0
        self._already: Set[int] = set()
        self._traps: Dict[int, float] = {}
        self._there: Optional[Set[int]] = None
        self._asked: Set[int] = set()  # by any signal
        self._cleaning: Set[int] = set()

    def ask(self, number: int, stats: Sequence[Stat]) -> None:
        """Signal those that have not been asked by this signal, as far as it is their turn."""
        if number != self._number:
            self._number, self._already = number, set()
        now = time.monotonic()
        parents = {stat.ppid for stat in stats}
        if self._there is None:
            self._there = {stat.pid for stat in stats}
        for stat in stats:
            if stat.pid not in self._there and stat.ppid in self._asked | self._cleaning:
                self._cleaning.add(stat.pid)
        for stat in stats:
            is_open = stat.pid not in self._already | self._cleaning
            is_wrapper = stat.comm in _SHELLS and stat.pid in parents and is_open
            if is_wrapper and _disposition(stat.pid, self._number) == "caught":
                self._traps[stat.pid] = now
                self._send(stat.pid, self._number)
        for stat in stats:
            is_wrapper = stat.pid in parents and (stat.comm == "sudo" or stat.comm in _SHELLS)
            if (
                stat.pid in self._already | self._cleaning
                or is_wrapper
                or now - self._traps.get(stat.ppid, 0.0) < self.TRAP_S
            ):
                continue
            is_deaf = _disposition(stat.pid, self._number) == "ignored"
            self._send(stat.pid, signal.SIGTERM if is_deaf else self._number)

    def is_cleaning(self, stats: Sequence[Stat]) -> bool:
        """Whether something runs that was started to clean up."""
        return any(stat.pid in self._cleaning for stat in stats)

    def _send(self, pid: int, number: int) -> None:
        self._already.add(pid)
        self._asked.add(pid)
        processes.send_signal(pid, number)


def end(find: Callable[[], List[Stat]], steps: Sequence[Tuple[int, float]]) -> Optional[str]:
    """End every process that ``find`` returns, by ``steps`` of (signal, seconds); a last SIGKILL step follows.

    Return the name of the last signal that was needed, or ``None`` if there was nothing to end.
    """
    used: Optional[str] = None
    asked = Asked()
    due = time.monotonic()
    last = due + sum(seconds for _, seconds in steps)
    for number, seconds in list(steps) + [(signal.SIGKILL, 2.0)]:
        due += seconds
        if number != signal.SIGKILL and time.monotonic() >= due:
            continue  # cleaning up took so long
        deadline = time.monotonic() + 2.0 if number == signal.SIGKILL else due
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
                asked.ask(number, living)
            now = time.monotonic()
            if now >= deadline and (now >= last or not asked.is_cleaning(living)):
                break
            time.sleep(POLL_S)
    return used
