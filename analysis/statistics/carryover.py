"""The check on carry-over: does it matter which arm came first, and does a unit depend on the one before it?

The sign-flip test is exact where a pair leaves no trace in what comes after it. Two diagnostics look for such traces.
They change no estimate; where they are suspicious the reason of a verdict says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.signflip import estimate

SUSPICIOUS_P = 0.01
_FEWEST_UNITS = 3

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OrderedEffect:
    """The effect d of one pair, in natural-log units, and whether the tool's arm came first in it."""

    effect: float
    is_tool_first: bool


@dataclass(frozen=True, slots=True)
class CarryOver:
    """``order_effect``: mean d of pairs with the tool first minus that of the others, natural log; ``order_p`` its p.

    ``lag_1``: correlation of a unit's effect with the one before it. ``None`` where the units do not tell it.
    """

    n_units: int
    order_effect: float | None
    order_p: float | None
    lag_1: float | None

    def remarks(self) -> Iterator[str]:
        """What is suspicious, in words."""
        if self.order_effect is not None and self.order_p is not None and self.order_p < SUSPICIOUS_P:
            percent = (exp(self.order_effect) - 1) * 100
            yield f"order effect: {percent:+.1f} % where the tool came first (p {self.order_p:.3f})"
        if self.lag_1 is not None and abs(self.lag_1) > 2 / sqrt(self.n_units):
            yield f"units depend on the one before (lag-1 correlation {self.lag_1:+.2f})"


def carry_over(units: Sequence[Sequence[OrderedEffect]]) -> CarryOver:
    """Diagnostics of units in time order; a unit holds one pair of visits, or the pairs of segments of one flow."""
    if any(len(pairs) > 1 for pairs in units):
        order_effect, order_p = _order_within_flows(units)
    else:
        order_effect, order_p = _order_of_pairs([pair for pairs in units for pair in pairs])
    means = [float(np.mean([pair.effect for pair in pairs])) for pairs in units if pairs]
    return CarryOver(len(means), order_effect, order_p, lag_1_correlation(means))


def lag_1_correlation(effects: Sequence[float]) -> float | None:
    """sum (d_i - m)(d_i+1 - m) / sum (d_i - m)^2, -1 to 1; ``None`` for fewer than 3 effects or equal ones.

    >>> lag_1_correlation([1.0, -1.0, 1.0, -1.0])
    -0.75
    """
    values = np.asarray(effects, dtype=np.float64)
    if values.size < _FEWEST_UNITS:
        return None
    centred = values - values.mean()
    total = float(centred @ centred)
    if total <= 1e-24 * max(1.0, float(values @ values)):
        return None
    return float(centred[1:] @ centred[:-1]) / total


def _order_of_pairs(pairs: Sequence[OrderedEffect]) -> tuple[float | None, float | None]:
    """One coin per pair: without an order effect each centred effect is as likely to have come with the other order."""
    effects, signs = _split(pairs)
    if len(set(signs)) < 2:
        return None, None
    found = float(effects[signs > 0].mean() - effects[signs < 0].mean())
    return found, estimate((signs * (effects - effects.mean())).tolist()).p


def _order_within_flows(flows: Sequence[Sequence[OrderedEffect]]) -> tuple[float | None, float | None]:
    """Flows have effects of their own, so orders are compared within each: turning all its coins turns the sign."""
    differences = []
    for pairs in flows:
        effects, signs = _split(pairs)
        if len(set(signs)) == 2:
            differences.append(float(effects[signs > 0].mean() - effects[signs < 0].mean()))
    if not differences:
        return None, None
    found = estimate(differences)
    return found.mean, found.p


def _split(pairs: Sequence[OrderedEffect]) -> tuple[Floats, Floats]:
    """Effects, and +1 where the tool came first, else -1."""
    effects = np.array([pair.effect for pair in pairs], dtype=np.float64)
    return effects, np.array([1.0 if pair.is_tool_first else -1.0 for pair in pairs], dtype=np.float64)
