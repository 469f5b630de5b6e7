"""Groups measurements into units, with the order of their arms.

A unit is a baseline visit and an adjacent tool visit, in any iteration; for a metric that was measured in switched
flows, a unit is a flow with its pairs of segments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

from probecost.analysis.statistics.carryover import OrderedEffect
from probecost.analysis.statistics.moments import mean
from probecost.analysis.values.measurement import Measurement
from probecost.results.layout import ARMS, BASELINE, TOOL

VISITS, FLOWS = "visits", "switched"


@dataclass(frozen=True, slots=True)
class Pair:
    """A value of each arm, and whether the tool came first (``None``: not recorded)."""

    name: str
    baseline: float
    tool: float
    is_tool_first: bool | None

    @property
    def effect(self) -> float | None:
        """log(tool / baseline); ``None`` without a ratio."""
        return log(self.tool / self.baseline) if self.tool > 0 and self.baseline > 0 else None


Unit = Sequence[Pair]


class Series:
    """The values of one metric of one case by unit, pair and arm. If there is any switched flow, only flows count."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[tuple[int, int], dict[int, dict[str, list[Measurement]]]]] = {VISITS: {}, FLOWS: {}}

    def add(self, row: Measurement) -> None:
        units = self._rows[FLOWS if row.is_switched else VISITS]
        pairs = units.setdefault((row.iteration, row.unit_index), {})
        pair = row.pair_index if row.is_switched else 0
        pairs.setdefault(pair, {}).setdefault(row.arm, []).append(row)

    @property
    def schedule(self) -> str:
        return FLOWS if self._rows[FLOWS] else VISITS

    def units(self) -> list[Unit]:
        """The units with complete pairs, in the order of the plan."""
        found: list[Unit] = []
        for (_, unit), pairs in sorted(self._rows[self.schedule].items()):
            complete = [
                _pair(f"unit {unit}, pair {number}" if number else f"unit {unit}", arms)
                for number, arms in sorted(pairs.items())
                if all(arm in arms for arm in ARMS)
            ]
            found += [complete] if complete else []
        return found


def whole_effects(units: Iterable[Unit]) -> list[float]:
    """Like ``effects``, but only units whose pairs all have a ratio."""
    return effects(unit for unit in units if all(pair.effect is not None for pair in unit))


def effects(units: Iterable[Unit]) -> list[float]:
    """The effect of each unit, the mean over its pairs; units without any ratio are left out."""
    found = ([pair.effect for pair in unit if pair.effect is not None] for unit in units)
    return [mean(known) for known in found if known]


def ordered_effects(units: Iterable[Unit]) -> list[list[OrderedEffect]]:
    """The effects of pairs with a known order and ratio, by unit, with their order."""
    return [
        [
            OrderedEffect(pair.effect, pair.is_tool_first)
            for pair in unit
            if pair.effect is not None and pair.is_tool_first is not None
        ]
        for unit in units
    ]


def tool_mean(units: Iterable[Unit]) -> float:
    """The mean of the tool's values: over the pairs of a unit, then over units."""
    return mean([mean([pair.tool for pair in unit]) for unit in units])


def _pair(name: str, arms: dict[str, list[Measurement]]) -> Pair:
    baseline, tool = (mean([row.value for row in arms[arm]]) for arm in ARMS)
    return Pair(name, baseline, tool, _is_tool_first(arms))


def _is_tool_first(arms: dict[str, list[Measurement]]) -> bool | None:
    """Whether the tool came first, by the times of the two arms (of one clock), else by their places in the plan."""
    rows = arms[BASELINE][0], arms[TOOL][0]
    for baseline, tool in ([row.start_ns for row in rows], [row.order for row in rows]):
        if baseline is not None and tool is not None and baseline != tool:
            return tool < baseline
    return None
