"""Forest plots as SVG files, for Markdown: the cost of every case in one primary test, with its interval.

Plain text and no library: the page draws its own in the browser. What a name holds is text in the SVG, never markup.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape

from probecost.analysis.judge.budgets import BudgetCheck
from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.words.cells import file_name
from probecost.analysis.words.verdict_words import column_order, estimate_text, title
from probecost.results.names import CaseName, MetricId
from probecost.results.rules import NULL_TOOL

MAX_CASES = 60
_WIDTH, _LEFT, _RIGHT = 1100, 320, 330
_ROW, _TOP, _BOTTOM = 24, 44, 62
_BENT_FROM_PCT = 30.0
_COLOURS = {
    Word.OVERHEAD: "#a3211b",
    Word.SMALL: "#8a4b00",
    Word.MASKED: "#8a4b00",
    Word.NEGLIGIBLE: "#17692f",
}
_OTHER = "#4a5563"

_Budgets = Mapping[tuple[CaseName, MetricId], float]


@dataclass(frozen=True)
class _Axis:
    """From percent of cost to pixels. ``bend``: beyond this size values are compressed; 0 for a linear scale."""

    low: float
    high: float
    bend: float

    def x(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        share = (self._inner(inside) - self._inner(self.low)) / (self._inner(self.high) - self._inner(self.low))
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def _inner(self, value: float) -> float:
        return math.asinh(value / self.bend) if self.bend else value

    def ticks(self) -> Iterator[float]:
        """Round values that keep 45 pixels between them, 0 first."""
        kept: list[float] = []
        for size in (0.0, *(factor * 10.0**power for power in range(-1, 5) for factor in (1, 2, 5))):
            for value in (size, -size) if size else (size,):
                if self.low <= value <= self.high and all(abs(self.x(value) - self.x(each)) >= 45 for each in kept):
                    kept.append(value)
        yield from sorted(kept)


def forest_files(verdicts: Iterable[MetricVerdict], budgets: Iterable[BudgetCheck] = ()) -> Mapping[str, str]:
    """File name → text of an SVG for each primary test of which any cost is known, in the order of the reports."""
    limits = {(check.case, check.budget.metric): check.budget.percent for check in budgets}
    by_test: dict[MetricId, list[MetricVerdict]] = {}
    for each in verdicts:
        if each.is_primary and each.cost is not None and each.verdict.word is not Word.INVALID:
            by_test.setdefault(each.metric, []).append(each)
    return {
        f"forest_{file_name('_'.join(metric.columns))}.svg": "\n".join(_forest(metric, by_test[metric], limits)) + "\n"
        for metric in sorted(by_test, key=column_order)
    }


def _forest(metric: MetricId, own: list[MetricVerdict], limits: _Budgets) -> Iterator[str]:
    ordered = sorted(own, key=lambda each: (each.tool == NULL_TOOL, -_cost(each), each.case))
    tools = [each for each in ordered if each.tool != NULL_TOOL]
    shown = [*tools[:MAX_CASES], *(each for each in ordered if each.tool == NULL_TOOL)]
    axis = _axis(shown, [limits[key] for each in shown if (key := (each.case, each.metric)) in limits])
    height = _TOP + _ROW * len(shown) + _BOTTOM
    floor = height - _BOTTOM
    left_out = len(ordered) - len(shown)
    name = f"{title(metric)}: cost in percent, positive is worse" + (f"; {left_out} more cases" if left_out else "")
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="sans-serif" font-size="13" role="img">'
    )
    yield f"<title>{escape(name)}</title>"
    yield f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    yield _text(name, 12, 24, weight="bold")
    margin = own[0].margin_pct
    yield _strip(axis, -margin, margin, floor, 'fill="#dfe9df"')
    for each in shown:
        if each.tool == NULL_TOOL and (ends := _interval(each)) is not None:
            yield _strip(
                axis, *ends, floor, 'fill="#6b3fa0" fill-opacity=".13" stroke="#6b3fa0" stroke-dasharray="3 3"'
            )
    for value in axis.ticks():
        x, look = axis.x(value), 'stroke="#1a1f26" stroke-width="1.5"' if value == 0 else 'stroke="#d5dae1"'
        yield f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{floor}" {look}/>'
        yield _text(f"{value:+g}" if value else "0", x, floor + 16, anchor="middle")
    for number, each in enumerate(shown):
        yield from _row(each, axis, _TOP + _ROW * number + _ROW / 2, limits.get((each.case, each.metric)))
    compressed = "; larger values are compressed" if axis.bend else ""
    legend = (
        f"green: margin of {margin:g} %; dashed: what the null case shows, which only sleeps; bar: budget{compressed}"
    )
    yield _text(legend, 12, height - 14)
    yield "</svg>"


def _row(each: MetricVerdict, axis: _Axis, y: float, budget: float | None) -> Iterator[str]:
    colour = _COLOURS.get(each.verdict.word, _OTHER)
    key = each.case.case_key
    yield _text(key if len(key) <= 44 else f"{key[:43]}…", _LEFT - 10, y + 4, anchor="end")
    ends = _interval(each)
    if ends is not None:
        low, high = map(axis.x, ends)
        for x1, y1, x2, y2 in ((low, y, high, y), (low, y - 4, low, y + 4), (high, y - 4, high, y + 4)):
            yield f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="2"/>'
    if budget is not None:
        x = axis.x(budget)
        yield f'<line x1="{x}" y1="{y - 9}" x2="{x}" y2="{y + 9}" stroke="#a3211b" stroke-width="3"/>'
    if not each.is_unconfirmed:
        fill = colour if each.verdict.word in _COLOURS else "#ffffff"
        look = f'fill="{fill}" stroke="{colour}" stroke-width="1.5"'
        yield f'<circle cx="{axis.x(_cost(each))}" cy="{y}" r="4.5" {look}/>'
    said = estimate_text(each)
    yield _text(said if len(said) <= 46 else f"{said[:45]}…", _WIDTH - _RIGHT + 14, y + 4, colour=colour)


def _axis(shown: Iterable[MetricVerdict], budgets: Iterable[float]) -> _Axis:
    """Wide enough for all intervals, and for half as much again as the margin to both sides."""
    own = list(shown)
    room = 1.5 * own[0].margin_pct or 1.0
    ends = [*(end for each in own for end in (_interval(each) or (_cost(each),))), *budgets, -room, room]
    low, high = max(min(ends), -100.0), min(max(ends), 10_000.0)
    return _Axis(low, high, max(2 * own[0].margin_pct, 2.0) if max(-low, high) > _BENT_FROM_PCT else 0.0)


def _cost(each: MetricVerdict) -> float:
    cost = each.stated_cost
    assert cost is not None  # forest_files leaves the others out
    return cost.estimate_pct


def _interval(each: MetricVerdict) -> tuple[float, float] | None:
    cost = each.stated_cost
    if cost is None or math.isinf(cost.low_pct) or math.isinf(cost.high_pct):
        return None
    return cost.low_pct, cost.high_pct


def _strip(axis: _Axis, low: float, high: float, floor: float, look: str) -> str:
    left, right = axis.x(low), axis.x(high)
    return f'<rect x="{left}" y="{_TOP}" width="{round(max(right - left, 1), 1)}" height="{floor - _TOP}" {look}/>'


def _text(
    text: str, x: float, y: float, *, anchor: str = "start", weight: str = "normal", colour: str = "#1a1f26"
) -> str:
    look = f'text-anchor="{anchor}" font-weight="{weight}" fill="{colour}"'
    return f'<text x="{x}" y="{y}" {look}>{escape(_printable(text))}</text>'


def _printable(text: str) -> str:
    """Without what XML does not allow, such as control characters of a name."""
    return "".join(character if character.isprintable() else "?" for character in text)
