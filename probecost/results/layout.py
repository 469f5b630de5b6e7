"""Every path and file name of a results tree, built and parsed here and nowhere else.

Local tree::

    results/<run_id>/run.json, workflow.json, workflow-results.json, run-log.jsonl
    results/<run_id>/<environment>/iteration_NNN/<node>/performance-test-results/...
    results/<run_id>/reports/...
    results/latest -> <run_id>

Remote tree: ``<workdir>/performance-test-results/...``. Below ``performance-test-results`` both are the same::

    baseline/<pair kind>/<perf type>/<conn type>_<timestamp>/
    ebpf/<tool>_case_<id>_<hash>/<pair kind>/<perf type>/<conn type>_<timestamp>/
        client_results/  server_results/  monitoring/  metadata_<timestamp>.json
    ebpf/<tool>_case_<id>_<hash>/<pair kind>/switched/<perf type>/<conn type>_<timestamp>/
        client_results/  server_results/  segments.csv  ebpf_{output,error}_<start>.log  metadata_<timestamp>.json
    ebpf/<tool>_case_<id>_<hash>/<pair kind>/ebpf_monitoring/tool_{cpu_usage,memory,logsize}_<timestamp>.log
    ebpf/<tool>_case_<id>_<hash>/<pair kind>/ebpf_{output,error}_<timestamp>.log

Timestamps are UTC with milliseconds and sort as text: ``20261122_213458_123``.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath

from probecost.results.names import PerfTestName
from probecost.results.offered_load import SUFFIX

TREE = "performance-test-results"
REPORTS = "reports"
REPORT_PAGE = "report.html"
LATEST = "latest"
RUN_FILE = "run.json"
WORKFLOW_FILE = "workflow.json"
WORKFLOW_RESULTS_FILE = "workflow-results.json"
RUN_LOG_FILE = "run-log.jsonl"
COUNTERS_FILE = "counters.json"
STAT_FILE = "stat.log"
BASELINE = "baseline"
TOOL = "tool"
ARMS = (BASELINE, TOOL)
SWITCHED = "switched"
SEGMENTS_FILE = "segments.csv"
CLIENT_RESULTS = "client_results"
SERVER_RESULTS = "server_results"
MONITORING = "monitoring"
TOOL_MONITORING = "ebpf_monitoring"

_EBPF = "ebpf"
_TIMESTAMP = r"\d{8}_\d{6}(?:_\d{3})?"
_CASE_FOLDER = re.compile(r"(?P<tool>.+?)_case_(?P<id>\d+)_(?P<hash>[0-9a-f]{6})")
_PERF_TEST_FOLDER = re.compile(rf"(?P<conn>[a-z][a-z0-9_]*?(?:-{SUFFIX})?)_(?P<ts>{_TIMESTAMP})")
_ITERATION = re.compile(r"iteration_(\d{3,})")


def timestamp(time_ns: int) -> str:
    """``time_ns`` (Unix time, UTC, nanoseconds) as a timestamp for file names.

    >>> timestamp(1795383298_123_456_789)
    '20261122_213458_123'
    """
    seconds, rest_ns = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d_%H%M%S}_{rest_ns // 1_000_000:03d}"


def new_run_id(time_ns: int) -> str:
    """A run's id: it sorts by time, and two runs in the same millisecond still differ."""
    return f"{timestamp(time_ns)}_{secrets.token_hex(2)}"


