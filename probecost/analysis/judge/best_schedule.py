"""Finds the best way to measure a tool on a bed with known noise: the narrowest interval per minute.

Pairs in switched flows have no noise between flows of a generator, and pay with the tool's start in every pair. Visits
pay the start once for all perf tests, and carry all the noise between flows. So the start decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, log, sqrt
from statistics import fmean
from typing import Literal

from probecost.analysis.settings.settings import Settings
from probecost.analysis.statistics.looks import FIXED, LOOKS, StopRule
from probecost.analysis.statistics.planning import figure_of_merit, half_width_pct, pair_sd, plan_units, unit_sd
from probecost.results.planning import GUARD_S, STOP_S, SURE_S, Flows, PlanQuestion, ToolPlan
from probecost.results.rules import LEAST_UNITS, MOST_UNITS

#: Longest start of a switched tool, seconds.
SWITCHED_UP_TO_S = 2.0
SEGMENTS_S = (0.5, 1.0)
FLOWS_S = (3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0)
#: Effects differ between flows: a placement of connection, queue and CPU each (log).
FLOW_SPREAD = 0.02
# Times of the engine, seconds: see the layout of a flow in docs/results.md.
_AROUND_FLOW_S = 0.6
_BEFORE_SEGMENTS_S = 0.6
_AROUND_VISIT_S = 3.0


@dataclass(frozen=True)
class Option:
    """One way to measure one perf test: the deviation of a unit's effect (log) and the time of a unit."""

    sd: float
    seconds: float

    def merit(self, units: int) -> float:
        """Half-width in percent times the square root of the minutes."""
        return figure_of_merit(half_width_pct(self.sd, units), units * self.seconds / 60)


def plan_tool(question: PlanQuestion, settings: Settings) -> ToolPlan | None:
    """The best way to measure a tool; ``None`` if there is no choice.

    There is none if the calibration has no series of its perf tests that is long enough, or if the user wants switching
    and the tool's start fits into no flow.
    """
    known = {name: question.noise[name] for name in question.durations_s if name in question.noise}
    known = {name: noise for name, noise in known.items() if _is_long_enough(*noise)}
    if not known:
        return None
    visits = {name: visit_option(*known[name], question.durations_s[name], question.start_s) for name in known}
    switched: dict[str, Option] = {}
    schedule: Literal["visits", "switched"]
    segment_s, flows_s = SEGMENTS_S[0], dict[str, float]()
    if "switched" in question.schedules and question.start_s is not None:
        segment_s, switched, flows_s = _best_segments(question, known, question.start_s)
    quick = question.start_s is not None and question.start_s <= SWITCHED_UP_TO_S
    if not switched and "visits" not in question.schedules:
        return None  # the user's choice; no flow has room for its start
    if switched and ("visits" not in question.schedules or quick or _mean_merit(switched) < _mean_merit(visits)):
        schedule, options = "switched", switched
    else:
        schedule, options = "visits", visits
    rule = FIXED if question.precision_pct is None else LOOKS
    units = _units(question, options.values(), rule, settings.margin_pct)
    started = "its start takes too long to tell" if question.start_s is None else f"starts in {question.start_s:.2g} s"
    how = {"switched": f"switched flows, segments of {segment_s:g} s", "visits": "pairs of visits"}[schedule]
    expected = ", ".join(f"{name} ±{half_width_pct(one.sd, units):.1f} %" for name, one in options.items())
    return ToolPlan(
        schedule=schedule,
        units=units,
        segment_s=segment_s,
        flows_s={**question.durations_s, **flows_s} if schedule == "switched" else {},
        reason=f"{started}: {units} {how}; to be expected: {expected}",
    )


def visit_option(interval_s: float, flows: Flows, duration_s: float, start_s: float | None) -> Option:
    """The option of a pair of visits with flows of ``duration_s``: noise between flows, and within them."""
    logs = _log_flows(flows)
    means = [fmean(flow) for flow in logs]
    # The mean of a finished flow differs from that of the next one: between-run noise, straight from the flows.
    between = sqrt(fmean((one - other) ** 2 for one, other in pairwise(means)) / 2) if len(means) > 1 else 0.0
    within = _pair_sd(logs, interval_s, min(1.0, duration_s)) or 0.0
    sd = sqrt(2 * between**2 + within**2 / max(1.0, duration_s))
    return Option(sd, 2 * (duration_s + _AROUND_FLOW_S) + (_AROUND_VISIT_S + (start_s or 0.0)) / 3)


