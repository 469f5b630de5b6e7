"""Degradations in Markdown: the mark on a difference, the overview's section, and a topic's list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from probecost.analysis.report.findings.degradations import MARK, Degradation, VerdictWords, degradations, legend
from probecost.analysis.report.markdown.text import link, markdown, table_lines
from probecost.analysis.report.tables.groups import Group
from probecost.analysis.settings.thresholds import Thresholds
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.words.cells import percent
from probecost.results.names import MetricId

_COUNTED = ("Cases", "Cases marked", "Differences marked")


def marked(text: str, case: CaseStudy, metric: MetricId, thresholds: Thresholds) -> str:
    """The text of a difference, bold and with a sign if it is beyond its threshold."""
    found = case.comparisons.get(metric)
    is_degraded = found is not None and thresholds.is_degraded(metric, found.diff_pct)
    return f"**{text}** {MARK}" if is_degraded else text


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
        ("Environment", "Topic", "Iteration", *_COUNTED, "Worst", "Its verdict", "Page"),
        [_row(group, thresholds, verdicts, home) for group in groups],
    )


def degradation_table(group: Group, thresholds: Thresholds, verdicts: VerdictWords) -> Iterator[str]:
    """The topic's list: each marked difference, and its verdict."""
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
