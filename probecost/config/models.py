"""What an environment is: typed, validated, frozen. Loaded by ``probecost.config.load``, used by every other room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from probecost.layout import CaseFolder

PairKind = Literal["host", "vm"]
PAIR_KINDS: tuple[PairKind, ...] = ("host", "vm")
PerfType = Literal["throughput", "latency", "pps"]
ConnType = Literal["single", "multi", "tcp_rr", "udp_rr"]
Attaches = Literal["bpf", "none"]

DEFAULT_ATTACHES: Attaches = "bpf"
DEFAULT_READY_TIMEOUT_S = 60.0
DEFAULT_STOP_SIGNAL = "SIGINT"
DEFAULT_LOG_CAP_BYTES = 1_000_000_000

#: Name of a template variable -> its value in one environment; a tuple where it has several values (vhost workers),
#: "" or () where the environment has no such thing.
Variables = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True)
class PerfTestSpec:
    """One perf test: ``streams`` generators (1 but for multi) for ``duration_s`` seconds.

    ``target_bitrate`` is iperf3's ``-b`` value as text (``1G``): the offered load, ``None`` for no limit.
    """

    perf_type: PerfType
    conn_type: ConnType
    duration_s: float
    streams: int = 1
    target_bitrate: str | None = None

    @property
    def name(self) -> str:
        """As users select it: ``latency:tcp_rr``."""
        return f"{self.perf_type}:{self.conn_type}"


@dataclass(frozen=True)
class SshHost:
    """How a node is reached. ``user`` and ``port`` are ``None`` where ssh's own configuration decides.

    Where that says nothing either, the user is root and the port 22.
    """

    name: str
    host: str
    workdir: str
    user: str | None = None
    port: int | None = None


@dataclass(frozen=True)
class PairSide:
    """One end of a traffic path: ``tool_node`` is where a tool runs (the physical host, for a VM).

    Of a VM ``qemu_pid`` is its process there and ``uuid`` its own, where they are known.
    """

    node: str
    test_ip: str
    interface: str | None
    tool_node: str
    qemu_pid: int | None = None
    uuid: str | None = None


@dataclass(frozen=True)
class TestPair:
    """The two ends of one traffic path."""

    __test__: ClassVar[bool] = False  # not a class of tests, whatever its name says to pytest

    kind: PairKind
    server: PairSide
    client: PairSide

    @property
    def nodes(self) -> tuple[str, ...]:
        """Every node of the pair once: its ends, and the hosts that carry them."""
        ends = (self.server, self.client)
        return tuple(dict.fromkeys(name for end in ends for name in (end.node, end.tool_node)))

    @property
    def measured_on(self) -> tuple[str, ...]:
        """The nodes that a visit uses, each once: its ends, and where the tool runs."""
        return tuple(dict.fromkeys((self.server.node, self.client.node, self.server.tool_node)))


@dataclass(frozen=True)
class Budget:
    """What one metric of one connection type may cost, in percent: ``probecost.config.budgets`` has their names.

    ``metric`` is the budget's name for it, ``figure`` that of the analysis.
    """

    metric: str
    perf_type: PerfType
    conn_type: ConnType
    figure: str
    percent: float

    @property
    def name(self) -> str:
        """``latency_mean:tcp_rr``."""
        return f"{self.metric}:{self.conn_type}"


@dataclass(frozen=True)
class Case:
    """A tool with one set of parameters, hashable: pytest parametrizes over it.

    ``key`` is the item id without brackets (``host-eth_drop-rx_protocol_tcp``); ``parameters`` are sorted pairs;
    ``tool_file`` is the tool's path as it stands in ``command`` (relative to the workdir) or ``None``;
    ``log_cap_bytes`` bounds the tool's stdout and stderr together.
    """

    environment: str
    key: str
    id: int
    name: str
    command: str
    tool_id: str
    category: str
    pair_kind: PairKind
    parameters: tuple[tuple[str, str], ...]
    hash: str
    duration_s: float
    tool_file: str | None = None
    attaches: Attaches = DEFAULT_ATTACHES
    ready_timeout_s: float = DEFAULT_READY_TIMEOUT_S
    stop_signal: str = DEFAULT_STOP_SIGNAL
    log_cap_bytes: int = DEFAULT_LOG_CAP_BYTES
    budgets: tuple[Budget, ...] = ()

    @property
    def folder(self) -> CaseFolder:
        """Where results of the tool's visits lie."""
        return CaseFolder(self.tool_id, self.id, self.hash)

    def __hash__(self) -> int:
        """Of what names a case; pytest asks for it many times."""
        return hash((self.environment, self.key))


@dataclass(frozen=True)
class Environment:
    """Everything known of one environment. ``folder`` is its configuration folder.

    ``variables`` are the template variables of each pair, with the values that discovery found; ``tool_kinds`` says
    for a script (its file name) over which pair it is measured; both only serve the loading of cases. ``notes`` say
    what its files ask for and will not get.
    """

    name: str
    folder: Path
    nodes: dict[str, SshHost]
    ssh_config: Path | None
    pairs: dict[PairKind, TestPair]
    perf_tests: tuple[PerfTestSpec, ...]
    tools_dir: str
    local_tools_dir: Path | None
    python_interpreter: str
    port_range: tuple[int, int]
    default_duration_s: float = 10.0
    variables: Mapping[PairKind, Variables] = field(default_factory=dict)
    tool_kinds: Mapping[str, PairKind] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=(), compare=False)
