"""``metadata_<ts>.json``: case, visit and perf test of a folder of raw files."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from sys import intern
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

from probecost.analysis.parsers.json_fields import child, number, parse_object, whole, words
from probecost.analysis.parsers.text import ParseError
from probecost.results.metadata import SCHEMA, Metadata
from probecost.results.names import CaseId, PairId, PerfTestName


@dataclass(frozen=True, slots=True)
class Clock:
    """A node's clock minus the controller's, and its drift until the end of the visit, if known."""

    offset_ns: int
    uncertainty_ns: int
    drift_ns: int | None = None


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """Facts of a node for the reports, as text; empty if not recorded.

    ``line_bps``: the speed of its fastest interface, bit/s; ``None`` if unknown.
    """

    hostname: str
    kernel: str
    arch: str
    cpu_model: str
    cpus: str
    memory_kb: int | None
    governor: str
    iperf3: str
    netperf: str
    interfaces: tuple[str, ...]
    line_bps: float | None = None
    boot_id: str = ""
    pid_namespace: str = ""


LAST_WORDS = 300


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """The tool's process in this visit; ``guard_s``: in a switched flow, the time cut out after its start and stop.

    ``part``: the attached part, if only a part was attached. ``ended_by``: the last signal that it needed to end.
    ``last_words``: the end of its output.
    """

    file: str
    sha256: str
    outcome: str
    time_to_ready_s: float | None
    guard_s: float | None = None
    part: str = ""
    ended_by: str = ""
    last_words: str = ""


@dataclass(frozen=True, slots=True)
class PerfTestMetadata:
    """One perf test of one visit. ``start_ns``, ``end_ns``: the client's run, Unix ns on the client node's clock.

    ``target_bitrate``: bitrate of each of its streams by the options, empty if unlimited or not recorded.
    ``offered_rate`` is in the unit of the primary metric, ``background_bps`` is of the background flow of a latency
    perf test; ``None`` without. ``idle_busy_share``: busy share of all CPUs of the tool's node while nothing runs.
    ``is_confirmation``: it belongs to a fresh unit for a speed-up, and to no estimate or mean of other units.
    ``is_superseded``: its unit was measured again by a resumed run; it counts nowhere, and is not missing.
    ``visit_start_ns``, ``visit_end_ns``: the whole visit, on the controller's clock.
    """

    run_id: str
    probecost: str
    environment: str
    iteration: int
    pair_kind: str
    case_key: str
    case_id: int | None
    case_name: str
    tool_id: str
    category: str
    parameters: Mapping[str, str]
    command: str
    visit_id: str
    unit: int
    planned_units: tuple[int, ...]
    pair: int
    arm: str
    order: int | None
    shared_baseline: bool
    perf_test: str
    conn_type: str
    duration_s: float | None
    streams: int
    start_ns: int | None
    end_ns: int | None
    server_node: str
    client_node: str
    tool_node: str
    clocks: Mapping[str, Clock]
    facts: Mapping[str, NodeFacts]
    tool: ToolFacts | None
    options: Mapping[str, str]
    void_reason: str
    error: str
    offered_rate: float | None = None
    target_bitrate: str = ""
    background_bps: float | None = None
    idle_busy_share: float = 0.0
    visit_start_ns: int | None = None
    visit_end_ns: int | None = None
    is_superseded: bool = False
    is_confirmation: bool = False

    @property
    def case(self) -> CaseId:
        return CaseId(self.environment, self.iteration, self.case_key)

    @property
    def test_pair(self) -> PairId:
        return PairId(self.environment, self.iteration, self.pair_kind)

    @property
    def test(self) -> PerfTestName:
        return PerfTestName.of(self.perf_test, self.conn_type)

    @property
    def unusable(self) -> str:
        """Why this perf test is not used; empty if it is."""
        return self.void_reason or (f"failed: {self.error}" if self.error else "")


#: The text before the name of the node whose tree has the file.
_NODE = '\n "node": "'
_recent: deque[tuple[str, PerfTestMetadata]] = deque(maxlen=1)


def parse(text: str) -> PerfTestMetadata:
    """The metadata in ``text``. Raises ``ParseError`` if it does not name the test of the folder.

    Each node of a perf test has a copy, which differs in nothing but the node: the second one is not read again. Over
    20,000 files of 7 KB that makes 19 us a file instead of 36.
    """
    before, key, after = text.partition(_NODE)
    content = before + key + "".join(after.partition('",\n')[1:])
    if not _recent or _recent[0][0] != content:
        _recent.append((content, _of(_read(text))))
    return _recent[0][1]


def _read(text: str) -> Metadata:
    try:
        return Metadata.model_validate_json(text)
    except ValidationError:  # no JSON as a whole: there may be an object in it, or the reason why there is none
        return Metadata.model_validate(parse_object(text))


def _of(found: Metadata) -> PerfTestMetadata:
    if found.schema_version is not None and found.schema_version > SCHEMA:
        raise ParseError(f"has schema {found.schema_version}, this version reads up to {SCHEMA}")
    if found.lacks:
        raise ParseError(f"lacks {', '.join(found.lacks)}")
    tool, options, unit = found.tool or {}, _options(found.options), found.unit or 0
    return PerfTestMetadata(
        run_id=intern(found.run_id),
        probecost=intern(found.probecost),
        environment=intern(found.environment),
        iteration=found.iteration or 0,
        pair_kind=intern(found.pair_kind),
        case_key=intern(found.case_key),
        case_id=found.case_id,
        case_name=intern(found.case_name),
        tool_id=intern(found.tool_id),
        category=intern(found.category),
        parameters=_parameters(found.parameters),
        command=intern(found.command or ""),
        visit_id=found.visit_id,
        unit=unit,
        planned_units=_numbers(found.planned_units),
        pair=found.pair or unit,
        arm=intern(found.arm),
        order=found.order,
        shared_baseline=found.shared_baseline,
        perf_test=intern(found.perf_test),
        conn_type=intern(found.conn_type),
        duration_s=found.duration_s,
        streams=max(1, found.streams or 1),
        background_bps=found.background_bps,
        idle_busy_share=found.idle_busy_share or 0.0,
        start_ns=found.start_ns or None,
        end_ns=found.end_ns or None,
        server_node=_shared_words(found.nodes, "server"),
        client_node=_shared_words(found.nodes, "client"),
        tool_node=_shared_words(found.nodes, "tool") or _shared_words(found.nodes, "server"),
        clocks=_clocks(found.clocks),
        facts=_facts(found.facts),
        tool=_tool(tool) if tool else None,
        options=options.texts,
        void_reason=intern(found.void_reason or "") or _void_by_tool(tool),
        error=found.error or "",
        offered_rate=_above_0(found.offered_rate),
        target_bitrate=options.target_bitrates.get((found.perf_test, found.conn_type), ""),
        visit_start_ns=found.visit_start_ns or None,
        visit_end_ns=found.visit_end_ns or None,
        is_superseded=found.superseded,
        is_confirmation=found.confirmation,
    )


def _shared_words(values: Mapping[str, object], key: str) -> str:
    """Like ``words``, but equal texts of all files are one object."""
    return intern(words(values, key))


_Made = TypeVar("_Made")


def _shared(make: Callable[[Mapping[str, object]], _Made], recent: int) -> Callable[[Mapping[str, object]], _Made]:
    """Cache ``make`` for the last ``recent`` different values.

    Thousands of files repeat the facts of the same few nodes, and the options of the same run.
    """
    made: deque[tuple[Mapping[str, object], _Made]] = deque(maxlen=recent)

    def of(values: Mapping[str, object]) -> _Made:
        for known, result in made:
            if known == values:
                return result
        made.append((values, make(values)))
        return made[-1][1]

    return of


class _Options(NamedTuple):
    """The options of a run as text, and the bitrates of streams in them, by perf test and connection type."""

    texts: Mapping[str, str]
    target_bitrates: Mapping[tuple[str, str], str]


def _read_options(values: Mapping[str, object]) -> _Options:
    specs = values.get("perf_tests")
    found = [spec for spec in (specs if isinstance(specs, list) else ()) if isinstance(spec, dict)]
    bitrates = {
        (words(spec, "perf_type"), words(spec, "conn_type")): words(spec, "target_bitrate") for spec in reversed(found)
    }
    return _Options(_texts(values), bitrates)


def _void_by_tool(values: Mapping[str, object]) -> str:
    """The reason that voids a visit whose tool did not run from start to stop; empty if it did."""
    if words(values, "outcome") in ("exited", "timeout", "refused"):
        return "the tool did not start"
    if child(values, "stop").get("alive") is False:
        return "the tool ended before the visit did"
    return ""


def _numbers(entries: Sequence[object]) -> tuple[int, ...]:
    """The whole numbers above 0 among them, sorted."""
    return tuple(sorted({entry for entry in entries if type(entry) is int and entry > 0}))


def _above_0(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def _texts(values: Mapping[str, object]) -> Mapping[str, str]:
    """Values as text: lists joined by commas, ``null`` left out, sorted by name."""
    texts = {}
    for key in sorted(values):
        value = values[key]
        if isinstance(value, list):
            texts[key] = ",".join(str(item) for item in value)
        elif value is not None:
            texts[key] = str(value)
    return texts


def _read_clocks(values: Mapping[str, object]) -> Mapping[str, Clock]:
    clocks = {}
    for node in values:
        entry = child(values, node)
        offset_ns = whole(entry, "offset_ns")
        if offset_ns is not None:
            clocks[node] = Clock(offset_ns, whole(entry, "uncertainty_ns") or 0, whole(entry, "drift_ns"))
    return clocks


def _tool(values: Mapping[str, object]) -> ToolFacts:
    stop = child(values, "stop")
    return ToolFacts(
        words(values, "file"),
        words(values, "sha256"),
        words(values, "outcome"),
        number(values, "time_to_ready_s"),
        number(values, "guard_s"),
        part=words(values, "part"),
        ended_by=words(stop, "signal"),
        last_words=(words(stop, "stderr_tail") or words(stop, "stdout_tail"))[-LAST_WORDS:],
    )


def _node_facts(values: Mapping[str, object]) -> NodeFacts:
    entries = values.get("interfaces")
    interfaces = [
        entry
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and words(entry, "name") not in ("", "lo")
    ]
    speeds_mbps = [speed for entry in interfaces if (speed := _above_0(number(entry, "speed_mbps"))) is not None]
    return NodeFacts(
        hostname=words(values, "hostname"),
        kernel=words(values, "kernel"),
        arch=words(values, "arch"),
        cpu_model=words(values, "cpu_model"),
        cpus=words(values, "cpus"),
        memory_kb=whole(values, "memory_kb"),
        governor=words(values, "governor"),
        iperf3=words(values, "iperf3"),
        netperf=words(values, "netperf"),
        interfaces=tuple(
            f"{words(entry, 'name')} ({words(entry, 'driver') or 'no driver'}, MTU {words(entry, 'mtu') or '?'})"
            for entry in interfaces
        ),
        line_bps=max(speeds_mbps) * 1e6 if speeds_mbps else None,
        boot_id=words(values, "boot_id"),
        pid_namespace=words(values, "pid_namespace"),
    )


def _read_facts(values: Mapping[str, object]) -> Mapping[str, NodeFacts]:
    return {node: _node_facts(child(values, node)) for node in values}


_parameters, _clocks = _shared(_texts, 4), _shared(_read_clocks, 4)
_facts, _options = _shared(_read_facts, 4), _shared(_read_options, 4)
