"""The monitor logs of an older tree: pidstat for CPU and memory, and the log's size in local time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from probecost.analysis.parsers import monitors
from probecost.analysis.parsers.monitors import CpuSample, LogSizeSample, MemorySample, Series
from probecost.analysis.parsers.text import ParseError, read_text
from probecost.analysis.tree.monitor_logs import MonitorLogs
from probecost.analysis.tree.older import pidstat
from probecost.analysis.tree.older.names import stamp_ns

RESOURCES, LOG_SIZES = "ebpf_resource_monitor", "ebpf_logsize_monitor"
_NAMES = {MonitorLogs.CPU: RESOURCES, MonitorLogs.MEMORY: RESOURCES, MonitorLogs.LOG_SIZE: LOG_SIZES}


class OlderMonitorLogs(MonitorLogs):
    """The logs in ``folders``, normally in the first one. Times become UTC if a log has the time zone."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(folders[0])
        self._folders = folders
        self._read = cache(_pidstat)

    def paths(self, name: str) -> Sequence[Path]:
        return sorted(path for folder in self._folders for path in folder.glob(f"{_NAMES[name]}*.log"))

    def cpu(self, path: Path) -> Series[CpuSample]:
        return self._read(path).cpu

    def memory(self, path: Path) -> Series[MemorySample]:
        return self._read(path).memory

    def log_size(self, path: Path) -> Series[LogSizeSample]:
        found = monitors.parse_logsize(read_text(path))
        offset_ns = self._utc_offset_ns()
        moved = (replace(sample, time_ns=sample.time_ns - offset_ns) for sample in found.samples)
        return Series(tuple(moved), found.damaged_lines)

    def _utc_offset_ns(self) -> int:
        """The node's time zone from its pidstat logs; 0 if none has it."""
        for path in self.paths(self.CPU):
            try:
                offset_ns = self._read(path).utc_offset_ns
            except ParseError:
                continue
            if offset_ns is not None:
                return offset_ns
        return 0


def _pidstat(path: Path) -> pidstat.PidstatLog:
    return pidstat.parse(read_text(path), stamp_ns(path.name))
