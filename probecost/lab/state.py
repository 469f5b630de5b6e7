"""The record of a running lab, and the locks that keep several programs from working on it at once.

Three kinds of locks, all released by the kernel when their holder dies:

* the work lock, exclusive, on a file next to a lab's folder: held while that lab is brought up or taken down;
* the lock on the folder of all labs, exclusive: held for the moment in which a lab takes an index that no other has;
* the use lock, shared, on a lab's ``in-use`` file: held by all its users. The guard of a lab that was brought up
  automatically waits to get it exclusively. It never waits for anything while it holds it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from probecost.lab.errors import LabError
from probecost.lab.places import Place
from probecost.lab.process import ProcessId
from probecost.lab.vm.built import BuiltHost
from probecost.lab.waiting import Deadline, wait_until

SCHEMA = 1


@dataclass(frozen=True)
class LabState:
    """The record of a lab. A ``kept`` one lives until it is taken down, else until its last use ends.

    ``hosts`` are first processes; ``built`` records the parts of a bed with guests, by host.
    """

    config_dir: str
    index: int
    kept: bool
    hosts: dict[str, ProcessId] = field(default_factory=dict)
    guard: ProcessId | None = None
    complete: bool = False
    built: dict[str, BuiltHost] = field(default_factory=dict)


def load(place: Place) -> LabState | None:
    """The recorded state, ``None`` if there is none or it cannot be read."""
    try:
        return parse(place.state_file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def save(place: Place, state: LabState) -> None:
    """Record ``state`` in one step: a reader sees the old record or the new one."""
    fresh = place.state_file.with_suffix(".new")
    fresh.write_text(render(state), encoding="utf-8")
    fresh.replace(place.state_file)


def render(state: LabState) -> str:
    """The record as JSON text."""
    return json.dumps({"schema": SCHEMA, **asdict(state)}, indent=1) + "\n"


def parse(text: str) -> LabState:
    """The opposite of ``render``; ``ValueError`` for anything else."""
    try:
        record = json.loads(text)
        if record["schema"] != SCHEMA:
            raise ValueError(f"unknown schema {record['schema']}")
        return LabState(
            config_dir=str(record["config_dir"]),
            index=int(record["index"]),
            kept=bool(record["kept"]),
            hosts={str(name): ProcessId(**process) for name, process in record["hosts"].items()},
            guard=ProcessId(**record["guard"]) if record["guard"] else None,
            complete=bool(record["complete"]),
            built={str(name): BuiltHost.parse(host) for name, host in record.get("built", {}).items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not the record of a lab: {error!r}") from error


def indices_taken(place: Place) -> set[int]:
    """The indices of all other labs of this machine."""
    taken = set()
    with suppress(FileNotFoundError):
        for file in place.state_root.glob("*/lab.json"):
            with suppress(FileNotFoundError, ValueError):
                if file != place.state_file:
                    taken.add(parse(file.read_text(encoding="utf-8")).index)
    return taken


@contextmanager
def working(state_root: Path, deadline: Deadline) -> Iterator[None]:
    """Hold the lock on all labs; ``LabError`` when another program holds it until the deadline.

    The folder is made when it is missing, and removed at the end when no lab is left in it.
    """
    locked = _locked(state_root, state_root, os.O_RDONLY | os.O_DIRECTORY, deadline)
    try:
        yield
    finally:
        with suppress(OSError):
            state_root.rmdir()
        os.close(locked)


@contextmanager
def working_on(place: Place, deadline: Deadline) -> Iterator[None]:
    """Hold the work lock of one lab, other labs come and go meanwhile; otherwise as ``working``."""
    locked = _locked(place.state_root, place.work_lock, os.O_RDONLY | os.O_CREAT, deadline)
    try:
        yield
    finally:
        place.work_lock.unlink(missing_ok=True)
        with suppress(OSError):
            place.state_root.rmdir()
        os.close(locked)


def _locked(state_root: Path, path: Path, flags: int, deadline: Deadline) -> int:
    """A descriptor with the exclusive lock on ``path``."""
    locked: list[int] = []
    if not wait_until(lambda: _try_work_lock(state_root, path, flags, locked), deadline):
        raise LabError(f"another program is bringing a lab up or down and does not finish (lock on {path})")
    return locked.pop()


def _try_work_lock(state_root: Path, path: Path, flags: int, locked: list[int]) -> bool:
    state_root.mkdir(mode=0o755, exist_ok=True)
    try:
        handle = os.open(path, flags, 0o644)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_same_file(handle, path):
            locked.append(handle)
            return True
    except BlockingIOError:
        pass
    os.close(handle)
    return False


def open_in_use(place: Place) -> int:
    """A descriptor on the ``in-use`` file, for locking; ``FileNotFoundError``: the lab is down."""
    return os.open(place.in_use_file, os.O_RDONLY)


def try_lock(handle: int, *, exclusive: bool) -> bool:
    """Take (or change) the lock behind ``handle`` if that needs no waiting."""
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(handle: int) -> None:
    fcntl.flock(handle, fcntl.LOCK_UN)


def is_same_file(handle: int, path: Path) -> bool:
    """Whether ``path`` still leads to the file of ``handle``."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
