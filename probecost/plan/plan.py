"""The plan of a run, in order: the one source for measuring and for the workflow file.

Its levels from the outside in: iteration, environment, test pair, tool, case, visit. pytest runs items: one case in one
iteration, with its visits. Cycles are these visits in a row.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from probecost.config.budgets import asked_rules, with_asked
from probecost.config.environment import PAIR_KINDS, Case, Environment, PairKind, PerfTestSpec
from probecost.errors import ConfigError
from probecost.plan.settings import Settings
from probecost.plan.visits import (
    Schedule,
    SwitchPlan,
    VisitPlan,
    confirmation_units,
    reserve_units,
    visit_duration_s,
    visits,
)
from probecost.results.layout import item_id, iteration_name, unit_name
from probecost.results.rules import LEAST_UNITS, MOST_UNITS


@dataclass(frozen=True)
class Turn:
    """One environment in one iteration: set up once, independently of other turns."""

    environment: str
    iteration: int = 1

    def __str__(self) -> str:
        return self.environment if self.iteration == 1 else f"{self.environment}, iteration {self.iteration}"


@dataclass(frozen=True)
class ToolKey:
    """Key of a tool set-up: one tool on one test pair in one turn."""

    turn: Turn
    pair_kind: PairKind
    tool_id: str

    def __str__(self) -> str:
        return f"{self.tool_id} on the {self.pair_kind} pair of {self.turn}"


@dataclass(frozen=True)
class Planned:
    """An environment, all its cases in the order of the file, and the perf tests of each visit.

    Some perf tests are for one pair only, see ``specs``. ``idle_busy_share``: CPU time of each pair's tool node while
    nothing runs, 0 to 1, if calibrated.
    """

    environment: Environment
    cases: tuple[Case, ...]
    perf_tests: tuple[PerfTestSpec, ...]
    idle_busy_share: Mapping[PairKind, float] = field(default_factory=dict, compare=False)

    def specs(self, pair_kind: PairKind) -> tuple[PerfTestSpec, ...]:
        """The perf tests of one of its pairs: a load in percent is a different rate on each."""
        return tuple(spec for spec in self.perf_tests if spec.pair_kind in (None, pair_kind))


@dataclass(frozen=True)
class PlannedItem:
    """One case in one turn with its visits in order; ``id`` is the part in the item's brackets.

    A shared baseline is first in the visits of every case: the first case makes it, the rest skip it. ``switching``:
    the length of segments and flows, for switched flows.
    """

    id: str
    tool: ToolKey
    case: Case
    visits: tuple[VisitPlan, ...]
    switching: SwitchPlan | None = None

    @property
    def turn(self) -> Turn:
        return self.tool.turn


@dataclass(frozen=True)
class Advice:
    """How one tool is measured, by the planner's choice or by the options."""

    schedule: Schedule
    units: int
    switching: SwitchPlan | None = None


Advise = Callable[[str, Case], Advice]


@dataclass(frozen=True)
class Plan:
    """All environments of a run by name, in the order of the command line, and all items in the order of measuring.

    ``primary``: overrides of the primary metric per perf test; ``None``: the perf test has none.
    """

    environments: Mapping[str, Planned]
    settings: Settings
    items: tuple[PlannedItem, ...]
    primary: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Cycle:
    """One visit: ``case`` is the case of its item, even if it is a baseline that several cases share."""

    id: str
    item: PlannedItem
    visit: VisitPlan

    @property
    def turn(self) -> Turn:
        return self.item.turn

    @property
    def case(self) -> Case:
        return self.item.case


def by_name(found: Iterable[Planned]) -> dict[str, Planned]:
    """Environments by their declared names. ``ConfigError``: two declare the same name."""
    planned: dict[str, Planned] = {}
    for one in found:
        name = one.environment.name
        if name in planned:
            folders = f"{one.environment.folder} and {planned[name].environment.folder}"
            raise ConfigError(f"{folders} both declare the environment '{name}'")
        planned[name] = one
    return planned


