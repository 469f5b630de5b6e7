"""Calibrates a bed: short flows without any tool, readings of the idle node, and one flow with each tool."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from probecost.config.environment import Case, PairKind, PerfTestSpec
from probecost.errors import ProbecostError
from probecost.measure import as_it_was
from probecost.measure.bed import Bed
from probecost.measure.flow import FlowVisit, Switching
from probecost.measure.perf_test import Beside, run_perf_test
from probecost.measure.visit import VisitSetup
from probecost.measure.visit_record import PerfTestRecord, VisitRecord
from probecost.plan.calibration import SCHEMA, Calibration, Noise, PairCalibration, fingerprints
from probecost.plan.plan import counted_interface
from probecost.remote.messages import CounterSeries
from probecost.results import layout
from probecost.results.layout import TREE, PerfTestFolder, VisitFolder
from probecost.results.metrics import ARRIVED

FLOWS = 3
FLOW_S = 4
START_S = 0.3  # until a flow is steady
INTERVAL_S = 0.1
IDLE_S = 2.0
IDLE_LOOKS = 5  # at most, until one finds the node at rest
REST_CORES = 0.1  # most busy cores of a node at rest: above it, foreign load voids segments too unless configured
START_FLOW_S = 6
TICKS_PER_S = 100  # USER_HZ, the same on every Linux


def calibrate(bed: Bed, cases: Sequence[Case], tell: Callable[[str], None]) -> Calibration:
    """Measure the noise of every perf test of the pairs that ``cases`` use, and the start time of each of their tools.

    ``tell`` gets a line per step. A tool that does not start is no error here: its case reports it.
    """
    with bed.interruptible():
        kinds = [kind for kind in bed.environment.pairs if any(case.pair_kind == kind for case in cases)]
        pairs = {
            kind: _Calibrator(bed, kind, tell).pair([case for case in cases if case.pair_kind == kind])
            for kind in kinds
            if counted_interface(bed.environment, kind) is not None
        }
    return Calibration(
        schema_version=SCHEMA,
        measured_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S+00:00}",
        bed=fingerprints(bed.facts),
        pairs=pairs,
    )


class _Calibrator:
    """Calibrates one test pair of a bed."""

    def __init__(self, bed: Bed, kind: PairKind, tell: Callable[[str], None]) -> None:
        self._bed = bed
        self._kind = kind
        self._tell = tell
        self._pair = bed.environment.pairs[kind]
        self._tool_node = bed.nodes[self._pair.server.tool_node]
        interface = counted_interface(bed.environment, kind)
        assert interface is not None
        self._interface = interface

    def pair(self, cases: Sequence[Case]) -> PairCalibration:
        idle_busy_share = self._idle_busy_share()
        noise = {spec.name: self._noise(spec) for spec in self._bed.options.perf_tests}
        first = {case.tool_id: case for case in reversed(cases)}
        visits = {tool: self._start(case) for tool, case in first.items()}
        return PairCalibration(
            noise=noise,
            idle_busy_share=idle_busy_share,
            starts_s={tool: visit.complete_s for tool, visit in visits.items()},
            stops_s={tool: visit.stop_s for tool, visit in visits.items() if visit.stop_s},
            line_bps=self._line_bps(),
        )

    def _idle_busy_share(self) -> float:
        self._tell(f"calibration of the {self._kind} pair: the node at rest, {IDLE_S:g} s")
        looks = (self._tool_node.series(self._interface, INTERVAL_S, IDLE_S) for _ in range(IDLE_LOOKS))
        share, busy_cores = _at_rest(looks)
        if busy_cores:
            self._tell(
                f"calibration of the {self._kind} pair: {self._tool_node.name} is not at rest, {busy_cores:.2f} cores"
                f" are busy in the quietest of {IDLE_LOOKS} looks, expected at most {REST_CORES:g}: nothing is taken"
                " off the CPU time per GB; calibrate again with --calibration always when it is quiet"
            )
        return share

    def _line_bps(self) -> float | None:
        facts = self._bed.facts.get(self._tool_node.name, {})
        speeds = {entry["name"]: entry.get("speed_mbps") for entry in facts.get("interfaces", ())}
        speed_mbps = speeds.get(self._interface)
        return speed_mbps * 1e6 if speed_mbps else None

    def _noise(self, spec: PerfTestSpec) -> Noise:
        self._tell(f"calibration of {spec.name}: {FLOWS} flows of {FLOW_S} s without a tool")
        found = [self._flow(replace(spec, duration_s=FLOW_S)) for _ in range(FLOWS)]
        counter = ARRIVED[self._kind][spec.perf_type]
        return Noise(
            interval_s=INTERVAL_S,
            flows=tuple(_rates(series, counter.name, counter.scale) for series in found),
            busy_share=sum(map(_busy_share, found)) / len(found),
        )

    def _flow(self, spec: PerfTestSpec) -> CounterSeries:
        """Run one flow and return its series; the flow's files are removed."""
        found: list[CounterSeries] = []

        def watch(_: object) -> None:
            time.sleep(START_S)
            found.append(self._tool_node.series(self._interface, INTERVAL_S, FLOW_S - 2 * START_S))

        ts = layout.timestamp(time.time_ns())
        folder = PerfTestFolder(VisitFolder(self._kind), spec.perf_type, spec.conn_type, ts)
        server, client = self._bed.nodes[self._pair.server.node], self._bed.nodes[self._pair.client.node]
        try:
            run_perf_test(
                PerfTestRecord(folder, spec),
                self._pair,
                server,
                client,
                self._bed.environment.port_range,
                Beside(self._tool_node, watch),
            )
        finally:
            self._remove([f"{TREE}/{folder.path}"])
        return found[0]

    def _start(self, case: Case) -> VisitRecord:
        """Start and stop the tool during a flow; if that takes longer than the flow, or fails, it is never ready."""
        spec = min(self._bed.options.perf_tests, key=lambda spec: spec.perf_type != "throughput")
        self._tell(f"calibration of {case.tool_id}: its start during a flow of {START_FLOW_S} s")
        self._bed.prepare_tool(case.tool_id, [case])
        longer = replace(spec, duration_s=START_FLOW_S)
        setup = VisitSetup(
            case, self._pair, self._bed.nodes, self._bed.environment.port_range, (longer,), self._bed.tool_sha256(case)
        )
        record = VisitRecord(layout.SWITCHED, 1, 1, 1, False, started_ns=time.time_ns())
        switching = Switching(self._interface, 0, self._bed.iteration, lead_s=0.0)
        visit = FlowVisit(setup, record, switching)
        try:
            visit.run(lambda _: nullcontext())
        except ProbecostError as error:
            self._tell(f"calibration of {case.tool_id}: {str(error).splitlines()[0]}")
            self._tool_node.stop_all()
        finally:
            self._remove(visit.paths)
        as_it_was.check(self._tool_node)
        return record

    def _remove(self, paths: Sequence[str]) -> None:
        for name in self._pair.measured_on:
            self._bed.nodes[name].remove(paths)


