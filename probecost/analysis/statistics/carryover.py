"""Diagnostics of carry-over: an effect of the order of arms, and dependence of a unit on the previous one.

The sign-flip test is exact if a pair leaves no trace in the next one. Two diagnostics look for traces. They change no
estimate; suspicious results are added to the reason of a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, fsum, sqrt
from typing import NamedTuple

from probecost.analysis.statistics.moments import mean
from probecost.analysis.statistics.signflip import p_values

SUSPICIOUS_P = 0.01
_FEWEST_UNITS = 3


@dataclass(frozen=True, slots=True)
class OrderedEffect:
    """The effect d of one pair, in natural-log units, and whether the tool's arm came first in it."""

    effect: float
    is_tool_first: bool


@dataclass(frozen=True, slots=True)
class CarryOver:
    """Diagnostics of one metric. ``order_effect``: mean d of pairs with the tool first minus that of the rest (log).

    ``order_p``: its p. ``lag_1``: correlation of consecutive units' effects. ``None``: not enough data.
    """

    n_units: int
    order_effect: float | None
    order_p: float | None
    lag_1: float | None

    def remarks(self) -> Iterator[str]:
        """Suspicious results as text."""
        if self.order_effect is not None and self.order_p is not None and self.order_p < SUSPICIOUS_P:
            percent = (exp(self.order_effect) - 1) * 100
            yield f"order effect: {percent:+.1f} % where the tool came first (p {self.order_p:.3f})"
        if self.lag_1 is not None and abs(self.lag_1) > 2 / sqrt(self.n_units):
            yield f"units depend on the one before (lag-1 correlation {self.lag_1:+.2f})"


def carry_overs(metrics: Sequence[Sequence[Sequence[OrderedEffect]]]) -> list[CarryOver]:
    """Diagnostics of each metric's units in time order; their tests are computed together.

    A unit holds one pair of visits, or the pairs of segments of one flow.
    """
    orders = [_order(units) for units in metrics]
    tests = iter(p_values([order.tested for order in orders if order is not None]))
    found = []
    for units, order in zip(metrics, orders, strict=True):
        means = [mean([pair.effect for pair in pairs]) for pairs in units if pairs]
        effect, p = (None, None) if order is None else (order.effect, next(tests))
        found.append(CarryOver(len(means), effect, p, lag_1_correlation(means)))
    return found


def lag_1_correlation(effects: Sequence[float]) -> float | None:
    """sum (d_i - m)(d_i+1 - m) / sum (d_i - m)^2, -1 to 1; ``None`` for fewer than 3 effects or equal ones.

    >>> lag_1_correlation([1.0, -1.0, 1.0, -1.0])
    -0.75
    """
    if len(effects) < _FEWEST_UNITS:
        return None
    centred = _centred(effects)
    total = fsum(each * each for each in centred)
    if total <= 1e-24 * max(1.0, fsum(each * each for each in effects)):
        return None
    return fsum(later * earlier for earlier, later in pairwise(centred)) / total


class _Order(NamedTuple):
    """The order effect, and the effects for its sign-flip test, whose mean is proportional to it."""

    effect: float
    tested: Sequence[float]


def _order(units: Sequence[Sequence[OrderedEffect]]) -> _Order | None:
    """The order effect; ``None`` if there is only one order."""
    if any(len(pairs) > 1 for pairs in units):
        return _order_within_flows(units)
    return _order_of_pairs([pair for pairs in units for pair in pairs])


def _order_of_pairs(pairs: Sequence[OrderedEffect]) -> _Order | None:
    """The order effect with one coin per pair: without it, each centred effect is as likely in the other order."""
    found = _difference(pairs)
    if found is None:
        return None
    centred = _centred([pair.effect for pair in pairs])
    return _Order(found, [d if pair.is_tool_first else -d for d, pair in zip(centred, pairs, strict=True)])


def _order_within_flows(flows: Sequence[Sequence[OrderedEffect]]) -> _Order | None:
    """The order effect within flows, as each flow has its own effect: turning all its coins turns the sign."""
    differences = [found for pairs in flows if (found := _difference(pairs)) is not None]
    return _Order(mean(differences), differences) if differences else None


def _difference(pairs: Sequence[OrderedEffect]) -> float | None:
    """The mean effect of pairs with the tool first minus that of the rest; ``None`` if one of them is empty."""
    first = [pair.effect for pair in pairs if pair.is_tool_first]
    last = [pair.effect for pair in pairs if not pair.is_tool_first]
    return mean(first) - mean(last) if first and last else None


def _centred(effects: Sequence[float]) -> list[float]:
    middle = mean(effects)
    return [effect - middle for effect in effects]
