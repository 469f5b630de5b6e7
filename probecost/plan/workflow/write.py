"""From a plan to ``workflow.json``: what will run, in order, and on what it was based."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from probecost.config.budgets import budgets_of, spelled
from probecost.config.environment import Case, Environment, OtherVersion, PairKind, PairSide, PerfTestSpec
from probecost.errors import ProbecostError
from probecost.files import write_whole
from probecost.plan import collector
from probecost.plan.plan import Cycle, Plan, PlannedItem, Turn, cycles
from probecost.plan.tool_files import local_hashes
from probecost.plan.visits import SwitchPlan, visit_duration_s
from probecost.plan.workflow.asked import AskedCommandEntry, AskedVersusEntry
from probecost.plan.workflow.model import (
    SCHEMA,
    Asked,
    CycleEntry,
    CycleType,
    EbpfCase,
    EnvironmentEntry,
    GlobalConfig,
    InitHook,
    Metadata,
    Monitoring,
    NodeEntry,
    PairEntry,
    PerfTestConfig,
    PerfTests,
    PostHook,
    SideEntry,
    Switching,
    TestCycle,
    Versions,
    VersusEntry,
    WorkflowFile,
)
from probecost.results import layout
from probecost.results.layout import RunTree, VisitFolder
from probecost.results.load import Load
from probecost.results.version import VERSION

#: What a cycle is called, by the arm of its visit.
CYCLE_TYPES: dict[str, CycleType] = {
    layout.BASELINE: "baseline",
    layout.TOOL: "ebpf_test",
    layout.SWITCHED: "switched",
}

_NODE_COUNTERS = ("stat", "softnet_stat", "net/dev", "net/snmp")
_NO_TOOL = InitHook(tasks=(), ebpf_startup_command=None)
_TOOL_TASKS = ("start the tool", "wait until it is attached", "start its monitors")
_OTHER_TASKS = ("start the other version of the tool", *_TOOL_TASKS[1:])
_STOP_TASKS = ("stop the tool", "check that its BPF programs are gone", "write metadata")
_BASELINE_END = PostHook(tasks=("write metadata",))
_TOOL_END = PostHook(tasks=_STOP_TASKS)
_SWITCHED_TASKS = ("start a flow for each perf test", "switch the tool on and off inside it")
_SWITCHED_END = PostHook(tasks=("check that its BPF programs are gone after each stop", "write metadata"))
_BASELINE_MONITORING = Monitoring(interval=1.0, node_counters=_NODE_COUNTERS, tool=())
_TOOL_MONITORING = Monitoring(interval=1.0, node_counters=_NODE_COUNTERS, tool=("cpu_usage", "memory", "logsize"))


@collector.paused()
def workflow(plan: Plan, items: Sequence[PlannedItem], time_s: float) -> WorkflowFile:
    """The workflow of ``items``, which are those of ``plan`` or a selection of them, in the order of measuring.

    ``time_s``: when it was made, seconds since the epoch. Equal arguments give equal workflows.
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
            options=Asked(
                units=settings.units,
                baseline=settings.baseline,
                iterations=settings.iterations,
                perf_tests=settings.perf_tests,
                duration=settings.duration_s,
                schedule=settings.schedule,
                precision=settings.precision_pct,
                time_budget=settings.time_budget_s,
                order=settings.order,
                budgets=settings.budgets,
                load=tuple(str(load) for load in settings.loads),
                max_rate=settings.max_rate_bps,
                command=None if settings.command is None else AskedCommandEntry.of(settings.command),
                versus=None if settings.versus is None else AskedVersusEntry.of(settings.versus),
            ),
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
    """Write it, never half of it. ``ProbecostError`` where that cannot be done."""
    try:
        write_whole(file, content.model_dump_json(indent=2 if pretty else None) + "\n")
    except OSError as error:
        raise ProbecostError(f"{file}: the workflow cannot be written: {error.strerror or error}") from error


class _Entries:
    """Makes the cycles; what is the same in many of them is made once."""

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
            self._switching[plan] = Switching(segment=plan.segment_s, flows=dict(plan.flows_s))
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


def frame(
    cycle_type: CycleType, ebpf_case: EbpfCase | None, other: str | None = None
) -> tuple[InitHook, PostHook, Monitoring]:
    """What is done around the perf tests of a cycle: it follows from the cycle's type, nothing of it can be chosen.

    ``other``: the command of the version that runs in baselines, where there is one.
    """
    if cycle_type == "baseline" and other is not None:
        return InitHook(tasks=_OTHER_TASKS, ebpf_startup_command=other), _TOOL_END, _TOOL_MONITORING
    if cycle_type == "baseline" or ebpf_case is None:
        return _NO_TOOL, _BASELINE_END, _BASELINE_MONITORING
    if cycle_type == "switched":
        started = InitHook(tasks=_SWITCHED_TASKS, ebpf_startup_command=ebpf_case.command)
        return started, _SWITCHED_END, _BASELINE_MONITORING
    return InitHook(tasks=_TOOL_TASKS, ebpf_startup_command=ebpf_case.command), _TOOL_END, _TOOL_MONITORING


