"""Requests to a node's supervisor and its answers, as values. Paths are relative to the workdir."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from probecost.remote.answers import AnswerError, member, typed

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class ServerSpec:
    """A server to start: ``{port}`` and ``{port2}`` in argv and file names become free ports."""

    name: str
    argv: tuple[str, ...]
    stdout: str
    stderr: str
    ports: int = 1
    lingers: bool = False


@dataclass(frozen=True)
class OpenServer:
    name: str
    ports: tuple[int, ...]
    pid: int


@dataclass(frozen=True)
class ClientSpec:
    name: str
    argv: tuple[str, ...]
    stdout: str
    stderr: str


@dataclass(frozen=True)
class GeneratorEnd:
    """Result of one generator; the times are of the node's clock (Unix ns) and 0 for servers."""

    name: str
    exit_code: int | None
    stderr_tail: str
    stdout_bytes: int
    start_ns: int = 0
    end_ns: int = 0
    hung: bool = False


@dataclass(frozen=True)
class ToolSpec:
    """A tool to start. Paths are relative to the workdir; ``monitors`` holds the files cpu, memory and logsize.

    ``expected``: numbers of programs that an earlier start loaded and attached; with as many it counts as ready sooner.
    ``expected_names`` are the names of all its programs, the last of which came ``expected_within_s`` after the start.
    """

    command: str
    stdout: str
    stderr: str
    attaches: str
    ready_timeout_s: float
    stop_signal: str
    log_cap_bytes: int
    monitors: Mapping[str, str] = field(default_factory=dict)
    expected: tuple[int, int] | None = None
    expected_names: tuple[str, ...] = ()
    expected_within_s: float | None = None

    @property
    def sent(self) -> dict[str, object]:
        """Arguments of a start: all but the monitors, which belong to a visit."""
        return {key: value for key, value in vars(self).items() if key != "monitors"}


@dataclass(frozen=True)
class ToolStart:
    """Result of a tool's start: ``outcome`` is ready, partial, refused, exited or timeout.

    ``names`` are its programs, ``missing`` the programs that are not attached, or absent unlike before.
    """

    outcome: Literal["ready", "partial", "refused", "exited", "timeout"]
    pid: int
    exit_code: int | None
    cap_hit: bool
    stderr_tail: str
    time_to_ready_s: Seconds | None
    programs_loaded: int
    programs_attached: int
    attachment_observable: bool
    names: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    stdout_tail: str = ""

    @classmethod
    def read(cls, answer: object, within_s: float) -> ToolStart:
        """Parse the answer. ``AnswerError``: wrong form, or a start longer than ``within_s``, the time of the wait."""
        found = typed(cls, answer)
        if (found.time_to_ready_s or 0) > within_s:
            raise AnswerError(f"time_to_ready_s: {found.time_to_ready_s:g}, and {within_s:g} s have been waited")
        return found


@dataclass(frozen=True)
class Left:
    """A leftover attachment of an ended tool; ``removed``: it is gone now."""

    what: str
    removed: bool


@dataclass(frozen=True)
class ToolStop:
    """Result of a tool's stop.

    ``alive``: it still ran when the stop was requested. ``still_running``: its processes that run now. ``left``:
    attachments that it did not remove. ``names`` are its programs at the end; ``late`` ones came after it counted as
    ready, the last of them ``complete_s`` after its start.
    """

    alive: bool
    exit_code: int | None
    signal: str | None
    cap_hit: bool
    programs_gone: bool
    still_running: tuple[str, ...]
    log_bytes: int
    stderr_tail: str
    samples: int
    monitor_error: str | None
    left: tuple[Left, ...] = ()
    stop_s: Seconds = 0.0
    names: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    complete_s: Seconds | None = None
    stdout_tail: str = ""

    @classmethod
    def read(cls, answer: object) -> ToolStop | None:
        """Parse the answer; ``None`` if no tool was running. ``AnswerError``: wrong form."""
        found = typed(dict[str, Any], answer)
        if not found:
            return None
        sampler = typed(_Sampler, found.get("sampler"))
        return typed(cls, found | {"samples": sampler.samples, "monitor_error": sampler.error})


@dataclass(frozen=True)
class _Sampler:
    samples: int
    error: str | None


@dataclass(frozen=True)
class SwitchSpec:
    """Request to switch a tool inside a flow that runs for ``flow_s`` more seconds.

    ``pairs``: the arms of each pair in order; as many are made as fit. ``lead_s``: the expected time of a start of the
    tool; segments without it are preceded by an equal wait. The counters of ``interface`` and of the node at both ends
    of each segment go to the file ``segments``.
    """

    pairs: Sequence[tuple[str, str]]
    segment_s: float
    guard_s: float
    lead_s: float
    flow_s: float
    interface: str
    segments: str


@dataclass(frozen=True)
class CounterSeries:
    """A node's counters at equal intervals. A row: ns since the first row, then the counters of ``names``."""

    names: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]

    def column(self, name: str) -> tuple[int, ...]:
        place = 1 + self.names.index(name)
        return tuple(row[place] for row in self.rows)


@dataclass(frozen=True)
class Switched:
    """Result of switching a tool inside a flow: the number of ``pairs`` of segments, each start and each stop.

    ``other_starts``, ``other_stops``: starts and stops of the other version, if one ran in the segments without it.
    """

    pairs: int
    starts: tuple[ToolStart, ...]
    stops: tuple[ToolStop, ...]
    other_starts: tuple[ToolStart, ...] = ()
    other_stops: tuple[ToolStop, ...] = ()

    @classmethod
    def read(cls, answer: object, within_s: float) -> Switched:
        """Parse the answer. ``AnswerError`` as for ``ToolStart`` and ``ToolStop``."""
        found = typed(dict[str, Any], answer)
        starts, other_starts = (
            tuple(ToolStart.read(one, within_s) for one in typed(list[Any], found.get(name)))
            for name in ("starts", "other_starts")
        )
        stops, other_stops = (
            tuple(stop for one in typed(list[Any], found.get(name)) if (stop := ToolStop.read(one)) is not None)
            for name in ("stops", "other_stops")
        )
        return cls(typed(int, found.get("pairs")), starts, stops, other_starts, other_stops)


@dataclass(frozen=True)
class Machine:
    """A process with a VM's UUID (in lower case) in its command line, and its ``program``."""

    pid: int
    uuid: str
    program: str

    @classmethod
    def read_all(cls, answer: object) -> list[Machine]:
        found = member("processes", list[_Process])(answer)
        return [cls(one.pid, one.uuid.lower(), one.exe or one.argv[0]) for one in found]


@dataclass(frozen=True)
class _Process:
    pid: int
    uuid: str
    exe: str | None
    argv: Annotated[tuple[str, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Digest:
    """SHA-256 of a file, ``None`` if there is no file."""

    sha256: str | None


@dataclass(frozen=True)
class Lacks:
    """What a node is missing: programs, files below the workdir; and problems of the workdir or the supervisor."""

    programs: tuple[str, ...]
    files: tuple[str, ...] = ()
    workdir: tuple[str, ...] = ()
    supervisor: str | None = None

    @classmethod
    def read(cls, answer: object) -> Lacks:
        found = typed(_Missing, answer)
        programs, workdir = (
            tuple(item.name for item in found.missing if item.kind == kind) for kind in ("program", "workdir")
        )
        return cls(programs, found.files, workdir)


@dataclass(frozen=True)
class _Item:
    kind: Literal["program", "workdir"]
    name: str


@dataclass(frozen=True)
class _Missing:
    missing: tuple[_Item, ...]
    files: tuple[str, ...]
