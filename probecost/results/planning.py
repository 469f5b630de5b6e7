"""The question how to measure a tool and its answer, with the times of a switched flow for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

# A switched flow, in seconds.
WARM_UP_S = 0.3  # before the first segment; the node's supervisor has a copy, since it imports nothing of probecost
GUARD_S = 0.1  # before each segment
SURE_S = 0.1  # two equal polls: then a start counts as ready
STOP_S = 0.3

#: The rates of each flow without a tool, interval by interval.
Flows = Sequence[Sequence[float]]


@dataclass(frozen=True)
class PlanQuestion:
    """The question how to measure a tool on a bed.

    By perf test: ``noise`` is the interval in seconds and the flows, ``durations_s`` the environment's durations.
    ``start_s``: seconds of the tool's start during a flow, ``None`` if it exceeds the flow. ``tests``: primary tests of
    the whole plan. ``units``, ``precision_pct``: by the options. ``schedules``: possible ones. ``fixed_durations``: the
    user fixed the length of flows. ``stop_s``: seconds of the tool's stop.
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
    """The answer. ``flows_s``: seconds of the flow of each perf test, for switched flows.

    ``reason``: a sentence on the choice, with expected half-widths.
    """

    schedule: Literal["visits", "switched"]
    units: int
    segment_s: float
    flows_s: Mapping[str, float]
    reason: str
