"""Texts that something happened to, for properties of parsers: damage is reported, or it changes no figure."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# The same examples each time, nothing kept on disk, and no word of a machine that is slow.
REPEATABLE = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow],
)


@st.composite
def damaged(draw: st.DrawFn, lines: Sequence[str], *, is_cut: bool = True) -> str:
    """The lines with one removed, doubled, swapped with another or ``is_cut``, or with anything before them."""
    text = list(lines)
    first, second = (draw(st.integers(0, len(text) - 1)) for _ in range(2))
    match draw(st.sampled_from(["remove", "double", "swap", "prefix", *(["cut"] if is_cut else [])])):
        case "remove":
            del text[first]
        case "double":
            text.insert(second, text[first])
        case "swap":
            text[first], text[second] = text[second], text[first]
        case "cut":
            text[first] = text[first][: draw(st.integers(0, len(text[first])))]
        case _:
            text.insert(0, draw(st.text(max_size=40)))
    return "\n".join([*text, ""])
