"""Verdicts: the word for one metric of one case, checked in this order.

INVALID: a gate failed. NEGLIGIBLE: the interval is inside the margin. UNEXPECTED SPEED-UP: it is below 0. OVERHEAD: it
is above 0, at the margin or beyond. SMALL: it is above 0 and straddles the margin. INCONCLUSIVE: everything else. The
three that claim an effect also need a family-adjusted p-value of at most alpha. MASKED replaces NEGLIGIBLE and
INCONCLUSIVE for a rate that the line or the offered load limits, if CPU time per byte rose. Below ``LEAST_UNITS`` units
there is an estimate and no verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isinf, log1p

from probecost.analysis.statistics.signflip import Estimate, cost_pct, units_needed
from probecost.results.rules import LEAST_UNITS
from probecost.text import counted

ALPHA = 0.05
DEFAULT_MARGIN_PCT = 3.0
MASKED_FROM = 0.97


class Word(StrEnum):
    """The word of a verdict; ``NONE`` if there are too few units."""

    INVALID = "INVALID"
    NEGLIGIBLE = "NEGLIGIBLE"
    MASKED = "MASKED"
    SPEED_UP = "UNEXPECTED SPEED-UP"
    OVERHEAD = "OVERHEAD"
    SMALL = "SMALL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate as cost in percent: positive is worse. ``low_pct`` and ``high_pct`` may be infinite."""

    estimate_pct: float
    low_pct: float
    high_pct: float
    robust_pct: float

    @property
    def half_width_pct(self) -> float:
        return (self.high_pct - self.low_pct) / 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """The word of a verdict, and a sentence with its numbers or its reason."""

    word: Word
    reason: str

    def noting(self, *remarks: str) -> Verdict:
        """The same word; ``remarks`` follow the reason.

        >>> Verdict(Word.SMALL, "2 %").noting("8 of 9 units used").reason
        '2 %; 8 of 9 units used'
        """
        return Verdict(self.word, "; ".join([self.reason, *remarks]))


@dataclass(frozen=True)
class Limit:
    """The upper limit of a rate: ``per_s`` in the rate's own unit; ``name``: ``line`` or ``offered load``."""

    name: str
    per_s: float


def cost_of(found: Estimate, lower_is_better: bool) -> Cost:
    """The estimate as a cost in percent; for a rate, the ends of the interval are swapped."""
    ends = sorted((cost_pct(found.low, lower_is_better), cost_pct(found.high, lower_is_better)))
    return Cost(
        cost_pct(found.mean, lower_is_better), ends[0], ends[1], cost_pct(found.hodges_lehmann, lower_is_better)
    )


def judge(found: Estimate, cost: Cost, p_adjusted: float, margin_pct: float = DEFAULT_MARGIN_PCT) -> Verdict:
    """The verdict on one metric that passed its gates."""
    if found.n < LEAST_UNITS:
        return Verdict(
            Word.NONE, f"{counted(found.n, 'unit')}: below {LEAST_UNITS} there is an estimate and no verdict"
        )
    alpha = 1 - found.level
    interval = f"[{_percent(cost.low_pct)}, {_percent(cost.high_pct)}]"
    excludes_zero = cost.low_pct > 0 or cost.high_pct < 0
    if -margin_pct <= cost.low_pct and cost.high_pct <= margin_pct:
        worse = max(abs(cost.low_pct), abs(cost.high_pct))
        detected = ", detected" if excludes_zero else ""
        return _with_robust(Verdict(Word.NEGLIGIBLE, f"at most {worse:.1f} %{detected}"), cost)
    if excludes_zero and p_adjusted <= alpha + 1e-12:
        if cost.high_pct < 0:
            return Verdict(Word.SPEED_UP, "no number before it is confirmed on 8 fresh units")
        word = Word.OVERHEAD if cost.low_pct >= margin_pct else Word.SMALL
        return _with_robust(Verdict(word, f"{_percent(cost.estimate_pct)} {interval}"), cost)
    return Verdict(Word.INCONCLUSIVE, _why_not(found, cost, p_adjusted if excludes_zero else None, margin_pct))


def masked(verdict: Verdict, rate_per_s: float, limit: Limit, cpu: Cost) -> Verdict:
    """``verdict`` on a rate, or MASKED: a rate at its limit cannot show the cost that ``cpu`` shows.

    ``rate_per_s``: with the tool, in the unit of ``limit``. ``cpu``: the cost in CPU time per byte of the same units.
    """
    share = rate_per_s / limit.per_s
    if verdict.word not in (Word.NEGLIGIBLE, Word.INCONCLUSIVE) or share < MASKED_FROM or not cpu.low_pct > 0:
        return verdict
    numbers = f"{_percent(cpu.estimate_pct)} [{_percent(cpu.low_pct)}, {_percent(cpu.high_pct)}]"
    return Verdict(Word.MASKED, f"at {100 * share:.0f} % of the {limit.name}, CPU per byte {numbers}")


def _why_not(found: Estimate, cost: Cost, p_adjusted: float | None, margin_pct: float) -> str:
    floor = "no interval" if isinf(cost.half_width_pct) else f"floor {cost.half_width_pct:.1f} %"
    needed = units_needed(found.sd, log1p(2 * margin_pct / 100))
    if p_adjusted is not None:
        return f"{floor}; an effect in this test alone, not among all of the plan (adjusted p {p_adjusted:.3f})"
    return (
        f"{floor}; a new test would need about {counted(max(needed, LEAST_UNITS), 'unit')} to see {2 * margin_pct:g} %"
    )


def _with_robust(verdict: Verdict, cost: Cost) -> Verdict:
    if abs(cost.estimate_pct - cost.robust_pct) <= cost.half_width_pct:
        return verdict
    return Verdict(verdict.word, f"{verdict.reason}; outliers: the robust estimate is {_percent(cost.robust_pct)}")


def _percent(percent: float) -> str:
    return f"{percent:.1f} %"
