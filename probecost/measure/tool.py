"""The start of a case's tool, and checks of its start and end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probecost.config.environment import Case
from probecost.errors import ToolError
from probecost.remote.messages import ToolSpec, ToolStart, ToolStop

_STAY = ": a tool must stay in the foreground until it is stopped (no daemon, no '&')"
_LEAVE = ". A tool must take away what it attached when it is asked to end, as the runs without it come next"
_NO_PROGRAM = (
    ": say attaches: none if it uses none, or a longer ready_timeout if it needs more time"
    " (with --command: --attaches none, --ready-timeout)"
)


@dataclass(frozen=True)
class Expected:
    """A tool in an earlier start: the numbers of its loaded and attached programs, and the names of all of them.

    The last of them came ``within_s`` seconds after the start. ``counts`` is ``None`` if some came late.
    """

    counts: tuple[int, int] | None
    names: tuple[str, ...] = ()
    within_s: float | None = None

    @classmethod
    def of(cls, tool: Mapping[str, Any]) -> Expected:
        """From a visit's record of its tool."""
        stop = tool.get("stop") or {}
        if stop.get("late"):
            return cls(None, tuple(stop["names"]), stop["complete_s"])
        counts = tool["programs_loaded"], tool["programs_attached"]
        return cls(counts, tuple(tool["names"]), tool["time_to_ready_s"])


def tool_spec(
    case: Case, stdout: str, stderr: str, monitors: Mapping[str, str], expected: Expected | None = None
) -> ToolSpec:
    """The request to start the tool; all files are relative to the workdir."""
    return ToolSpec(
        command=case.command,
        stdout=stdout,
        stderr=stderr,
        attaches=case.attaches,
        ready_timeout_s=case.ready_timeout_s,
        stop_signal=case.stop_signal,
        log_cap_bytes=case.log_cap_bytes,
        monitors=monitors,
        expected=None if expected is None else expected.counts,
        expected_names=() if expected is None else expected.names,
        expected_within_s=None if expected is None else expected.within_s,
    )


def check_started(node: str, case: Case, started: ToolStart, *, whole: bool = False) -> None:
    """Raise ``ToolError`` unless the tool is ready: all of it, where it must be ``whole``."""
    tool, tail = case.tool_id, _quoted(started)
    match started.outcome:
        case "exited" if started.exit_code == 0 and not started.cap_hit:
            raise ToolError(node, f"{tool} ended at once with exit code 0{_STAY}{tail}")
        case "exited" if started.cap_hit:
            raise ToolError(node, _cap_message(case))
        case "exited":
            raise ToolError(node, f"{tool} ended at once with exit code {started.exit_code}{tail}")
        case "refused":
            seen = f"none of {started.programs_loaded} BPF programs attached"
            raise ToolError(node, f"{tool} could not attach ({seen}){tail}")
        case "partial" if whole:
            raise ToolError(node, f"{tool} is not whole ({part_of(started)}), as --require-all-probes asks{tail}")
        case "timeout":
            seen = f"{started.programs_attached} of {started.programs_loaded} BPF programs attached"
            if not started.programs_loaded:
                seen = f"it loaded no BPF program{_NO_PROGRAM}"
            raise ToolError(node, f"{tool} did not attach within {case.ready_timeout_s:g} s ({seen}){tail}")


def check_ended(node: str, case: Case, stopped: ToolStop) -> None:
    """Raise ``ToolError`` if a tool left processes or attachments, also after a failed start: they spoil visits."""
    if stopped.still_running:
        what = f"{case.tool_id} could not be ended: {', '.join(stopped.still_running)}"
        raise ToolError(node, f"{what} ran on after SIGKILL; see on the node what holds it")
    if stopped.left:
        left = "; ".join(f"{one.what} ({'removed now' if one.removed else 'STILL THERE'})" for one in stopped.left)
        raise ToolError(node, f"{case.tool_id} ended and did not leave the node as it was: {left}{_LEAVE}")


def check_stopped(node: str, case: Case, stopped: ToolStop) -> None:
    """Raise ``ToolError`` if a ready tool died before its stop, or left something."""
    tool = case.tool_id
    if stopped.cap_hit:
        raise ToolError(node, _cap_message(case))
    if not stopped.alive:
        stay = _STAY if stopped.exit_code == 0 else ""
        code = f"{stopped.exit_code}{stay}{_quoted(stopped)}"
        raise ToolError(node, f"{tool} died during the visit with exit code {code}")
    if not stopped.programs_gone:
        raise ToolError(node, f"{tool} ended, but BPF programs that it loaded are still in the kernel")


def part_of(started: ToolStart) -> str:
    """``4 of 6 BPF programs attached, missing: a (kprobe), b (kprobe)``."""
    absent = sum(name not in started.names for name in started.missing)
    names = f", missing: {', '.join(started.missing)}" if started.missing else ""
    return f"{started.programs_attached} of {started.programs_loaded + absent} BPF programs attached{names}"


def noted_part(started: ToolStart) -> dict[str, str]:
    """The entry of the metadata for a tool that is attached in part, else empty."""
    return {"part": part_of(started)} if started.outcome == "partial" else {}


def incomplete(case: Case, stopped: ToolStop) -> str | None:
    """Why the measurement is not the tool's cost: some of its programs came late; ``None`` if none did."""
    if not stopped.late:
        return None
    came = f", the last of them {stopped.complete_s:.1f} s after its start" if stopped.complete_s is not None else ""
    count = f"{len(stopped.late)} of the {len(stopped.names)} BPF programs"
    return (
        f"{count} of {case.tool_id} came when it was measured already{came}: {', '.join(stopped.late)}; "
        "visits after this one wait for all of them"
    )


def _cap_message(case: Case) -> str:
    keys = "log_cap of the tool, log_cap_bytes in a cases file"
    return f"{case.tool_id} was ended: its log reached the cap of {case.log_cap_bytes} bytes ({keys})"


def _quoted(ended: ToolStart | ToolStop) -> str:
    """The ends of both of its streams."""
    if not ended.stderr_tail:
        return f"; it said: {ended.stdout_tail}" if ended.stdout_tail else ""
    return f"; it said: {ended.stderr_tail}" + (f"; on stdout: {ended.stdout_tail}" if ended.stdout_tail else "")
