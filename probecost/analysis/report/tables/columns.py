"""The columns of the four tables: the value of a case, and its format in CSV and in a workbook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from probecost.analysis.judge.baseline import Comparison
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.values.tool_usage import Usage, human_size
from probecost.analysis.words.cells import NA, decimal, gbps, whole_number
from probecost.results.names import MetricId, PerfTestName, metric_id

Value = Callable[[CaseStudy], float | None]
_T = TypeVar("_T")

CASE_COLUMNS = ("Tool Case", "Protocol", "Direction")
# Client columns are sent traffic, server columns received traffic.
_SIDES = (
    ("Client Single", "single", "sent"),
    ("Client Multi", "multi", "sent"),
    ("Server Single", "single", "received"),
    ("Server Multi", "multi", "received"),
)
_WINDOWS = (
    ("PPS Single", PerfTestName("pps", "single")),
    ("PPS Multi", PerfTestName("pps", "multi")),
    ("TP Single", PerfTestName("throughput", "single")),
    ("TP Multi", PerfTestName("throughput", "multi")),
)
_DECIMAL, _GBPS, _WHOLE, _DIFF = "0.00", "0.00##", "#,##0", "+0.00;-0.00;0.00"


@dataclass(frozen=True)
class Column:
    """A column. ``value`` of a case is in a base unit (bit/s, us, KB); the column's unit is ``divisor`` of them.

    ``metric``: the comparison of the column. ``number_format``: of a workbook's cells; empty for a text column.
    ``test``: ``None`` for a figure of all perf tests.
    """

    name: str
    value: Value
    show: Callable[[float | None], str]
    number_format: str
    divisor: float = 1.0
    metric: MetricId | None = None
    is_diff: bool = False
    test: PerfTestName | None = None

    def in_unit(self, value: float) -> float:
        """The value in the unit of the column's name."""
        return value / self.divisor


def _latency(protocol: str) -> tuple[Column, ...]:
    conn_type = f"{protocol.lower()}_rr"
    mean = metric_id("latency", conn_type, "mean_us")
    ends = [
        Column(f"{protocol} RR {name} (us)", _tool(metric), decimal, _DECIMAL, metric=metric, test=metric.test)
        for name, metric in (("Min", mean._replace(metric="min_us")), ("Max", mean._replace(metric="max_us")))
    ]
    tool, baseline, diff = _against(
        mean,
        (f"{protocol} RR Mean (us)", f"{protocol} RR Baseline (us)", f"{protocol} RR Diff (%)"),
        decimal,
        _DECIMAL,
    )
    return ends[0], tool, ends[1], baseline, diff


def _throughput(side: str, conn_type: str, end: str) -> tuple[Column, ...]:
    names = (f"{side} (Gbps)", f"{side} Baseline (Gbps)", f"{side} Diff (%)")
    return _against(metric_id("throughput", conn_type, f"{end}_bps"), names, gbps, _GBPS, 1e9)


def _pps(side: str, conn_type: str, end: str) -> tuple[Column, ...]:
    names = (f"{side} PPS", f"{side} Baseline", f"{side} Diff (%)")
    return _against(metric_id("pps", conn_type, f"{end}_pps"), names, whole_number, _WHOLE)


def _against(
    metric: MetricId,
    names: tuple[str, str, str],
    show: Callable[[float | None], str],
    number_format: str,
    divisor: float = 1.0,
) -> tuple[Column, Column, Column]:
    """The columns of tool, baseline and difference."""
    tool, baseline, diff = names
    test = metric.test
    return (
        Column(tool, _tool(metric), show, number_format, divisor, metric, test=test),
        Column(
            baseline, _of(metric, lambda found: found.baseline_mean), show, number_format, divisor, metric, test=test
        ),
        Column(diff, _of(metric, lambda found: found.diff_pct), decimal, _DIFF, 1.0, metric, is_diff=True, test=test),
    )


def _tool(metric: MetricId) -> Value:
    return _of(metric, lambda found: found.tool_mean)


def _of(metric: MetricId, pick: Callable[[Comparison], float | None]) -> Value:
    return lambda case: _if_there(case.comparisons.get(metric), pick)


def _window(title: str, test: PerfTestName) -> tuple[Column, ...]:
    def of(pick: Callable[[Usage], float | None]) -> Value:
        return lambda case: _if_there(case.usage.perf_tests.get(test), pick)

    return (
        Column(f"{title} CPU Avg (%)", of(lambda used: used.cpu_avg_percent), decimal, _DECIMAL, test=test),
        Column(f"{title} CPU Max (%)", of(lambda used: used.cpu_max_percent), decimal, _DECIMAL, test=test),
        Column(f"{title} Mem Max (KB)", of(lambda used: used.rss_max_kb), whole_number, _WHOLE, test=test),
    )


def _if_there(found: _T | None, pick: Callable[[_T], float | None]) -> float | None:
    return None if found is None else pick(found)


def _human(size_bytes: float | None) -> str:
    return NA if size_bytes is None else human_size(size_bytes)


LATENCY = (*_latency("TCP"), *_latency("UDP"))
THROUGHPUT = tuple(column for side in _SIDES for column in _throughput(*side))
PPS = tuple(column for side in _SIDES for column in _pps(*side))
RESOURCES = (
    *(column for window in _WINDOWS for column in _window(*window)),
    Column("Max RSS (KB)", lambda case: case.usage.rss_max_kb, whole_number, _WHOLE),
    Column("Max VSZ (KB)", lambda case: case.usage.virtual_max_kb, whole_number, _WHOLE),
    Column("Total Samples", lambda case: float(case.usage.cpu_samples) or None, whole_number, _WHOLE),
    Column("Log Size (Bytes)", lambda case: case.usage.log_bytes, whole_number, _WHOLE),
    Column("Log Size (Human)", lambda case: case.usage.log_bytes, _human, ""),
)
#: The name of each table, as in file names, and its columns after those of the case.
TABLES = (("latency", LATENCY), ("throughput", THROUGHPUT), ("pps", PPS), ("resources", RESOURCES))
