"""The guard of a lab that was brought up automatically: it takes the lab down after its last use.

It waits for the exclusive lock on the lab's ``in-use`` file, which it gets when all users have released their shared
locks, by ending or being killed. It ends without doing anything if the lab has become a kept one.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time

from probecost.lab import state
from probecost.lab.bed import END_S, take_down_if_unused
from probecost.lab.places import Place
from probecost.lab.process import ProcessId, kill
from probecost.lab.state import LabState
from probecost.lab.waiting import Deadline

LOOK_INTERVAL_S = 1.0
EARLY_LOOK_INTERVAL_S = 0.1
RETRY_S = 0.05


def stand_guard(place: Place) -> None:
    """Wait until the lab is unused, take it down, and return."""
    try:
        handle = state.open_in_use(place)
    except FileNotFoundError:
        return
    threading.Thread(target=_watch_state, args=(place, handle), daemon=True).start()
    while True:
        fcntl.flock(handle, fcntl.LOCK_EX)
        recorded = state.load(place)
        if recorded is None or recorded.kept or _other_guard(recorded) or take_down_if_unused(place):
            return
        state.unlock(handle)  # another process is bringing a lab up, perhaps this one, and waits for the lock
        time.sleep(RETRY_S)


def _other_guard(recorded: LabState) -> bool:
    return recorded.guard is not None and recorded.guard.pid != os.getpid() and recorded.guard.alive


def _watch_state(place: Place, handle: int) -> None:
    """End this process and its hosts when the state has been removed: no record describes them any more."""
    hosts: dict[str, ProcessId] = {}
    interval_s = EARLY_LOOK_INTERVAL_S
    while state.is_same_file(handle, place.in_use_file):
        recorded = state.load(place)
        if recorded is not None:
            hosts = recorded.hosts
            interval_s = LOOK_INTERVAL_S if recorded.complete else EARLY_LOOK_INTERVAL_S
        time.sleep(interval_s)
    for first in hosts.values():
        kill(first, Deadline.after(END_S))
    os._exit(0)
