"""Model of ``workflow.json``. All durations are seconds."""

from __future__ import annotations

import copy
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_serializer,
    model_validator,
)

from probecost.config.budgets import metric_of
from probecost.config.environment import (
    DEFAULT_LOG_CAP_BYTES,
    DEFAULT_READY_TIMEOUT_S,
    DEFAULT_STOP_SIGNAL,
    Attaches,
    PairKind,
)
from probecost.config.validation import Section, complaint
from probecost.plan.visits import AskedSchedule, Baseline, Order
from probecost.results.metrics import ConnType, PerfType
from probecost.results.offered_load import Load

SCHEMA = 1

CycleType = Literal["baseline", "ebpf_test", "switched"]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Text = Annotated[str, Field(min_length=1)]
Words = Annotated[str, Field(pattern=r"\S")]
Percent = Annotated[float, Field(gt=0)]
CaseKey = Annotated[str, Field(pattern=r"^[^/]*[^/.][^/]*$")]  # the name of a folder too

T = TypeVar("T")


def _budget_name(text: str) -> str:
    try:
        metric_of(text)
    except ValueError as error:
        raise complaint(str(error)) from None
    return text


BudgetName = Annotated[str, AfterValidator(_budget_name)]


def _load(text: str) -> str:
    try:
        return str(Load.parse(text))
    except ValueError as error:
        raise complaint(str(error)) from None


LoadText = Annotated[str, AfterValidator(_load)]
BitsPerSecond = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]


def _not_empty(items: tuple[T, ...]) -> tuple[T, ...]:
    if not items:
        raise complaint("must not be empty")
    return items


Some = Annotated[tuple[T, ...], AfterValidator(_not_empty)]  # pydantic's own counts only the valid ones


class Versions(Section):
    probecost: str
    python: str


class AskedCommandEntry(Section):
    """The command that is measured instead of the environments' cases; ``name`` may be empty."""

    template: Words
    name: str
    pair: PairKind
    attaches: Attaches
    ready_timeout: Seconds = DEFAULT_READY_TIMEOUT_S
    stop_signal: Words = DEFAULT_STOP_SIGNAL
    log_cap_bytes: Count = DEFAULT_LOG_CAP_BYTES

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Settings of a tool that are as usual are left out."""
        usual = {"ready_timeout": DEFAULT_READY_TIMEOUT_S, "stop_signal": DEFAULT_STOP_SIGNAL}
        usual |= {"log_cap_bytes": DEFAULT_LOG_CAP_BYTES}
        return {key: value for key, value in dump(self).items() if key not in usual or value != usual[key]}


class AskedVersusEntry(Section):
    """Another version of the tools: their local folder, a command template (else empty), or both."""

    tools_dir: Words | None
    template: str

    @model_validator(mode="after")
    def _is_something(self) -> Self:
        if self.tools_dir is None and not self.template.strip():
            raise complaint("expected a folder, or a template", key="tools_dir")
        return self


class Asked(Section):
    """The options of the run; empty or null if the environment or the planner decided.

    ``precision``: a case ends at the first look whose interval is at most so many percent to either side.
    """

    units: Count | None
    baseline: Baseline
    iterations: Count
    perf_tests: tuple[str, ...]
    duration: Seconds | None
    schedule: AskedSchedule = "visits"
    precision: Annotated[float, Field(gt=0, lt=100)] | None = None
    time_budget: Seconds | None = None
    order: Order = "file"
    budgets: tuple[str, ...] = ()
    load: tuple[LoadText, ...] = ()
    max_rate: BitsPerSecond | None = None
    command: AskedCommandEntry | None = None
    versus: AskedVersusEntry | None = None


class Metadata(Section):
    schema_version: int
    generation_time: str
    total_test_cycles: int
    environments: tuple[Text, ...]
    seed: Annotated[int, Field(ge=0)]
    estimated_duration: float
    versions: Versions
    options: Asked
    primary: dict[str, str | None] = Field(default_factory=dict)


class NodeEntry(Section):
    host: str
    user: str | None
    port: int | None
    workdir: str


class SideEntry(Section):
    node: str
    test_ip: str
    interface: str | None
    tool_node: str


class PairEntry(Section):
    server: SideEntry
    client: SideEntry

    @property
    def nodes(self) -> frozenset[str]:
        """Every node of the pair."""
        return frozenset(name for side in (self.server, self.client) for name in (side.node, side.tool_node))


class EnvironmentEntry(Section):
    """An environment when the workflow was written. ``tool_files``: path on the node to SHA-256."""

    folder: Text
    nodes: dict[str, NodeEntry]
    test_pairs: dict[PairKind, PairEntry]
    python_interpreter: str
    port_range: tuple[int, int]
    tools_dir: str
    tool_files: dict[str, str]
    idle_busy_share: dict[PairKind, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)


class GlobalConfig(Section):
    environments: dict[str, EnvironmentEntry]


class VersusEntry(Section):
    """The version that runs in the baseline; keys as in ``EbpfCase``."""

    command: Text
    program: str | None


class EbpfCase(Section):
    """A complete case. ``program`` is the tool's file as in ``command``, null if that has none."""

    case_id: int
    case_key: CaseKey
    case_name: str
    tool_id: Annotated[str, Field(pattern=r"^[^/]+$")]
    program: str | None
    command: Text
    duration: Seconds
    test_params: dict[str, str]
    category: str
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{6}$")]
    attaches: Attaches
    ready_timeout: Seconds
    stop_signal: Text
    log_cap_bytes: Count
    budgets: dict[BudgetName, Percent] = Field(default_factory=dict)
    versus: VersusEntry | None = None


