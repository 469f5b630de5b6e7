"""The question how a tool is measured and its answer, with the clockwork of a switched flow that both count with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

# A switched flow, in seconds.
WARM_UP_S = 0.3  # before the first segment; the node's supervisor has a copy, since it imports nothing of probecost
GUARD_S = 0.1  # before each segment
SURE_S = 0.1  # two polls of what was seen before: then a start counts as ready
STOP_S = 0.3

#: The rates of each flow without a tool, interval by interval.
Flows = Sequence[Sequence[float]]


@dataclass(frozen=True)
class PlanQuestion:
    """How is a tool to be measured on a bed?

    By perf test: ``noise`` is the interval in seconds and the flows, ``durations_s`` the environment's wish.
    ``start_s``: seconds of the tool's start beside a flow, ``None`` where that is too long to tell. ``tests``: primary
    tests of the whole plan. ``units``, ``precision_pct``: as asked for. ``schedules``: those that may be chosen.
    ``fixed_durations``: the user said how long flows are. ``stop_s``: seconds of the tool's stop.
    """

    noise: Mapping[str, tuple[float, Flows]]
    durations_s: Mapping[str, float]
    start_s: float | None
    tests: int
    units: int | None
    precision_pct: float | None
    schedules: Sequence[str]
    fixed_durations: bool
    stop_s: float = STOP_S


@dataclass(frozen=True)
class ToolPlan:
    """The answer. ``flows_s``: seconds of the flow of each perf test, where flows are switched.

    ``reason`` says why, and what half-widths to expect.
    """

    schedule: Literal["visits", "switched"]
    units: int
    segment_s: float
    flows_s: Mapping[str, float]
    reason: str
