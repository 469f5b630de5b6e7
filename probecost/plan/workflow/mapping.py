"""Between a plan and the entries of ``workflow.json``: both ways, side by side, so that neither can forget a key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from probecost.config.budgets import budgets_of, spelled
from probecost.config.environment import Case, Environment, OtherVersion, PairKind, PairSide, PerfTestSpec
from probecost.plan.settings import AskedCommand, AskedVersus, Settings
from probecost.plan.tool_files import local_hashes
from probecost.plan.visits import SwitchPlan
from probecost.plan.workflow.model import (
    Asked,
    AskedCommandEntry,
    AskedVersusEntry,
    CycleType,
    EbpfCase,
    EnvironmentEntry,
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
    VersusEntry,
)
from probecost.results import layout
from probecost.results.offered_load import Load

#: Type of a cycle by the arm of its visit.
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


def _names(*same: str, **others: str) -> dict[str, str]:
    """The keys of an entry, each with the name of the attribute that it holds as it is."""
    return {name: name for name in same} | others


_SETTINGS = _names(
    *("units", "baseline", "iterations", "perf_tests", "schedule", "order", "budgets"),
    duration="duration_s",
    precision="precision_pct",
    time_budget="time_budget_s",
    max_rate="max_rate_bps",
)
_COMMAND = _names(
    *("template", "name", "attaches", "stop_signal", "log_cap_bytes"), pair="pair_kind", ready_timeout="ready_timeout_s"
)
_CASE = _names(
    *("tool_id", "command", "category", "hash", "attaches", "stop_signal", "log_cap_bytes"),
    case_id="id",
    case_key="key",
    case_name="name",
    program="tool_file",
    duration="duration_s",
    ready_timeout="ready_timeout_s",
)


def _entry(names: dict[str, str], source: object) -> dict[str, Any]:
    return {key: getattr(source, name) for key, name in names.items()}


def _back(names: dict[str, str], entry: object) -> dict[str, Any]:
    return {name: getattr(entry, key) for key, name in names.items()}


def asked_entry(settings: Settings) -> Asked:
    """The options that matter, without the seed: see ``settings_of``."""
    return Asked(
        **_entry(_SETTINGS, settings),
        load=tuple(map(str, settings.loads)),
        command=None if settings.command is None else AskedCommandEntry(**_entry(_COMMAND, settings.command)),
        versus=None if settings.versus is None else _versus_entry(settings.versus),
    )


def settings_of(metadata: Metadata) -> Settings:
    """The settings that ``metadata`` was made from."""
    asked = metadata.options
    return Settings(
        **_back(_SETTINGS, asked),
        seed=metadata.seed,
        loads=tuple(map(Load.parse, asked.load)),
        command=None if asked.command is None else AskedCommand(**_back(_COMMAND, asked.command)),
        versus=None if asked.versus is None else _versus_of(asked.versus),
    )


def _versus_entry(asked: AskedVersus) -> AskedVersusEntry:
    folder = None if asked.tools_dir is None else str(asked.tools_dir)
    return AskedVersusEntry(tools_dir=folder, template=asked.template)


def _versus_of(entry: AskedVersusEntry) -> AskedVersus:
    return AskedVersus(None if entry.tools_dir is None else Path(entry.tools_dir), entry.template)


def case_entry(case: Case) -> EbpfCase:
    """A case, whole, but for its environment and test pair, which are keys of the cycle."""
    return EbpfCase(
        **_entry(_CASE, case),
        test_params=dict(case.parameters),
        budgets=spelled(case.budgets),
        versus=None if case.versus is None else VersusEntry(command=case.versus.command, program=case.versus.tool_file),
    )


def case_of(entry: EbpfCase, environment: str, pair_kind: PairKind) -> Case:
    """The case of ``entry``."""
    return Case(
        **_back(_CASE, entry),
        environment=environment,
        pair_kind=pair_kind,
        parameters=tuple(sorted(entry.test_params.items())),
        budgets=budgets_of(entry.budgets),
        versus=None if entry.versus is None else OtherVersion(entry.versus.command, entry.versus.program),
    )


def switching_entry(plan: SwitchPlan) -> Switching:
    return Switching(segment=plan.segment_s, flows=dict(plan.flows_s))


def switch_plan(entry: Switching | None) -> SwitchPlan | None:
    """The plan of switched flows from which ``entry`` was made."""
    return None if entry is None else SwitchPlan(entry.segment, tuple(entry.flows.items()))


def perf_test_entries(specs: Iterable[PerfTestSpec]) -> tuple[PerfTests, ...]:
    """Perf tests as entries of a cycle: consecutive ones of one type together, in order."""
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
    """The perf tests of ``entries`` on ``pair_kind``."""
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
    """The entry of an environment: the part of it that ``cases`` need."""
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


def frame(
    cycle_type: CycleType, ebpf_case: EbpfCase | None, other: str | None = None
) -> tuple[InitHook, PostHook, Monitoring]:
    """The steps around the perf tests of a cycle, which follow from its type.

    ``other``: the command of the version that runs in baselines, if any.
    """
    if cycle_type == "baseline" and other is not None:
        return InitHook(tasks=_OTHER_TASKS, ebpf_startup_command=other), _TOOL_END, _TOOL_MONITORING
    if cycle_type == "baseline" or ebpf_case is None:
        return _NO_TOOL, _BASELINE_END, _BASELINE_MONITORING
    if cycle_type == "switched":
        started = InitHook(tasks=_SWITCHED_TASKS, ebpf_startup_command=ebpf_case.command)
        return started, _SWITCHED_END, _BASELINE_MONITORING
    return InitHook(tasks=_TOOL_TASKS, ebpf_startup_command=ebpf_case.command), _TOOL_END, _TOOL_MONITORING
