"""Chooses how each tool is measured, by the options or by the calibration of bed and tool; writes the time ledger.

Statistics decide what is best for given noise; they are not here but behind ``Ask``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from probecost.config.environment import Case, PairKind
from probecost.errors import ConfigError
from probecost.plan.calibration import Calibration, read_calibration
from probecost.plan.lanes import Lanes, PairPlace, place_of
from probecost.plan.offered_loads import resolved as resolve_loads_of
from probecost.plan.offered_loads import uncalibrated
from probecost.plan.plan import (
    Advice,
    Plan,
    Planned,
    PlannedItem,
    asked_for,
    expected_by_item,
    is_switchable,
    settled,
)
from probecost.plan.primary import count_primary, primary_metrics, with_fixed_rate
from probecost.plan.settings import Settings
from probecost.plan.visits import SwitchPlan, spell
from probecost.results import layout
from probecost.results.planning import STOP_S, PlanQuestion, ToolPlan
from probecost.results.rules import LEAST_UNITS, MOST_UNITS

_BED_S = 5.0  # for connecting, checking and closing an environment
_MOST_ROWS = 60


Ask = Callable[[PlanQuestion], ToolPlan | None]
#: From the units of a case, the primary tests of the plan, and whether it stops at looks: a sentence that no overhead
#: can be claimed with these numbers; None if one can.
Doubt = Callable[[int, int, bool], str | None]


@dataclass(frozen=True)
class Stage:
    """One line of the time ledger; ``place``: the test pair on which its time passes."""

    what: str
    seconds: float
    place: PairPlace
    detail: str = ""


def stored_calibrations(environments: Mapping[str, Planned], now_s: float) -> dict[str, Calibration]:
    """The calibrations that are valid at ``now_s`` (Unix time), by the environment's name."""
    found = {name: read_calibration(planned.environment.folder) for name, planned in environments.items()}
    return {name: one for name, one in found.items() if one is not None and one.is_current(now_s)}


def resolved(made: Plan, items: Sequence[PlannedItem], calibrations: Mapping[str, Calibration]) -> Plan:
    """The plan completed by the calibrations for ``items``. ``ConfigError``: a maximum is unknown.

    Loads in percent become rates, a flow at a fixed rate follows the unlimited one, primary metrics are chosen.
    """
    used = {item.turn.environment for item in items}
    environments = {}
    for name, planned in made.environments.items():
        known = calibrations.get(name)
        maximum = uncalibrated if known is None else known.maximum
        if name not in used:
            environments[name] = planned
            continue
        idle = {} if known is None else {kind: pair.idle_busy_share for kind, pair in known.pairs.items()}
        complete = replace(with_fixed_rate(planned, known), idle_busy_share=idle)
        environments[name] = resolve_loads_of(complete, maximum)
    whole = replace(made, environments=environments)
    return replace(whole, primary=primary_metrics(whole, calibrations))


def is_calibrated(settings: Settings) -> bool:
    """Whether the plan needs a calibration: not if the options decide everything, nor if there will be no verdict."""
    if any(load.percent not in (None, 100) for load in settings.loads):
        return True
    if settings.units is not None and settings.units < LEAST_UNITS:
        return False
    return settings.units is None or settings.schedule != "visits"


