"""Interface of the lab for other programs: bring it up, use it, take it down.

Nothing here needs root: ``python -m probecost.lab`` does the work, through ``sudo -n`` where necessary.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

from probecost.lab import bed, state
from probecost.lab.addresses import addresses_of
from probecost.lab.errors import LabError
from probecost.lab.places import NAMES, Place
from probecost.lab.process import ProcessId
from probecost.lab.waiting import Deadline, wait_until

__all__ = ["LabError", "LabHold", "LabStatus", "acquire", "down", "names", "status", "up"]

ACQUIRE_S = 600.0
RELEASE_S = 15.0
HELD = "held"


@dataclass(frozen=True)
class LabStatus:
    """Condition of a lab. ``problem`` is the trouble of a broken one; ``kept`` labs stay until they are taken down.

    ``hosts`` has the names of hosts and guests and their management addresses; it is empty if the lab is down.
    """

    instance: str
    condition: Literal["up", "down", "broken"]
    folder: Path
    kept: bool = False
    problem: str = ""
    hosts: tuple[tuple[str, str], ...] = ()


def names() -> tuple[str, ...]:
    return NAMES


def up(name: str, config_dir: Path) -> str:
    """Bring the lab up, to stay until ``down``; return a sentence on the result. ``LabError``: it does not come up."""
    return _run("up", Place.of(name, config_dir))


def down(name: str, config_dir: Path) -> str:
    """Take the lab down even if it is in use; return a sentence on the result."""
    return _run("down", Place.of(name, config_dir))


def status(name: str, config_dir: Path) -> LabStatus:
    """Check the condition of the lab."""
    place = Place.of(name, config_dir)
    recorded = state.load(place)
    if recorded is None:
        if place.state_dir.exists():
            return LabStatus(place.instance, "broken", place.folder, problem="its record cannot be read")
        return LabStatus(place.instance, "down", place.folder)
    addresses = addresses_of(recorded.index, guests=place.has_guests)
    hosts = tuple((host.name, str(host.management_ip)) for host in addresses.nodes)
    problem = bed.trouble(place, recorded)
    condition: Literal["up", "broken"] = "broken" if problem else "up"
    return LabStatus(place.instance, condition, place.folder, recorded.kept, problem or "", hosts)


def acquire(name: str, config_dir: Path) -> LabHold:
    """Use the lab: bring it up if it is down, and keep it from being taken down automatically.

    The lab is in use until ``release`` or any end of this process. A lab that this call brings up goes with its last
    user; a lab that ``up`` brought up stays.
    """
    place = Place.of(name, config_dir)
    child = subprocess.Popen(
        elevated("up", place, "--auto"),
        cwd=bed.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    with child.stdin, child.stdout, child.stderr:
        try:
            deadline = Deadline.after(ACQUIRE_S)
            if not _said(child.stdout, HELD, deadline):
                # Its output ends a moment before the child does: the reason is complete when its errors end too.
                raise LabError("no answer in time" if deadline.passed else _explain(child.stderr.read()))
            handle = state.open_in_use(place)
            if not state.try_lock(handle, exclusive=False):
                raise LabError(f"cannot lock {place.in_use_file}")
            return LabHold(place, handle)
        finally:
            child.stdin.close()  # the child releases its own hold and ends
            child.wait()


class LabHold:
    """One use of a lab; also a context manager."""

    def __init__(self, place: Place, handle: int) -> None:
        self.place = place
        self._handle: int | None = handle

    def release(self) -> None:
        """End the use. Return when the lab is gone, or at once if it stays: it is still in use, or ``up`` made it stay.

        ``LabError``: it should be gone and is not. The call may be repeated.
        """
        if self._handle is None:
            return
        handle, self._handle = self._handle, None
        recorded = state.load(self.place)
        guard = recorded.guard if recorded else None
        try:
            state.unlock(handle)
            if not wait_until(lambda: self._settled(handle, guard), Deadline.after(RELEASE_S)):
                down(self.place.name, self.place.config_dir)  # its guard is gone: do its work
        finally:
            os.close(handle)

    def _settled(self, handle: int, guard: ProcessId | None) -> bool:
        """Whether the wait is over: the lab and its guard are gone, or it stays."""
        if not state.is_same_file(handle, self.place.in_use_file):
            return guard is None or not guard.alive
        recorded = state.load(self.place)
        if recorded is not None and (recorded.kept or self._used_by_others(handle)):
            return True
        return recorded is not None and not (recorded.guard and recorded.guard.alive) and self._do_guards_work()

    def _used_by_others(self, handle: int) -> bool:
        """Whether other users hold the use lock; the guard, which holds it exclusively, does not count."""
        if not state.try_lock(handle, exclusive=False):
            return False
        try:
            return not state.try_lock(handle, exclusive=True)
        finally:
            state.unlock(handle)

    def _do_guards_work(self) -> bool:
        down(self.place.name, self.place.config_dir)
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def elevated(verb: str, place: Place, *options: str) -> list[str]:
    """The command that does ``verb`` as root; ``LabError``: there is no way to become root."""
    own = [
        sys.executable,
        "-B",
        "-m",
        "probecost.lab",
        verb,
        place.name,
        "--config-dir",
        str(place.config_dir),
        *options,
    ]
    if os.geteuid() == 0:
        return own
    if shutil.which("sudo") is None:
        raise LabError("the lab needs root: run this as root, or install sudo and allow it without a password")
    return ["sudo", "-n", *own]


def _run(verb: str, place: Place) -> str:
    command = elevated(verb, place)
    done = subprocess.run(command, cwd=bed.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(_explain(done.stderr))
    return done.stdout.strip()


def _explain(stderr: str) -> str:
    text = stderr.strip() or "python -m probecost.lab failed and does not say why"
    if text.startswith("sudo:"):
        return f"the lab needs root: run this as root, or allow sudo without a password ({text})"
    return text.removeprefix("error: ")


def _said(stream: IO[str], word: str, deadline: Deadline) -> bool:
    """Whether a line equal to ``word`` comes before the stream ends and the deadline passes."""
    pending = ""
    while select.select([stream], [], [], deadline.left_s)[0]:
        piece = os.read(stream.fileno(), 4096).decode()
        if not piece:
            return False
        pending += piece
        if word in pending.splitlines():
            return True
    return False
