"""``{topic}_overview_{iteration}.md``: the cases of one topic and iteration on a page, beside their four CSVs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.report.cells import link, markdown, percent
from analysis.report.overview import capped, problem_lines, units_line
from analysis.report.tables import row_names
from analysis.study import CaseStudy
from probecost.layout import iteration_name

_DIFFS = (
    ("TCP RR (%)", "latency", "tcp_rr", "mean_us"),
    ("UDP RR (%)", "latency", "udp_rr", "mean_us"),
    ("Throughput single (%)", "throughput", "single", "received_bps"),
    ("Throughput multi (%)", "throughput", "multi", "received_bps"),
    ("PPS single (%)", "pps", "single", "received_pps"),
    ("PPS multi (%)", "pps", "multi", "received_pps"),
)


def topic_overview(
    topic: str, cases: Sequence[CaseStudy], root: Path, csv_files: Sequence[Path], main_report: Path
) -> str:
    """The page for ``cases``, which belong to one environment, topic and iteration."""
    environment, iteration = cases[0].id.environment, cases[0].id.iteration
    here = csv_files[0].parent
    lines = [
        f"# {markdown(topic)}: {markdown(environment)}, {iteration_name(iteration)}",
        "",
        *_counts(cases),
        "",
        units_line(cases),
        "",
        "| Tool Case | Protocol | Direction | " + " | ".join(title for title, *_ in _DIFFS) + " |",
        "|" + " --- |" * (3 + len(_DIFFS)),
    ]
    for case, label in zip(cases, row_names(cases), strict=True):
        found = [case.get(*where) for _, *where in _DIFFS]
        diffs = (percent(comparison.diff_pct if comparison else None) for comparison in found)
        cells = (markdown(label), markdown(case.protocol) or "N/A", markdown(case.direction) or "N/A", *diffs)
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        "A positive difference of a latency, and a negative one of throughput or packets per second, means worse with "
        "the tool. Throughput and packets are those received.",
        "",
        *(f"- {link(path.name, path, here)}" for path in (*csv_files, main_report)),
    ]
    missing = [line for case in cases for line in _missing(case, root)]
    if missing:
        lines += ["", "Missing (N/A) and why:", "", *capped(missing)]
    return "\n".join(lines) + "\n"


def _counts(cases: Sequence[CaseStudy]) -> Iterator[str]:
    yield f"- Cases: {len(cases)}"
    for perf_test in ("latency", "throughput", "pps"):
        count = sum(
            1
            for case in cases
            if any(metric.perf_test == perf_test and found.n_units for metric, found in case.comparisons.items())
        )
        yield f"- With {perf_test} of both arms: {count}" + ("" if count else " (not measured, or nothing usable)")
    yield f"- With CPU samples of the tool: {sum(1 for case in cases if case.usage.cpu_samples)}"


def _missing(case: CaseStudy, root: Path) -> Iterator[str]:
    for line in problem_lines(case.missing, root):
        yield f"- {markdown(case.id.case_key)}: {line}"
