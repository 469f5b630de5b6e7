"""A case's tool: how it is to be started, and what is wrong with how it started and ended."""

from __future__ import annotations

from collections.abc import Mapping

from probecost.config.environment import Case
from probecost.errors import ToolError
from probecost.remote.messages import ToolSpec, ToolStart, ToolStop

_STAY = ": a tool must stay in the foreground until it is told to end (no daemon, no '&')"
_NO_PROGRAM = ": say attaches: none if it uses none, or a longer ready_timeout if it needs more time"


def tool_spec(
    case: Case, stdout: str, stderr: str, monitors: Mapping[str, str], expected: tuple[int, int] | None = None
) -> ToolSpec:
    """What a node needs to start it; all files are relative to the workdir."""
    return ToolSpec(
        command=case.command,
        stdout=stdout,
        stderr=stderr,
        attaches=case.attaches,
        ready_timeout_s=case.ready_timeout_s,
        stop_signal=case.stop_signal,
        log_cap_bytes=case.log_cap_bytes,
        monitors=monitors,
        expected=expected,
    )


def check_started(node: str, case: Case, started: ToolStart) -> None:
    """Raise ``ToolError`` unless the tool is ready."""
    tool, tail = case.tool_id, _quoted(started.stderr_tail)
    match started.outcome:
        case "exited" if started.exit_code == 0 and not started.cap_hit:
            raise ToolError(node, f"{tool} ended at once with exit code 0{_STAY}{tail}")
        case "exited" if started.cap_hit:
            raise ToolError(node, _cap_message(case))
        case "exited":
            raise ToolError(node, f"{tool} ended at once with exit code {started.exit_code}{tail}")
        case "timeout":
            seen = f"{started.programs_attached} of {started.programs_loaded} BPF programs attached"
            if not started.programs_loaded:
                seen = f"it loaded no BPF program{_NO_PROGRAM}"
            raise ToolError(node, f"{tool} did not attach within {case.ready_timeout_s:g} s ({seen}){tail}")


def check_ended(node: str, case: Case, stopped: ToolStop) -> None:
    """Also of a tool that did not start well: what runs on spoils the visits after it."""
    if stopped.still_running:
        what = f"{case.tool_id} could not be ended: {', '.join(stopped.still_running)}"
        raise ToolError(node, f"{what} ran on after SIGKILL; see on the node what holds it")


def check_stopped(node: str, case: Case, stopped: ToolStop) -> None:
    """Raise ``ToolError`` where a tool that was ready did not live until it was told to end, or left something."""
    tool = case.tool_id
    if stopped.cap_hit:
        raise ToolError(node, _cap_message(case))
    if not stopped.alive:
        stay = _STAY if stopped.exit_code == 0 else ""
        code = f"{stopped.exit_code}{stay}{_quoted(stopped.stderr_tail)}"
        raise ToolError(node, f"{tool} died during the visit with exit code {code}")
    if not stopped.programs_gone:
        raise ToolError(node, f"{tool} ended, but BPF programs that it loaded are still in the kernel")


def _cap_message(case: Case) -> str:
    keys = "log_cap of the tool, log_cap_bytes in a cases file"
    return f"{case.tool_id} was ended: its log reached the cap of {case.log_cap_bytes} bytes ({keys})"


def _quoted(tail: str) -> str:
    return f"; it said: {tail}" if tail else ""