def switched_option(
    interval_s: float, flows: Flows, segment_s: float, flow_s: float, start_s: float, stop_s: float = STOP_S
) -> Option | None:
    """The option of a flow of ``flow_s`` with as many pairs of segments as fit; ``None`` if none does."""
    lead_s = start_s + SURE_S
    pairs = int((flow_s - _BEFORE_SEGMENTS_S) / (2 * (segment_s + GUARD_S + 1.1 * lead_s) + max(STOP_S, stop_s)))
    sd = _pair_sd(_log_flows(flows), interval_s, segment_s)
    if pairs < 1 or sd is None:
        return None
    return Option(unit_sd(sd, pairs, FLOW_SPREAD), flow_s + _AROUND_FLOW_S)


def _best_segments(
    question: PlanQuestion, known: Mapping[str, tuple[float, Flows]], start_s: float
) -> tuple[float, dict[str, Option], dict[str, float]]:
    """One segment length for the tool, a flow length for each perf test. No options: no flow is long enough."""
    best: tuple[float, float, dict[str, Option], dict[str, float]] = (inf, SEGMENTS_S[0], {}, {})
    for segment_s in SEGMENTS_S:
        options: dict[str, Option] = {}
        flows_s: dict[str, float] = {}
        for name, noise in known.items():
            asked_s = question.durations_s[name]
            lengths_s = (asked_s, *(s for s in FLOWS_S if s > asked_s)) if question.fixed_durations else FLOWS_S
            fitting = {
                length_s: switched_option(*noise, segment_s, length_s, start_s, question.stop_s)
                for length_s in lengths_s
            }
            usable = {length_s: option for length_s, option in fitting.items() if option is not None}
            if question.fixed_durations:  # as short as the user wants, or as possible
                usable = dict(list(usable.items())[:1])
            if usable:
                flows_s[name] = min(usable, key=lambda length_s: usable[length_s].merit(LEAST_UNITS))
                options[name] = usable[flows_s[name]]
        if len(options) == len(known) and (merit := _mean_merit(options)) < best[0]:
            best = (merit, segment_s, options, flows_s)
    return best[1:]


def _units(question: PlanQuestion, options: Iterable[Option], rule: StopRule, margin_pct: float) -> int:
    """The number of units; the noisiest perf test and the number of tests decide."""
    if question.precision_pct is not None:
        return MOST_UNITS
    if question.units is not None:
        return question.units
    plans = [plan_units(option.sd, question.tests, rule, margin_pct) for option in options]
    wanted = max((found.n_units or MOST_UNITS for found in plans), default=LEAST_UNITS)
    return max(wanted, rule.units_to_claim(question.tests) or MOST_UNITS)


def _mean_merit(options: Mapping[str, Option]) -> float:
    return fmean(option.merit(LEAST_UNITS) for option in options.values())


def _log_flows(flows: Flows) -> list[list[float]]:
    """Logs of the rates; an empty interval counts as the lowest observed rate."""
    found = []
    for flow in flows:
        seen = [rate for rate in flow if rate > 0]
        if len(seen) > 1:
            least = min(seen)
            found.append([log(max(rate, least)) for rate in flow])
    return found


def _is_long_enough(interval_s: float, flows: Flows) -> bool:
    """Whether the series show the noise between segments of all lengths."""
    logs = _log_flows(flows)
    return bool(logs) and all(_pair_sd(logs, interval_s, segment_s) is not None for segment_s in SEGMENTS_S)


def _pair_sd(logs: Sequence[Sequence[float]], interval_s: float, segment_s: float) -> float | None:
    """The deviation of the log ratio of two adjacent segments, over all flows."""
    steps = max(1, round(segment_s / interval_s))
    found = [pair_sd(flow, interval_s, steps * interval_s) for flow in logs]
    known = [sd for sd in found if sd is not None]
    return sqrt(fmean(sd**2 for sd in known)) if known else None
