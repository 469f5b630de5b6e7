"""A lab brought up for the tests: what is on its hosts, seen from the machine, and ways to disturb them."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from helpers.fake_project import plain

from bench.chaos.hosts import Hosts
from probecost.lab import state
from probecost.lab.places import Place

PROJECT = Path(__file__).resolve().parents[2]
HOSTS = ("host-server", "host-client")
WORKDIR = "/home/probe/work"
BUSY_MACHINE = "busy-machine.yaml"
# Traffic whose rate is no matter: without a cap it takes all CPUs, and those of the other beds too.
SOME_TRAFFIC = ("--perf-tests", "throughput:single", "--max-rate", "100M")


@dataclass(frozen=True)
class Inventory:
    """What is on the hosts and in the kernel: command lines by host, files below the workdirs, program ids, cgroups.

    Programs are those that nobody elsewhere holds: other beds of this machine have theirs.
    """

    processes: dict[str, tuple[str, ...]]
    files: dict[str, tuple[str, ...]]
    programs: frozenset[int]
    cgroups: frozenset[str]


@dataclass(frozen=True)
class LabBed:
    """A lab that is up. Only the tests know that its hosts are namespaces of this machine."""

    config_dir: Path

    @property
    def folder(self) -> Path:
        return self.config_dir / "lab"

    def first_pid(self, host: str) -> int:
        recorded = state.load(Place.of("lab", self.config_dir))
        assert recorded is not None
        return recorded.hosts[host].pid

    def pids(self, host: str) -> list[int]:
        """All processes of a host, by the machine's numbers."""
        namespace = Path(f"/proc/{self.first_pid(host)}/ns/pid").readlink()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "ns/pid").readlink() == namespace:
                    found.append(int(process.name))
        return found

    def commands(self, host: str) -> dict[int, str]:
        """Command line of every process of a host; zombies have none."""
        found = {}
        for pid in self.pids(host):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            found[pid] = " ".join(word.decode("utf-8", "replace") for word in words if word)[:200]
        return found

    def find(self, host: str, text: str) -> int:
        """The newest process of a host whose command line begins with ``text``."""
        (*_, newest) = sorted(pid for pid, command in self.commands(host).items() if command.startswith(text))
        return newest

    def run(self, host: str, script: str) -> str:
        """A shell script as root in all namespaces of a host."""
        enter = ["nsenter", "--target", str(self.first_pid(host)), "--all", "sh", "-ec", script]
        return subprocess.run(enter, check=True, capture_output=True, text=True).stdout

    def inventory(self) -> Inventory:
        return Inventory(
            processes={host: tuple(sorted(self.commands(host).values())) for host in HOSTS},
            files={host: tuple(sorted(self.run(host, f"find {WORKDIR} -mindepth 1").splitlines())) for host in HOSTS},
            programs=frozenset(Hosts(self.config_dir).bpf_ids()["programs"]),
            cgroups=frozenset(_cgroups()),
        )

    @contextmanager
    def large_dose(self) -> Iterator[str]:
        """The key of a case of ``site`` that burns 16 us per packet, a part of every round trip.

        On whatever machine, and however noisy it is, that is an overhead of latency beyond doubt.
        """
        file = self.config_dir / "site" / "site-cases.json"
        original = file.read_text()
        assert original.count("4000") == 3  # name, parameter, command
        file.write_text(original.replace("4000", "16000"))
        try:
            yield "host-dose-ns_16000"
        finally:
            file.write_text(original)

    @contextmanager
    def hidden(self, host: str, program: str) -> Iterator[None]:
        """A host on which ``program`` is not installed."""
        path = self.run(host, f"command -v {shlex.quote(program)}").strip()
        real = self.run(host, f"readlink -f {shlex.quote(path)}").strip()
        self.run(host, f"mount --bind /dev/null {real}")
        try:
            yield
        finally:
            self.run(host, f"umount {real}")


def busy_machine(settings: Path) -> list[str]:
    """The option with which a run is judged whatever else is on the machine, and the file that it names."""
    settings.write_text("foreign_cpu_limit_pct: 100000\n")
    return ["--analysis-config", str(settings)]


def _cgroups() -> list[str]:
    """Cgroups of runs in which nothing runs: those of a run that goes on elsewhere are not left behind."""
    found = []
    folders = (Path(top, name) for top, names, _ in os.walk("/sys/fs/cgroup") for name in names)
    for path in (folder for folder in folders if folder.name.startswith("probecost-")):
        with suppress(FileNotFoundError, NotADirectoryError):  # the other run has just ended
            if "populated 0" in (path / "cgroup.events").read_text():
                found.append(str(path))
    return found


def until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Poll until ``condition`` holds; whether it did in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


@dataclass
class Run:
    """A ``pytest`` of a user, in a process of its own."""

    bed: LabBed
    results_dir: Path
    process: subprocess.Popen[str]
    log: Path

    @classmethod
    def start(cls, bed: LabBed, results_dir: Path, *options: str, log: Path | None = None) -> Run:
        """One unit per case, no null case and no wait for nodes that are gone, unless ``options`` say more.

        Other beds of this machine are busy meanwhile: others may take all of it, unless ``options`` name a file that
        says less.
        """
        results_dir.mkdir(parents=True, exist_ok=True)
        log = log or results_dir / f"pytest-{time.time_ns()}.log"
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--config-dir", str(bed.config_dir)]
        command += [] if "--wait-for-reboot" in options else ["--wait-for-reboot", "0"]
        more = plain(options)
        if not any(option.startswith("--resume") for option in options):  # it has both from the run that it completes
            command += ["--results-dir", str(results_dir)]
            more += [] if "--analysis-config" in options else busy_machine(results_dir / BUSY_MACHINE)
        command += [*more, *options]
        with log.open("w") as out:
            process = subprocess.Popen(
                command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, text=True
            )
        return cls(bed, results_dir, process, log)

    @property
    def output(self) -> str:
        return self.log.read_text()

    @property
    def settings(self) -> Path:
        """By which it was judged, unless its options named others."""
        return self.results_dir / BUSY_MACHINE

    @property
    def tree(self) -> Path:
        return (self.results_dir / "latest").resolve()

    def wait(self, timeout_s: float = 120.0) -> int:
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"not done after {timeout_s:g} s:\n{self.output}") from None

    def interrupt(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def wait_for(self, host: str, program: str, timeout_s: float = 90.0) -> int:
        """Wait until the run has ``program`` running on a host; its pid."""

        def running() -> bool:
            return any(command.startswith(program) for command in self.bed.commands(host).values())

        assert until(lambda: running() or self.process.poll() is not None, timeout_s), self.output
        assert self.process.poll() is None, self.output
        return self.bed.find(host, program)
