"""What the tool used over time, for the plots: its three monitor logs, and when perf tests ran, on one clock.

All times are Unix ns on the clock of the node where the tool ran. The plots only show; every figure of the reports is
computed elsewhere, from all samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from probecost.analysis.parsers import monitors
from probecost.analysis.parsers.text import ParseError, named_like, read_text
from probecost.analysis.tree.metadata import PerfTestMetadata
from probecost.analysis.tree.record import PerfTestFiles
from probecost.results.layout import BASELINE, TOOL_MONITORING

#: A log's samples: time (ns) and value, in the order of time.
Samples = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Window:
    """A perf test that ran with the tool, or with the tool on and off (a switched flow)."""

    perf_test: str
    conn_type: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class Monitored:
    """The logs of all visits of one case in one iteration: CPU in percent of a core, resident KB, bytes of output."""

    cpu: tuple[Samples, ...]
    resident: tuple[Samples, ...]
    log_size: tuple[Samples, ...]
    windows: tuple[Window, ...]


def read_monitored(records: Iterable[PerfTestFiles]) -> Monitored:
    """Read the logs beside ``records``, those of one case in one iteration; what cannot be read is left out here.

    (It is told among the problems of the case, where its figures are computed.)
    """
    own = [record for record in records if record.metadata.arm != BASELINE]
    folders = sorted({record.tool_visit_dir / TOOL_MONITORING for record in own})
    return Monitored(
        cpu=_logs(folders, "tool_cpu_usage", _cpu),
        resident=_logs(folders, "tool_memory", _resident),
        log_size=_logs(folders, "tool_logsize", _size),
        windows=tuple(window for record in own if (window := _window(record.metadata)) is not None),
    )


def tool_clock_shift_ns(what: PerfTestMetadata) -> int:
    """What must be added to a time of the client's clock to get the tool node's; 0 where that is not recorded."""
    client, tool = what.clocks.get(what.client_node), what.clocks.get(what.tool_node)
    if what.client_node == what.tool_node or client is None or tool is None:
        return 0
    return tool.offset_ns - client.offset_ns


def _window(what: PerfTestMetadata) -> Window | None:
    if what.start_ns is None or what.end_ns is None or what.end_ns <= what.start_ns:
        return None
    shift_ns = tool_clock_shift_ns(what)
    return Window(what.perf_test, what.conn_type, what.start_ns + shift_ns, what.end_ns + shift_ns)


def _logs(folders: Iterable[Path], name: str, read: Callable[[str], Samples]) -> tuple[Samples, ...]:
    found = []
    for folder in folders:
        for path in named_like(folder, f"{name}_*.log"):
            try:
                found.append(read(read_text(path)))
            except ParseError:
                continue
    return tuple(sorted(found, key=lambda samples: samples[0]))


def _cpu(text: str) -> Samples:
    return [(sample.time_ns, sample.cpu_percent_of_core) for sample in monitors.parse_cpu(text).samples]


def _resident(text: str) -> Samples:
    return [(sample.time_ns, float(sample.resident_kb)) for sample in monitors.parse_memory(text).samples]


def _size(text: str) -> Samples:
    return [(sample.time_ns, float(sample.size_bytes)) for sample in monitors.parse_logsize(text).samples]
