"""A lab that a test brings up for itself, what exists of it while it is up, and ways to see that it is gone."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from probecost.lab import control, state
from probecost.lab.addresses import addresses_of
from probecost.lab.places import Place
from probecost.lab.process import ProcessId
from probecost.lab.state import LabState
from probecost.lab.waiting import Deadline, wait_until

GONE_S = 10.0
CONNECT_S = 30
COMMAND_S = 120


@dataclass(frozen=True)
class OwnLab:
    """A lab in a configuration folder of its own."""

    config_dir: Path
    name: str = "lab"

    @property
    def place(self) -> Place:
        return Place.of(self.name, self.config_dir)

    @property
    def recorded(self) -> LabState:
        recorded = state.load(self.place)
        assert recorded is not None
        return recorded

    def up(self) -> str:
        return control.up(self.name, self.config_dir)

    def down(self) -> str:
        return control.down(self.name, self.config_dir)

    def condition(self) -> str:
        return control.status(self.name, self.config_dir).condition

    def ssh(self, host: str, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ssh", "-F", str(self.place.ssh_config()), "-o", f"ConnectTimeout={CONNECT_S}", host, command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )

    def says(self, host: str, command: str) -> str:
        done = self.ssh(host, command)
        assert done.returncode == 0, f"{host}: {command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()


@dataclass(frozen=True)
class Traces:
    """What exists of a lab while it is up, to be looked for when it is not."""

    lab: OwnLab
    processes: frozenset[ProcessId]
    namespaces: frozenset[str]
    links: frozenset[str]

    @classmethod
    def of(cls, lab: OwnLab) -> Traces:
        own = namespaces_of(os.getpid())
        namespaces = set[str]()
        for first in lab.recorded.hosts.values():
            namespaces |= namespaces_of(first.pid)
        processes = {ProcessId.of(pid) for pid in all_pids() if namespaces_of(pid) & (namespaces - own)}
        if lab.recorded.guard:
            processes.add(lab.recorded.guard)
        links = {host.machine_link for host in addresses_of(lab.recorded.index).hosts}
        return cls(lab, frozenset(processes), frozenset(namespaces - own), frozenset(links))

    def left(self) -> list[str]:
        """Everything that is still there."""
        left = [f"process {process}" for process in self.processes if process.alive]
        left += [f"{pid} in a namespace" for pid in all_pids() if namespaces_of(pid) & self.namespaces]
        left += [f"link {link}" for link in self.links if Path("/sys/class/net", link).exists()]
        left += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if "probecost-lab" in line]
        if self.lab.place.state_dir.exists():
            left.append(str(self.lab.place.state_dir))
        return left

    def assert_gone(self) -> None:
        wait_until(lambda: not self.left(), Deadline.after(GONE_S))
        assert self.left() == []


def all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def namespaces_of(pid: int) -> set[str]:
    kinds = ("net", "mnt", "pid", "uts", "ipc")
    try:
        return {str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in kinds}
    except OSError:
        return set()


def is_in_host(pid: int, lab: OwnLab) -> bool:
    """Whether a process is in a mount namespace that holds a file system of this lab."""
    try:
        return str(lab.place.state_dir) in Path(f"/proc/{pid}/mountinfo").read_text()
    except OSError:
        return False
