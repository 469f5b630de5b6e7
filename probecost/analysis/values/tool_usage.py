"""Usage of the tool's own processes: CPU, memory and log bytes, per perf test and per visit.

Monitor samples carry the tool node's clock; a perf test's window is on the client node's clock and is converted through
the offsets of both clocks to the controller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import NamedTuple

from probecost.analysis.parsers.monitors import CpuSample, SampleT, Series
from probecost.analysis.parsers.text import ParseError
from probecost.analysis.tree.problem import Kind, Problem
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.values.window import Window, window_of
from probecost.results.layout import TOOL
from probecost.results.names import PerfTestName

_SECOND_NS = 1_000_000_000
_MAX_GAP_NS = 3 * _SECOND_NS
_MAX_CLOCK_UNCERTAINTY_NS = _SECOND_NS // 2


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage of the tool in one window; CPU in percent of one core, ``None`` without a sample in the window."""

    cpu_avg_percent: float | None
    cpu_max_percent: float | None
    rss_max_kb: float | None


NOTHING = Usage(None, None, None)


@dataclass(frozen=True)
class CaseUsage:
    """The tool of one case over the units of one iteration.

    ``perf_tests`` are means over units per (perf test, connection type); so are the average CPU, log bytes and bytes
    per second. Maxima are the highest of all units. The CPU figures cover the perf tests (first start to last end of
    each visit), so that the tool's start-up is not in them.
    """

    perf_tests: dict[PerfTestName, Usage]
    cpu_avg_percent: float | None
    cpu_max_percent: float | None
    rss_max_kb: float | None
    virtual_max_kb: float | None
    cpu_samples: int
    log_bytes: float | None
    log_bytes_per_s: float | None


NO_USAGE = CaseUsage({}, None, None, None, None, 0, None, None)


def case_usage(records: Iterable[PerfTestFiles]) -> tuple[CaseUsage, tuple[Problem, ...]]:
    """The tool's usage from one case's records of one iteration (void and failed visits are left out)."""
    visits: dict[str, list[PerfTestFiles]] = {}
    for record in records:
        if record.metadata.arm == TOOL and not record.metadata.void_reason and not record.metadata.error:
            visits.setdefault(record.metadata.visit_id, []).append(record)
    read = [_Visit(visits[visit]) for visit in sorted(visits)]
    if not read:
        return NO_USAGE, ()
    tests = sorted({key for visit in read for key in visit.windows})
    usage = CaseUsage(
        perf_tests={key: _over_units([v.usages[key] for v in read if key in v.usages]) for key in tests},
        cpu_avg_percent=_mean([visit.total.cpu_avg_percent for visit in read]),
        cpu_max_percent=_most([visit.total.cpu_max_percent for visit in read]),
        rss_max_kb=_most([float(sample.resident_kb) for visit in read for sample in visit.memory]),
        virtual_max_kb=_most([float(sample.virtual_kb) for visit in read for sample in visit.memory]),
        cpu_samples=sum(len(visit.cpu) for visit in read),
        log_bytes=_mean([visit.log_bytes for visit in read]),
        log_bytes_per_s=_mean([visit.log_bytes_per_s for visit in read]),
    )
    return usage, tuple(problem for visit in read for problem in visit.problems)


