"""A visit: a period in one arm. Baseline: perf tests alone. Tool: start, ready, monitors, perf tests, stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace

from probecost.config.environment import Case, PerfTestSpec, TestPair
from probecost.errors import ConnectionLostError, Gatherer, UnreachableError
from probecost.measure import as_it_was
from probecost.measure.perf_test import Beside, run_perf_test
from probecost.measure.tool import (
    Expected,
    check_ended,
    check_started,
    check_stopped,
    incomplete,
    noted_part,
    tool_spec,
)
from probecost.measure.visit_record import PerfTestRecord, PerfTestRun, VisitRecord
from probecost.remote.messages import ToolSpec
from probecost.remote.node import Node
from probecost.results import layout
from probecost.results.layout import TREE, PerfTestFolder, VisitFolder

Around = Callable[[PerfTestRun], AbstractContextManager[None]]


@dataclass(frozen=True)
class VisitSetup:
    """Common settings of all visits of a case. ``tool_sha256``: of the tool's file on its node.

    ``other_sha256``: the same for the version that the case is measured against. ``whole``: a tool of which only a part
    attaches fails.
    """

    case: Case
    pair: TestPair
    nodes: Mapping[str, Node]
    port_range: tuple[int, int]
    perf_tests: tuple[PerfTestSpec, ...]
    tool_sha256: str | None
    other_sha256: str | None = None
    whole: bool = False


class Visit:
    """One visit of a case to its pair, with its ``record`` and the ``paths`` of its files on the nodes.

    ``expected``: the tool in an earlier visit; it counts as ready when it is complete.
    """

    def __init__(self, setup: VisitSetup, record: VisitRecord, expected: Expected | None = None) -> None:
        case, pair = setup.case, setup.pair
        self.record = record
        self.folder = VisitFolder(case.pair_kind, None if record.arm == layout.BASELINE else case.folder)
        self._case = case
        #: The version that runs during the perf tests.
        self._runs = {layout.TOOL: case, layout.BASELINE: case.other}.get(record.arm)
        self._pair = pair
        self._server = setup.nodes[pair.server.node]
        self._client = setup.nodes[pair.client.node]
        self._tool_node = setup.nodes[pair.server.tool_node]
        self._setup = setup
        self._expected = expected
        self._tool_ts = layout.timestamp(record.started_ns)

    @property
    def paths(self) -> tuple[str, ...]:
        """Folders and files of this visit, relative to the workdir."""
        own = [f"{TREE}/{perf_test.folder.path}" for perf_test in self.record.perf_tests]
        return (*self.tool_files.values(), *own) if self._runs is not None else tuple(own)

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
        """Make the visit; everything started is stopped, in reverse order. Raises all errors together."""
        gatherer = Gatherer(f"{self.record.arm} visit of {self._case.key}, unit {self.record.unit}")
        with gatherer.step():
            as_it_was.check(self._tool_node)
        if not gatherer.errors:
            self._run_on_same_bed(around, gatherer)
        self.record.ended_ns = time.time_ns()
        try:
            gatherer.raise_all()
        except Exception as error:
            self.record.error = str(error)
            raise

    def _run_on_same_bed(self, around: Around, gatherer: Gatherer) -> None:
        if self._runs is not None:
            with gatherer.step():
                self._start_tool(self._runs)
        if not gatherer.errors:
            self._run_perf_tests(around, gatherer)
        if self._runs is not None:
            with gatherer.step():
                self._stop_tool(self._runs)
        if not gatherer.errors:
            with gatherer.step():
                as_it_was.check(self._tool_node)

    def _run_perf_tests(self, around: Around, gatherer: Gatherer) -> None:
        for spec in self._setup.perf_tests:
            ts = layout.timestamp(time.time_ns())
            is_switched = self.record.arm == layout.SWITCHED
            folder = PerfTestFolder(self.folder, spec.perf_type, spec.conn_type, ts, is_switched)
            record = PerfTestRecord(folder, spec)
            self.record.perf_tests.append(record)
            with gatherer.step(), around(PerfTestRun(self._case, self.record.arm, self.record.unit, spec)):
                beside = self._beside(record)
                run_perf_test(record, self._pair, self._server, self._client, self._setup.port_range, beside)
            if self._is_pointless(gatherer):
                return

    def _beside(self, record: PerfTestRecord) -> Beside | None:
        """Work of another node during the perf test."""
        return None

    def _is_pointless(self, gatherer: Gatherer) -> bool:
        """Whether the rest of the visit can give nothing: a node is gone, or the tool ended on its own."""
        cut = any(isinstance(error, ConnectionLostError | UnreachableError) for error in gatherer.errors)
        ended = any(event["event"] == "tool_ended" for event in self._tool_node.events())
        return cut or ended

    def _start_tool(self, case: Case) -> None:
        self._tool_node.events()
        started = self._tool_node.start_tool(self._tool_spec(case))
        digest = self._setup.tool_sha256 if case is self._case else self._setup.other_sha256
        self.record.tool = {"file": case.tool_file, "sha256": digest, **asdict(started), **noted_part(started)}
        self.record.time_to_ready_s = started.time_to_ready_s
        check_started(self._tool_node.name, case, started, whole=self._setup.whole)

    def _stop_tool(self, case: Case) -> None:
        stopped = self._tool_node.stop_tool()
        if stopped is not None and self.record.tool is not None:
            self.record.tool["stop"] = asdict(stopped)
            check_ended(self._tool_node.name, case, stopped)
            if self.record.time_to_ready_s is not None:
                check_stopped(self._tool_node.name, case, stopped)
            self.record.void_reason = incomplete(case, stopped)

    def _tool_spec(self, case: Case) -> ToolSpec:
        files = self.tool_files
        monitors = {name: files[name] for name in ("cpu", "memory", "logsize")}
        expected = None if self._expected is None else replace(self._expected, counts=None)
        return tool_spec(case, files["stdout"], files["stderr"], monitors, expected)
