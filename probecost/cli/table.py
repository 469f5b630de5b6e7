"""Plain tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from probecost.errors import printable


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int = 0) -> str:
    """Columns aligned left, two blanks apart; columns that are empty in every row are left out.

    ``width`` shortens lines to that many characters (0: never). Control characters are made visible.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    kept = [index for index in range(len(titles)) if any(row[index] for row in rows)] or list(range(len(titles)))
    lines = [[row[index] for index in kept] for row in (titles, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(kept))]
    texts = ["  ".join(cell.ljust(size) for cell, size in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join(text if not width or len(text) <= width else f"{text[: width - 3]}..." for text in texts)
