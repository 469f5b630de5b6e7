"""The figures of one case under flat names: for junit properties, HTML columns and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.study import CaseStudy

# Metric → its name without the unit, and the unit as the name's end.
_NAMES = {
    "sent_bps": ("sent", "bps"),
    "received_bps": ("received", "bps"),
    "min_us": ("min", "us"),
    "mean_us": ("mean", "us"),
    "max_us": ("max", "us"),
    "p50_us": ("p50", "us"),
    "p90_us": ("p90", "us"),
    "p99_us": ("p99", "us"),
    "transactions_per_s": ("transactions", "per_s"),
    "sent_pps": ("sent", "pps"),
    "received_pps": ("received", "pps"),
}


@dataclass(frozen=True)
class CaseResults:
    """``figures``: numbers by name, units in the names. ``problems``: a line for each perf test without valid data."""

    figures: Mapping[str, float | str]
    problems: tuple[str, ...]


def case_results(case: CaseStudy, root: Path) -> CaseResults:
    """The figures of ``case`` that are known; paths in the problems are relative to ``root``."""
    return CaseResults(figures(case), tuple(problem.text(root) for problem in case.missing))


def figures(case: CaseStudy) -> dict[str, float | str]:
    """``latency_tcp_rr_mean_us``, ``latency_tcp_rr_mean_baseline_us``, ``latency_tcp_rr_mean_diff_pct`` and so on."""
    result: dict[str, float | str] = {"units": float(case.n_units)}
    for metric in sorted(case.comparisons):
        name = _NAMES.get(metric.metric)
        if name is None:
            continue
        found, stem, unit = case.comparisons[metric], f"{metric.perf_test}_{metric.conn_type}_{name[0]}", name[1]
        for key, value in (
            (f"{stem}_{unit}", found.tool_mean),
            (f"{stem}_baseline_{unit}", found.baseline_mean),
            (f"{stem}_diff_pct", found.diff_pct),
        ):
            if value is not None:
                result[key] = round(float(value), 3)
    usage = case.usage
    for key, value in (
        ("tool_cpu_avg_pct", usage.cpu_avg_percent),
        ("tool_cpu_max_pct", usage.cpu_max_percent),
        ("tool_rss_max_kb", usage.rss_max_kb),
        ("tool_vsz_max_kb", usage.virtual_max_kb),
        ("tool_log_bytes", usage.log_bytes),
        ("tool_log_bytes_per_s", usage.log_bytes_per_s),
        ("tool_time_to_ready_s", case.time_to_ready_s),
    ):
        if value is not None:
            result[key] = round(float(value), 3)
    return result
