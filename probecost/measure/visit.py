"""A visit: a stretch of time in one arm. Baseline: perf tests alone. Tool: start, ready, monitors, perf tests, stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict

from probecost import layout
from probecost.config.models import Case, PerfTestSpec, TestPair
from probecost.errors import ConnectionLostError, Gatherer, ToolError, UnreachableError
from probecost.layout import TREE, VisitFolder
from probecost.measure.perf_test import run_perf_test
from probecost.measure.records import PerfTestRecord, PerfTestRun, VisitRecord
from probecost.remote.node import Node, ToolSpec, ToolStart, ToolStop

_STAY = ": a tool must stay in the foreground until it is told to end (no daemon, no '&')"
_NO_PROGRAM = ": say attaches: none if it uses none, or a longer ready_timeout if it needs more time"
Around = Callable[[PerfTestRun], AbstractContextManager[None]]


class Visit:
    """One visit of ``case`` to its pair; ``record`` says how it went, ``paths`` what it left on the nodes."""

    def __init__(
        self,
        case: Case,
        pair: TestPair,
        nodes: dict[str, Node],
        record: VisitRecord,
        *,
        port_range: tuple[int, int],
        perf_tests: tuple[PerfTestSpec, ...],
        tool_sha256: str | None,
    ) -> None:
        self.record = record
        self.folder = VisitFolder(case.pair_kind, None if record.arm == layout.BASELINE else case_folder(case))
        self._case = case
        self._pair = pair
        self._server = nodes[pair.server.node]
        self._client = nodes[pair.client.node]
        self._tool_node = nodes[pair.server.tool_node]
        self._port_range = port_range
        self._perf_tests = perf_tests
        self._tool_sha256 = tool_sha256
        self._tool_ts = layout.timestamp(record.started_ns)

    @property
    def paths(self) -> tuple[str, ...]:
        """Folders and files of this visit, relative to the workdir."""
        own = [f"{TREE}/{perf_test.folder.path}" for perf_test in self.record.perf_tests]
        return (*self.tool_files.values(), *own) if self.record.arm == layout.TOOL else tuple(own)

    @property
    def tool_files(self) -> dict[str, str]:
        """The files that the tool and its monitors write, relative to the workdir."""
        ts, folder = self._tool_ts, self.folder
        return {
            "stdout": f"{TREE}/{folder.tool_stdout(ts)}",
            "stderr": f"{TREE}/{folder.tool_stderr(ts)}",
            "cpu": f"{TREE}/{folder.tool_cpu(ts)}",
            "memory": f"{TREE}/{folder.tool_memory(ts)}",
            "logsize": f"{TREE}/{folder.tool_logsize(ts)}",
        }

    def run(self, around: Around) -> None:
        """Do it; whatever was started is stopped again, in reverse order. Raises all that went wrong, together."""
        gatherer = Gatherer(f"{self.record.arm} visit of {self._case.key}, unit {self.record.unit}")
        if self.record.arm == layout.TOOL:
            with gatherer.step():
                self._start_tool()
        if not gatherer.errors:
            self._run_perf_tests(around, gatherer)
        if self.record.arm == layout.TOOL:
            with gatherer.step():
                self._stop_tool()
        self.record.ended_ns = time.time_ns()
        try:
            gatherer.raise_all()
        except Exception as error:
            self.record.error = str(error)
            raise

    def _run_perf_tests(self, around: Around, gatherer: Gatherer) -> None:
        for spec in self._perf_tests:
            ts = layout.timestamp(time.time_ns())
            record = PerfTestRecord(self.folder.perf_test(spec.perf_type, spec.conn_type, ts), spec)
            self.record.perf_tests.append(record)
            with gatherer.step(), around(PerfTestRun(self._case, self.record.arm, self.record.unit, spec)):
                run_perf_test(record, self._pair, self._server, self._client, self._port_range)
            if self._is_pointless(gatherer):
                return

    def _is_pointless(self, gatherer: Gatherer) -> bool:
        """Whether the rest of the visit can give nothing: a node is gone, or the tool ended on its own."""
        cut = any(isinstance(error, ConnectionLostError | UnreachableError) for error in gatherer.errors)
        ended = any(event["event"] == "tool_ended" for event in self._tool_node.events())
        return cut or ended

    def _start_tool(self) -> None:
        self._tool_node.events()
        started = self._tool_node.start_tool(self._tool_spec())
        self.record.tool = {"file": self._case.tool_file, "sha256": self._tool_sha256, **asdict(started)}
        self.record.time_to_ready_s = started.time_to_ready_s
        self._check_started(started)

    def _stop_tool(self) -> None:
        stopped = self._tool_node.stop_tool()
        if stopped is not None and self.record.tool is not None:
            self.record.tool["stop"] = asdict(stopped)
            self._check_ended(stopped)
            if self.record.time_to_ready_s is not None:
                self._check_stopped(stopped)

    def _tool_spec(self) -> ToolSpec:
        case, files = self._case, self.tool_files
        return ToolSpec(
            command=case.command,
            stdout=files["stdout"],
            stderr=files["stderr"],
            attaches=case.attaches,
            ready_timeout_s=case.ready_timeout_s,
            stop_signal=case.stop_signal,
            log_cap_bytes=case.log_cap_bytes,
            monitors={name: files[name] for name in ("cpu", "memory", "logsize")},
        )

    def _check_started(self, started: ToolStart) -> None:
        node, tail = self._tool_node.name, _quoted(started.stderr_tail)
        match started.outcome:
            case "exited" if started.exit_code == 0 and not started.cap_hit:
                raise ToolError(node, f"{self._case.tool_id} ended at once with exit code 0{_STAY}{tail}")
            case "exited" if started.cap_hit:
                raise ToolError(node, self._cap_message())
            case "exited":
                raise ToolError(node, f"{self._case.tool_id} ended at once with exit code {started.exit_code}{tail}")
            case "timeout":
                seen = f"{started.programs_attached} of {started.programs_loaded} BPF programs attached"
                if not started.programs_loaded:
                    seen = f"it loaded no BPF program{_NO_PROGRAM}"
                limit = f"{self._case.ready_timeout_s:g} s"
                raise ToolError(node, f"{self._case.tool_id} did not attach within {limit} ({seen}){tail}")

    def _check_ended(self, stopped: ToolStop) -> None:
        """Also of a tool that did not start well: what runs on spoils the visits after it."""
        if stopped.still_running:
            what = f"{self._case.tool_id} could not be ended: {', '.join(stopped.still_running)}"
            raise ToolError(self._tool_node.name, f"{what} ran on after SIGKILL; see on the node what holds it")

    def _check_stopped(self, stopped: ToolStop) -> None:
        node, tool = self._tool_node.name, self._case.tool_id
        if stopped.cap_hit:
            raise ToolError(node, self._cap_message())
        if not stopped.alive:
            stay = _STAY if stopped.exit_code == 0 else ""
            code = f"{stopped.exit_code}{stay}{_quoted(stopped.stderr_tail)}"
            raise ToolError(node, f"{tool} died during the visit with exit code {code}")
        if not stopped.programs_gone:
            raise ToolError(node, f"{tool} ended, but BPF programs that it loaded are still in the kernel")

    def _cap_message(self) -> str:
        cap = f"{self._case.log_cap_bytes} bytes"
        keys = "log_cap of the tool, log_cap_bytes in a cases file"
        return f"{self._case.tool_id} was ended: its log reached the cap of {cap} ({keys})"


def case_folder(case: Case) -> layout.CaseFolder:
    return layout.CaseFolder(case.tool_id, case.id, case.hash)


def _quoted(tail: str) -> str:
    return f"; it said: {tail}" if tail else ""
