"""One round: a run, a fault, the time until both nodes are as they were, and the run completed by ``--resume``."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.chaos.faults import BALLAST, Fault, Scene
from bench.chaos.hosts import LISTENER, NAMES, PROJECT, SUPERVISOR, WORKDIR, Hosts
from bench.chaos.units import changed, whole_units
from bench.inventory import Inventory
from probecost.remote.supervisor import LEASE_S
from probecost.results.layout import WORKFLOW_FILE

CLEAN_S = 15.0
RUN_ENDS_S = 90.0
UNITS = 3
POLL_S = 0.1
_PLAN = (
    *("-k", "eth_drop and rx_protocol_tcp", "--null-case", "selected", "--perf-tests", "latency:tcp_rr"),
    *("--duration", "1", "--schedule", "visits", "--order", "file", "--calibration", "never", "--wait-for-reboot", "0"),
)

Ready = Callable[[Scene, Path], bool]


@dataclass(frozen=True)
class Outcome:
    """How a round went; ``problems`` is empty when all is well.

    ``clean_s``: from the fault until both nodes were as before, or from the end of a run that went on; ``None``: they
    never were. ``went_on``: it did without what it lost, and made all its units. ``kept``: units that were whole when
    it ended.
    """

    fault: str
    host: str
    moment: str
    clean_s: float | None = None
    went_on: bool = False
    kept: int = 0
    problems: tuple[str, ...] = ()


@dataclass
class Round:
    """A round in the environment ``name`` on ``hosts``; its results lie below ``folder``. ``play`` it once."""

    hosts: Hosts
    name: str
    folder: Path
    fault: Fault
    host: str
    units: int = UNITS
    _problems: list[str] = field(default_factory=list)

    def play(self, ready: Ready) -> Outcome | None:
        """Strike as soon as ``ready`` says so and the fault can; ``None``: the run had ended by then."""
        before = self.hosts.inventories()
        plan = ["--env", self.name, "--results-dir", str(self.folder), "--units", str(self.units), *_PLAN]
        plan += self.fault.options
        with self._pytest(plan) as run:
            scene = Scene(self.hosts, self.host, run.pid)
            while not (ready(scene, self.tree) and self.fault.can_strike(scene)):
                if run.poll() is not None:
                    return None
                time.sleep(POLL_S / 4)
            moment = moment_of(self.hosts)
            self.fault.strike(scene)
            try:
                clean_s = self._watch(before, run, scene)
            finally:
                self.fault.undo(scene)
        kept = whole_units(self.tree)
        self._resume()
        again = changed(kept, whole_units(self.tree))
        if again:
            self._problems.append(f"finished units {again} were lost or measured again")
        self._cleanup()
        went_on = len(kept) == self.units
        return Outcome(self.fault.name, self.host, moment, clean_s, went_on, len(kept), tuple(self._problems))

    @property
    def tree(self) -> Path:
        return (self.folder / "latest").resolve()

    @property
    def log(self) -> Path:
        return self.folder / "pytest.log"

    def _pytest(self, options: list[str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--config-dir", str(self.hosts.config_dir)]
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*command, *options], cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def _watch(self, before: dict[str, Inventory], run: subprocess.Popen[bytes], scene: Scene) -> float | None:
        """Wait for the end of the run and for clean nodes: how long the nodes took."""
        struck = time.monotonic()
        ended: float | None = None
        clean: dict[str, float] = {}
        changes: list[str] = []
        is_undone = self.fault.undone_after_s is None
        while ended is None or (changes and time.monotonic() - ended < CLEAN_S + LEASE_S):
            time.sleep(POLL_S)
            if not is_undone and time.monotonic() - struck >= (self.fault.undone_after_s or 0.0):
                self.fault.undo(scene)
                is_undone = True
            if ended is None and run.poll() is not None:
                ended = time.monotonic()
            by_host = {host: self._changes(host, then) for host, then in before.items()}
            now = time.monotonic()
            clean = {host: clean.get(host, now) for host, found in by_host.items() if not found}
            changes = [f"{host}: {change}" for host, found in by_host.items() for change in found]
            if now - struck > RUN_ENDS_S and ended is None:
                self._problems.append(f"the run has not ended {RUN_ENDS_S:g} s after the fault")
                run.kill()
        if changes:
            self._problems.append(f"left behind: {'; '.join(changes)}")
            return None
        if len(whole_units(self.tree)) == self.units:
            return max(0.0, max(clean.values()) - ended)
        for host, at in clean.items():
            allowed_s = CLEAN_S + (LEASE_S if self.fault.unreachable and host == self.host else 0.0)
            if at - struck > allowed_s:
                self._problems.append(f"{host} is clean after {at - struck:.1f} s, {allowed_s:g} s are allowed")
        return max(clean.values()) - struck

    def _changes(self, host: str, before: Inventory) -> list[str]:
        """What is on a node and was not before, or the other way round."""
        return [change for change in before.changes_to(self.hosts.inventory(host)) if not _is_no_change(change)]

    def _resume(self) -> None:
        """Complete the run; nothing can be where it had not begun.

        Whether its case passes is not asked: on a machine that does other things too its figures may be of no use.
        """
        if not (self.tree / WORKFLOW_FILE).is_file():
            return
        code = self._pytest(["--resume", str(self.tree)]).wait()
        missing = set(range(1, self.units + 1)) - whole_units(self.tree).keys()
        if missing:
            self._problems.append(f"units {sorted(missing)} are not whole after --resume (exit code {code})")

    def _cleanup(self) -> None:
        """What is left is unfetched results at most, and ``probecost cleanup`` takes them."""
        config = ["--config-dir", str(self.hosts.config_dir)]
        command = [sys.executable, "-m", "probecost", "cleanup", "--env", self.name, "--yes", *config]
        done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)
        if done.returncode:
            self._problems.append(f"cleanup ended with exit code {done.returncode}: {done.stdout}{done.stderr}")
        for host in NAMES:
            left = self.hosts.run(host, f"find {WORKDIR} -mindepth 1").split()
            if left:
                self._problems.append(f"{host}: left in the workdir: {', '.join(left)}")


def _is_no_change(change: str) -> bool:
    """The fault's own file; and the cgroups of this machine's other sessions, which both hosts see."""
    is_others = " cgroups: " in change and not any(f"-{host}-" in change for host in NAMES)
    return is_others or change == f"+ files: {Path(BALLAST).name}"


def moment_of(hosts: Hosts) -> str:
    """What the run is doing, as the hosts' processes show it."""
    server, client = (list(hosts.commands(host).values()) for host in NAMES)
    has_tool = any(command.startswith("bpftrace ") for command in server)
    has_traffic = any(command.startswith("netperf ") for command in client)
    if not any(command.startswith(SUPERVISOR) for command in server + client):
        is_connecting = any(command.startswith("sshd: ") and LISTENER not in command for command in server + client)
        return "connecting" if is_connecting else "not connected"
    if has_traffic:
        return "traffic with the tool" if has_tool else "traffic without"
    return "the tool starts or stops" if has_tool else "between"
