"""Reads ``workflow.json`` into items to run. Files that were edited by hand run as edited, if they are consistent.

All mistakes of a file are reported at once, with file, line and key path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from probecost.config.documents import Document, KeyPath, read_json
from probecost.config.environment import PairKind, PerfTestSpec
from probecost.config.validation import validate
from probecost.errors import ConfigError
from probecost.plan import collector
from probecost.plan.offered_loads import of_all_pairs
from probecost.plan.plan import PlannedItem, ToolKey, Turn, named
from probecost.plan.settings import Settings
from probecost.plan.visits import SHARED_BASELINE, VisitPlan
from probecost.plan.workflow.mapping import CYCLE_TYPES, case_of, frame, settings_of, specs_of, switch_plan
from probecost.plan.workflow.model import SCHEMA, CycleEntry, EbpfCase, WorkflowFile
from probecost.results.rules import CONFIRMATION_UNITS

_MAX_PROBLEMS = 50
_STARTUP = ("test_cycle", "init_hook", "ebpf_startup_command")


@dataclass(frozen=True)
class Workflow:
    """A valid workflow: its file and content, its items in order, and the perf tests of each environment."""

    file: Path
    content: WorkflowFile
    items: tuple[PlannedItem, ...]
    perf_tests: dict[str, tuple[PerfTestSpec, ...]]

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments in the order in which they are first measured."""
        return tuple(dict.fromkeys(entry.environment for entry in self.content.test_sequence))

    @property
    def settings(self) -> Settings:
        return settings_of(self.content.metadata)


@collector.paused()
def read_workflow(file: Path) -> Workflow:
    """Read a workflow. ``ConfigError``: it cannot be read, is damaged, or cannot be run."""
    document = read_json(file)
    version = document.get(("metadata", "schema_version"))
    if isinstance(version, int) and version > SCHEMA:
        path = ("metadata", "schema_version")
        raise ConfigError(document.problem(path, f"this version reads up to {SCHEMA}", value=version))
    content, problems = validate(WorkflowFile, document)
    if content is None:
        raise ConfigError(*_few(problems), hint="Write it anew with: probecost workflow --env NAME --output FILE")
    return _Reader(document, content).read()


@dataclass
class _Group:
    """The consecutive cycles of one case in one turn: one item. ``first``: the index of the first."""

    turn: Turn
    case_key: str
    first: int
    entries: list[CycleEntry] = field(default_factory=list)

    def path(self, offset: int) -> KeyPath:
        return ("test_sequence", self.first + offset)


