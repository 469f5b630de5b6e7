"""The visits of a case, their order, and their expected duration."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from probecost.config.environment import Case, PerfTestSpec
from probecost.results import layout
from probecost.results.rules import CONFIRMATION_UNITS, LEAST_UNITS

Baseline = Literal["paired", "shared"]
#: visits: a unit is a pair of visits, each with its flows; switched: a unit is a flow in which the tool is switched.
Schedule = Literal["visits", "switched"]
#: Values of the option; auto: the planner chooses for each tool, by its start time.
AskedSchedule = Literal["auto", "visits", "switched"]

#: Order of tools, and of the cases of a tool: by the seed, or as in the cases file.
Order = Literal["random", "file"]

DEFAULT_SEED = 0  # of a written workflow: the same configuration gives the same file

# Seconds of a visit in addition to its traffic: rough figures for a near host, used for estimates only.
PERF_TEST_OVERHEAD_S = 0.5
TOOL_START_AND_STOP_S = 3.0
LEAST_FLOW_S = 3.0  # a pair of segments of a tool that starts quickly
RESERVE_SHARE = 0.25  # units that may replace void ones, as a share of the planned units


@dataclass(frozen=True)
class VisitPlan:
    """One visit of a case: ``unit`` and ``pair`` count from 1, ``order`` is its place (1 or 2) in the pair.

    The ``arm`` of flows in which the tool is switched is ``layout.SWITCHED``; their units count from 1 as well.
    ``shared``: a baseline for all cases of its test pair, made by the first of them. ``reserve``: it is made only to
    replace a void unit; ``confirmation``: only if the earlier units show that the tool makes the network faster, to
    judge that on fresh units.
    """

    unit: int
    pair: int
    arm: str
    order: int
    shared: bool = False
    reserve: bool = False
    confirmation: bool = False

    @property
    def is_planned(self) -> bool:
        """Whether it is made independently of the results of earlier units."""
        return not (self.reserve or self.confirmation)


@dataclass(frozen=True)
class SwitchPlan:
    """Lengths of the segments of a switched flow, and of the flows: seconds by name of the perf test."""

    segment_s: float
    flows_s: tuple[tuple[str, float], ...]

    def flow_s(self, perf_test: str, otherwise: float) -> float:
        return dict(self.flows_s).get(perf_test, otherwise)


SHARED_BASELINE = VisitPlan(unit=1, pair=1, arm=layout.BASELINE, order=1, shared=True)


def order_of_arms(seed: int, case_key: str, unit: int, iteration: int = 1) -> tuple[str, str]:
    """Order of the arms in the pair of ``unit``: a coin flip that is reproducible from the arguments."""
    words = [str(seed), case_key, str(unit), *([str(iteration)] if iteration > 1 else [])]
    digest = hashlib.sha256("\n".join(words).encode()).digest()
    return (layout.BASELINE, layout.TOOL) if digest[0] & 1 else (layout.TOOL, layout.BASELINE)


def order_of_segments(
    seed: int, case_key: str, unit: int, perf_test: str, pairs: int, iteration: int = 1
) -> list[tuple[str, str]]:
    """Order of the arms in each pair of segments of one flow, a coin flip each, as ``order_of_arms``."""
    return [order_of_arms(seed, f"{case_key}\n{perf_test}\n{pair}", unit, iteration) for pair in range(1, pairs + 1)]


def visits(
    case: Case,
    units: int,
    seed: int,
    baseline: Baseline = "paired",
    iteration: int = 1,
    schedule: Schedule = "visits",
    reserves: int = 0,
    confirmations: int = 0,
) -> tuple[VisitPlan, ...]:
    """The visits of a case in the order of measuring: ``units`` pairs, ``reserves`` and ``confirmations``.

    With a ``shared`` baseline, they are that one baseline, made once for all cases, and visits of the tool; it is not
    tested and has no confirmation. With ``switched`` flows there is one pair of visits, for percentiles and tables,
    then ``units`` flows per perf test and, after all reserves, one more pair of visits.
    """
    numbers = range(1, units + reserves + 1)
    fresh = range(numbers.stop, numbers.stop + confirmations)
    if schedule == "switched":
        flows = (VisitPlan(unit, unit, layout.SWITCHED, 1, reserve=unit > units) for unit in numbers)
        pair = visits(case, 1, seed, baseline, iteration, reserves=min(1, reserves))
        confirming = (VisitPlan(unit, unit, layout.SWITCHED, 1, confirmation=True) for unit in fresh)
        return (*pair[:2], *flows, *pair[2:], *confirming)
    if baseline == "shared":
        tool_visits = (VisitPlan(unit, unit, layout.TOOL, 1, reserve=unit > units) for unit in numbers)
        return (SHARED_BASELINE, *tool_visits)
    return tuple(
        VisitPlan(unit, unit, arm, order, reserve=units < unit < fresh.start, confirmation=unit in fresh)
        for unit in (*numbers, *fresh)
        for order, arm in enumerate(order_of_arms(seed, case.key, unit, iteration), 1)
    )


def reserve_units(units: int) -> int:
    """The number of units in reserve for void ones: none for a plan that is too small for a verdict.

    >>> [reserve_units(units) for units in (1, 7, 8, 12, 24)]
    [0, 0, 2, 3, 6]
    """
    return round(units * RESERVE_SHARE) if units >= LEAST_UNITS else 0


def confirmation_units(units: int) -> int:
    """The number of units in reserve to confirm a speed-up: none for a plan that is too small to find one."""
    return CONFIRMATION_UNITS if units >= LEAST_UNITS else 0


def visit_duration_s(arm: str, perf_tests: Sequence[PerfTestSpec], switching: SwitchPlan | None = None) -> float:
    """Estimated seconds of one visit, without the tool's compile time."""
    least_s = LEAST_FLOW_S if arm == layout.SWITCHED else 0.0
    lasts_s = [max(spec.duration_s, least_s) for spec in perf_tests]
    if arm == layout.SWITCHED and switching is not None:
        lasts_s = [switching.flow_s(spec.name, least_s) for spec in perf_tests]
    traffic_s = sum(duration_s + PERF_TEST_OVERHEAD_S for duration_s in lasts_s)
    return traffic_s + (TOOL_START_AND_STOP_S if arm == layout.TOOL else 0.0)


def spell(duration_s: float) -> str:
    """``1 h 05 min``, ``3 min 20 s``, ``12 s``."""
    seconds = round(duration_s)
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 60} min {seconds % 60:02d} s" if seconds >= 60 else f"{seconds} s"