def case_entry(case: Case) -> EbpfCase:
    return EbpfCase(
        case_id=case.id,
        case_key=case.key,
        case_name=case.name,
        tool_id=case.tool_id,
        program=case.tool_file,
        command=case.command,
        duration=case.duration_s,
        test_params=dict(case.parameters),
        category=case.category,
        hash=case.hash,
        attaches=case.attaches,
        ready_timeout=case.ready_timeout_s,
        stop_signal=case.stop_signal,
        log_cap_bytes=case.log_cap_bytes,
        budgets=spelled(case.budgets),
        versus=None if case.versus is None else VersusEntry(command=case.versus.command, program=case.versus.tool_file),
    )


def case_of(entry: EbpfCase, environment: str, pair_kind: PairKind) -> Case:
    """The case that ``entry`` was made from."""
    return Case(
        environment=environment,
        key=entry.case_key,
        id=entry.case_id,
        name=entry.case_name,
        command=entry.command,
        tool_id=entry.tool_id,
        category=entry.category,
        pair_kind=pair_kind,
        parameters=tuple(sorted(entry.test_params.items())),
        hash=entry.hash,
        duration_s=entry.duration,
        tool_file=entry.program,
        attaches=entry.attaches,
        ready_timeout_s=entry.ready_timeout,
        stop_signal=entry.stop_signal,
        log_cap_bytes=entry.log_cap_bytes,
        budgets=budgets_of(entry.budgets),
        versus=None if entry.versus is None else OtherVersion(entry.versus.command, entry.versus.program),
    )


def switch_plan(entry: Switching | None) -> SwitchPlan | None:
    """What ``entry`` was made from."""
    return None if entry is None else SwitchPlan(entry.segment, tuple(entry.flows.items()))


def perf_test_entries(specs: Iterable[PerfTestSpec]) -> tuple[PerfTests, ...]:
    """Perf tests as they stand in a cycle: neighbours of one type together, the order kept."""
    grouped: list[tuple[PerfTestSpec, list[PerfTestConfig]]] = []
    for spec in specs:
        if not grouped or grouped[-1][0].perf_type != spec.perf_type:
            grouped.append((spec, []))
        grouped[-1][1].append(
            PerfTestConfig(
                conn_type=spec.base,
                duration=spec.duration_s,
                streams=spec.streams,
                target_bitrate=spec.target_bitrate,
                load=None if spec.load is None else str(spec.load),
                resolved_rate=spec.resolved_rate,
                max_rate=spec.max_rate_bps,
            )
        )
    return tuple(PerfTests(type=spec.perf_type, configs=tuple(configs)) for spec, configs in grouped)


def specs_of(entries: Iterable[PerfTests], pair_kind: PairKind) -> tuple[PerfTestSpec, ...]:
    """The perf tests on ``pair_kind`` that ``entries`` were made from."""
    return tuple(
        PerfTestSpec(
            tests.type,
            config.conn_type,
            config.duration,
            config.streams,
            config.target_bitrate,
            None if config.load is None else Load.parse(config.load),
            config.resolved_rate,
            None if config.resolved_rate is None else pair_kind,
            config.max_rate,
        )
        for tests in entries
        for config in tests.configs
    )


def environment_entry(environment: Environment, cases: Sequence[Case]) -> EnvironmentEntry:
    """What an environment is now: as much of it as ``cases`` need."""
    pairs = {kind: pair for kind, pair in environment.pairs.items() if any(case.pair_kind == kind for case in cases)}
    used = {name for pair in pairs.values() for name in pair.nodes}
    return EnvironmentEntry(
        folder=environment.folder.resolve().name,
        nodes={
            name: NodeEntry(host=node.host, user=node.user, port=node.port, workdir=node.workdir)
            for name, node in environment.nodes.items()
            if name in used
        },
        test_pairs={
            kind: PairEntry(server=_side(pair.server), client=_side(pair.client)) for kind, pair in pairs.items()
        },
        python_interpreter=environment.python_interpreter,
        port_range=environment.port_range,
        tools_dir=environment.tools_dir,
        tool_files=local_hashes(environment, cases),
    )


def _side(side: PairSide) -> SideEntry:
    return SideEntry(node=side.node, test_ip=side.test_ip, interface=side.interface, tool_node=side.tool_node)
