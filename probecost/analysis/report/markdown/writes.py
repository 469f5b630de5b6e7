"""The part of overview.md on pps tests over TCP, which count writes, not packets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probecost.analysis.report.markdown.text import markdown, table_lines
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.words.cells import change, thousands
from probecost.results.names import metric_id

_COLUMNS = tuple(
    (f"{end} {conn_type}", metric_id("pps", conn_type, f"{end}_writes_per_s"))
    for conn_type in ("single", "multi")
    for end in ("sent", "received")
)


def writes_table(cases: Sequence[CaseStudy]) -> Iterator[str]:
    """A row per case, with measured columns only. Nothing if no pps test ran over TCP."""
    columns = [(title, of) for title, of in _COLUMNS if any(of in case.comparisons for case in cases)]
    if columns:
        yield ""
        yield "Writes per second of the pps tests over TCP (the kernel joins writes to packets as it likes):"
        yield ""
        rows = [
            (markdown(case.id.case_key), *(change(case.comparisons.get(of), thousands) for _, of in columns))
            for case in cases
        ]
        yield from table_lines(("Case", *(title for title, _ in columns)), rows)
