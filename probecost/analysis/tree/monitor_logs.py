"""The monitor logs of a tool: their paths, and the parser of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from probecost.analysis.parsers import monitors
from probecost.analysis.parsers.monitors import CpuSample, LogSizeSample, MemorySample, Series
from probecost.analysis.parsers.text import named_like, read_text


class MonitorLogs:
    """The three logs of the monitors in ``folder``. Reading raises ``ParseError``."""

    CPU, MEMORY, LOG_SIZE = "tool_cpu_usage", "tool_memory", "tool_logsize"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def paths(self, name: str) -> Sequence[Path]:
        return named_like(self.folder, f"{name}_*.log")

    def cpu(self, path: Path) -> Series[CpuSample]:
        return monitors.parse_cpu(read_text(path))

    def memory(self, path: Path) -> Series[MemorySample]:
        return monitors.parse_memory(read_text(path))

    def log_size(self, path: Path) -> Series[LogSizeSample]:
        return monitors.parse_logsize(read_text(path))
