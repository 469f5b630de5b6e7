"""Stop rules of a campaign, and the alpha of each look.

A fixed plan has one look, at alpha 0.05. A plan that stops when it is precise enough has looks after 8, 12, 16 and 24
units. The alphas of these looks add up to 0.05: for any reason of a stop, false claims stay below it.
"""

from __future__ import annotations

from dataclasses import dataclass

from probecost.analysis.statistics.signflip import EXACT_UP_TO, RANDOM_FLIPS
from probecost.analysis.statistics.verdict import ALPHA
from probecost.results import rules
from probecost.results.rules import LEAST_UNITS, MOST_UNITS


@dataclass(frozen=True)
class Look:
    """A look judges the first ``n_units`` usable units at ``alpha``, with an interval at 1 - alpha."""

    n_units: int
    alpha: float

    def can_claim(self, tests: int) -> bool:
        """Whether the smallest p of so many units survives Holm among ``tests`` primary tests.

        >>> Look(8, 0.05).can_claim(6), Look(8, 0.05).can_claim(7)
        (True, False)
        """
        return smallest_p(self.n_units) * max(1, tests) <= self.alpha


@dataclass(frozen=True)
class StopRule:
    """A stop rule: ``fixed`` has one look at all units, ``looks`` only the planned looks.

    ``planned``: the possible looks of a campaign; a fixed plan of more than ``MOST_UNITS`` has its one look too.
    """

    name: str
    planned: tuple[Look, ...]

    def look(self, n_usable: int) -> Look | None:
        """The last look reached with ``n_usable`` units; ``None`` below 8 units.

        >>> LOOKS.look(11), FIXED.look(11), LOOKS.look(7)
        (Look(n_units=8, alpha=0.008), Look(n_units=11, alpha=0.05), None)
        """
        if n_usable < LEAST_UNITS:
            return None
        if self == FIXED:
            return Look(n_usable, ALPHA)
        return [look for look in self.planned if look.n_units <= n_usable][-1]

    def reachable(self, tests: int) -> tuple[Look, ...]:
        """The planned looks at which a large enough effect can be claimed among ``tests`` primary tests.

        >>> [look.n_units for look in LOOKS.reachable(12)]
        [12, 16, 24]
        """
        return tuple(look for look in self.planned if look.can_claim(tests))

    def units_to_claim(self, tests: int) -> int | None:
        """The fewest units with which any effect can be claimed; ``None``: too many tests for any look.

        >>> [FIXED.units_to_claim(tests) for tests in (0, 1, 6, 7, 78)], LOOKS.units_to_claim(582)
        ([8, 8, 8, 9, 12], 24)
        """
        return next((look.n_units for look in self.reachable(tests)), None)


FIXED = StopRule("fixed", tuple(Look(n, ALPHA) for n in range(LEAST_UNITS, MOST_UNITS + 1)))
LOOKS = StopRule("looks", tuple(Look(n, alpha) for n, alpha in rules.LOOKS.items()))


def smallest_p(n_units: int) -> float:
    """The smallest possible p of the sign-flip test: 2^(1-n), with random flips at least 2 / (flips + 1).

    >>> smallest_p(8), smallest_p(24) == 2 / 100_001
    (0.0078125, True)
    """
    exact = min(1.0, 2.0 ** (1 - n_units))
    return exact if n_units <= EXACT_UP_TO else max(exact, 2 / (RANDOM_FLIPS + 1))


def is_precise_enough(half_width_pct: float, precision_pct: float) -> bool:
    """Whether half the width of the interval of cost is within the precision, both in percent.

    >>> is_precise_enough(1.9, 2.0), is_precise_enough(float("inf"), 2.0)
    (True, False)
    """
    return half_width_pct <= precision_pct
