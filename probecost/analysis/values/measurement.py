"""The tidy table: one row per figure of one perf test of one visit, computed from the raw files.

Rates of several streams are sums. Packets per second are datagrams: sent ones by the clients' own count, received ones
by the receiving node's ``Udp InDatagrams``, both over the seconds that the clients measured. CPU time is summed over
all CPUs of the tool's node.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from probecost.analysis.gates import foreign_load
from probecost.analysis.parsers.segments import Segment
from probecost.analysis.settings.settings import Settings
from probecost.analysis.tree.metadata import PerfTestMetadata
from probecost.analysis.tree.problem import Kind, Problem
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.values.visit import VisitReading
from probecost.results.metrics import FOREIGN_CPU, METRICS
from probecost.results.names import CaseId, MetricId, PerfTestName, metric_id

COLUMNS = (
    "run_id",
    "environment",
    "iteration",
    "case_key",
    "visit_id",
    "unit_index",
    "pair_index",
    "arm",
    "order",
    "perf_test",
    "conn_type",
    "metric",
    "value",
    "unit",
    "start",
    "end",
    "void_reason",
)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row: ``value`` is in ``unit``, of the whole perf test ``what``, or of one ``segment`` of a switched flow.

    ``start_ns`` and ``end_ns`` are Unix ns on the client node's clock; for a segment, on the counting node's clock.
    """

    what: PerfTestMetadata
    metric: str
    value: float
    void_reason: str
    segment: Segment | None = None

    @property
    def unit(self) -> str:
        return METRICS[self.metric].unit

    @property
    def is_switched(self) -> bool:
        return self.segment is not None

    @property
    def run_id(self) -> str:
        return self.what.run_id

    @property
    def environment(self) -> str:
        return self.what.environment

    @property
    def pair_kind(self) -> str:
        return self.what.pair_kind

    @property
    def iteration(self) -> int:
        return self.what.iteration

    @property
    def case_key(self) -> str:
        return self.what.case_key

    @property
    def visit_id(self) -> str:
        return self.what.visit_id if self.segment is None else f"{self.what.visit_id}/s{self.segment.number:03d}"

    @property
    def unit_index(self) -> int:
        return self.what.unit

    @property
    def pair_index(self) -> int:
        return self.what.pair if self.segment is None else self.segment.pair

    @property
    def arm(self) -> str:
        return self.what.arm if self.segment is None else self.segment.arm

    @property
    def order(self) -> int | None:
        return self.what.order if self.segment is None else None

    @property
    def shared_baseline(self) -> bool:
        return self.what.shared_baseline

    @property
    def case(self) -> CaseId:
        return self.what.case

    @property
    def metric_id(self) -> MetricId:
        return metric_id(self.what.perf_test, self.what.conn_type, self.metric)

    @property
    def test(self) -> PerfTestName:
        return self.what.test

    @property
    def perf_test(self) -> str:
        return self.what.perf_test

    @property
    def conn_type(self) -> str:
        return self.what.conn_type

    @property
    def start_ns(self) -> int | None:
        return self.what.start_ns if self.segment is None else self.segment.start_ns

    @property
    def end_ns(self) -> int | None:
        return self.what.end_ns if self.segment is None else self.segment.end_ns

    def is_beside(self, other: Measurement | None) -> bool:
        """Whether both are of the same perf test or segment, and so differ only in metric and value."""
        return other is not None and self.what is other.what and self.segment is other.segment

    def place(self) -> tuple[object, ...]:
        """The cells under ``COLUMNS`` up to the metric; ``None`` for an empty one."""
        return (
            self.run_id,
            self.environment,
            self.iteration,
            self.case_key,
            self.visit_id,
            self.unit_index,
            self.pair_index,
            self.arm,
            self.order,
            self.perf_test,
            self.conn_type,
        )


@dataclass(frozen=True)
class Measured:
    """Measurements and problems of one perf test. ``record``: with the reason if a gate voided it."""

    measurements: tuple[Measurement, ...]
    problems: tuple[Problem, ...]
    record: PerfTestFiles


def measure(reading: VisitReading, settings: Settings, pair_void: str = "") -> Measured:
    """The rows of one perf test of a visit; void if a gate stops it.

    ``pair_void``: the reason of a gate on its pair of visits; empty if none stops it.
    """
    record, problems = reading.counted.record, [*reading.problems]
    what = record.metadata
    void_reason = what.unusable
    if void_reason:
        reason = f"not used, {void_reason}" if what.void_reason else f"the perf test {void_reason}"
        problems.append(record.problem(record.described_by, reason, Kind.MISSING))
    loads = foreign_load.of_perf_test(reading.counted)
    gates = (pair_void, *(load.void_reason(settings.foreign_cpu_limit_pct) for load in loads), reading.short)
    if not void_reason and any(gates):
        void_reason = next(filter(None, gates))
        record = replace(record, metadata=replace(what, void_reason=void_reason))
        kind = Kind.SHORT if void_reason == reading.short else Kind.VOID
        problems.append(record.problem(record.described_by, f"not used, {void_reason}", kind))
    foreign_pct = max((load.percent for load in loads if load.percent is not None), default=None)
    figures = {**reading.figures, FOREIGN_CPU: foreign_pct}
    rows = tuple(
        Measurement(what, metric, value, void_reason) for metric, value in figures.items() if value is not None
    )
    return Measured(rows, set_aside(record) if what.is_superseded else tuple(problems), record)


def set_aside(record: PerfTestFiles) -> tuple[Problem]:
    """The only problem of a perf test that a resumed run measured again: its files may be incomplete."""
    path = record.place_on(record.metadata.client_node) / record.place.metadata.name
    return (record.problem(path, f"not used, {record.metadata.void_reason}", Kind.VOID),)
