"""The part of overview.md on offered loads: a table for each, beside that of the plain perf tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from probecost.analysis.judge.baseline import MetricId
from probecost.analysis.report.markdown.degradations import marked
from probecost.analysis.report.markdown.text import markdown, table_lines
from probecost.analysis.settings.thresholds import Thresholds
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.words.cells import change, decimal, gbps, thousands
from probecost.results.layout import loaded_conn_type, split_conn_type
from probecost.results.metrics import Metric, columns

_SHOW: Mapping[str, Callable[[float | None], str]] = {"bit/s": gbps, "packets/s": thousands}
_LOAD = re.compile(r"load(?P<number>[\d.]+)(?P<unit>\D*)")
_FACTORS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def show_of(metric: Metric) -> Callable[[float | None], str]:
    """How the overview's tables show values of a metric."""
    return _SHOW.get(metric.unit, decimal)


def load_tables(cases: Sequence[CaseStudy], thresholds: Thresholds) -> Iterator[str]:
    """A table per load, the smaller ones first; only the columns that were measured. Nothing without a load.

    ``thresholds``: what is worse than these is marked.
    """
    loads = {split_conn_type(metric.conn_type)[1] for case in cases for metric in case.comparisons}
    for load in sorted(loads - {""}, key=_rank):
        known = [
            (heading, MetricId(test.type, loaded_conn_type(test.conn_type, load), metric.name), show_of(metric))
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
        yield f"At {spelled(load)}:"
        yield ""
        yield from table_lines(("Case", *(heading for heading, _, _ in there)), rows)


def spelled(load: str) -> str:
    """A load as it stands in a connection type, in words.

    >>> spelled("load25"), spelled("load2G"), spelled("load100kpps")
    ('25 % load', '2 Gbit/s', '100 kpackets/s')
    """
    number, unit = _parts(load)
    if not unit:
        return f"{number} % load"
    return f"{number} {unit.removesuffix('pps')}packets/s" if unit.endswith("pps") else f"{number} {unit}bit/s"


def _rank(load: str) -> tuple[int, float]:
    """Percentages, then bits, then packets; each by size."""
    number, unit = _parts(load)
    kind = 0 if not unit else 2 if unit.endswith("pps") else 1
    return kind, float(number) * _FACTORS[unit.removesuffix("pps")]


def _parts(load: str) -> tuple[str, str]:
    match = _LOAD.fullmatch(load)
    assert match is not None  # ``split_conn_type`` takes nothing else for a load
    return match["number"], match["unit"]