def plan(environments: Mapping[str, Planned], settings: Settings, advise: Advise | None = None) -> Plan:
    """The whole of a run over ``environments``: each in turn, ``settings.iterations`` times.

    ``advise`` takes an environment's name and one of its cases, and returns how to measure it; without it, the plan
    follows the settings alone. ``ConfigError``: flows cannot be switched, as the interface whose counters give their
    rate is unknown, or counts other traffic of the run too; or a budget is for something that this run does not have.
    """
    if settings.schedule == "switched":
        _refuse_uncounted(environments.values())
        _refuse_loaded_latency(environments.values())
    environments = budgeted(environments, settings.budgets)
    turns = [Turn(name, number) for number in range(1, settings.iterations + 1) for name in environments]
    ordered = [item for turn in turns for item in _items(turn, environments[turn.environment].cases, settings)]
    return Plan(environments, settings, named(_settled(ordered, settings, advise or asked_for(settings, environments))))


def settled(made: Plan, items: Iterable[PlannedItem], advise: Advise) -> tuple[PlannedItem, ...]:
    """``items`` of ``made`` with visits planned anew by ``advise``; cases, ids and order stay the same."""
    return tuple(_settled(items, made.settings, advise))


def asked_for(settings: Settings, environments: Mapping[str, Planned]) -> Advise:
    """Advice without a calibration: flows are switched wherever they can be counted."""
    units = settings.units or (LEAST_UNITS if settings.precision_pct is None else MOST_UNITS)

    def advise(environment: str, case: Case) -> Advice:
        if settings.schedule != "auto":
            return Advice(settings.schedule, units)
        can_switch = settings.baseline == "paired" and is_switchable(environments[environment], case.pair_kind)
        return Advice("switched" if can_switch else "visits", units)

    return advise


def budgeted(environments: Mapping[str, Planned], budgets: Sequence[str]) -> dict[str, Planned]:
    """Environments whose cases carry the command line's budgets, limited to the perf tests of this run."""
    every = environments.values()
    rules = asked_rules(budgets, [c for one in every for c in one.cases], [s for one in every for s in one.perf_tests])
    return {
        name: replace(planned, cases=with_asked(planned.cases, planned.perf_tests, rules))
        for name, planned in environments.items()
    }


def is_switchable(planned: Planned, pair_kind: PairKind) -> bool:
    """Whether flows of this pair can be switched: counters give their rates and count no other traffic of ours."""
    is_counted = counted_interface(planned.environment, pair_kind) is not None
    return is_counted and not any(_is_loaded_latency(spec) for spec in planned.specs(pair_kind))


def _is_loaded_latency(spec: PerfTestSpec) -> bool:
    return spec.perf_type == "latency" and spec.load is not None


def counted_interface(environment: Environment, pair_kind: PairKind) -> str | None:
    """The interface that counts the server's received traffic: its own, or the tap of a guest.

    Both are on the node where the tool runs.
    """
    if pair_kind == "host":
        return environment.pairs[pair_kind].server.interface
    tap = environment.variables.get(pair_kind, {}).get("VM_INTERFACE")
    return tap if isinstance(tap, str) and tap else None


def _refuse_uncounted(environments: Iterable[Planned]) -> None:
    problems = [
        f"{planned.environment.name}: the server's interface on the {kind} pair is not known"
        for planned in environments
        for kind in dict.fromkeys(case.pair_kind for case in planned.cases)
        if counted_interface(planned.environment, kind) is None
    ]
    if problems:
        raise ConfigError(
            *problems,
            hint="Switched flows are measured by its counters. Bootstrap again, or measure with --schedule visits.",
        )


def _refuse_loaded_latency(environments: Iterable[Planned]) -> None:
    """Refuse latency at a load: its transactions are counted as packets, together with the background flow's."""
    names = dict.fromkeys(
        spec.name for planned in environments for spec in planned.perf_tests if _is_loaded_latency(spec)
    )
    if names:
        raise ConfigError(
            f"{', '.join(names)}: latency at a load cannot be measured in switched flows, which count every packet",
            hint="Measure it with --schedule visits, or leave latency out (--perf-tests).",
        )


