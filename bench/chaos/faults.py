"""What goes wrong in a night, one value each. Add a fault here, and both ``make chaos`` and the lab tests play it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench.chaos.hosts import CONNECTION, LISTENER, NAMES, WORKDIR, Hosts, end
from probecost.remote.supervisor.processes import children_of

BALLAST = f"{WORKDIR}/ballast"
MANAGEMENT = "eth0"


@dataclass(frozen=True)
class Scene:
    """Where a fault strikes: ``host`` was chosen for it; ``controller`` is the pid of pytest."""

    hosts: Hosts
    host: str
    controller: int


def nothing(scene: Scene) -> None:
    """Nothing has to be undone."""


def always(scene: Scene) -> bool:
    """There is something to strike at, at any moment."""
    return True


@dataclass(frozen=True)
class Fault:
    """``strike`` does it; ``can_strike`` says whether what it needs is there; ``undo`` makes the host usable again.

    ``undone_after_s``: after so many seconds, within the time to clean; ``None``: when the nodes have been looked at.
    ``unreachable``: the node has to find out by itself that nobody renews its lease. ``options``: more of pytest's.
    """

    name: str
    strike: Callable[[Scene], None]
    can_strike: Callable[[Scene], bool] = always
    undo: Callable[[Scene], None] = nothing
    undone_after_s: float | None = None
    unreachable: bool = False
    hosts: tuple[str, ...] = NAMES
    options: tuple[str, ...] = ()


def _kill_controller(scene: Scene) -> None:
    end([scene.controller])


def _kill_workers(scene: Scene) -> None:
    end(children_of(scene.controller))


def _kill_connections(scene: Scene) -> None:
    end(scene.hosts.find(scene.host, CONNECTION))


def _kill_supervisor(scene: Scene) -> None:
    end(scene.hosts.supervisors(scene.host))


def _kill_watchdog(scene: Scene) -> None:
    end(scene.hosts.watchdogs(scene.host))


def _kill_tool(scene: Scene) -> None:
    end(scene.hosts.find(scene.host, "bpftrace "))


def _link(scene: Scene, state: str) -> None:
    scene.hosts.run(scene.host, f"ip link set {MANAGEMENT} {state}")


def _fill_disk(scene: Scene) -> None:
    scene.hosts.run(scene.host, f"dd if=/dev/zero of={BALLAST} bs=1M 2>/dev/null || true")


def _empty_disk(scene: Scene) -> None:
    scene.hosts.run(scene.host, f"rm -f {BALLAST}")


def _stop_sshd(scene: Scene) -> None:
    """As a service manager does: its connections end, and nobody answers any more."""
    end(scene.hosts.find(scene.host, LISTENER), signal.SIGSTOP)
    _kill_connections(scene)


def _continue_sshd(scene: Scene) -> None:
    end(scene.hosts.find(scene.host, LISTENER), signal.SIGCONT)


def _has_workers(scene: Scene) -> bool:
    return bool(children_of(scene.controller))


def _has_connection(scene: Scene) -> bool:
    return bool(scene.hosts.find(scene.host, CONNECTION))


def _has_supervisor(scene: Scene) -> bool:
    return bool(scene.hosts.supervisors(scene.host))


def _has_tool(scene: Scene) -> bool:
    return bool(scene.hosts.find(scene.host, "bpftrace "))


_cut, _mend = partial(_link, state="down"), partial(_link, state="up")

FAULTS = (
    Fault("controller killed", _kill_controller),
    Fault("worker killed", _kill_workers, _has_workers, options=("-n", "1")),
    Fault("sshd session killed", _kill_connections, _has_connection),
    Fault("supervisor killed", _kill_supervisor, _has_supervisor),
    Fault("watchdog killed", _kill_watchdog, _has_supervisor),
    Fault("tool killed", _kill_tool, _has_tool, hosts=("host-server",)),
    Fault("link cut for 4 s", _cut, undo=_mend, undone_after_s=4.0, unreachable=True),
    Fault("link cut for 12 s", _cut, undo=_mend, undone_after_s=12.0, unreachable=True),
    Fault("link cut for good", _cut, undo=_mend, unreachable=True),
    Fault("disk full", _fill_disk, undo=_empty_disk),
    Fault("sshd stopped", _stop_sshd, undo=_continue_sshd, unreachable=True),
)
