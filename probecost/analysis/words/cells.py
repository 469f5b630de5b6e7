"""Formats of values in the reports: fixed number formats, and text that is safe to open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache

from probecost.analysis.judge.baseline import Comparison
from probecost.errors import printable

NA = "N/A"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_INNER_FORMULA = re.compile(r"([;\t]\s*)(?=[=+@\-])")


@lru_cache(maxsize=1024)  # every row has the same few names
def text_cell(text: str) -> str:
    """Text for a CSV cell; an apostrophe keeps a spreadsheet from reading it as a formula.

    A formula may also follow a semicolon or a tab, which some spreadsheets take for the end of a cell. Characters that
    steer a terminal are made visible.

    >>> text_cell("=1+1"), text_cell("tcp"), text_cell(""), text_cell("died; =1+1")
    ("'=1+1", 'tcp', 'N/A', "died; '=1+1")
    """
    if not text:
        return NA
    shown = _INNER_FORMULA.sub(r"\1'", printable(text))
    return f"'{shown}" if shown.lstrip(" ").startswith(_FORMULA_STARTS) else shown


def decimal(value: float | None, digits: int = 2) -> str:
    """``41.0``, ``89.3``, ``-4.03``: rounded, no trailing zeros beyond one.

    >>> decimal(41), decimal(-0.001), decimal(None)
    ('41.0', '0.0', 'N/A')
    """
    return NA if value is None else str(round(float(value), digits) + 0.0)


def whole_number(value: float | None) -> str:
    return NA if value is None else str(round(value))


def gbps(value_bps: float | None) -> str:
    """Gbit/s with two decimals; rates below 1 Gbit/s keep four significant digits.

    >>> gbps(14.4712e9), gbps(52_341_000), gbps(0)
    ('14.47', '0.05234', '0.0')
    """
    if value_bps is None or value_bps >= 1e9 or value_bps == 0:
        return decimal(None if value_bps is None else value_bps / 1e9)
    return f"{value_bps / 1e9:.4g}"


def exact(value: float) -> str:
    """A measured value with up to six decimals and without an exponent.

    >>> exact(0), exact(20.95), exact(29570600232.5235)
    ('0', '20.95', '29570600232.5235')
    """
    text = repr(round(value, 6))
    if "e" in text:
        text = f"{Decimal(text):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def thousands(value: float | None) -> str:
    """``1,234,567``."""
    return NA if value is None else f"{value:,.0f}"


def percent(value: float | None) -> str:
    """A difference as text: ``+12.3 %``.

    >>> percent(12.345), percent(-0.01), percent(None)
    ('+12.3 %', '0.0 %', 'N/A')
    """
    if value is None:
        return NA
    rounded = round(value, 1) + 0.0
    return f"{rounded:+.1f} %" if rounded else "0.0 %"


def span_text(counts: Iterable[int]) -> str:
    """``8``, ``8 to 10``."""
    ends = sorted(counts)
    return str(ends[0]) if ends[0] == ends[-1] else f"{ends[0]} to {ends[-1]}"


def file_name(text: str) -> str:
    """Text as the name of a single file or folder, never a path.

    >>> file_name("my-env"), file_name("../a b"), file_name("..")
    ('my-env', '_a_b', 'unnamed')
    """
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip(".") or "unnamed"


def change(found: Comparison | None, show: Callable[[float | None], str]) -> str:
    """``26.1 → 35.9, +37.5 % (+33.1 % to +41.2 %)``: baseline, tool, difference, and its range over the units."""
    if found is None or (found.tool_mean is None and found.baseline_mean is None):
        return NA
    text = f"{show(found.baseline_mean)} → {show(found.tool_mean)}, {percent(found.diff_pct)}"
    if found.n_units > 1:
        text += f" ({percent(found.diff_min_pct)} to {percent(found.diff_max_pct)})"
    return text
