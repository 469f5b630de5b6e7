"""``{topic}_overview_{iteration}.md``: the page of a topic in one iteration, or over all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from probecost.analysis.report.findings.degradations import DIFFS, VerdictWords, degradations, legend
from probecost.analysis.report.findings.provenance import Provenance
from probecost.analysis.report.findings.status import CaseVerdicts, units_line
from probecost.analysis.report.markdown.degradations import degradation_table, marked
from probecost.analysis.report.markdown.source import source_lines
from probecost.analysis.report.markdown.text import capped, link, markdown, table_lines
from probecost.analysis.report.tables.columns import TABLES
from probecost.analysis.report.tables.groups import Group
from probecost.analysis.report.tables.tables import row_names
from probecost.analysis.settings.thresholds import Thresholds
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.words.cells import NA, decimal, percent
from probecost.results.layout import REPORTS
from probecost.results.metrics import PERF_TYPES
from probecost.results.names import MetricId

_WORSE = (
    "A positive difference of a latency, and a negative one of throughput or packets per second, means worse with the "
    "tool. Throughput and packets are those received."
)


def topic_overview(
    group: Group,
    files: Sequence[PurePosixPath],
    origin: Provenance,
    thresholds: Thresholds,
    verdicts: CaseVerdicts,
) -> str:
    """The page of a group. ``files``: the files that it links to, relative to the folder of all reports.

    Links are relative to the run's own folder of reports.
    """
    home = origin.root / REPORTS
    here = (home / group.page).parent
    lines = [
        f"# {markdown(group.topic)}: {markdown(group.environment)}, {group.iteration_words}",
        "",
        *_counts(group, thresholds),
        "",
        units_line(group.cases, verdicts.switched),
        "",
        *_differences(group, thresholds),
        "",
        _WORSE,
        "",
        legend(thresholds),
        *_marked(group, thresholds, verdicts.words),
        *_spreads(group),
        "",
        *(f"- {link(file.name, home / file, here)}" for file in files),
    ]
    missing = [line for case in group.cases for line in _missing(case, origin.root)]
    if missing:
        lines += ["", "Missing (N/A) and why:", "", *capped(missing)]
    lines += ["", "## Where this comes from", "", *source_lines(origin, here, group.environment)]
    return "\n".join(lines) + "\n"


def _counts(group: Group, thresholds: Thresholds) -> Iterator[str]:
    cases = group.cases
    yield f"- Cases: {len(cases)}"
    for perf_test in PERF_TYPES:
        count = sum(
            1
            for case in cases
            if any(metric.perf_test == perf_test and found.n_units for metric, found in case.comparisons.items())
        )
        yield f"- With {perf_test} of both arms: {count}" + ("" if count else " (not measured, or nothing usable)")
    yield f"- With CPU samples of the tool: {sum(1 for case in cases if case.usage.cpu_samples)}"
    found = degradations(cases, thresholds)
    worst = f", the worst: {markdown(found[0].text())}" if found else ""
    yield f"- Degradations (differences beyond their threshold): {len(found)}{worst}"


def _differences(group: Group, thresholds: Thresholds) -> Iterator[str]:
    """A row per case. Over several iterations the percentages are computed from the means of the values."""
    over_all = group.iteration is None
    head = ["Tool Case", "Protocol", "Direction", *(["Iterations"] if over_all else [])]
    rows = []
    for at, (case, label) in enumerate(zip(group.cases, row_names(group.cases), strict=True)):
        found = [(metric, case.comparisons.get(metric)) for _, metric in DIFFS]
        cells = [markdown(label), markdown(case.protocol) or NA, markdown(case.direction) or NA]
        cells += [str(len(group.members[at]))] if over_all else []
        cells += [marked(percent(of.diff_pct if of else None), case, metric, thresholds) for metric, of in found]
        rows.append(tuple(cells))
    yield from table_lines([*head, *(f"{title} (%)" for title, _ in DIFFS)], rows)


def _marked(group: Group, thresholds: Thresholds, verdicts: VerdictWords) -> Iterator[str]:
    lines = list(degradation_table(group, thresholds, verdicts))
    if lines:
        yield from ("", *lines)


def _spreads(group: Group) -> Iterator[str]:
    """The spread of the iterations' own differences; nothing for a single iteration."""
    if group.iteration is not None:
        return
    titles = {_diff_column(metric): title for title, metric in DIFFS}
    rows = []
    for found in group.spreads:
        if title := titles.get((found.name.table, found.name.column)):
            numbers = (found.sd, found.min, found.max, found.median, found.mad)
            rows.append((markdown(found.name.tool_case), title, str(found.n), *map(decimal, numbers)))
    yield ""
    yield "## Between iterations"
    yield ""
    yield (
        "How the differences of the single iterations lie (%): n iterations that have one, their standard deviation, "
        "extremes, median, and median absolute deviation (MAD, not scaled). The table above is computed from the means "
        "of all values and not from these."
    )
    yield ""
    yield from table_lines(("Tool Case", "Difference", "n", "SD", "Min", "Max", "Median", "MAD"), rows)


def _diff_column(metric: MetricId) -> tuple[str, str]:
    """Table and column of the differences of a metric."""
    return next(
        (table, column.name)
        for table, columns in TABLES
        for column in columns
        if column.is_diff and column.metric == metric
    )


def _missing(case: CaseStudy, root: Path) -> Iterator[str]:
    for problem in case.missing:
        yield f"- {markdown(case.id.case_key)}: {markdown(problem.text(root))}"
