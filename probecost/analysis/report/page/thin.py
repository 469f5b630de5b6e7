"""Thins long series for a plot: keeps the lowest and the highest value of each stretch."""

from __future__ import annotations

from collections.abc import Sequence


def thin(values: Sequence[float], limit: int) -> list[int]:
    """Indices of the ``values`` to keep, in rising order: all of up to ``limit``, else at most ``limit``.

    The series is cut into stretches of equal length; the first lowest and the first highest value of each stay, so that
    no peak is lost.

    >>> thin([5.0, 1.0, 9.0, 5.0, 5.0, 7.0], 4)
    [1, 2, 3, 5]
    """
    count = len(values)
    if count <= limit:
        return list(range(count))
    stretches = max(limit // 2, 1)
    kept: set[int] = set()
    for number in range(stretches):
        stretch = range(number * count // stretches, (number + 1) * count // stretches)
        kept.update((min(stretch, key=values.__getitem__), max(stretch, key=values.__getitem__)))
    return sorted(kept)