class _Visit:
    """One tool visit: its perf tests' windows and its monitor samples."""

    def __init__(self, records: Sequence[PerfTestFiles]) -> None:
        self.records = records
        self.problems: list[Problem] = []
        self.windows = {
            record.metadata.test: window for record in records if (window := self._window(record)) is not None
        }
        starts = [window.start_ns for window in self.windows.values()]
        self.span = Window(min(starts), max(w.end_ns for w in self.windows.values())) if starts else None
        self.logs = logs = records[0].monitor_logs
        self.cpu = self._samples(logs.CPU, logs.cpu)
        self.memory = self._samples(logs.MEMORY, logs.memory)
        self.log = self._samples(logs.LOG_SIZE, logs.log_size)
        self.total = self.used(self.span) if self.span else NOTHING
        self.usages = {key: self.used(window) for key, window in self.windows.items()}
        for test, usage in self.usages.items():
            if self.cpu and usage.cpu_avg_percent is None:
                self._tell(logs.folder, f"no CPU sample lies in {test.perf_test} {test.conn_type}")

    @property
    def log_bytes(self) -> float | None:
        """The size at the end; ``None`` too for a log that was cut off before it."""
        return float(self.log[-1].size_bytes) if self.log and not self._missing_ns(self.log) else None

    @property
    def log_bytes_per_s(self) -> float | None:
        """Growth over the samples in, or next to, the time of the perf tests."""
        if self.span is None or len(self.log) < 2:
            return None
        before = [sample for sample in self.log if sample.time_ns <= self.span.start_ns][-1:]
        after = [sample for sample in self.log if sample.time_ns >= self.span.end_ns][:1]
        inside = [sample for sample in self.log if self.span.start_ns < sample.time_ns < self.span.end_ns]
        series = [*before, *inside, *after]
        if len(series) < 2 or series[-1].time_ns == series[0].time_ns:
            return None
        grown_bytes = series[-1].size_bytes - series[0].size_bytes
        return grown_bytes * _SECOND_NS / (series[-1].time_ns - series[0].time_ns)

    def used(self, window: Window) -> Usage:
        cpu = cpu_in(self.cpu, window)
        memory = [float(sample.resident_kb) for sample in self.memory if window.holds(sample.time_ns)]
        return Usage(
            cpu_avg_percent=_cpu_avg(cpu),
            cpu_max_percent=_cpu_max(cpu),
            rss_max_kb=_most(memory),
        )

    def _window(self, record: PerfTestFiles) -> Window | None:
        what = record.metadata
        window = window_of(what)
        if window is None:
            self._tell_of(record, "start and end of the perf test are unknown: no CPU and memory figures for it")
        elif what.client_node != what.tool_node:
            client, tool = what.clocks.get(what.client_node), what.clocks.get(what.tool_node)
            if client is None or tool is None:
                reason = "clock offsets are not recorded: monitor samples are matched as if clocks agreed"
                # Older scripts never recorded any.
                self._tell_of(record, reason, Kind.IMPLAUSIBLE if what.probecost else Kind.REMARK)
            elif client.uncertainty_ns + tool.uncertainty_ns > _MAX_CLOCK_UNCERTAINTY_NS:
                self._tell_of(record, "clock offsets are known to worse than 0.5 s: monitor samples may be off by one")
        return window

    def _samples(self, name: str, read: Callable[[Path], Series[SampleT]]) -> tuple[SampleT, ...]:
        """The samples of this visit's log of this kind: a case's folder has the logs of all its visits."""
        best: tuple[SampleT, ...] = ()
        best_path, most = self.logs.folder, 0
        damage: list[tuple[Path, str]] = []
        for path in self.logs.paths(name):
            try:
                series = read(path)
            except ParseError as error:
                damage.append((path, str(error)))
                continue
            inside = sum(1 for sample in series.samples if self.span and self.span.holds(sample.time_ns))
            if inside > most:
                best, best_path, most = series.samples, path, inside
                if series.damaged_lines:
                    self._tell(path, f"{series.damaged_lines} damaged lines were left out")
        if best and self._missing_ns(best) > 0:
            self._tell(best_path, "ends before the last perf test does: what came later is not in the figures")
        if not best:
            nothing = [(self.logs.folder, f"no {name} log has a sample in this visit's perf tests")]
            for path, reason in damage or (nothing if self.span else []):
                self._tell(path, reason)
        gap_ns = longest_gap_ns([sample.time_ns for sample in best], self.span) if self.span else 0
        if gap_ns and not self._missing_ns(best):  # a cut-off log is reported as such
            self._tell(best_path, f"holds no sample for {gap_ns / _SECOND_NS:.0f} s of this visit's perf tests")
        return best

    def _missing_ns(self, samples: Sequence[SampleT]) -> int:
        """Time of the perf tests after the last sample, beyond two intervals of sampling; 0 for none."""
        if self.span is None:
            return 0
        interval_ns = samples[-1].time_ns - samples[-2].time_ns if len(samples) > 1 else 0
        return max(0, self.span.end_ns - samples[-1].time_ns - max(_MAX_GAP_NS, 2 * interval_ns))

    def _tell_of(self, record: PerfTestFiles, reason: str, kind: Kind = Kind.IMPLAUSIBLE) -> None:
        self._tell(record.described_by, reason, kind)

    def _tell(self, path: Path, reason: str, kind: Kind = Kind.IMPLAUSIBLE) -> None:
        self.problems.append(self.records[0].problem(path, reason, kind))


