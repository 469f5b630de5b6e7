"""The perf tests and their metrics, an entry each, for all rooms.

A new metric is an entry in ``METRICS`` and the code that counts it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from probecost.results.names import MetricId, PerfTestName

PerfType = Literal["throughput", "latency", "pps"]
ConnType = Literal["single", "multi", "tcp_rr", "udp_rr"]


@dataclass(frozen=True)
class PerfTest:
    """A perf test without a load. ``title`` names its verdicts, ``short`` its differences in tables.

    ``terminal`` heads its column in the terminal's summary; empty for none.
    """

    type: PerfType
    conn_type: ConnType
    title: str
    short: str
    terminal: str = ""

    @property
    def name(self) -> PerfTestName:
        return PerfTestName(self.type, self.conn_type)

    @property
    def primary(self) -> MetricId:
        return MetricId(self.name, PRIMARY[self.type])


#: In the order of all tables.
PERF_TESTS = (
    PerfTest("latency", "tcp_rr", title="TCP RR latency", short="TCP RR", terminal="TCP RR"),
    PerfTest("latency", "udp_rr", title="UDP RR latency", short="UDP RR", terminal="UDP RR"),
    PerfTest("throughput", "single", title="Throughput single", short="Throughput single", terminal="throughput"),
    PerfTest("throughput", "multi", title="Throughput multi", short="Throughput multi"),
    PerfTest("pps", "single", title="Packets/s single", short="PPS single", terminal="pps"),
    PerfTest("pps", "multi", title="Packets/s multi", short="PPS multi"),
)
PERF_TYPES: tuple[PerfType, ...] = tuple(dict.fromkeys(test.type for test in PERF_TESTS))
CONN_TYPES: Mapping[PerfType, tuple[ConnType, ...]] = {
    kind: tuple(test.conn_type for test in PERF_TESTS if test.type == kind) for kind in PERF_TYPES
}


@dataclass(frozen=True)
class Metric:
    """A figure of the perf tests of one type, or of all if ``perf_type`` is ``None``.

    ``title``: text after the title of the perf test. ``lower_is_better``: ``None`` for a figure without a better end,
    or that is often 0; it gets no verdict. ``budget``: its name in budgets and thresholds. ``threshold_pct``: a
    difference above it is marked unless the settings have another limit; ``None``: it has no threshold. ``heading``:
    its column in the overview's tables, with the fields of its ``PerfTest``. ``stem``: its name without the unit, in
    the properties of a pytest item. An empty text means none.
    """

    name: str
    unit: str
    perf_type: PerfType | None
    title: str
    lower_is_better: bool | None = None
    is_primary: bool = False
    budget: str = ""
    threshold_pct: float | None = None
    heading: str = ""
    stem: str = ""

    @property
    def conn_types(self) -> tuple[ConnType, ...]:
        """The connection types of its budgets."""
        return () if self.perf_type is None else CONN_TYPES[self.perf_type]

    def property_stem(self, test: PerfTestName) -> str:
        """``latency_tcp_rr_mean``: the start of its names among the properties of an item."""
        return f"{test.perf_test}_{test.conn_type}_{self.stem}"

    @property
    def property_unit(self) -> str:
        """The end of these names: ``us`` of ``mean_us``."""
        return self.name.removeprefix(f"{self.stem}_")


#: CPU time per byte: the cost of a rate at its limit.
CPU_PER_BYTE = "cpu_s_per_gb"
FOREIGN_CPU = "foreign_cpu_pct"

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "sent_bps",
            "bit/s",
            "throughput",
            "sent",
            lower_is_better=False,
            budget="throughput_sent",
            threshold_pct=5.0,
            stem="sent",
        ),
        Metric(
            "received_bps",
            "bit/s",
            "throughput",
            "received",
            lower_is_better=False,
            is_primary=True,
            budget="throughput",
            threshold_pct=5.0,
            heading="{title} (Gbit/s)",
            stem="received",
        ),
        Metric("retransmits", "count", "throughput", "retransmits"),
        Metric("min_us", "us", "latency", "shortest", lower_is_better=True, budget="latency_min", stem="min"),
        Metric(
            "mean_us",
            "us",
            "latency",
            "mean",
            lower_is_better=True,
            is_primary=True,
            budget="latency_mean",
            threshold_pct=10.0,
            heading="{short} mean (us)",
            stem="mean",
        ),
        Metric("max_us", "us", "latency", "longest", lower_is_better=True, budget="latency_max", stem="max"),
        Metric("p50_us", "us", "latency", "median", lower_is_better=True, budget="latency_p50", stem="p50"),
        Metric("p90_us", "us", "latency", "90th percentile", lower_is_better=True, budget="latency_p90", stem="p90"),
        Metric("p99_us", "us", "latency", "99th percentile", lower_is_better=True, budget="latency_p99", stem="p99"),
        Metric(
            "transactions_per_s",
            "1/s",
            "latency",
            "transactions/s",
            lower_is_better=False,
            budget="transactions",
            stem="transactions",
        ),
        Metric("background_bps", "bit/s", "latency", "flow beside it"),
        Metric(
            "sent_pps",
            "packets/s",
            "pps",
            "sent",
            lower_is_better=False,
            budget="pps_sent",
            threshold_pct=5.0,
            stem="sent",
        ),
        Metric(
            "received_pps",
            "packets/s",
            "pps",
            "received",
            lower_is_better=False,
            is_primary=True,
            budget="pps",
            threshold_pct=5.0,
            heading="{title}",
            stem="received",
        ),
        Metric("sent_writes_per_s", "writes/s", "pps", "TCP writes sent", lower_is_better=False, stem="sent_writes"),
        Metric(
            "received_writes_per_s",
            "writes/s",
            "pps",
            "TCP writes received",
            lower_is_better=False,
            stem="received_writes",
        ),
        Metric("lost_share", "share", "pps", "share lost"),
        Metric("rcvbuf_errors", "count", "pps", "no room in the buffer"),
        Metric("interface_drops", "count", "pps", "dropped by the interface"),
        Metric(
            CPU_PER_BYTE,
            "s/GB",
            "throughput",
            "CPU per GB",
            lower_is_better=True,
            budget="cpu_per_gb",
            threshold_pct=10.0,
            heading="CPU s/GB {conn_type}",
        ),
        Metric(FOREIGN_CPU, "% of a core", None, "CPU of others"),
    )
}
#: Type of a perf test → the metric without which it has no valid data.
PRIMARY: Mapping[str, str] = {
    metric.perf_type: metric.name for metric in METRICS.values() if metric.perf_type and metric.is_primary
}


def metrics_of(perf_type: PerfType) -> list[Metric]:
    """The metrics of one type of perf test, the primary one first."""
    own = [metric for metric in METRICS.values() if metric.perf_type == perf_type]
    return sorted(own, key=lambda metric: not metric.is_primary)


def place(name: PerfTestName) -> int:
    """The place of a perf test in all tables: unknown perf tests and those at a load come last."""
    return next((at for at, test in enumerate(PERF_TESTS) if test.name == name), len(PERF_TESTS))


def by_budget() -> dict[str, Metric]:
    """The metrics with budgets, by their name in budgets, in the order of messages."""
    return {metric.budget: metric for kind in PERF_TYPES for metric in metrics_of(kind) if metric.budget}


def has_verdict(name: str) -> bool:
    """Whether the metric has a better end."""
    return METRICS[name].lower_is_better is not None


def lower_is_better(name: str) -> bool:
    """The better end of a metric that has one."""
    answer = METRICS[name].lower_is_better
    assert answer is not None, name
    return answer


def columns() -> Iterator[tuple[str, PerfTest, Metric]]:
    """The columns of the overview's tables with their headings: the primary metric of each perf test first."""
    for test in PERF_TESTS:
        for metric in metrics_of(test.type):
            if metric.heading:
                yield metric.heading.format(title=test.title, short=test.short, conn_type=test.conn_type), test, metric


@dataclass(frozen=True)
class Counter:
    """A counter of the tool's node. ``scale``: 8 if it counts bytes and the metric is in bits."""

    name: str
    scale: int = 1


#: Pair kind → type of perf test → the counter of received traffic, for switched flows and calibration: for a host of
#: its own interface and kernel, for a guest of its tap.
ARRIVED: Mapping[str, Mapping[str, Counter]] = {
    "host": {
        "latency": Counter("rx_packets"),
        "throughput": Counter("rx_bytes", 8),
        "pps": Counter("udp_in_datagrams"),
    },
    "vm": {"latency": Counter("tx_packets"), "throughput": Counter("tx_bytes", 8), "pps": Counter("tx_packets")},
}