class Planner:
    """Asks once per environment, pair and tool; without a calibration the options decide.

    ``calibrations``: by the environment's name. ``doubt`` is asked with and without a calibration. ``lanes``: the
    groups of test pairs that are measured at the same time.
    """

    def __init__(
        self,
        made: Plan,
        items: Sequence[PlannedItem],
        calibrations: Mapping[str, Calibration],
        ask: Ask,
        doubt: Doubt,
        lanes: Lanes | None = None,
    ) -> None:
        self._question = ask
        self._doubt = doubt
        self._lanes = lanes or Lanes()
        self._plan = made
        self._settings = made.settings
        self._calibrations = calibrations
        self._fallback = asked_for(made.settings, made.environments)
        self._tests = {
            name: sum(count_primary(planned.specs(case.pair_kind), made.primary) for case in _cases_of(items, name))
            for name, planned in made.environments.items()
        }
        self._found: dict[tuple[str, PairKind, str], ToolPlan | None] = {}
        self._units = self._most_units(items)

    def advise(self, environment: str, case: Case) -> Advice:
        few = self._settings.units is not None and self._settings.units < LEAST_UNITS
        if few and self._settings.schedule == "auto":
            return Advice("visits", self._units)
        found = self._tool_plan(environment, case)
        if found is None:
            return replace(self._fallback(environment, case), units=self._units)
        switching = None
        if found.schedule == "switched":
            switching = SwitchPlan(found.segment_s, tuple(sorted(found.flows_s.items())))
        return Advice(found.schedule, self._units, switching)

    def _tool_plan(self, environment: str, case: Case) -> ToolPlan | None:
        key = (environment, case.pair_kind, case.tool_id)
        if key not in self._found:
            self._found[key] = self._ask(*key)
        return self._found[key]

    def _ask(self, environment: str, kind: PairKind, tool_id: str) -> ToolPlan | None:
        calibration = self._calibrations.get(environment)
        pair = calibration.pairs.get(kind) if calibration is not None else None
        if pair is None:
            return None
        planned, settings = self._plan.environments[environment], self._settings
        can_switch = settings.baseline == "paired" and is_switchable(planned, kind)
        specs = planned.specs(kind)
        question = PlanQuestion(
            noise={
                spec.name: (pair.noise[base].interval_s, pair.noise[base].flows)
                for spec in specs
                if (base := str(spec.perf_test.unloaded)) in pair.noise
            },
            durations_s={spec.name: spec.duration_s for spec in specs},
            start_s=pair.starts_s.get(tool_id),
            stop_s=pair.stops_s.get(tool_id, STOP_S),
            tests=sum(self._tests.values()),
            units=settings.units,
            precision_pct=settings.precision_pct,
            schedules=(settings.schedule,)
            if settings.schedule != "auto"
            else (("visits", "switched") if can_switch else ("visits",)),
            fixed_durations=settings.duration_s is not None,
        )
        return self._question(question)

    def _most_units(self, items: Sequence[PlannedItem]) -> int:
        """Units of every case: the largest number that a tool needs, limited by the time budget."""
        settings = self._settings
        if settings.units is not None:
            return settings.units
        if settings.precision_pct is not None:
            if settings.time_budget_s is not None:
                self._within_budget(items, LEAST_UNITS, settings.time_budget_s)  # it ends at a look, or when it is over
            return MOST_UNITS
        plans = [self._tool_plan(item.turn.environment, item.case) for item in items]
        wanted = max((found.units for found in plans if found is not None), default=LEAST_UNITS)
        return wanted if settings.time_budget_s is None else self._within_budget(items, wanted, settings.time_budget_s)

    def _within_budget(self, items: Sequence[PlannedItem], wanted: int, budget_s: float) -> int:
        for units in range(max(wanted, LEAST_UNITS), LEAST_UNITS - 1, -1):
            self._units = units
            stages = _stages(settled(self._plan, items, self.advise), self._plan)
            needs_s = _whole_s(stages, self._lanes)
            if needs_s <= budget_s:
                break
        if needs_s > budget_s:
            raise ConfigError(
                f"--time-budget {spell(budget_s)}: {len(items)} cases with {LEAST_UNITS} units each need about "
                f"{spell(needs_s)}, and with fewer units there is no verdict",
                hint="Select fewer cases (-k) or perf tests (--perf-tests), allow more time, or ask for estimates "
                "with --units 1.",
            )
        return units

    def lines(self, items: Iterable[PlannedItem]) -> list[str]:
        """The choice for each tool with its expected precision, and the time ledger, as lines for the user."""
        items = list(items)
        lines = []
        for (environment, kind, tool_id), found in self._found.items():
            if found is not None:
                lines.append(f"probecost: {tool_id} on the {kind} pair of {environment}: {found.reason}")
        if reason := self.cannot_claim():
            lines.append(f"probecost: {reason}")
        return [*lines, *ledger(items, self._plan, self._lanes)]

    def cannot_claim(self) -> str:
        """A sentence that no overhead can be claimed, however large it is; empty if one can or nothing is tested.

        The units of all iterations of a case count together.
        """
        settings = self._settings
        units = self._units * settings.iterations
        if units < LEAST_UNITS or settings.baseline == "shared":
            return ""
        return self._doubt(units, sum(self._tests.values()), settings.precision_pct is not None) or ""


def _cases_of(items: Iterable[PlannedItem], environment: str) -> set[Case]:
    return {item.case for item in items if item.turn.environment == environment}


def ledger(items: Sequence[PlannedItem], made: Plan, lanes: Lanes | None = None) -> list[str]:
    """A line per stage with its time, and their sum; for several workers also the time of the longest."""
    stages = _stages(items, made)
    total_s = sum(stage.seconds for stage in stages)
    width = max((len(stage.what) for stage in stages), default=0)
    rows = [
        f"  {stage.what:{width}}  {spell(stage.seconds):>12}  {stage.detail}".rstrip() for stage in stages[:_MOST_ROWS]
    ]
    if len(stages) > len(rows):
        rows.append(f"  and {len(stages) - len(rows)} more")
    lines = ["probecost: time ledger (estimates)", *rows, f"  {'total':{width}}  {spell(total_s):>12}"]
    if lanes is not None and lanes.workers > 1:
        what = f"with {lanes.workers} workers"
        lines.append(f"  {what:{width}}  {spell(_whole_s(stages, lanes)):>12}  the longest of them")
    return lines


def _whole_s(stages: Iterable[Stage], lanes: Lanes) -> float:
    return lanes.whole_s((stage.place, stage.seconds) for stage in stages)


def _stages(items: Sequence[PlannedItem], made: Plan) -> list[Stage]:
    """Stages of each environment, then of the cases in order; a shared baseline counts for the case that makes it."""
    stages = []
    for environment in dict.fromkeys(item.turn.environment for item in items):
        turns = {item.turn for item in items if item.turn.environment == environment}
        first = next(item for item in items if item.turn.environment == environment)
        stages.append(Stage(f"{environment}: connect, check, close", _BED_S * len(turns), place_of(first)))
    seconds = expected_by_item(items, made.environments)
    for item in items:
        units = len({visit.unit for visit in item.visits if visit.is_planned and not visit.shared})
        how = "switched flows" if any(visit.arm == layout.SWITCHED for visit in item.visits) else "pairs of visits"
        stages.append(Stage(item.id, seconds[item.id], place_of(item), f"{units} {how}"))
    return stages
