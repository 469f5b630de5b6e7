"""Samples once a second, without a fork: the tool's CPU, memory and log size, and the node's own counters."""

import json
import os
import threading
import time
from typing import Any, BinaryIO, Callable, Dict, List, Optional

from . import bpf, rtnetlink
from .cgroups import Cgroup
from .files import Files
from .processes import now_ns
from .setup import fingerprint
from .tool import Tool
from .usage import Usage, boot_id, frequencies_khz

INTERVAL_S = 1.0
_NODE_FILES = (
    ("stat", "/proc/stat"),
    ("softnet_stat", "/proc/net/softnet_stat"),
    ("net_dev", "/proc/net/dev"),
    ("snmp", "/proc/net/snmp"),
)
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def stamp(time_ns: int) -> str:
    """``2026-11-22 21:34:58.123``, UTC."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return "%s.%03d" % (time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds)), rest // 1_000_000)


def parse_snmp(text: str, protocol: str) -> Dict[str, int]:
    """One protocol's counters of /proc/net/snmp: a line of names, a line of values."""
    rows = [line.split()[1:] for line in text.splitlines() if line.startswith(protocol + ":")]
    return {name: int(value) for name, value in zip(rows[0], rows[1])} if len(rows) >= 2 else {}


def parse_net_dev(text: str) -> Dict[str, Dict[str, int]]:
    """/proc/net/dev by interface: received and sent bytes, packets, errors and drops."""
    result = {}
    for line in text.splitlines()[2:]:
        name, _, numbers = line.partition(":")
        values = [int(value) for value in numbers.split()]
        result[name.strip()] = {
            "rx_bytes": values[0],
            "rx_packets": values[1],
            "rx_errors": values[2],
            "rx_dropped": values[3],
            "tx_bytes": values[8],
            "tx_packets": values[9],
            "tx_errors": values[10],
            "tx_dropped": values[11],
        }
    return result


def read_proc(path: str) -> str:
    with open(path) as file:
        return file.read()


def interface_of(address: str) -> str:
    """The interface with ``address``; empty if unknown."""
    try:
        return rtnetlink.interface_of(address)
    except OSError:
        return ""


class _Periodic:
    """Calls ``sample`` once a second in a thread, and a last time at the end; its failure is kept as ``error``."""

    def __init__(self, sample: Callable[[], None]) -> None:
        self.error: Optional[str] = None
        self._sample = sample
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        due = time.monotonic()
        try:
            while not self._done.is_set():
                self._sample()
                due += INTERVAL_S
                self._done.wait(max(0.0, due - time.monotonic()))
            self._sample()
        except (OSError, ValueError) as error:
            self.error = str(error)

    def finish(self) -> None:
        self._done.set()
        self._thread.join()


class NodeSampler:
    """Samples the node during one perf test: raw samples in ``*.log``, counters at both ends in ``counters.json``.

    ``address`` is the node's in the tested path; ``group`` is the run's cgroup on the node.
    """

    def __init__(self, files: Files, folder: str, address: str, group: Optional[Cgroup]) -> None:
        self._files = files
        self._folder = folder
        self._outputs = [(files.create("%s/%s.log" % (folder, name)), source) for name, source in _NODE_FILES]
        self._interface = interface_of(address)
        self._usage = Usage(group)
        self._start = self._counters()
        self._periodic = _Periodic(self._sample)

    def _counters(self) -> Dict[str, Any]:
        """The node's counters and set-up, with its clock; CPU time is read last, as it goes on meanwhile."""
        return {
            "time_ns": now_ns(),
            "udp": parse_snmp(read_proc("/proc/net/snmp"), "Udp"),
            "net_dev": parse_net_dev(read_proc("/proc/net/dev")),
            "setup": fingerprint(self._interface),
            "programs": bpf.all_programs(),
            "frequencies_khz": frequencies_khz(),
            "cpu": self._usage.read(),
        }

    def _sample(self) -> None:
        head = b"# %d\n" % now_ns()
        for output, source in self._outputs:
            output.write(head + read_proc(source).encode())

    def finish(self) -> Dict[str, Any]:
        """End sampling, and write the counters of both ends to the samples' folder."""
        ends = {
            "interface": self._interface,
            "boot_id": boot_id(),
            "start": self._start,
            "end": self._counters(),
        }
        self._periodic.finish()
        for output, _ in self._outputs:
            output.close()
        self._files.write("%s/counters.json" % self._folder, json.dumps(ends, indent=1).encode())
        return {"error": self._periodic.error}


class ToolSampler:
    """Samples the tool's CPU (percent of one core), memory (KB) and log size (bytes), summed over its process tree."""

    def __init__(self, tool: Tool, files: Files, cpu: str, memory: str, logsize: str) -> None:
        self._tool = tool
        self._memory_kb = _memory_total_kb()
        self._cpu = self._open(files, cpu, b"# timestamp(UTC) cpu_percent_of_one_core\n")
        self._memory = self._open(files, memory, b"# timestamp(UTC) virt_kb rss_kb pmem_percent\n")
        self._logsize = self._open(files, logsize, b"# timestamp(UTC) bytes\n")
        self._last = (time.monotonic(), self._cpu_ns([stat.ticks for stat in tool.tree()]))
        self.samples = 0
        self._periodic = _Periodic(self._sample)

    def _open(self, files: Files, path: str, header: bytes) -> BinaryIO:
        file = files.create(path)
        file.write(header)
        return file

    def _cpu_ns(self, ticks: List[int]) -> int:
        used = self._tool.cpu_ns()
        return used if used is not None else sum(ticks) * _TICK_NS

    def _sample(self) -> None:
        tree = self._tool.tree()
        now, when = time.monotonic(), stamp(now_ns())
        cpu_ns = self._cpu_ns([stat.ticks for stat in tree])
        elapsed_s = now - self._last[0]
        virt_kb, rss_kb = _memory_of([stat.pid for stat in tree])
        if elapsed_s >= INTERVAL_S / 10:
            percent = max(0.0, (cpu_ns - self._last[1]) / (elapsed_s * 1e9) * 100)
            self._last = (now, cpu_ns)
            self._cpu.write(("%s %.2f\n" % (when, percent)).encode())
        pmem = 100.0 * rss_kb / self._memory_kb
        self._memory.write(("%s %d %d %.2f\n" % (when, virt_kb, rss_kb, pmem)).encode())
        self._logsize.write(("%s %d\n" % (when, self._tool.log_bytes())).encode())
        self.samples += 1

    def pause(self) -> None:
        """End sampling: the tool's work while it is being ended is not part of its cost."""
        self._periodic.finish()

    def finish(self) -> Dict[str, Any]:
        """Write one last size of the log after the tool has ended, which includes its last output."""
        error = self._periodic.error
        try:
            self._logsize.write(("%s %d\n" % (stamp(now_ns()), self._tool.log_bytes())).encode())
        except OSError as failure:
            error = error or str(failure)
        for output in (self._cpu, self._memory, self._logsize):
            output.close()
        return {"error": error, "samples": self.samples}


def _memory_of(pids: List[int]) -> List[int]:
    """Virtual and resident size of the processes together, KB."""
    pages = [0, 0]
    for pid in pids:
        try:
            values = read_proc("/proc/%d/statm" % pid).split()
        except OSError:
            continue
        pages[0] += int(values[0])
        pages[1] += int(values[1])
    return [count * _PAGE_KB for count in pages]


def _memory_total_kb() -> int:
    for line in read_proc("/proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1])
    return 1
