"""The words of the verdicts, the worst first: their look, and their meaning for a metric and for a tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probecost.analysis.statistics.verdict import Word
from probecost.results.rules import LEAST_UNITS

NO_VERDICT = "no verdict"


@dataclass(frozen=True)
class Entry:
    """One word. In its texts ``{m}`` is the margin in percent.

    ``sign`` is read without colour, ``look`` is the class that gives the colour. ``meaning``: of a verdict on one
    metric. ``group`` and ``group_meaning``: title and meaning of the tools whose worst verdict it is.
    """

    sign: str
    look: str
    meaning: str
    group: str
    group_meaning: str


WORDS: Mapping[Word, Entry] = {
    Word.OVERHEAD: Entry(
        "▲",
        "overhead",
        "There is a cost, of the margin or more: the interval begins at {m} % or above.",
        "Costs {m} % or more",
        "In the tests marked OVERHEAD the whole interval lies at {m} % or above.",
    ),
    Word.SMALL: Entry(
        "◆",
        "small",
        "There is a cost; it may be less than {m} %: the interval excludes 0 and reaches to both sides of it.",
        "Costs something, perhaps less than {m} %",
        "There is a cost: the interval excludes 0 and reaches to both sides of {m} %.",
    ),
    Word.MASKED: Entry(
        "◐",
        "masked",
        "The rate stands at what was offered or at what the line carries and cannot fall before the CPU is used up. "
        "The cost is elsewhere: the CPU time per byte rose.",
        "Costs CPU time that the rate cannot show",
        "The rate stands at its limit and cannot fall; the CPU time per byte rose.",
    ),
    Word.INVALID: Entry(
        "✕",
        "invalid",
        "Nothing can be said, because a gate failed; the reason says which.",
        "Not measured validly",
        "A gate failed, so that nothing can be said. The reason stands with it.",
    ),
    Word.SPEED_UP: Entry(
        "▼",
        "speedup",
        "The interval lies below 0. Not believed, and without a number, before 8 fresh units confirm it.",
        "Looks faster with the tool",
        "Not believed, and without a number, before 8 fresh units confirm it.",
    ),
    Word.INCONCLUSIVE: Entry(
        "?",
        "inconclusive",
        "These units cannot tell. It does not mean that there is no cost: one must be about as large as the floor to "
        "be seen. More units lower it.",
        "Not known",
        "These units cannot tell. This does not mean that there is no cost: one below the floor would not be seen.",
    ),
    Word.NONE: Entry(
        "–",  # noqa: RUF001 an en dash
        "none",
        f"Fewer than {LEAST_UNITS} units, or nothing usable: an estimate at most, and it may be noise.",
        "No verdict",
        f"Nothing valid was measured, or fewer than {LEAST_UNITS} units: what is shown is an estimate, "
        "and may be noise.",
    ),
    Word.NEGLIGIBLE: Entry(
        "✓",
        "negligible",
        "The cost is at most the value shown: the whole interval lies within the margin of {m} %.",
        "Within {m} % in every test",
        "At most the value shown, on this machine and at this load. It is not a statement on others.",
    ),
}
#: The order of the words in reports.
WORST_FIRST = tuple(WORDS)


def word_text(word: Word) -> str:
    """The word for display, with a text for none."""
    return word.value or NO_VERDICT
