"""Differences beyond the thresholds of the settings: how they are marked, and where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from probecost.analysis.report.findings.comparisons import table_lines
from probecost.analysis.report.tables.groups import Group
from probecost.analysis.report.tables.tables import row_names
from probecost.analysis.settings.thresholds import Thresholds
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.words.cells import link, markdown, percent
from probecost.results.metrics import PERF_TESTS
from probecost.results.names import CaseName, MetricId

#: What is said of a metric of a case, where it has a verdict.
VerdictWords = Mapping[tuple[CaseName, MetricId], str]

MARK = "⚠"
#: The differences that the overviews show, and which are counted: of what was received.
DIFFS = tuple((test.short, test.primary) for test in PERF_TESTS)


@dataclass(frozen=True)
class Degradation:
    """``label``: the case's row in the tables. ``times``: how many times its threshold the difference is."""

    case: CaseName
    metric: MetricId
    label: str
    title: str
    diff_pct: float
    times: float

    def text(self) -> str:
        return f"{self.label}, {self.title} {percent(self.diff_pct)}"


def marked(text: str, case: CaseStudy, metric: MetricId, thresholds: Thresholds) -> str:
    """The text of a difference, bold and with a sign where it is beyond its threshold."""
    found = case.comparisons.get(metric)
    is_degraded = found is not None and thresholds.is_degraded(metric, found.diff_pct)
    return f"**{text}** {MARK}" if is_degraded else text


def degradations(cases: Sequence[CaseStudy], thresholds: Thresholds) -> list[Degradation]:
    """Those of the plain perf tests, the one farthest beyond its threshold first."""
    found = []
    for case, label in zip(cases, row_names(cases), strict=True):
        for title, metric in DIFFS:
            there = case.comparisons.get(metric)
            if there is None or there.diff_pct is None or not thresholds.is_degraded(metric, there.diff_pct):
                continue
            limit_pct = thresholds.limit_pct(metric)
            times = abs(there.diff_pct) / limit_pct if limit_pct else float("inf")
            name = case.id.name
            found.append(Degradation(name, metric, label, title, there.diff_pct, times))
    return sorted(found, key=attrgetter("times"), reverse=True)


def legend(thresholds: Thresholds) -> str:
    """What the mark means."""
    return (
        f"{MARK}: worse than the threshold of the analysis' settings ({markdown(thresholds.text())}). "
        "A mark looks at one estimate and is no verdict: it may be noise."
    )


def degradation_section(
    groups: Sequence[Group], thresholds: Thresholds, verdicts: VerdictWords, home: Path
) -> Iterator[str]:
    """The overview's section: each topic and iteration with its page. ``home``: the overview's folder, for links."""
    if not groups:
        return
    yield "## Degradations"
    yield ""
    yield legend(thresholds)
    yield ""
    yield from table_lines(
        (
            "Environment",
            "Topic",
            "Iteration",
            "Cases",
            "Cases marked",
            "Differences marked",
            "Worst",
            "Its verdict",
            "Page",
        ),
        [_row(group, thresholds, verdicts, home) for group in groups],
    )


def degradation_table(group: Group, thresholds: Thresholds, verdicts: VerdictWords) -> Iterator[str]:
    """The topic's list: each marked difference, and what the units say of it."""
    found = degradations(group.cases, thresholds)
    if found:
        yield from table_lines(
            ("Marked", "Difference", "Its verdict"),
            [(markdown(each.label), f"{each.title} {percent(each.diff_pct)}", _said(each, verdicts)) for each in found],
        )


def _said(found: Degradation, verdicts: VerdictWords) -> str:
    return markdown(verdicts.get((found.case, found.metric), "none"))


def _row(group: Group, thresholds: Thresholds, verdicts: VerdictWords, home: Path) -> tuple[str, ...]:
    found = degradations(group.cases, thresholds)
    return (
        markdown(group.environment),
        markdown(group.topic),
        group.iteration_words,
        str(len(group.cases)),
        str(len({each.label for each in found})),
        f"**{len(found)}** {MARK}" if found else "0",
        markdown(found[0].text()) if found else "none",
        _said(found[0], verdicts) if found else "",
        link("overview", home / group.page, home),
    )
