"""What an environment is: typed, validated, frozen. Loaded by ``probecost.config.load``, used by every other room.

TO BE COMPLETED by the owner of probecost/config: the attributes below are the contract the other rooms rely on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PairKind = Literal["host", "vm"]
PerfType = Literal["throughput", "latency", "pps"]
ConnType = Literal["single", "multi", "tcp_rr", "udp_rr"]
Attaches = Literal["bpf", "none"]


@dataclass(frozen=True)
class PerfTestSpec:
    """One perf test: ``streams`` generators (1 but for multi) for ``duration_s`` seconds.

    ``target_bitrate`` is iperf3's ``-b`` value as text (``1G``), used by pps.
    """

    perf_type: PerfType
    conn_type: ConnType
    duration_s: float
    streams: int = 1
    target_bitrate: str | None = None


@dataclass(frozen=True)
class SshHost:
    """How a node is reached. ``user`` and ``port`` are ``None`` where ssh's own configuration decides."""

    name: str
    host: str
    workdir: str
    user: str | None = None
    port: int | None = None


@dataclass(frozen=True)
class PairSide:
    """One end of a traffic path: ``tool_node`` is where a tool runs (the physical host, for a VM)."""

    node: str
    test_ip: str
    interface: str | None
    tool_node: str


@dataclass(frozen=True)
class TestPair:
    kind: PairKind
    server: PairSide
    client: PairSide


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
    attaches: Attaches = "bpf"
    ready_timeout_s: float = 60.0
    stop_signal: str = "SIGINT"
    log_cap_bytes: int = 1_000_000_000


@dataclass(frozen=True)
class Environment:
    """Everything known of one environment. ``folder`` is its configuration folder."""

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
