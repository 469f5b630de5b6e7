"""Forest plots as SVG: the cost of every case in one test, with its interval.

``forest_files`` makes files for Markdown, with fixed colours; ``page_forest`` makes the plot of the page, whose style
sheet colours it and whose script folds it: each case is a group that it may leave out. It is plain text, made without a
library. A name is always text in the SVG, never markup.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from probecost.analysis.judge.budgets import BudgetCheck
from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.words.cells import file_name
from probecost.analysis.words.verdict_words import column_order, estimate_text, title
from probecost.analysis.words.vocabulary import WORDS
from probecost.results.names import MetricId
from probecost.results.rules import NULL_TOOL

#: Most cases of a plot, without controls.
MAX_CASES, MAX_PAGE_CASES = 60, 200
_WIDTH, _LEFT, _RIGHT = 1100, 320, 330
_ROW, _TOP, _BOTTOM = 24, 44, 62
_PAGE_TOP = 36
_BENT_FROM_PCT = 30.0
_COLOURS = {
    Word.OVERHEAD: "#a3211b",
    Word.SMALL: "#8a4b00",
    Word.MASKED: "#8a4b00",
    Word.NEGLIGIBLE: "#17692f",
}
_OTHER = "#4a5563"
_PLAIN = 'font-weight="normal" fill="#1a1f26"'
#: Kind of mark → its attributes in a file and on the page; ``{colour}``, ``{fill}`` and ``{open}`` are of its verdict.
#: On the page the colour is that of the row, whose class is the look of the word.
_LOOKS = {
    "margin": ('fill="#dfe9df"', 'class="margin"'),
    "nullband": ('fill="#6b3fa0" fill-opacity=".13" stroke="#6b3fa0" stroke-dasharray="3 3"', 'class="nullband"'),
    "zero": ('stroke="#1a1f26" stroke-width="1.5"', 'class="zero"'),
    "grid": ('stroke="#d5dae1"', 'class="grid"'),
    "interval": ('stroke="{colour}" stroke-width="2"', 'class="interval"'),
    "budget": ('stroke="#a3211b" stroke-width="3"', 'class="budget"'),
    "estimate": ('fill="{fill}" stroke="{colour}" stroke-width="1.5"', 'class="estimate{open}"'),
    "tick": (f'text-anchor="middle" {_PLAIN}', 'class="tick middle"'),
    "name": (f'text-anchor="end" {_PLAIN}', 'class="name"'),
    "text": ('text-anchor="start" font-weight="normal" fill="{colour}"', 'class="text"'),
}


@dataclass(frozen=True)
class Line:
    """One case in a plot. ``text`` follows its interval; ``number`` is the page's number of the case.

    ``cost_pct`` has no mark for an unconfirmed speed-up.
    """

    name: str
    word: Word
    is_control: bool
    is_unconfirmed: bool
    cost_pct: float
    interval_pct: tuple[float, float] | None
    budget_pct: float | None
    text: str
    number: int = 0

    @property
    def ends_pct(self) -> tuple[float, ...]:
        """All values that must be inside the axis."""
        return (*(self.interval_pct or (self.cost_pct,)), *(() if self.budget_pct is None else (self.budget_pct,)))


@dataclass(frozen=True)
class _Axis:
    """From percent of cost to pixels. ``bend``: beyond this size values are compressed; 0 for a linear scale."""

    low: float
    high: float
    bend: float

    @classmethod
    def of(cls, lines: Iterable[Line], margin_pct: float) -> _Axis:
        """An axis for all intervals, and for at least 1.5 times the margin on both sides."""
        room = 1.5 * margin_pct or 1.0
        ends = [*(end for line in lines for end in line.ends_pct), -room, room]
        low, high = max(min(ends), -100.0), min(max(ends), 10_000.0)
        return cls(low, high, max(2 * margin_pct, 2.0) if max(-low, high) > _BENT_FROM_PCT else 0.0)

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
    """File name → text of an SVG for each primary test with a known cost, in the order of the reports."""
    limits = {(check.case, check.budget.metric): check.budget.percent for check in budgets}
    by_test: dict[MetricId, list[Line]] = {}
    margin_pct = 0.0
    for each in sorted(verdicts, key=lambda each: each.case):
        if each.is_primary and each.stated_cost is not None and each.verdict.word is not Word.INVALID:
            by_test.setdefault(each.metric, []).append(_line(each, limits.get((each.case, each.metric))))
            margin_pct = each.margin_pct
    return {
        f"forest_{file_name('_'.join(metric.columns))}.svg": "\n".join(_file(metric, by_test[metric], margin_pct))
        + "\n"
        for metric in sorted(by_test, key=column_order)
    }


def page_forest(lines: Sequence[Line], margin_pct: float) -> tuple[tuple[int, ...], str]:
    """The cases of the page's plot, in its order, and the plot: a group with ``data-case`` for each of them.

    Names are links to the cases. The axis is above the rows: without some of them, the plot is cut off below.
    """
    shown = _shown(lines, MAX_PAGE_CASES)
    height = _PAGE_TOP + _ROW * len(shown)
    svg = _Svg(_Axis.of(shown, margin_pct), _PAGE_TOP, height, on_page=True)
    compressed = "; larger values are compressed" if svg.axis.bend else ""
    caption = _text(f"cost in percent{compressed}", (_LEFT + _WIDTH - _RIGHT) / 2, 12, 'class="axis middle"')
    rows = (
        f'<g class="{WORDS[line.word].look}" data-case="{line.number}" transform="translate(0 {top})">'
        f"{''.join(svg.row(line, 0))}</g>"
        for line, top in zip(shown, range(_PAGE_TOP, height, _ROW), strict=True)
    )
    return tuple(line.number for line in shown), (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        f'role="img" data-top="{_PAGE_TOP}" data-step="{_ROW}">'
        f"{caption}{''.join((*svg.ground(shown, margin_pct), *rows))}</svg>"
    )


def _line(each: MetricVerdict, budget_pct: float | None) -> Line:
    cost = each.stated_cost
    assert cost is not None  # forest_files takes no verdict without a cost
    return Line(
        name=each.case.case_key,
        word=each.verdict.word,
        is_control=each.tool == NULL_TOOL,
        is_unconfirmed=each.is_unconfirmed,
        cost_pct=cost.estimate_pct,
        interval_pct=None if math.isinf(cost.half_width_pct) else (cost.low_pct, cost.high_pct),
        budget_pct=budget_pct,
        text=estimate_text(each),
    )


def _shown(lines: Iterable[Line], limit: int) -> list[Line]:
    """The lines that fit, the most expensive first, controls last."""
    ordered = sorted(lines, key=lambda line: (line.is_control, -line.cost_pct))
    tools = [line for line in ordered if not line.is_control]
    return [*tools[:limit], *(line for line in ordered if line.is_control)]


def _file(metric: MetricId, lines: Sequence[Line], margin_pct: float) -> Iterator[str]:
    shown = _shown(lines, MAX_CASES)
    height = _TOP + _ROW * len(shown) + _BOTTOM
    svg = _Svg(_Axis.of(shown, margin_pct), _TOP, height - _BOTTOM)
    left_out = len(lines) - len(shown)
    name = f"{title(metric)}: cost in percent, positive is worse" + (f"; {left_out} more cases" if left_out else "")
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="sans-serif" font-size="13" role="img">'
    )
    yield f"<title>{escape(name)}</title>"
    yield f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    yield _text(name, 12, 24, 'text-anchor="start" font-weight="bold" fill="#1a1f26"')
    yield from svg.ground(shown, margin_pct)
    for at, line in enumerate(shown):
        yield from svg.row(line, _TOP + _ROW * at)
    compressed = "; larger values are compressed" if svg.axis.bend else ""
    legend = (
        f"green: margin of {margin_pct:g} %; dashed: what the null case shows, which only sleeps; "
        f"bar: budget{compressed}"
    )
    yield _text(legend, 12, height - 14, f'text-anchor="start" {_PLAIN}')
    yield "</svg>"


@dataclass(frozen=True)
class _Svg:
    """Writes the marks of a plot with rows between ``top`` and ``floor``."""

    axis: _Axis
    top: float
    floor: float
    on_page: bool = False

    def ground(self, lines: Iterable[Line], margin_pct: float) -> Iterator[str]:
        """The background of the rows, and the ticks: below the rows, on the page above them."""
        yield self._strip(-margin_pct, margin_pct, "margin")
        for line in lines:
            if line.is_control and line.interval_pct is not None:
                yield self._strip(*line.interval_pct, "nullband")
        for value in self.axis.ticks():
            x = self.axis.x(value)
            yield self._mark("grid" if value else "zero", (x, self.top, x, self.floor))
            y = self.top - 8 if self.on_page else self.floor + 16
            yield _text(f"{value:+g}" if value else "0", x, y, self._look("tick"))

    def row(self, line: Line, top: float) -> Iterator[str]:
        y = top + _ROW / 2
        name = _text(_cut(line.name, 44), 0 if self.on_page else _LEFT - 10, y + 4, self._look("name"))
        if self.on_page and len(line.name) > 44:
            yield f"<title>{escape(_printable(f'{line.name}: {line.text}'))}</title>"
        yield f'<a href="#case-{line.number}">{name}</a>' if self.on_page else name
        if line.interval_pct is not None:
            low, high = map(self.axis.x, line.interval_pct)
            for ends in ((low, y, high, y), (low, y - 4, low, y + 4), (high, y - 4, high, y + 4)):
                yield self._mark("interval", ends, line.word)
        if line.budget_pct is not None:
            x = self.axis.x(line.budget_pct)
            yield self._mark("budget", (x, y - 9, x, y + 9))
        if not line.is_unconfirmed:
            yield f'<circle cx="{self.axis.x(line.cost_pct)}" cy="{y}" r="4.5" {self._look("estimate", line.word)}/>'
        yield _text(_cut(line.text, 46), _WIDTH - _RIGHT + 14, y + 4, self._look("text", line.word))

    def _mark(self, kind: str, ends: tuple[float, float, float, float], word: Word = Word.NONE) -> str:
        x1, y1, x2, y2 = ends
        return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {self._look(kind, word)}/>'

    def _strip(self, low: float, high: float, kind: str) -> str:
        left, right = self.axis.x(low), self.axis.x(high)
        width, height = round(max(right - left, 1), 1), self.floor - self.top
        return f'<rect x="{left}" y="{self.top}" width="{width}" height="{height}" {self._look(kind)}/>'

    def _look(self, kind: str, word: Word = Word.NONE) -> str:
        """Attributes of a mark: filled if a cost is claimed or surely small, hollow otherwise."""
        colour, is_open = _COLOURS.get(word, _OTHER), word not in _COLOURS
        fill, hollow = ("#ffffff", " open") if is_open else (colour, "")
        return _LOOKS[kind][self.on_page].format(colour=colour, fill=fill, open=hollow)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _text(text: str, x: float, y: float, look: str) -> str:
    return f'<text x="{x}" y="{y}" {look}>{escape(_printable(text))}</text>'


def _printable(text: str) -> str:
    """``text`` with a question mark for each character that XML does not allow: control characters of a name."""
    return "".join(character if character.isprintable() else "?" for character in text)
