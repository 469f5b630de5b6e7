"""Which visits a case gets, in which order, and how long they are expected to take."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from probecost import layout
from probecost.config.models import Case, PerfTestSpec

Baseline = Literal["paired", "shared"]

# What a visit costs beside its traffic, in seconds: rough figures for a host that is near, used for estimates only.
PERF_TEST_OVERHEAD_S = 0.5
TOOL_START_AND_STOP_S = 3.0


@dataclass(frozen=True)
class VisitPlan:
    """One visit of a case: ``unit`` and ``pair`` count from 1, ``order`` is its place (1 or 2) in the pair."""

    unit: int
    pair: int
    arm: str
    order: int


def order_of_arms(seed: int, case_key: str, unit: int) -> tuple[str, str]:
    """Which arm comes first in the pair of ``unit``: a coin flip that is the same each time for the same arguments."""
    digest = hashlib.sha256(f"{seed}\n{case_key}\n{unit}".encode()).digest()
    return (layout.BASELINE, layout.TOOL) if digest[0] & 1 else (layout.TOOL, layout.BASELINE)


def visits(case: Case, units: int, seed: int, baseline: Baseline = "paired") -> list[VisitPlan]:
    """The visits of a case in the order in which they are made, ``units`` pairs of them.

    With a ``shared`` baseline the case has visits of the tool alone; its baseline is measured once for all cases.
    """
    if baseline == "shared":
        return [VisitPlan(unit, unit, layout.TOOL, 1) for unit in range(1, units + 1)]
    return [
        VisitPlan(unit, unit, arm, order)
        for unit in range(1, units + 1)
        for order, arm in enumerate(order_of_arms(seed, case.key, unit), 1)
    ]


def expected_duration_s(
    cases: Sequence[Case], perf_tests: Sequence[PerfTestSpec], units: int = 1, baseline: Baseline = "paired"
) -> float:
    """Estimated seconds for all visits of all cases, shared baselines included, without the tools' compile times."""
    traffic_s = sum(spec.duration_s + PERF_TEST_OVERHEAD_S for spec in perf_tests)
    tool_s = traffic_s + TOOL_START_AND_STOP_S
    if baseline == "paired":
        return len(cases) * units * (traffic_s + tool_s)
    return len(cases) * units * tool_s + len({case.pair_kind for case in cases}) * traffic_s
