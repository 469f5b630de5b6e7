"""The part of overview.md on offered loads: a table for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from probecost.analysis.report.markdown.degradations import marked
from probecost.analysis.report.markdown.text import markdown, table_lines
from probecost.analysis.settings.thresholds import Thresholds
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.words.cells import change, decimal, gbps, thousands
from probecost.results.metrics import Metric, columns
from probecost.results.names import MetricId
from probecost.results.offered_load import Load

_SHOW: Mapping[str, Callable[[float | None], str]] = {"bit/s": gbps, "packets/s": thousands}


def show_of(metric: Metric) -> Callable[[float | None], str]:
    """The format of a metric's values in the overview's tables."""
    return _SHOW.get(metric.unit, decimal)


def load_tables(cases: Sequence[CaseStudy], thresholds: Thresholds) -> Iterator[str]:
    """A table per load, smaller loads first, with measured columns only. Nothing without a load.

    Differences worse than ``thresholds`` are marked.
    """
    loads = {metric.test.load for case in cases for metric in case.comparisons}
    for load in sorted(loads - {""}, key=lambda load: Load.of_suffix(load).rank):
        known = [
            (heading, MetricId(test.name._replace(load=load), metric.name), show_of(metric))
            for heading, test, metric in columns()
        ]
        there = [column for column in known if any(case.comparisons.get(column[1]) for case in cases)]
        rows = [
            (
                markdown(case.id.case_key),
                *(marked(change(case.comparisons.get(of), show), case, of, thresholds) for _, of, show in there),
            )
            for case in cases
        ]
        yield ""
        yield f"At {Load.of_suffix(load).words}:"
        yield ""
        yield from table_lines(("Case", *(heading for heading, _, _ in there)), rows)
