"""What an environment is: typed, validated, frozen. Loaded by ``probecost.config.folder``, used by every other room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from probecost.config.offered_load import DATAGRAM_BITS, bitrate_bps
from probecost.errors import ConfigError
from probecost.results.layout import CaseFolder
from probecost.results.load import Load
from probecost.results.metrics import ConnType, PerfType
from probecost.results.names import PerfTestName

PairKind = Literal["host", "vm"]
PAIR_KINDS: tuple[PairKind, ...] = ("host", "vm")
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

    ``base`` is its connection type without a load. ``target_bitrate`` is iperf3's ``-b`` value of each stream as text
    (``1G``), ``None`` for no limit; a ``load`` replaces it. Of a load in percent ``resolved_rate`` says what that is on
    ``pair_kind`` (bit/s, packets/s for pps); ``None`` while it is not known. ``max_rate_bps`` caps whatever is
    offered.
    """

    perf_type: PerfType
    base: ConnType
    duration_s: float
    streams: int = 1
    target_bitrate: str | None = None
    load: Load | None = None
    resolved_rate: float | None = None
    pair_kind: PairKind | None = None
    max_rate_bps: int | None = None

    @property
    def conn_type(self) -> str:
        """The connection type of its results: ``single``, ``single-load25``."""
        return self.perf_test.conn_type

    @property
    def perf_test(self) -> PerfTestName:
        return PerfTestName(self.perf_type, self.base, "" if self.load is None else self.load.suffix)

    @property
    def name(self) -> str:
        """``latency:tcp_rr``, as users select it; ``latency:tcp_rr-load25``."""
        return str(self.perf_test)

    @property
    def load_percent(self) -> float | None:
        """``None`` without a load, and for one that is a rate."""
        return None if self.load is None else self.load.percent

    @property
    def is_resolved(self) -> bool:
        """Whether it is known what it offers."""
        return self.load_percent is None or self.resolved_rate is not None

    @property
    def offered_bps(self) -> float | None:
        """Bits of payload per second that all its streams together offer, ``None`` where nothing limits them.

        Of latency: those of the flow beside it. ``ConfigError``: a share of a maximum that is not known.
        """
        own_bps = self._own_bps()
        if self.max_rate_bps is None or (self.perf_type == "latency" and self.load is None):
            return own_bps
        return float(self.max_rate_bps) if own_bps is None else min(own_bps, float(self.max_rate_bps))

    @property
    def offered_rate(self) -> float | None:
        """What it offers in the unit of its primary metric: bit/s, for pps packets/s; ``None`` for latency."""
        if self.perf_type == "latency" or self.offered_bps is None:
            return None
        return self.offered_bps / DATAGRAM_BITS if self.perf_type == "pps" else self.offered_bps

    @property
    def background_bps(self) -> float | None:
        """What the flow beside a latency perf test offers; ``None`` where there is no such flow."""
        return self.offered_bps if self.perf_type == "latency" and self.load is not None else None

    def _own_bps(self) -> float | None:
        if self.load is None:
            each_bps = None if self.target_bitrate is None else bitrate_bps(self.target_bitrate)
            return None if each_bps is None else each_bps * self.streams
        rate, is_packets = self.load.value, self.load.unit == "packets/s"
        if self.load_percent is not None:
            if self.resolved_rate is None:
                raise ConfigError(f"{self.name}: what {self.load} of its maximum is, is not known")
            rate, is_packets = self.resolved_rate, self.perf_type == "pps"
        return rate * DATAGRAM_BITS if is_packets else rate


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
class OtherVersion:
    """How another version of a case's tool is started; ``tool_file`` as in ``Case``."""

    command: str
    tool_file: str | None


@dataclass(frozen=True)
class Case:
    """A tool with one set of parameters, hashable: pytest parametrizes over it.

    ``key`` is the item id without brackets (``host-eth_drop-rx_protocol_tcp``); ``parameters`` are sorted pairs;
    ``tool_file`` is the tool's path as it stands in ``command`` (relative to the workdir) or ``None``;
    ``log_cap_bytes`` bounds the tool's stdout and stderr together. ``versus`` is what runs where there would be no
    tool: the case is then measured against that.
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
    versus: OtherVersion | None = None

    @property
    def other(self) -> Case | None:
        """The case as the version that it is measured against; ``None`` where that is no tool at all."""
        if self.versus is None:
            return None
        return replace(self, command=self.versus.command, tool_file=self.versus.tool_file, versus=None)

    @property
    def versions(self) -> tuple[Case, ...]:
        """The case, and behind it its ``other`` where there is one."""
        return (self,) if (other := self.other) is None else (self, other)

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
    what its files ask for and will not get. ``other_tools_dir`` holds other versions of its tools, where it is measured
    against them.
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
    other_tools_dir: Path | None = None