def case_hash(template: str, parameters: Mapping[str, str]) -> str:
    """First 6 hex digits of SHA-256 over the command template and its parameters (addresses are not in it)."""
    canonical = json.dumps([template, dict(parameters)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:6]


@dataclass(frozen=True, order=True)
class CaseFolder:
    """The folder name of a case: ``{tool}_case_{id}_{hash}``."""

    tool_id: str
    case_id: int
    hash: str

    @property
    def name(self) -> str:
        return f"{self.tool_id}_case_{self.case_id}_{self.hash}"

    @classmethod
    def parse(cls, name: str) -> CaseFolder | None:
        """The parts of a folder name, or ``None`` if it is not one."""
        match = _CASE_FOLDER.fullmatch(name)
        return cls(match["tool"], int(match["id"]), match["hash"]) if match else None


@dataclass(frozen=True)
class VisitFolder:
    """The folder of one visit below ``performance-test-results``: ``case`` is ``None`` for a baseline."""

    pair_kind: str
    case: CaseFolder | None = None

    @property
    def arm(self) -> str:
        return BASELINE if self.case is None else TOOL

    @cached_property
    def path(self) -> PurePosixPath:
        if self.case is None:
            return PurePosixPath(BASELINE, self.pair_kind)
        return PurePosixPath(_EBPF, self.case.name, self.pair_kind)

    def perf_test(self, perf_type: str, conn_type: str, ts: str) -> PerfTestFolder:
        return PerfTestFolder(self, perf_type, conn_type, ts)

    def tool_stdout(self, ts: str) -> PurePosixPath:
        return self.path / f"ebpf_output_{ts}.log"

    def tool_stderr(self, ts: str) -> PurePosixPath:
        return self.path / f"ebpf_error_{ts}.log"

    def tool_cpu(self, ts: str) -> PurePosixPath:
        return self.path / TOOL_MONITORING / f"tool_cpu_usage_{ts}.log"

    def tool_memory(self, ts: str) -> PurePosixPath:
        return self.path / TOOL_MONITORING / f"tool_memory_{ts}.log"

    def tool_logsize(self, ts: str) -> PurePosixPath:
        return self.path / TOOL_MONITORING / f"tool_logsize_{ts}.log"


@dataclass(frozen=True, slots=True)
class PerfTestFolder:
    """The folder of one perf test of one visit: ``.../{perf_type}/{conn_type}_{timestamp}``.

    ``is_switched``: it is a switched flow, below ``switched``.
    """

    visit: VisitFolder
    perf_type: str
    conn_type: str
    ts: str
    is_switched: bool = False

    @property
    def name(self) -> PerfTestName:
        return PerfTestName.of(self.perf_type, self.conn_type)

    @property
    def arm(self) -> str:
        return SWITCHED if self.is_switched else self.visit.arm

    @property
    def path(self) -> PurePosixPath:
        top = self.visit.path / SWITCHED if self.is_switched else self.visit.path
        return top.joinpath(self.perf_type, f"{self.conn_type}_{self.ts}")

    @property
    def segments(self) -> PurePosixPath:
        return self.path / SEGMENTS_FILE

    @property
    def switched_stdout(self) -> PurePosixPath:
        """The tool's output in a switched flow; ``{start}`` becomes the number of the start."""
        return self.path / "ebpf_output_{start}.log"

    @property
    def switched_stderr(self) -> PurePosixPath:
        return self.path / "ebpf_error_{start}.log"

    @property
    def other_stdout(self) -> PurePosixPath:
        """Like ``switched_stdout``, for the other version if two are switched."""
        return self.path / "other_output_{start}.log"

    @property
    def other_stderr(self) -> PurePosixPath:
        return self.path / "other_error_{start}.log"

    @property
    def metadata(self) -> PurePosixPath:
        return self.path / self.metadata_name

    @property
    def metadata_name(self) -> str:
        return f"metadata_{self.ts}.json"

    @property
    def client(self) -> PurePosixPath:
        return self.path / CLIENT_RESULTS

    @property
    def server(self) -> PurePosixPath:
        return self.path / SERVER_RESULTS

    @property
    def monitoring(self) -> PurePosixPath:
        return self.path / MONITORING

    def stream_file(self, port: int | str) -> str:
        """Name of the raw output of the generator on ``port``, the same on both sides and at every load.

        ``latency_tcp_rr.txt``, ``throughput_single_tcp.json``, ``throughput_multi_tcp_port_5202.json``,
        ``pps_single_udp.txt``, ``pps_multi_udp_port_5202.txt`` (iperf3's JSON in spite of the ending).
        """
        base = self.name.base
        if self.perf_type == "latency":
            return f"latency_{base}.txt"
        protocol, ending = ("tcp", "json") if self.perf_type == "throughput" else ("udp", "txt")
        port_part = "" if base == "single" else f"_port_{port}"
        return f"{self.perf_type}_{base}_{protocol}{port_part}.{ending}"

    @property
    def stream_files(self) -> str:
        """A pattern for the names of all ``stream_file``."""
        return f"{self.perf_type}_{self.name.base}_*"

    @staticmethod
    def background_file(port: int | str) -> str:
        """Name of the raw output of a latency perf test's background flow: iperf3's JSON, no result of the test."""
        return f"background_port_{port}.json"

    @classmethod
    def parse(cls, path: PurePosixPath) -> PerfTestFolder | None:
        """Parse ``path``, relative to ``performance-test-results``; ``None`` if it is no perf test's folder."""
        is_switched = path.parts[3:4] == (SWITCHED,)
        parts = (*path.parts[:3], *path.parts[4:]) if is_switched else path.parts
        match parts:
            case (arm, kind, perf_type, name) if arm == BASELINE and not is_switched:
                visit = VisitFolder(kind)
            case (arm, case_name, kind, perf_type, name) if arm == _EBPF:
                case = CaseFolder.parse(case_name)
                if case is None:
                    return None
                visit = VisitFolder(kind, case)
            case _:
                return None
        match_name = _PERF_TEST_FOLDER.fullmatch(name)
        return cls(visit, perf_type, match_name["conn"], match_name["ts"], is_switched) if match_name else None


def unit_name(number: int, *, confirmation: bool = False) -> str:
    """The name of a unit: ``u001`` for 1, ``c011`` for 11 if it is a unit of confirmation."""
    return f"{'c' if confirmation else 'u'}{number:03d}"


def iteration_name(number: int) -> str:
    """``iteration_001`` for 1."""
    return f"iteration_{number:03d}"


def item_id(environment: str, iteration: int, case_key: str, *, several: bool, repeated: bool) -> str:
    """The name of a case, with environment and iteration if there are several.

    >>> item_id("bed", 2, "host-eth_drop-rx_protocol_tcp", several=True, repeated=True)
    'bed:host-eth_drop-rx_protocol_tcp-iteration_002'
    """
    ending = f"-{iteration_name(iteration)}" if repeated else ""
    return f"{environment}:{case_key}{ending}" if several else f"{case_key}{ending}"


def parse_iteration(name: str) -> int | None:
    match = _ITERATION.fullmatch(name)
    return int(match[1]) if match else None


@dataclass(frozen=True)
class RunTree:
    """The local folder of one run: ``<results_dir>/<run_id>``."""

    root: Path

    @property
    def run_id(self) -> str:
        return self.root.name

    @property
    def run_file(self) -> Path:
        return self.root / RUN_FILE

    @property
    def workflow_file(self) -> Path:
        return self.root / WORKFLOW_FILE

    @property
    def workflow_results_file(self) -> Path:
        return self.root / WORKFLOW_RESULTS_FILE

    @property
    def run_log_file(self) -> Path:
        return self.root / RUN_LOG_FILE

    @property
    def reports(self) -> Path:
        return self.root / REPORTS

    def attached_file(self, environment: str, node: str) -> Path:
        """File with a node's attachments at the start of the run."""
        return self.root / f"attached-{environment}-{node}.json"

    def node(self, environment: str, iteration: int, node: str) -> Path:
        """Local counterpart of the node's ``{workdir}``: the tree is in ``performance-test-results`` below it."""
        return self.root / environment / iteration_name(iteration) / node

    @classmethod
    def create(cls, results_dir: Path, time_ns: int) -> RunTree:
        """Make a new run's folder (never an existing one) and point ``latest`` to it."""
        tree = cls(results_dir / new_run_id(time_ns))
        tree.root.mkdir(parents=True)
        pointer = results_dir / f".latest-{tree.run_id}"
        pointer.symlink_to(tree.run_id)
        pointer.replace(results_dir / LATEST)
        return tree
