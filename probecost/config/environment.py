"""Types of an environment, frozen and validated. ``probecost.config.folder`` loads them, every other room uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from probecost.config.offered_rates import DATAGRAM_BITS, bitrate_bps
from probecost.errors import ConfigError
from probecost.results.layout import CaseFolder
from probecost.results.metrics import ConnType, PerfType
from probecost.results.names import PerfTestName
from probecost.results.offered_load import Load

PairKind = Literal["host", "vm"]
PAIR_KINDS: tuple[PairKind, ...] = ("host", "vm")
Attaches = Literal["bpf", "none"]

DEFAULT_ATTACHES: Attaches = "bpf"
DEFAULT_READY_TIMEOUT_S = 60.0
DEFAULT_STOP_SIGNAL = "SIGINT"
DEFAULT_LOG_CAP_BYTES = 1_000_000_000

#: Name of a template variable -> its value in one environment; a tuple for several values (vhost workers), "" or () if
#: the environment has none.
Variables = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True)
class PerfTestSpec:
    """One perf test: ``streams`` generators (1 except for multi) for ``duration_s`` seconds.

    ``base`` is its connection type without a load. ``target_bitrate`` is iperf3's ``-b`` value of each stream as text
    (``1G``), ``None`` for no limit; a ``load`` replaces it. ``resolved_rate`` is the rate of a load in percent on
    ``pair_kind`` (bit/s, packets/s for pps), ``None`` while unknown. ``max_rate_bps`` caps any offered rate.
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
        """The load in percent; ``None`` without a load and for a load given as a rate."""
        return None if self.load is None else self.load.percent

    @property
    def is_resolved(self) -> bool:
        """Whether its offered rate is known."""
        return self.load_percent is None or self.resolved_rate is not None

    @property
    def offered_bps(self) -> float | None:
        """Payload in bits per second that all its streams together offer, ``None`` if nothing limits them.

        For latency, the rate of its background flow. ``ConfigError``: a share of an unknown maximum.
        """
        own_bps = self._own_bps()
        if self.max_rate_bps is None or (self.perf_type == "latency" and self.load is None):
            return own_bps
        return float(self.max_rate_bps) if own_bps is None else min(own_bps, float(self.max_rate_bps))

    @property
    def offered_rate(self) -> float | None:
        """Offered rate in the unit of its primary metric: bit/s, packets/s for pps; ``None`` for latency."""
        if self.perf_type == "latency" or self.offered_bps is None:
            return None
        return self.offered_bps / DATAGRAM_BITS if self.perf_type == "pps" else self.offered_bps

    @property
    def background_bps(self) -> float | None:
        """Offered rate of the background flow of a latency perf test; ``None`` without such a flow."""
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
    """Address of a node. If ``user`` or ``port`` is ``None``, ssh's own configuration decides, else root and 22."""

    name: str
    host: str
    workdir: str
    user: str | None = None
    port: int | None = None


@dataclass(frozen=True)
class PairSide:
    """One end of a traffic path: ``tool_node`` is where a tool runs (the physical host, for a VM).

    For a VM, ``qemu_pid`` is its process on that host and ``uuid`` its UUID, if known.
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

    __test__: ClassVar[bool] = False  # pytest takes the name for a class of tests

    kind: PairKind
    server: PairSide
    client: PairSide

    @property
    def nodes(self) -> tuple[str, ...]:
        """Every node of the pair once: its ends and their hosts."""
        ends = (self.server, self.client)
        return tuple(dict.fromkeys(name for end in ends for name in (end.node, end.tool_node)))

    @property
    def measured_on(self) -> tuple[str, ...]:
        """The nodes that a visit uses, each once: its ends and the tool's node."""
        return tuple(dict.fromkeys((self.server.node, self.client.node, self.server.tool_node)))


@dataclass(frozen=True)
class Budget:
    """Limit for the cost of one metric of one connection type, in percent.

    ``metric`` is its name in budgets (``probecost.config.budgets``), ``figure`` its name in the analysis.
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
    """Another version of a case's tool: its command line; ``tool_file`` as in ``Case``."""

    command: str
    tool_file: str | None


@dataclass(frozen=True)
class Case:
    """A tool with one set of parameters, hashable: pytest parametrizes over it.

    ``key`` is the item id without brackets (``host-eth_drop-rx_protocol_tcp``); ``parameters`` are sorted pairs;
    ``tool_file`` is the tool's path as in ``command`` (relative to the workdir) or ``None``; ``log_cap_bytes`` bounds
    the tool's stdout and stderr together. ``versus`` is the version that the case is measured against, instead of
    against no tool.
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
        """The version that the case is measured against, as a case; ``None`` if that is no tool at all."""
        if self.versus is None:
            return None
        return replace(self, command=self.versus.command, tool_file=self.versus.tool_file, versus=None)

    @property
    def versions(self) -> tuple[Case, ...]:
        """The case and its ``other``, if any."""
        return (self,) if (other := self.other) is None else (self, other)

    @property
    def folder(self) -> CaseFolder:
        """Folder of the results of the tool's visits."""
        return CaseFolder(self.tool_id, self.id, self.hash)

    def __hash__(self) -> int:
        """Hash of the identity alone: pytest computes it many times."""
        return hash((self.environment, self.key))


@dataclass(frozen=True)
class Environment:
    """Everything known of one environment. ``folder`` is its configuration folder.

    ``variables`` are the template variables of each pair with their discovered values; ``tool_kinds`` maps a script's
    file name to the pair over which it is measured; both serve the loading of cases only. ``notes`` list settings of
    its files that have no effect. ``other_tools_dir`` holds the other versions of its tools, if they are compared.
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