def _rates(series: CounterSeries, counter: str, scale: float) -> tuple[float, ...]:
    times, counts = [row[0] for row in series.rows], series.column(counter)
    return tuple(
        round(scale * (later - sooner) / ((end - start) / 1e9), 1)
        for (start, end), (sooner, later) in zip(pairwise(times), pairwise(counts), strict=True)
        if end > start
    )


def _busy_share(series: CounterSeries) -> float:
    """Share of time that was not idle, over all CPUs: the kernel samples busy times, but measures idle ones."""
    idle, cpus = series.column("cpu_idle_ticks"), series.column("cpus")
    passed_s = (series.rows[-1][0] - series.rows[0][0]) / 1e9
    if passed_s <= 0 or not cpus[0]:
        return 0.0
    idle_s = (idle[-1] - idle[0]) / TICKS_PER_S
    return round(max(0.0, 1 - idle_s / (passed_s * cpus[0])), 4)


def _at_rest(looks: Iterable[CounterSeries]) -> tuple[float, float]:
    """The busy share in the first look at a node at rest, and 0; or 0, and the busy cores of the quietest look.

    Foreign load during calibration must not be subtracted from every CPU time per GB of the next day.
    """
    quietest = float("inf")
    for look in looks:
        share = _busy_share(look)
        cores = share * look.column("cpus")[0]
        if cores <= REST_CORES:
            return share, 0.0
        quietest = min(quietest, cores)
    return 0.0, quietest
