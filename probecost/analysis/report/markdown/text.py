"""Writes text, links, tables and lists of Markdown; no other module writes its marks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from probecost.errors import printable

MAX_LINES_PER_LIST = 50


def markdown(text: str) -> str:
    """``text`` for a line or table cell of Markdown: one line, with markup and HTML escaped."""
    line = printable(" ".join(text.split()))
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*\[\]|~])", r"\\\1", line)


def code(text: str) -> str:
    """``text`` as Markdown code, on one line and not for a table; a longer fence preserves backticks."""
    line = printable(" ".join(text.split()))
    fence = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}" if line else ""


def link(label: str, target: Path, start: Path) -> str:
    """A Markdown link to ``target``, relative to the folder ``start`` of the report."""
    return f"[{markdown(label)}]({quote(Path(os.path.relpath(target, start)).as_posix())})"


def table_lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table; its cells are Markdown already."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def capped(lines: Sequence[str]) -> list[str]:
    """At most ``MAX_LINES_PER_LIST`` lines; the rest as a number."""
    rest = len(lines) - MAX_LINES_PER_LIST
    return [*lines[:MAX_LINES_PER_LIST], *([f"- and {rest} more"] if rest > 0 else [])]