class _Reader:
    def __init__(self, document: Document, content: WorkflowFile) -> None:
        self._document = document
        self._content = content
        self._problems: list[str] = []
        self._shared = content.metadata.options.baseline == "shared"

    def read(self) -> Workflow:
        self._check_each()
        groups = self._groups()
        items = [item for group in groups if (item := self._item(group)) is not None]
        if self._problems:
            raise ConfigError(*_few(self._problems))
        by_pair: dict[str, dict[PairKind, tuple[PerfTestSpec, ...]]] = {}
        for entry in self._content.test_sequence:
            pairs = by_pair.setdefault(entry.environment, {})
            if entry.pair_kind not in pairs:
                pairs[entry.pair_kind] = specs_of(entry.test_cycle.performance_tests, entry.pair_kind)
        tests = {name: of_all_pairs(list(pairs.values())) for name, pairs in by_pair.items()}
        return Workflow(self._document.file, self._content, named(items), tests)

    def _wrong(self, path: KeyPath, text: str) -> None:
        value = self._document.get(path)
        if isinstance(value, dict | list):
            self._problems.append(self._document.problem(path, text))
        else:
            self._problems.append(self._document.problem(path, text, value=value))

    def _check_each(self) -> None:
        """Check each cycle without its neighbours."""
        ids: dict[str, int] = {}
        tests: dict[str, tuple[int, CycleEntry]] = {}
        rates: dict[tuple[str, PairKind], tuple[int, CycleEntry]] = {}
        for index, entry in enumerate(self._content.test_sequence):
            here = ("test_sequence", index)
            if entry.cycle_id in ids:
                self._wrong((*here, "cycle_id"), f"test_sequence[{ids[entry.cycle_id]}] has this id too")
            ids.setdefault(entry.cycle_id, index)
            if entry.environment not in self._content.global_config.environments:
                self._wrong((*here, "environment"), "global_config.environments does not have it")
            self._check_type(here, entry)
            self._check_frame(here, entry)
            self._check_switching(here, entry)
            if entry.is_shared and entry.reserve:
                self._wrong((*here, "reserve"), "expected false: a shared baseline is made once")
            if entry.is_shared and entry.confirmation:
                self._wrong((*here, "confirmation"), "expected false: a shared baseline is made once")
            if entry.is_shared and entry.switching is not None:
                self._wrong((*here, "switching"), "expected null: the cycle is of type baseline")
            if entry.environment not in tests:
                tests[entry.environment] = rates[entry.environment, entry.pair_kind] = (index, entry)
                names = [spec.name for spec in specs_of(entry.test_cycle.performance_tests, entry.pair_kind)]
                if len(set(names)) < len(names):
                    self._wrong((*here, "test_cycle", "performance_tests"), "lists a perf test twice")
                continue
            first, other = rates.setdefault((entry.environment, entry.pair_kind), (index, entry))
            alike = _same_perf_tests
            if first == index:
                (first, other), alike = tests[entry.environment], _same_but_for_rates
            if not alike(entry, other):
                text = f"differs from test_sequence[{first}]: all cycles of an environment make the same perf tests"
                self._wrong((*here, "test_cycle", "performance_tests"), text)

    def _check_type(self, here: KeyPath, entry: CycleEntry) -> None:
        if entry.cycle_type != "baseline" and entry.ebpf_case is None:
            self._wrong((*here, "ebpf_case"), f"expected a case: the cycle is of type {entry.cycle_type}")
        elif entry.cycle_type == "baseline" and entry.ebpf_case is not None:
            self._wrong((*here, "ebpf_case"), "expected null: the cycle is a baseline")
        elif entry.ebpf_case is not None and entry.ebpf_case.case_key != entry.case_key:
            self._wrong((*here, "case_key"), f"ebpf_case.case_key is {entry.ebpf_case.case_key!r}")
        if entry.is_shared and not self._shared:
            self._wrong((*here, "case_key"), "expected a case: metadata.options.baseline is paired")
        if entry.cycle_type == "baseline" and not entry.is_shared and self._shared:
            self._wrong((*here, "case_key"), "expected null: metadata.options.baseline is shared")

    def _check_frame(self, here: KeyPath, entry: CycleEntry) -> None:
        """Check parts that follow from the cycle's type: an edit of them would have no effect."""
        cycle = entry.test_cycle
        other = None if entry.is_shared else cycle.init_hook.ebpf_startup_command  # compared with the case's in _item
        init, post, monitoring = frame(entry.cycle_type, entry.ebpf_case, other)
        if cycle.init_hook.ebpf_startup_command != init.ebpf_startup_command:
            self._wrong((*here, "test_cycle", "init_hook", "ebpf_startup_command"), "differs from ebpf_case.command")
        fixed = (
            (("test_cycle", "init_hook", "tasks"), cycle.init_hook.tasks, init.tasks),
            (("test_cycle", "post_hook", "tasks"), cycle.post_hook.tasks, post.tasks),
            (("monitoring_config",), entry.monitoring_config, monitoring),
        )
        for path, found, expected in fixed:
            if found != expected:
                self._wrong((*here, *path), "cannot be changed here; hooks add tasks (docs/hooks.md)")

    def _groups(self) -> list[_Group]:
        """Group consecutive cycles of one case; shared baselines are checked here and left out."""
        groups: list[_Group] = []
        seen: dict[tuple[Turn, str], int] = {}
        shared: set[tuple[Turn, str]] = set()
        for index, entry in enumerate(self._content.test_sequence):
            turn = Turn(entry.environment, entry.iteration)
            if entry.is_shared:
                self._check_shared(index, entry, (turn, entry.pair_kind) in shared)
                shared.add((turn, entry.pair_kind))
                continue
            assert entry.case_key is not None
            key = (turn, entry.case_key)
            here = ("test_sequence", index)
            if self._shared and (turn, entry.pair_kind) not in shared:
                shared.add((turn, entry.pair_kind))
                self._wrong(here, f"no shared baseline of the {entry.pair_kind} pair of {turn} comes before it")
            last = groups[-1] if groups else None
            follows = last is not None and not self._content.test_sequence[index - 1].is_shared
            if last is not None and follows and (last.turn, last.case_key) == key:
                last.entries.append(entry)
            elif key in seen:
                text = f"the cycles of a case must be consecutive: more of {entry.case_key} are at [{seen[key]}]"
                self._wrong((*here, "case_key"), text)
            else:
                seen[key] = index
                groups.append(_Group(turn, entry.case_key, index, [entry]))
        return groups

    def _check_shared(self, index: int, entry: CycleEntry, there: bool) -> None:
        here = ("test_sequence", index)
        if there:
            self._wrong(here, f"the {entry.pair_kind} pair has a shared baseline already, or cases before it")
        following = self._content.test_sequence[index + 1 : index + 2]
        place = (entry.environment, entry.iteration, entry.pair_kind)
        if not following or (following[0].environment, following[0].iteration, following[0].pair_kind) != place:
            self._wrong(here, f"a shared baseline must come right before the first case of the {entry.pair_kind} pair")

    def _item(self, group: _Group) -> PlannedItem | None:
        """The group as an item, ``None`` if it has problems (which are recorded)."""
        before = len(self._problems)
        cases = [entry.ebpf_case for entry in group.entries if entry.ebpf_case is not None]
        for offset, entry in enumerate(group.entries):
            if entry.switching is not None and entry.cycle_type != "switched":
                self._wrong(
                    (*group.path(offset), "switching"), f"expected null: the cycle is of type {entry.cycle_type}"
                )
            elif entry.switching not in (None, next((one.switching for one in group.entries if one.switching), None)):
                self._wrong((*group.path(offset), "switching"), "differs from that of the case's other cycles")
            if entry.pair_kind != group.entries[0].pair_kind:
                self._wrong((*group.path(offset), "pair_kind"), "differs from that of the case's other cycles")
            if entry.ebpf_case is not None and entry.ebpf_case != cases[0]:
                self._wrong((*group.path(offset), "ebpf_case"), "differs from that of the case's other cycles")
            self._check_other((*group.path(offset), *_STARTUP), entry, cases)
        self._check_units(group)
        self._check_reserves(group)
        self._check_confirmation(group)
        if not cases or len(self._problems) > before:
            return None
        kind = group.entries[0].pair_kind
        case = case_of(cases[0], group.turn.environment, kind)
        tool = ToolKey(group.turn, kind, case.tool_id)
        switching = next((entry.switching for entry in group.entries if entry.switching is not None), None)
        return PlannedItem(case.key, tool, case, self._visits(group.entries), switch_plan(switching))

    def _check_reserves(self, group: _Group) -> None:
        """Check reserves: whole units, after all planned ones."""
        planned = [offset for offset, entry in enumerate(group.entries) if entry.is_planned]
        last = planned[-1] if planned else -1
        kinds: dict[tuple[bool, int], bool] = {}
        for offset, entry in enumerate(group.entries):
            here = (*group.path(offset), "reserve")
            of_flows = entry.cycle_type == "switched"
            if kinds.setdefault((of_flows, entry.unit), entry.reserve) != entry.reserve:
                self._wrong(here, f"differs from that of the other cycle of unit {entry.unit}")
            elif entry.reserve and offset < last:
                self._wrong(here, "a reserve must come after all other cycles of its case")
        if not planned:
            self._wrong((*group.path(0), "reserve"), f"{group.case_key} has nothing but reserves")

    def _check_confirmation(self, group: _Group) -> None:
        """Check units of confirmation: whole ones, after all others, and as many as their test needs."""
        others = [offset for offset, entry in enumerate(group.entries) if not entry.confirmation]
        last = others[-1] if others else -1
        main = "switched" if any(entry.cycle_type == "switched" for entry in group.entries) else None
        kinds: dict[tuple[bool, int], bool] = {}
        first = None
        for offset, entry in enumerate(group.entries):
            here = (*group.path(offset), "confirmation")
            if kinds.setdefault((entry.cycle_type == "switched", entry.unit), entry.confirmation) != entry.confirmation:
                self._wrong(here, f"differs from that of the other cycle of unit {entry.unit}")
            if not entry.confirmation:
                continue
            first = here if first is None else first
            if entry.reserve:
                self._wrong(here, "a reserve replaces a void unit, and confirms nothing: remove one of the two")
            elif self._shared:
                self._wrong(here, "expected false: nothing is tested against a shared baseline")
            elif main is not None and entry.cycle_type != main:
                self._wrong(here, "expected false: units of this case are its switched flows")
            elif offset < last:
                self._wrong(here, "a unit of confirmation must come after all other cycles of its case")
        count = sum(kinds.values())
        if first is not None and count != CONFIRMATION_UNITS:
            self._wrong(first, f"{group.case_key} has {count} units of confirmation: {CONFIRMATION_UNITS} or none")

    def _check_switching(self, here: KeyPath, entry: CycleEntry) -> None:
        """Check that its flows match the perf tests of the cycle."""
        if entry.switching is None:
            return
        names = {spec.name for spec in specs_of(entry.test_cycle.performance_tests, entry.pair_kind)}
        for name in entry.switching.flows:
            if name not in names:
                self._wrong(
                    (*here, "switching", "flows", name), f"is none of its perf tests: {', '.join(sorted(names))}"
                )

    def _check_other(self, path: KeyPath, entry: CycleEntry, cases: Sequence[EbpfCase]) -> None:
        """Check that a baseline runs the other version of the case, or nothing."""
        versus = cases[0].versus if cases else None
        other = versus.command if versus is not None else None
        if entry.cycle_type == "baseline" and cases and entry.test_cycle.init_hook.ebpf_startup_command != other:
            text = "expected null: ebpf_case.versus is null" if other is None else "differs from ebpf_case.versus"
            self._wrong(path, text)

    def _check_units(self, group: _Group) -> None:
        """Check units: two consecutive cycles for a paired baseline, one for a shared one."""
        size = 1 if self._shared else 2
        seen: set[int] = set()
        flows: set[int] = set()
        offset = 0
        while offset < len(group.entries):
            unit = group.entries[offset : offset + size]
            here = group.path(offset)
            if unit[0].cycle_type == "switched":
                if unit[0].unit in flows:
                    self._wrong((*here, "unit"), f"{group.case_key} has this unit of switched flows already")
                flows.add(unit[0].unit)
                offset += 1
                continue
            if unit[0].unit in seen:
                self._wrong((*here, "unit"), f"{group.case_key} has this unit already: its visits must be consecutive")
            seen.add(unit[0].unit)
            same = [entry for entry in unit if entry.unit == unit[0].unit and entry.cycle_type != "switched"]
            if len({entry.cycle_type for entry in same}) < size:
                missing = "ebpf_test" if same[0].cycle_type == "baseline" else "baseline"
                text = f"unit {unit[0].unit} of {group.case_key} has no {missing} cycle next to it: remove both or none"
                self._wrong(here, text)
            offset += len(same)

    def _visits(self, entries: Sequence[CycleEntry]) -> tuple[VisitPlan, ...]:
        """The visits in the order of the file, independently of the seed."""
        arms = {cycle_type: arm for arm, cycle_type in CYCLE_TYPES.items()}
        if self._shared:
            made = (
                VisitPlan(entry.unit, entry.unit, arms[entry.cycle_type], 1, reserve=entry.reserve) for entry in entries
            )
            return (SHARED_BASELINE, *made)
        orders = [1, *(2 if _are_pair(one, other) else 1 for one, other in pairwise(entries))]
        return tuple(
            VisitPlan(entry.unit, entry.unit, arms[entry.cycle_type], order, False, entry.reserve, entry.confirmation)
            for entry, order in zip(entries, orders, strict=True)
        )


def _are_pair(one: CycleEntry, other: CycleEntry) -> bool:
    return one.unit == other.unit and "switched" not in (one.cycle_type, other.cycle_type)


def _same_perf_tests(one: CycleEntry, other: CycleEntry) -> bool:
    own, others = one.test_cycle.performance_tests, other.test_cycle.performance_tests
    return own is others or own == others


def _same_but_for_rates(one: CycleEntry, other: CycleEntry) -> bool:
    """Whether two pairs' perf tests are equal except for rates: a share of a maximum differs between pairs."""

    def shapes(entry: CycleEntry) -> list[PerfTestSpec]:
        specs = specs_of(entry.test_cycle.performance_tests, entry.pair_kind)
        return [replace(spec, resolved_rate=None, pair_kind=None) for spec in specs]

    return shapes(one) == shapes(other)


def _few(problems: Sequence[str]) -> list[str]:
    rest = len(problems) - _MAX_PROBLEMS
    return [*problems[:_MAX_PROBLEMS], *([f"and {rest} more like these"] if rest > 0 else [])]