class InitHook(Section):
    tasks: tuple[str, ...]
    ebpf_startup_command: str | None


class PostHook(Section):
    tasks: tuple[str, ...]


class PerfTestConfig(Section):
    """A perf test. ``load`` is null for the plain one. ``resolved_rate``: rate of a load in percent on this pair.

    It is in bit/s, packets/s for pps; null while unknown, and for a load given as a rate. ``max_rate``: bit/s.
    """

    conn_type: ConnType
    duration: Seconds
    streams: Count
    target_bitrate: str | None
    load: LoadText | None = None
    resolved_rate: Rate | None = None
    max_rate: BitsPerSecond | None = None

    @model_validator(mode="after")
    def _rate_belongs_to_a_share(self) -> PerfTestConfig:
        if self.load == "100%":
            raise complaint("100% is the plain perf test: expected null", key="load")
        if self.resolved_rate is not None and not (self.load or "").endswith("%"):
            raise complaint("expected null: only a load in percent is resolved", key="resolved_rate")
        return self


class PerfTests(Section):
    type: PerfType
    configs: Some[PerfTestConfig]

    @model_validator(mode="after")
    def _packets_are_of_pps(self) -> PerfTests:
        if self.type != "pps" and any((config.load or "").endswith("pps") for config in self.configs):
            raise complaint("packets per second are a load of pps only", key="configs")
        return self


class _Repeated:
    """Most cycles have the perf tests of the one before them: equal input gives the same value, checked once.

    Reading a workflow of 2,000 cycles takes 1.7 s of CPU time with it, 2.4 s without. ``_seen`` is a copy of the input:
    nobody else can change it.
    """

    def __init__(self) -> None:
        self._seen: object = None
        self._value: object = None

    def __call__(self, value: object, check: ValidatorFunctionWrapHandler) -> object:
        if self._seen is None or value != self._seen:
            self._value = check(value)  # raises for an invalid value, before anything is cached
            self._seen = copy.deepcopy(value)
        return self._value


class TestCycle(Section):
    __test__ = False  # pytest takes the name for a class of tests

    init_hook: InitHook
    performance_tests: Annotated[Some[PerfTests], WrapValidator(_Repeated())]
    post_hook: PostHook


class Monitoring(Section):
    interval: float
    node_counters: tuple[str, ...]
    tool: tuple[str, ...]


class Switching(Section):
    """Lengths in a switched cycle: of its segments, and of the flow of each perf test, by name."""

    segment: Seconds
    flows: dict[str, Seconds]


class CycleEntry(Section):
    """One visit. ``case_key``: the case of its unit, null for a baseline that all cases share.

    ``ebpf_case`` is null for a baseline. In a ``switched`` cycle each perf test is one flow in which the tool is
    switched; the order of its segments follows from the seed. A ``reserve`` is made only to replace a void unit, a
    ``confirmation`` only if the earlier units show that the tool makes the network faster. ``result_path`` is a pattern
    below the run's folder: ``*`` is each node.
    """

    cycle_id: Text
    cycle_type: CycleType
    environment: Text
    iteration: Count
    pair_kind: PairKind
    case_key: CaseKey | None
    unit: Count
    ebpf_case: EbpfCase | None
    test_cycle: TestCycle
    monitoring_config: Monitoring
    expected_duration: float
    result_path: str
    reserve: bool = False
    confirmation: bool = False
    switching: Switching | None = None

    @property
    def is_planned(self) -> bool:
        """Whether it is made independently of the results of earlier units."""
        return not (self.reserve or self.confirmation)

    @property
    def is_shared(self) -> bool:
        return self.case_key is None


class WorkflowFile(Section):
    metadata: Metadata
    global_config: GlobalConfig
    test_sequence: Some[CycleEntry]
