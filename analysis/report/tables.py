"""The four CSV tables per topic and iteration, column by column, and measurements.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from analysis.compare import Comparison
from analysis.measurements import COLUMNS, Measurement
from analysis.report.cells import NA, decimal, exact, gbps, text_cell, whole_number
from analysis.resources import Usage, human_size
from analysis.study import CaseStudy

_CASE = ("Tool Case", "Protocol", "Direction")
# Client is what was sent, server what was received.
_SIDES = (
    ("Client Single", "single", "sent"),
    ("Client Multi", "multi", "sent"),
    ("Server Single", "single", "received"),
    ("Server Multi", "multi", "received"),
)
_WINDOWS = (
    ("PPS Single", ("pps", "single")),
    ("PPS Multi", ("pps", "multi")),
    ("TP Single", ("throughput", "single")),
    ("TP Multi", ("throughput", "multi")),
)

LATENCY_COLUMNS = (
    *_CASE,
    *(
        f"{protocol} RR {name}"
        for protocol in ("TCP", "UDP")
        for name in ("Min (us)", "Mean (us)", "Max (us)", "Baseline (us)", "Diff (%)")
    ),
)
THROUGHPUT_COLUMNS = (
    *_CASE,
    *(f"{side} {name}" for side, _, _ in _SIDES for name in ("(Gbps)", "Baseline (Gbps)", "Diff (%)")),
)
PPS_COLUMNS = (*_CASE, *(f"{side} {name}" for side, _, _ in _SIDES for name in ("PPS", "Baseline", "Diff (%)")))
RESOURCES_COLUMNS = (
    *_CASE,
    *(f"{name} {what}" for name, _ in _WINDOWS for what in ("CPU Avg (%)", "CPU Max (%)", "Mem Max (KB)")),
    "Max RSS (KB)",
    "Max VSZ (KB)",
    "Total Samples",
    "Log Size (Bytes)",
    "Log Size (Human)",
)


@dataclass(frozen=True)
class Table:
    """One CSV file: ``name`` is the part of the file's name between topic and iteration."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        return csv_text([self.columns, *self.rows])


def tables(cases: Sequence[CaseStudy]) -> tuple[Table, ...]:
    """Latency, throughput, pps and resources of the cases of one topic and iteration, a row per case."""
    rows = list(zip(cases, row_names(cases), strict=True))

    def table(name: str, columns: tuple[str, ...], cells: Callable[[CaseStudy], Iterable[str]]) -> Table:
        return Table(
            name,
            columns,
            tuple(
                (text_cell(label), text_cell(case.protocol), text_cell(case.direction), *cells(case))
                for case, label in rows
            ),
        )

    return (
        table("latency", LATENCY_COLUMNS, _latency),
        table("throughput", THROUGHPUT_COLUMNS, _throughput),
        table("pps", PPS_COLUMNS, _pps),
        table("resources", RESOURCES_COLUMNS, _resources),
    )


def row_names(cases: Sequence[CaseStudy]) -> list[str]:
    """The cases' folder names; where two share one (of two pair kinds), the pair kind is added."""
    labels = [case.label for case in cases]
    return [f"{case.label}/{case.pair_kind}" if labels.count(case.label) > 1 else case.label for case in cases]


def measurements_text(measurements: Iterable[Measurement]) -> str:
    """The tidy table as CSV; cells without a value are empty."""

    def cell(value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, float):
            return exact(value)
        return text_cell(value) if isinstance(value, str) and value else str(value)

    return csv_text([COLUMNS, *(tuple(cell(value) for value in row.row()) for row in measurements)])


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _latency(case: CaseStudy) -> Iterable[str]:
    for conn_type in ("tcp_rr", "udp_rr"):
        for metric in ("min_us", "mean_us", "max_us"):
            found = case.get("latency", conn_type, metric)
            yield decimal(found.tool_mean if found else None)
        yield from _against(case.get("latency", conn_type, "mean_us"), decimal)[1:]


def _throughput(case: CaseStudy) -> Iterable[str]:
    for _, conn_type, side in _SIDES:
        yield from _against(case.get("throughput", conn_type, f"{side}_bps"), gbps)


def _pps(case: CaseStudy) -> Iterable[str]:
    for _, conn_type, side in _SIDES:
        yield from _against(case.get("pps", conn_type, f"{side}_pps"), whole_number)


def _against(found: Comparison | None, show: Callable[[float | None], str]) -> tuple[str, str, str]:
    """Tool, baseline and difference."""
    if found is None:
        return NA, NA, NA
    return show(found.tool_mean), show(found.baseline_mean), decimal(found.diff_pct)


def _resources(case: CaseStudy) -> Iterable[str]:
    nothing = Usage(None, None, None)
    for _, perf_test in _WINDOWS:
        usage = case.usage.perf_tests.get(perf_test, nothing)
        yield from (decimal(usage.cpu_avg_percent), decimal(usage.cpu_max_percent), whole_number(usage.rss_max_kb))
    yield whole_number(case.usage.rss_max_kb)
    yield whole_number(case.usage.virtual_max_kb)
    yield str(case.usage.cpu_samples) if case.usage.cpu_samples else NA
    yield whole_number(case.usage.log_bytes)
    yield NA if case.usage.log_bytes is None else human_size(case.usage.log_bytes)
