"""The tidy table: one row per figure of one perf test of one visit, computed from the raw files.

Rates of several streams are sums. Packets per second are datagrams: those sent from the clients' own count, those
received from the receiving node's ``Udp InDatagrams``, both over the seconds that the clients measured. CPU time is
that of all CPUs of the node where the tool runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from analysis.gates import foreign
from analysis.locate import PerfTestRecord
from analysis.metadata import PerfTestMetadata
from analysis.problems import Problem
from analysis.raw import RawReader

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
UNITS = {
    "sent_bps": "bit/s",
    "received_bps": "bit/s",
    "retransmits": "count",
    "min_us": "us",
    "mean_us": "us",
    "max_us": "us",
    "p50_us": "us",
    "p90_us": "us",
    "p99_us": "us",
    "transactions_per_s": "1/s",
    "background_bps": "bit/s",
    "sent_pps": "packets/s",
    "received_pps": "packets/s",
    "sent_writes_per_s": "writes/s",
    "received_writes_per_s": "writes/s",
    "lost_share": "share",
    "rcvbuf_errors": "count",
    "interface_drops": "count",
    "cpu_s_per_gb": "s/GB",
    "foreign_cpu_pct": "% of a core",
}
# The metric without which a perf test has no valid data.
PRIMARY = {"throughput": "received_bps", "latency": "mean_us", "pps": "received_pps"}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row: ``value`` is in ``unit``; ``start_ns`` and ``end_ns`` are Unix ns on the client node's clock.

    ``is_switched``: it is a segment of a flow; the times are then those of the node that counted.
    """

    run_id: str
    environment: str
    pair_kind: str
    iteration: int
    case_key: str
    visit_id: str
    unit_index: int
    pair_index: int
    arm: str
    order: int | None
    shared_baseline: bool
    perf_test: str
    conn_type: str
    metric: str
    value: float
    unit: str
    start_ns: int | None
    end_ns: int | None
    void_reason: str
    is_switched: bool = False

    @classmethod
    def of(cls, what: PerfTestMetadata, metric: str, value: float, void_reason: str) -> Measurement:
        """A figure of the whole perf test that ``what`` describes."""
        return cls(
            what.run_id,
            what.environment,
            what.pair_kind,
            what.iteration,
            what.case_key,
            what.visit_id,
            what.unit,
            what.pair,
            what.arm,
            what.order,
            what.shared_baseline,
            what.perf_test,
            what.conn_type,
            metric,
            value,
            UNITS[metric],
            what.start_ns,
            what.end_ns,
            void_reason,
        )

    def row(self) -> tuple[object, ...]:
        """The cells under ``COLUMNS``; ``None`` where there is nothing."""
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
            self.metric,
            self.value,
            self.unit,
            self.start_ns,
            self.end_ns,
            self.void_reason or None,
        )


@dataclass(frozen=True)
class Measured:
    """What one perf test gave, and what is wrong with it. ``record``: as given, with the reason if a gate voided it."""

    measurements: tuple[Measurement, ...]
    problems: tuple[Problem, ...]
    record: PerfTestRecord


def measure(record: PerfTestRecord, pair_void: str = "", foreign_cpu_limit_pct: float = foreign.LIMIT_PCT) -> Measured:
    """Read the raw files of one perf test. Never raises for what they hold.

    ``pair_void``: why a gate on its pair of visits does not let it count; empty where they all do.
    """
    reader = RawReader(record)
    what = record.metadata
    figures: dict[str, float | None] = {}
    match what.perf_test:
        case "throughput":
            figures = reader.throughput()
        case "latency":
            figures = reader.latency()
        case "pps":
            figures = reader.pps()
        case other:
            reader.lost(record.place_on(what.client_node), f"perf test {other!r} is not known to this version")
    void_reason = what.unusable
    path = record.described_by
    if void_reason:
        reader.lost(path, f"not used, {void_reason}" if what.void_reason else f"the perf test {void_reason}")
    loads = foreign.of_perf_test(record)
    gates = (pair_void, *(load.void_reason(foreign_cpu_limit_pct) for load in loads), reader.void_reason)
    if not void_reason and any(gates):
        void_reason = next(filter(None, gates))
        record = replace(record, metadata=replace(what, void_reason=void_reason))
        problem = record.problem(path, f"not used, {void_reason}", missing=False)
        reader.problems.append(replace(problem, is_void=True, is_short=void_reason == reader.void_reason))
    figures["foreign_cpu_pct"] = max((load.percent for load in loads if load.percent is not None), default=None)
    rows = tuple(
        Measurement.of(what, metric, value, void_reason) for metric, value in figures.items() if value is not None
    )
    return Measured(rows, set_aside(record) if what.is_superseded else tuple(reader.problems), record)


def set_aside(record: PerfTestRecord) -> tuple[Problem]:
    """All that is said of what a resumed run measured again: its files may be half ones."""
    path = record.place_on(record.metadata.client_node) / record.place.metadata.name
    return (replace(record.problem(path, f"not used, {record.metadata.void_reason}", missing=False), is_void=True),)
