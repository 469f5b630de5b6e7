"""Comparisons as cells of a Markdown table, and such tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from probecost.analysis.judge.baseline import Comparison
from probecost.analysis.words.cells import NA, percent


def change(found: Comparison | None, show: Callable[[float | None], str]) -> str:
    """``26.1 → 35.9, +37.5 % (+33.1 % to +41.2 %)``: baseline, tool, difference, and its range over the units."""
    if found is None or (found.tool_mean is None and found.baseline_mean is None):
        return NA
    text = f"{show(found.baseline_mean)} → {show(found.tool_mean)}, {percent(found.diff_pct)}"
    if found.n_units > 1:
        text += f" ({percent(found.diff_min_pct)} to {percent(found.diff_max_pct)})"
    return text


def thousands(value: float | None) -> str:
    return NA if value is None else f"{value:,.0f}"


def table_lines(head: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