def longest_gap_ns(times_ns: Sequence[int], span: Window) -> int:
    """The longest time in ``span`` without a sample, if it is longer than 3 usual intervals and 3 s; else 0."""
    if not times_ns:
        return 0
    usual_ns = median([later - earlier for earlier, later in pairwise(times_ns)] or [_SECOND_NS])
    inside = [time_ns for time_ns in times_ns if span.holds(time_ns)]
    longest_ns = max(later - earlier for earlier, later in pairwise([span.start_ns, *inside, span.end_ns]))
    return longest_ns if longest_ns > max(_MAX_GAP_NS, 3 * usual_ns) else 0


class CoveredCpu(NamedTuple):
    """A CPU sample's value, its overlap with a window, and whether most of its own time is in the window."""

    percent: float
    covered_s: float
    mostly_inside: bool


def cpu_in(samples: Sequence[CpuSample], window: Window) -> list[CoveredCpu]:
    """The CPU samples with timestamps in ``window``, in the order of time.

    A sample is the mean since the previous one, so the first in a window mostly covers the time before it: its overlap
    with the window is its weight in an average. A window shorter than the sampling interval may hold no timestamp: then
    the first sample after it counts, if it covers at least half of the window.
    """
    covered: list[CoveredCpu] = []
    for at, sample in enumerate(samples):
        before_ns = samples[at - 1].time_ns if at else sample.time_ns - _SECOND_NS
        since_ns = max(before_ns, sample.time_ns - _MAX_GAP_NS)
        share_ns = min(sample.time_ns, window.end_ns) - max(since_ns, window.start_ns)
        entry = CoveredCpu(
            sample.cpu_percent_of_core, max(share_ns, 1) / _SECOND_NS, 2 * share_ns >= sample.time_ns - since_ns
        )
        if window.holds(sample.time_ns):
            covered.append(entry)
        elif sample.time_ns > window.end_ns:
            if not covered and 2 * share_ns >= window.end_ns - window.start_ns:
                covered.append(entry)
            break
    return covered


def _cpu_max(covered: Sequence[CoveredCpu]) -> float | None:
    """The highest sample; one that mostly covers the time before the window counts only if there is no other."""
    return _most([entry.percent for entry in covered if entry.mostly_inside] or [entry.percent for entry in covered])


def _cpu_avg(covered: Sequence[CoveredCpu]) -> float | None:
    weight = sum(entry.covered_s for entry in covered)
    return sum(entry.percent * entry.covered_s for entry in covered) / weight if weight else None


def human_size(size_bytes: float) -> str:
    """``704.5KB`` for 721408: powers of 1024, one decimal, bytes without one.

    >>> human_size(0), human_size(721408), human_size(1147465)
    ('0B', '704.5KB', '1.1MB')
    """
    value = float(size_bytes)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024:
            return f"{value:.0f}B" if unit == "B" else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.1f}TB"


def _over_units(usages: Sequence[Usage]) -> Usage:
    return Usage(
        _mean([usage.cpu_avg_percent for usage in usages]),
        _most([usage.cpu_max_percent for usage in usages]),
        _most([usage.rss_max_kb for usage in usages]),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
