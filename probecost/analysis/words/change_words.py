"""Changes between two runs in words: here, a speed-up is expected and welcome."""

from __future__ import annotations

from collections.abc import Sequence

from probecost.analysis.statistics.verdict import Word
from probecost.analysis.words.verdict_words import (
    Judged,
    at_most,
    badness,
    control_facts,
    cost_text,
    estimate_in_brackets,
)
from probecost.analysis.words.vocabulary import WORST_FIRST
from probecost.results.names import CaseName

WORST_CHANGE_FIRST = (*(word for word in WORST_FIRST if word is not Word.SPEED_UP), Word.SPEED_UP)


def change_badness(change: Judged) -> tuple[int, float]:
    """A key that sorts the worst change first."""
    return badness(change, WORST_CHANGE_FIRST)


def change_word(word: Word) -> str:
    """The word of a change: ``SPEED-UP`` instead of a single run's UNEXPECTED SPEED-UP."""
    return "SPEED-UP" if word is Word.SPEED_UP else word.value


def change_text(change: Judged) -> str:
    """One cell: ``OVERHEAD +9.3 % [+7.0 %, +11.2 %]``; without a verdict the estimate in brackets."""
    word, cost = change.verdict.word, change.cost
    if word is Word.NONE or cost is None:
        return change_word(word) or estimate_in_brackets(cost)
    if word is Word.NEGLIGIBLE:
        return f"{word} {at_most(cost)}"
    if word is Word.INVALID:
        return word.value
    return f"{change_word(word)} {cost_text(cost)}"


def perf_test_text(change: Judged) -> str:
    """``latency tcp_rr``."""
    return f"{change.metric.perf_test} {change.metric.conn_type}"


def change_control_line(case: CaseName, changes: Sequence[Judged]) -> str:
    """A sentence on the proof by the control for the comparison."""
    found = control_facts(changes, lambda each: f"{perf_test_text(each)} {change_text(each)}")
    name = case.case_key
    if found.claims:
        return f"{name} only sleeps and still: {found.claims}. Do not believe changes of this size between these runs."
    if not found.n_judged:
        return f"{name} has no verdict: nothing is proven of this comparison."
    return f"{name} only sleeps, and no change of it is claimed; what can be told apart: {found.floors} %."
