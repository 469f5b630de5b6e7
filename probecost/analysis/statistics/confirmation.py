"""The second stage of an unexpected speed-up: a test on fresh units alone, which are used for nothing else.

The fresh units are independent of the first stage's selection: without an effect they confirm falsely in one of forty
cases (half of alpha: the side is given), and both stages are wrong together far more rarely than one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probecost.analysis.statistics.signflip import estimate
from probecost.analysis.statistics.verdict import ALPHA, Cost, Verdict, Word, cost_of
from probecost.results.rules import CONFIRMATION_UNITS


@dataclass(frozen=True)
class Confirmation:
    """Result of the second stage. ``made``: fresh units, void ones included; ``usable`` of them count.

    ``cost``: ``None`` below ``CONFIRMATION_UNITS``.
    """

    made: int
    usable: int
    cost: Cost | None

    @property
    def is_complete(self) -> bool:
        """Whether the planned number of units was made."""
        return self.made >= CONFIRMATION_UNITS

    @property
    def is_confirmed(self) -> bool:
        return self.is_complete and self.cost is not None and self.cost.high_pct < 0


def confirmation(made: int, effects: Sequence[float], lower_is_better: bool) -> Confirmation:
    """Test ``made`` fresh units, whose usable ones have ``effects`` (log): one test at 5 %, without a family."""
    cost = cost_of(estimate(effects, ALPHA), lower_is_better) if len(effects) >= CONFIRMATION_UNITS else None
    return Confirmation(made, len(effects), cost)


def second_verdict(first: Verdict, found: Confirmation | None) -> Verdict:
    """The verdict after the fresh units; ``first`` if it is no speed-up, or not all fresh units were made."""
    if first.word is not Word.SPEED_UP or found is None:
        return first
    if not found.is_complete:
        return first.noting(f"only {found.made} of {CONFIRMATION_UNITS} were made")
    if found.cost is None:
        reason = f"a speed-up that fresh units did not confirm: only {found.usable} of {found.made} are usable"
        return Verdict(Word.INCONCLUSIVE, reason)
    low, mean, high = found.cost.low_pct, found.cost.estimate_pct, found.cost.high_pct
    numbers = f"{mean:.1f} % [{low:.1f} %, {high:.1f} %]"
    if found.is_confirmed:
        return Verdict(Word.SPEED_UP, f"confirmed {numbers} on {found.usable} fresh units")
    return Verdict(Word.INCONCLUSIVE, f"{found.usable} fresh units did not confirm a speed-up: {numbers}")
