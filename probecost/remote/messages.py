"""What is asked of a node's supervisor and what it answers, as values. Paths are relative to the workdir."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ServerSpec:
    """A server to start: ``{port}`` and ``{port2}`` in argv and file names become the ports that were free."""

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
    """What became of one generator; the times are the node's clock (Unix ns) and 0 for servers."""

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

    ``expected``: how many programs an earlier start loaded and attached; with as many it counts as ready sooner.
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

    @property
    def sent(self) -> dict[str, object]:
        """What a start is asked for with: all but the monitors, which are those of a visit."""
        return {key: value for key, value in vars(self).items() if key != "monitors"}


@dataclass(frozen=True)
class ToolStart:
    """How the start of a tool ended: ``outcome`` is ready, partial, exited or timeout."""

    outcome: str
    pid: int
    exit_code: int | None
    cap_hit: bool
    stderr_tail: str
    time_to_ready_s: float | None
    programs_loaded: int
    programs_attached: int
    attachment_observable: bool

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> ToolStart:
        return cls(**{key: answer[key] for key in cls.__dataclass_fields__})


@dataclass(frozen=True)
class ToolStop:
    """How a tool ended.

    ``alive`` says whether it still ran when it was told to stop, ``still_running`` which of its processes run now.
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

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> ToolStop | None:
        """``None`` where no tool was running."""
        if not answer:
            return None
        sampler = answer["sampler"]
        names = ("alive", "exit_code", "signal", "cap_hit", "programs_gone", "log_bytes", "stderr_tail")
        return cls(
            **{name: answer[name] for name in names},
            still_running=tuple(answer["still_running"]),
            samples=sampler["samples"],
            monitor_error=sampler["error"],
        )


@dataclass(frozen=True)
class SwitchSpec:
    """How a tool is to be switched inside a flow that runs for ``flow_s`` more seconds.

    ``pairs``: the arms of each pair in order; as many are made as fit. ``lead_s``: how long a start of the tool is
    expected to take; before segments without it, as long is waited. The counters of ``interface`` and of the node at
    both ends of each segment go to the file ``segments``.
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
    """How a tool was switched inside a flow: ``pairs`` of segments that were made, each start and each stop.

    ``other_starts``, ``other_stops``: those of the tool that ran in the segments without it, where there was one.
    """

    pairs: int
    starts: tuple[ToolStart, ...]
    stops: tuple[ToolStop, ...]
    other_starts: tuple[ToolStart, ...] = ()
    other_stops: tuple[ToolStop, ...] = ()

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Switched:
        starts = [tuple(map(ToolStart.read, answer[name])) for name in ("starts", "other_starts")]
        stops = [
            tuple(stop for stop in map(ToolStop.read, answer[name]) if stop is not None)
            for name in ("stops", "other_stops")
        ]
        return cls(answer["pairs"], starts[0], stops[0], starts[1], stops[1])


@dataclass(frozen=True)
class Machine:
    """A process with a VM's UUID (in lower case) in its command line; ``program`` is what it runs."""

    pid: int
    uuid: str
    program: str


@dataclass(frozen=True)
class Lacks:
    """What a node has not: programs, files below the workdir; what is wrong with the workdir, or with sudo."""

    programs: tuple[str, ...]
    files: tuple[str, ...] = ()
    workdir: tuple[str, ...] = ()
    supervisor: str | None = None
