"""Numbers with their nouns."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """``plural`` where it is not the noun with an s.

    >>> counted(1, "case"), counted(2, "case"), counted(0, "pair of visits", "pairs of visits")
    ('1 case', '2 cases', '0 pairs of visits')
    """
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
