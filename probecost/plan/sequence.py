"""What a run is going to do, in order: the one source for measuring and for writing it down as a workflow.

From the outside in: iteration, environment, test pair, tool, case, visit. Items are what pytest runs: one case in one
iteration, with its visits. Cycles are these visits in a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from probecost.config.loads import Load
from probecost.config.models import PAIR_KINDS, Case, Environment, PairKind, PerfTestSpec
from probecost.errors import ConfigError
from probecost.layout import item_id, iteration_name
from probecost.plan.schedule import Baseline, Schedule, VisitPlan, visits


@dataclass(frozen=True)
class Turn:
    """One environment in one iteration: set up once, whatever became of other turns."""

    environment: str
    iteration: int = 1

    def __str__(self) -> str:
        return self.environment if self.iteration == 1 else f"{self.environment}, iteration {self.iteration}"


@dataclass(frozen=True)
class ToolKey:
    """What tool set-ups are counted by: one tool on one test pair in one turn."""

    turn: Turn
    pair_kind: PairKind
    tool_id: str

    def __str__(self) -> str:
        return f"{self.tool_id} on the {self.pair_kind} pair of {self.turn}"


@dataclass(frozen=True)
class Planned:
    """An environment, all its cases in the order of the file, and the perf tests that each visit makes.

    Those of one pair only are in between, see ``load.specs_of_pair``.
    """

    environment: Environment
    cases: tuple[Case, ...]
    perf_tests: tuple[PerfTestSpec, ...]


@dataclass(frozen=True)
class PlannedItem:
    """One case in one turn with its visits in order; ``id`` is what stands in the item's brackets.

    A shared baseline stands first in the visits of every case: who comes first makes it, the others leave it out.
    """

    id: str
    tool: ToolKey
    case: Case
    visits: tuple[VisitPlan, ...]

    @property
    def turn(self) -> Turn:
        return self.tool.turn


@dataclass(frozen=True)
class Settings:
    """What is asked for beside the cases. Empty or ``None``: the environment decides."""

    units: int = 1
    baseline: Baseline = "paired"
    seed: int = 0
    iterations: int = 1
    perf_tests: tuple[str, ...] = ()
    duration_s: float | None = None
    schedule: Schedule = "visits"
    loads: tuple[Load, ...] = ()
    max_rate_bps: int | None = None


@dataclass(frozen=True)
class Plan:
    """All environments of a run by name, in the order of the command line, and all items in the order of measuring."""

    environments: Mapping[str, Planned]
    settings: Settings
    items: tuple[PlannedItem, ...]


@dataclass(frozen=True)
class Cycle:
    """One visit: ``case`` is the one in whose item it is made, also where a shared baseline serves others too."""

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
    """Environments by the names that they declare. ``ConfigError`` where two declare the same."""
    planned: dict[str, Planned] = {}
    for one in found:
        name = one.environment.name
        if name in planned:
            folders = f"{one.environment.folder} and {planned[name].environment.folder}"
            raise ConfigError(f"{folders} both declare the environment '{name}'")
        planned[name] = one
    return planned


def plan(environments: Mapping[str, Planned], settings: Settings) -> Plan:
    """The whole of a run over ``environments``: each in turn, ``settings.iterations`` times.

    ``ConfigError``: flows are to be switched where it is not known which interface's counters tell their rate, or where
    these would count other traffic of ours too.
    """
    if settings.schedule == "switched":
        _refuse_uncounted(environments.values())
        _refuse_loaded_latency(environments.values())
    turns = [Turn(name, number) for number in range(1, settings.iterations + 1) for name in environments]
    items = [item for turn in turns for item in _items(turn, environments[turn.environment].cases, settings)]
    return Plan(environments, settings, named(items))


def counted_interface(environment: Environment, pair_kind: PairKind) -> str | None:
    """The interface whose counters say what the server received: its own, or the tap that leads to a guest.

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
    """Transactions of a switched flow are counted as packets, and those of the flow beside them would be among them."""
    names = dict.fromkeys(
        spec.name
        for planned in environments
        for spec in planned.perf_tests
        if spec.perf_type == "latency" and spec.load is not None
    )
    if names:
        raise ConfigError(
            f"{', '.join(names)}: latency at a load cannot be measured in switched flows, which count every packet",
            hint="Measure it with --schedule visits, or leave latency out (--perf-tests).",
        )


def _items(turn: Turn, cases: Sequence[Case], settings: Settings) -> Iterator[PlannedItem]:
    """The cases of one turn by pair kind and tool, so that each tool is set up once.

    Tools stand in the order in which the file names them first, the cases of a tool in the order of the file.
    """
    by_tool: dict[ToolKey, list[Case]] = {}
    for case in cases:
        by_tool.setdefault(ToolKey(turn, case.pair_kind, case.tool_id), []).append(case)
    for tool in sorted(by_tool, key=lambda tool: PAIR_KINDS.index(tool.pair_kind)):
        for case in by_tool[tool]:
            made = visits(case, settings.units, settings.seed, settings.baseline, turn.iteration, settings.schedule)
            yield PlannedItem(case.key, tool, case, made)


def named(items: Iterable[PlannedItem]) -> tuple[PlannedItem, ...]:
    """The items with their ids: the case's key, and around it only what tells it from others.

    ``<environment>:`` stands before it where several are measured, ``-iteration_002`` behind it where there is any
    other iteration than the first.
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
    """Every visit of ``items`` in the order in which they are made; a shared baseline once per turn and test pair."""
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
    """``bed/iteration_001/host-eth_drop-rx_protocol_tcp/u001/tool``; ``.../host/shared/baseline`` for a shared one."""
    place = f"{turn.environment}/{iteration_name(turn.iteration)}"
    if visit.shared:
        return f"{place}/{case.pair_kind}/shared/{visit.arm}"
    return f"{place}/{case.key}/u{visit.unit:03d}/{visit.arm}"
