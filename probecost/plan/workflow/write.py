"""Writes a plan to ``workflow.json``: its cycles in order, and their basis."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from probecost.config.environment import Case, PairKind
from probecost.errors import ProbecostError
from probecost.files import write_whole
from probecost.plan import collector
from probecost.plan.plan import Cycle, Plan, PlannedItem, Turn, cycles
from probecost.plan.visits import SwitchPlan, visit_duration_s
from probecost.plan.workflow.mapping import (
    CYCLE_TYPES,
    asked_entry,
    case_entry,
    environment_entry,
    frame,
    perf_test_entries,
    switching_entry,
)
from probecost.plan.workflow.model import (
    SCHEMA,
    CycleEntry,
    EbpfCase,
    GlobalConfig,
    Metadata,
    PerfTests,
    Switching,
    TestCycle,
    Versions,
    WorkflowFile,
)
from probecost.results import layout
from probecost.results.layout import RunTree, VisitFolder
from probecost.results.version import VERSION


@collector.paused()
def workflow(plan: Plan, items: Sequence[PlannedItem], time_s: float) -> WorkflowFile:
    """The workflow of ``items``, all of ``plan`` or a selection, in the order of measuring.

    ``time_s``: its creation, seconds since the epoch. Equal arguments give equal workflows.
    """
    entries = _Entries(plan)
    sequence = tuple(entries.entry(cycle) for cycle in cycles(items))
    names = tuple(dict.fromkeys(item.turn.environment for item in items))
    settings = plan.settings
    return WorkflowFile(
        metadata=Metadata(
            schema_version=SCHEMA,
            generation_time=f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%SZ}",
            total_test_cycles=len(sequence),
            environments=names,
            seed=settings.seed,
            estimated_duration=round(sum(entry.expected_duration for entry in sequence if entry.is_planned), 1),
            versions=Versions(probecost=VERSION, python=platform.python_version()),
            primary=dict(plan.primary),
            options=asked_entry(settings),
        ),
        global_config=GlobalConfig(
            environments={
                name: environment_entry(
                    plan.environments[name].environment,
                    [item.case for item in items if item.turn.environment == name],
                ).model_copy(update={"idle_busy_share": dict(plan.environments[name].idle_busy_share)})
                for name in names
            }
        ),
        test_sequence=sequence,
    )


def write_workflow(content: WorkflowFile, file: Path, pretty: bool = False) -> None:
    """Write the workflow atomically. ``ProbecostError``: it cannot be written."""
    try:
        write_whole(file, content.model_dump_json(indent=2 if pretty else None) + "\n")
    except OSError as error:
        raise ProbecostError(f"{file}: the workflow cannot be written: {error.strerror or error}") from error


class _Entries:
    """Makes the cycles; their common parts are made once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._cases: dict[Case, EbpfCase] = {}
        self._turns: dict[Turn, str] = {}
        self._seconds: dict[tuple[str, PairKind, str, SwitchPlan | None], float] = {}
        self._switching: dict[SwitchPlan, Switching] = {}
        self._tests: dict[tuple[str, PairKind], tuple[PerfTests, ...]] = {}

    def entry(self, cycle: Cycle) -> CycleEntry:
        case, visit, turn = cycle.case, cycle.visit, cycle.turn
        cycle_type = CYCLE_TYPES[visit.arm]
        ebpf_case = None if visit.arm == layout.BASELINE else self._case(case)
        other = case.versus.command if case.versus is not None and not visit.shared else None
        init, post, monitoring = frame(cycle_type, ebpf_case, other)
        folder = VisitFolder(case.pair_kind, case.folder if ebpf_case is not None else None)
        below = folder.path / layout.SWITCHED if visit.arm == layout.SWITCHED else folder.path
        if turn not in self._turns:
            place = RunTree(Path()).node(turn.environment, turn.iteration, "*") / layout.TREE
            self._turns[turn] = place.as_posix()
        return CycleEntry(
            cycle_id=cycle.id,
            cycle_type=cycle_type,
            environment=turn.environment,
            iteration=turn.iteration,
            pair_kind=case.pair_kind,
            case_key=None if visit.shared else case.key,
            unit=visit.unit,
            ebpf_case=ebpf_case,
            test_cycle=TestCycle(
                init_hook=init,
                performance_tests=self._perf_tests(turn.environment, case.pair_kind),
                post_hook=post,
            ),
            monitoring_config=monitoring,
            expected_duration=self._duration_s(turn.environment, case.pair_kind, visit.arm, cycle.item.switching),
            result_path=f"{self._turns[turn]}/{below}",
            reserve=visit.reserve,
            confirmation=visit.confirmation,
            switching=self._switched(cycle.item.switching) if visit.arm == layout.SWITCHED else None,
        )

    def _case(self, case: Case) -> EbpfCase:
        if case not in self._cases:
            self._cases[case] = case_entry(case)
        return self._cases[case]

    def _switched(self, plan: SwitchPlan | None) -> Switching | None:
        if plan is None:
            return None
        if plan not in self._switching:
            self._switching[plan] = switching_entry(plan)
        return self._switching[plan]

    def _perf_tests(self, environment: str, kind: PairKind) -> tuple[PerfTests, ...]:
        if (environment, kind) not in self._tests:
            self._tests[environment, kind] = perf_test_entries(self._plan.environments[environment].specs(kind))
        return self._tests[environment, kind]

    def _duration_s(self, environment: str, kind: PairKind, arm: str, switching: SwitchPlan | None) -> float:
        key = (environment, kind, arm, switching)
        if key not in self._seconds:
            specs = self._plan.environments[environment].specs(kind)
            self._seconds[key] = round(visit_duration_s(arm, specs, switching), 1)
        return self._seconds[key]
