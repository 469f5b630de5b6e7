"""The two hosts of a lab as this machine sees them: their processes, their inventory, and ways to disturb them.

Only here is it known that the hosts are namespaces; nothing goes over the SSH that is being disturbed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.inventory import Inventory
from probecost.lab import state
from probecost.lab.places import Place
from probecost.remote.bundle import inventory_text
from probecost.remote.supervisor import bpf
from probecost.remote.supervisor.processes import stat_of
from probecost.results.layout import TREE

PROJECT = Path(__file__).resolve().parents[2]
NAMES = ("host-server", "host-client")
WORKDIR = "/home/probe/work"
LISTENER = "sshd: /"
CONNECTION = "sshd: probe"
SUPERVISOR = "python3 -c import sys;exec"
_FDINFO = re.compile(r"^(prog_id|map_id|link_id):\s*(\d+)", re.MULTILINE)
_KINDS = {"prog_id": "programs", "map_id": "maps", "link_id": "links"}


@dataclass(frozen=True)
class Hosts:
    """Those of the lab that serves ``config_dir``; it is up."""

    config_dir: Path

    def first_pid(self, host: str) -> int:
        recorded = state.load(Place.of("lab", self.config_dir))
        assert recorded is not None, "the lab is down"
        return recorded.hosts[host].pid

    def commands(self, host: str) -> dict[int, str]:
        """Command line of every process of a host, by this machine's numbers; zombies have none."""
        namespace = Path(f"/proc/{self.first_pid(host)}/ns/pid").readlink()
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "ns/pid").readlink() == namespace:
                    words = (process / "cmdline").read_bytes().split(b"\0")
                    command = " ".join(word.decode("utf-8", "replace") for word in words if word)
                    if command:
                        found[int(process.name)] = command
        return found

    def find(self, host: str, start: str) -> list[int]:
        """Processes whose command line begins with ``start``, the oldest first."""
        return sorted(pid for pid, command in self.commands(host).items() if command.startswith(start))

    def supervisors(self, host: str) -> list[int]:
        """The processes that serve, without the watchdogs above them."""
        both = self.find(host, SUPERVISOR)
        return [pid for pid in both if (stat := stat_of(pid)) is not None and stat.ppid in both]

    def watchdogs(self, host: str) -> list[int]:
        return [pid for pid in self.find(host, SUPERVISOR) if pid not in self.supervisors(host)]

    def run(self, host: str, script: str) -> str:
        """A shell script as root in all namespaces of a host."""
        return self._enter(host, "sh", "-ec", script)

    def inventory(self, host: str) -> Inventory:
        """Everything but the results and others' BPF programs, by a program that is gone when this returns."""
        text = inventory_text(WORKDIR, f"{WORKDIR}/{TREE}")
        found = json.loads(self._enter(host, "python3", "-", text=text))
        ids = {kind: set(map(str, numbers)) for kind, numbers in self.bpf_ids().items()}
        return Inventory.read({kind: [x for x in lines if x in ids.get(kind, lines)] for kind, lines in found.items()})

    def bpf_ids(self) -> dict[str, set[int]]:
        """Ids of the kernel's BPF programs, maps and links that no process outside these hosts holds.

        Those that nobody holds are among them: pinned, or left attached. What came or went while all processes were
        looked at is not.
        """
        before = _bpf_ids()
        theirs = _held_outside({Path(f"/proc/{self.first_pid(host)}/ns/pid").readlink() for host in NAMES})
        after = _bpf_ids()
        return {kind: before[kind] & after[kind] - theirs[kind] for kind in before}

    def inventories(self) -> dict[str, Inventory]:
        return {host: self.inventory(host) for host in NAMES}

    def _enter(self, host: str, *command: str, text: str = "") -> str:
        enter = ["nsenter", "--target", str(self.first_pid(host)), "--all", *command]
        return subprocess.run(enter, check=True, capture_output=True, text=True, input=text).stdout


def _bpf_ids() -> dict[str, set[int]]:
    """Of the whole kernel."""
    kinds = {"programs": bpf.all_programs, "maps": bpf.all_maps, "links": bpf.all_links}
    return {kind: set(ids() or ()) for kind, ids in kinds.items()}


def _held_outside(namespaces: set[Path]) -> dict[str, set[int]]:
    """Ids of what processes outside these PID namespaces have open."""
    found: dict[str, set[int]] = {"programs": set(), "maps": set(), "links": set()}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "ns/pid").readlink() in namespaces:
                continue
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    if str(descriptor.readlink()).startswith("anon_inode:bpf"):
                        text = (process / "fdinfo" / descriptor.name).read_text()
                        for word, number in _FDINFO.findall(text):
                            found[_KINDS[word]].add(int(number))
    return found


def end(pids: list[int], number: signal.Signals = signal.SIGKILL) -> None:
    """Signal processes by their number; one that has gone is passed over."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
