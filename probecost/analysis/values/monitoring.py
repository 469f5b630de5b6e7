"""Usage of the tool over time, for the plots: its three monitor logs, and the windows of perf tests, on one clock.

All times are Unix ns on the clock of the tool's node. It is for plots only; ``tool_usage`` computes every figure of the
reports, from all samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from probecost.analysis.parsers.monitors import SampleT, Series
from probecost.analysis.parsers.text import ParseError
from probecost.analysis.tree.monitor_logs import MonitorLogs
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.values.window import Window, window_of
from probecost.results.layout import BASELINE
from probecost.results.names import PerfTestName

#: A log's samples: time (ns) and value, in the order of time.
Samples = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Monitored:
    """The logs of all visits of one case in one iteration: CPU in percent of a core, resident KB, bytes of output.

    ``windows``: times of the perf tests with the tool, or with the tool on and off (switched flows).
    """

    cpu: tuple[Samples, ...]
    resident: tuple[Samples, ...]
    log_size: tuple[Samples, ...]
    windows: tuple[tuple[PerfTestName, Window], ...]


def read_monitored(records: Iterable[PerfTestFiles]) -> Monitored:
    """Read the logs of ``records`` of one case in one iteration, of trees of any age.

    Unreadable logs are left out: they are reported with the case's figures.
    """
    own = [record for record in records if record.metadata.arm != BASELINE]
    by_folder = {logs.folder: logs for logs in (record.monitor_logs for record in own)}
    places = [by_folder[folder] for folder in sorted(by_folder)]
    return Monitored(
        cpu=_all(places, MonitorLogs.CPU, lambda logs: logs.cpu, lambda each: each.cpu_percent_of_core),
        resident=_all(places, MonitorLogs.MEMORY, lambda logs: logs.memory, lambda each: float(each.resident_kb)),
        log_size=_all(places, MonitorLogs.LOG_SIZE, lambda logs: logs.log_size, lambda each: float(each.size_bytes)),
        windows=tuple(
            (record.metadata.test, window) for record in own if (window := window_of(record.metadata)) is not None
        ),
    )


def _all(
    places: Iterable[MonitorLogs],
    name: str,
    reader: Callable[[MonitorLogs], Callable[[Path], Series[SampleT]]],
    value: Callable[[SampleT], float],
) -> tuple[Samples, ...]:
    """The logs of one kind in all places, in the order in which they begin; each once."""
    found: dict[Path, Samples] = {}
    for logs in places:
        for path in logs.paths(name):
            try:
                samples = [(sample.time_ns, value(sample)) for sample in reader(logs)(path).samples]
            except ParseError:
                continue
            if samples:
                found.setdefault(path, samples)
    return tuple(sorted(found.values(), key=lambda samples: samples[0]))
