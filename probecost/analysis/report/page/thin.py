"""Long series made short for a plot: the lowest and the highest value of each stretch are kept."""

from __future__ import annotations

from collections.abc import Sequence


def thin(values: Sequence[float], limit: int) -> list[int]:
    """Which of ``values`` to keep, as indices in rising order: all of up to ``limit``, else at most ``limit``.

    The series is cut into stretches of equal length; of each the first lowest and the first highest value stay, so
    that no peak is lost.

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
