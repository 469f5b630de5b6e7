"""The summary of a run in the terminal: costs of cases, verdicts, and budgets that do not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from probecost.analysis.judge.budgets import BudgetCheck, Result
from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.report.findings.case_names import CaseNames
from probecost.analysis.report.findings.status import status, switched_cases, units_line
from probecost.analysis.report.findings.versions import versions_line
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.study.run import Study
from probecost.analysis.words.budget_words import budget_counts, budget_text, worst_budgets_first
from probecost.analysis.words.cells import NA, decimal, percent
from probecost.analysis.words.verdict_words import (
    badness,
    control_line,
    is_control,
    short,
    title,
    too_few_units,
    units_text,
    worst_first,
)
from probecost.results.metrics import PERF_TESTS
from probecost.results.names import CaseName

_COLUMNS = tuple((test.terminal, test.primary) for test in PERF_TESTS if test.terminal)


def terminal_lines(study: Study) -> Iterator[str]:
    """All lines of the summary."""
    yield from summary_lines(study.cases, switched_cases(study.verdicts))
    yield from versions_line(study.run.options)
    yield from verdict_lines(study.verdicts)
    yield from count_line(study.verdicts)
    yield from budget_lines(study.budgets)
    yield study.audit.text


def summary_lines(cases: tuple[CaseStudy, ...], switched: Collection[CaseName] = ()) -> list[str]:
    """A table of cases: name, differences in percent, CPU of the tool, status."""
    head = ["case", *(heading for heading, _ in _COLUMNS), "tool CPU", "status"]
    rows, names = [], CaseNames(cases)
    for case in cases:
        found = [case.comparisons.get(metric) for _, metric in _COLUMNS]
        diffs = [percent(comparison.diff_pct if comparison else None) for comparison in found]
        cpu = case.usage.cpu_avg_percent
        rows.append([names.of(*case.id), *diffs, NA if cpu is None else f"{decimal(cpu, 1)} %", status(case)])
    widths = [max(len(line[at]) for line in [head, *rows]) for at in range(len(head))]
    lines = []
    for line in [head, *rows]:
        middle = (cell.rjust(width) for cell, width in zip(line[1:-1], widths[1:-1], strict=True))
        lines.append("  ".join([line[0].ljust(widths[0]), *middle, line[-1]]))
    return [*lines, units_line(cases, switched)]


def verdict_lines(verdicts: Sequence[MetricVerdict]) -> Iterator[str]:
    """A line per case with its worst verdict first, then the proof by the control."""
    if not any(each.verdict.word is not Word.NONE for each in verdicts):
        return
    cases = worst_first(verdicts)
    yield ""
    yield f"Verdicts ({units_text(verdicts)}; cost in percent, positive is worse):"
    width = max(len(case.case_key) for case, _ in cases)
    for case, own in cases:
        shown = [f"{title(each.metric)}: {short(each)}" for each in sorted(own, key=badness)]
        yield f"{case.case_key.ljust(width)}  {shown[0]}"
        for rest in shown[1:]:
            yield f"{'':{width}}  {rest}"
    for case, own in cases:
        if is_control(own):
            yield control_line(case, own)
    yield from too_few_units([each for _, own in cases for each in own])


def count_line(verdicts: Sequence[MetricVerdict]) -> Iterator[str]:
    """Counts of the primary verdicts by word, in one line; nothing without any."""
    words = (each.verdict.word for each in verdicts if each.is_primary)
    counts = Counter(word.value for word in words if word is not Word.NONE)
    if counts:
        yield "Primary verdicts: " + ", ".join(f"{counts[word]} {word}" for word in Word if counts[word])


def budget_lines(checks: Sequence[BudgetCheck]) -> Iterator[str]:
    """Counts of budgets, and the ones that do not hold."""
    if not checks:
        return
    yield ""
    yield f"Budgets: {budget_counts(checks)}"
    for case, check in worst_budgets_first(checks):
        if check.result is not Result.WITHIN:
            yield f"{case}  {budget_text(check)}"