def _items(turn: Turn, cases: Sequence[Case], settings: Settings) -> Iterator[PlannedItem]:
    """The cases of one turn by pair kind and tool, so that each tool is set up once; no visits yet.

    The seed decides the order of tools, and of the cases of a tool, unless the order of the file is wanted: drift of
    the bed must not always meet the same cases.
    """
    by_tool: dict[ToolKey, list[Case]] = {}
    for case in cases:
        by_tool.setdefault(ToolKey(turn, case.pair_kind, case.tool_id), []).append(case)
    tools = list(by_tool)
    if settings.order == "random":
        draw = random.Random(f"{settings.seed} {turn.environment} {turn.iteration}")
        draw.shuffle(tools)
        for own in by_tool.values():
            draw.shuffle(own)
    for tool in sorted(tools, key=lambda tool: PAIR_KINDS.index(tool.pair_kind)):
        for case in by_tool[tool]:
            yield PlannedItem(case.key, tool, case, ())


def _settled(items: Iterable[PlannedItem], settings: Settings, advise: Advise) -> Iterator[PlannedItem]:
    for item in items:
        advice = advise(item.turn.environment, item.case)
        made = visits(
            item.case,
            advice.units,
            settings.seed,
            settings.baseline,
            item.turn.iteration,
            advice.schedule,
            reserve_units(advice.units),
            confirmation_units(advice.units),
        )
        yield replace(item, visits=made, switching=advice.switching)


def expected_s(items: Iterable[PlannedItem], environments: Mapping[str, Planned]) -> float:
    """Estimated seconds of the planned visits of ``items``; shared baselines count once, compile times do not."""
    return sum(expected_by_item(items, environments).values())


def expected_by_item(
    items: Iterable[PlannedItem],
    environments: Mapping[str, Planned],
    finished: Mapping[str, frozenset[VisitPlan]] | None = None,
) -> dict[str, float]:
    """``expected_s`` of each item by its id, in the order of measuring; ``finished`` visits do not count.

    A shared baseline counts for the item that makes it.
    """
    items = list(items)
    found = {item.id: 0.0 for item in items}
    for cycle in cycles(items):
        if cycle.visit.is_planned and cycle.visit not in (finished or {}).get(cycle.item.id, ()):
            specs = environments[cycle.turn.environment].specs(cycle.case.pair_kind)
            found[cycle.item.id] += visit_duration_s(cycle.visit.arm, specs, cycle.item.switching)
    return found


def named(items: Iterable[PlannedItem]) -> tuple[PlannedItem, ...]:
    """The items with their ids: the case's key, with a prefix and a suffix only if needed.

    ``<environment>:`` is the prefix if several are measured, ``-iteration_002`` the suffix if there is an iteration
    after the first.
    """
    items = list(items)
    several = len({item.turn.environment for item in items}) > 1
    repeated = any(item.turn.iteration != 1 for item in items)
    return tuple(
        replace(
            item,
            id=item_id(item.turn.environment, item.turn.iteration, item.case.key, several=several, repeated=repeated),
        )
        for item in items
    )


def cycles(items: Iterable[PlannedItem]) -> Iterator[Cycle]:
    """Every visit of ``items`` in the order of measuring; a shared baseline once per turn and test pair."""
    made: set[tuple[Turn, PairKind]] = set()
    for item in dict.fromkeys(items):  # several tests may be about the same case
        for visit in item.visits:
            place = (item.turn, item.case.pair_kind)
            if visit.shared and place in made:
                continue
            if visit.shared:
                made.add(place)
            yield Cycle(cycle_id(item.turn, item.case, visit), item, visit)


def cycle_id(turn: Turn, case: Case, visit: VisitPlan) -> str:
    """``bed/iteration_001/host-eth_drop-rx_protocol_tcp/u001/tool``; ``.../host/shared/baseline`` for a shared one.

    A unit of confirmation has a ``c`` instead of the ``u``.
    """
    place = f"{turn.environment}/{iteration_name(turn.iteration)}"
    if visit.shared:
        return f"{place}/{case.pair_kind}/shared/{visit.arm}"
    return f"{place}/{case.key}/{unit_name(visit.unit, confirmation=visit.confirmation)}/{visit.arm}"
