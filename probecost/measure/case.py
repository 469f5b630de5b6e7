"""Measures a case on a bed: makes its visits on request, and fetches their results."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from probecost.config.environment import Case, PerfTestSpec
from probecost.errors import Gatherer, ProbecostError
from probecost.measure.bed import Bed
from probecost.measure.flow import SEGMENT_S, FlowVisit, Switching, flow_duration_s, lead_s
from probecost.measure.tool import Expected
from probecost.measure.visit import Around, Visit, VisitSetup
from probecost.measure.visit_record import VisitRecord, metadata, planned_units
from probecost.plan.offered_loads import specs_of_pair
from probecost.plan.plan import counted_interface
from probecost.plan.visits import SwitchPlan, VisitPlan
from probecost.remote.node import Node
from probecost.remote.pool import each, on_all
from probecost.results import layout


class CaseRun:
    """A case on a bed: ``measure`` and ``fetch`` in turn, ``stop`` at any time. A failure keeps earlier results.

    ``switching``: lengths of segments and flows; without it each flow lasts as long as its perf test. ``finished``:
    visits that an earlier session of the run made.
    """

    def __init__(
        self, bed: Bed, case: Case, switching: SwitchPlan | None = None, finished: Collection[VisitPlan] = ()
    ) -> None:
        self.bed = bed
        self.case = case
        self.switching = switching
        self.visits: list[VisitRecord] = []
        self._units = planned_units(finished)
        self._pair = bed.environment.pairs[case.pair_kind]
        self._done: list[Visit] = []

    @property
    def nodes(self) -> list[Node]:
        """The nodes that this case uses, each once."""
        return [self.bed.nodes[name] for name in self._pair.measured_on]

    def measure(self, planned: Sequence[VisitPlan], around: Around, only: Collection[str] = ()) -> None:
        """Make these visits, with all perf tests or only those in ``only``.

        The first failure ends it; its error has node, step and reason.
        """
        with self.bed.interruptible():
            self.bed.revive(self.nodes)
            self.bed.prepare_tool(self.case.tool_id, [self.case])
            self._units |= planned_units(planned)
            own = specs_of_pair(self.bed.options.perf_tests, self.case.pair_kind)
            specs = tuple(spec for spec in own if not only or spec.name in only)
            for plan in planned:
                self._visit(plan, specs, around)

    def _visit(self, plan: VisitPlan, specs: tuple[PerfTestSpec, ...], around: Around) -> None:
        record = VisitRecord.of(plan, time.time_ns())
        visit = self._made(record, specs)
        self.visits.append(record)
        self._done.append(visit)
        gatherer = Gatherer(f"visit of {self.case.key}")
        with gatherer.step():
            visit.run(around)
        with suppress(ProbecostError):  # a lost node has been reported
            on_all("clocks", self.nodes, lambda node: node.check_clock())
        with gatherer.step():
            self._write_metadata(visit)
        try:
            gatherer.raise_all()
        except Exception as error:
            record.error = record.error or str(error)
            raise

    def _made(self, record: VisitRecord, specs: tuple[PerfTestSpec, ...]) -> Visit:
        bed, case = self.bed, self.case
        digests = bed.tool_sha256(case), self._other_sha256
        whole = bed.options.require_all_probes
        setup = VisitSetup(case, self._pair, bed.nodes, bed.environment.port_range, specs, *digests, whole)
        if record.arm != layout.SWITCHED:
            return Visit(setup, record, self._seen(record.arm))
        interface = counted_interface(bed.environment, case.pair_kind)
        assert interface is not None  # no plan switches without it
        slowest_s = max((start for visit in self.visits if (start := visit.complete_s) is not None), default=None)
        stop_s = max((visit.stop_s for visit in self.visits), default=0.0)
        segment_s = SEGMENT_S if self.switching is None else self.switching.segment_s
        seen = self._seen(layout.TOOL), self._seen(layout.BASELINE)
        switching = Switching(interface, bed.options.seed, bed.iteration, lead_s(slowest_s), segment_s, *seen)
        longer = tuple(
            replace(spec, duration_s=flow_duration_s(self._flow_s(spec), slowest_s, segment_s, stop_s))
            for spec in specs
        )
        return FlowVisit(replace(setup, perf_tests=longer), record, switching)

    @property
    def _other_sha256(self) -> str | None:
        other = self.case.other
        return None if other is None else self.bed.tool_sha256(other)

    @property
    def _versus(self) -> dict[str, str | None] | None:
        other = self.case.other
        if other is None:
            return None
        return {"command": other.command, "file": other.tool_file, "sha256": self._other_sha256}

    def _seen(self, arm: str) -> Expected | None:
        """The tool in the last visit of ``arm``, or flow, in which it was ready; ``None`` if there is none."""
        arms = (arm, layout.SWITCHED) if arm == layout.TOOL else (arm,)
        tools = [visit.tool for visit in self.visits if visit.arm in arms and visit.time_to_ready_s is not None]
        return Expected.of(tools[-1]) if tools and tools[-1] is not None else None

    def _flow_s(self, spec: PerfTestSpec) -> float:
        return spec.duration_s if self.switching is None else self.switching.flow_s(spec.name, spec.duration_s)

    def _write_metadata(self, visit: Visit) -> None:
        context = self.bed.context(self._pair) | {"planned_units": sorted(self._units)}

        def write(node: Node) -> None:
            node.write(
                {
                    f"{layout.TREE}/{perf_test.folder.metadata}": metadata(
                        context, self.case, visit.record, perf_test, node.name, self._versus
                    ).text
                    for perf_test in visit.record.perf_tests
                }
            )

        on_all("metadata", self.nodes, write)

    def stop(self) -> None:
        """End everything of this case that still runs; there is nothing to do after a complete visit."""
        cut = [visit.record for visit in self._done if visit.record.ended_ns == 0]
        if cut:
            for record in cut:
                record.ended_ns = time.time_ns()
                record.error = record.error or "interrupted"
            on_all(f"stopping {self.case.key}", self.nodes, lambda node: node.stop_all())
            with suppress(ProbecostError):
                self._write_metadata(self._done[-1])

    def fetch(self) -> None:
        """Fetch the results from all nodes at once; a node's copy is removed when the local one is complete."""
        paths = [path for visit in self._done for path in visit.paths]
        if not paths:
            return

        def fetch_one(node: Node) -> None:
            node.fetch(paths, self._local(node))
            if not self.bed.options.keep_remote:
                node.remove(paths)

        gatherer = Gatherer(f"results of {self.case.key}")
        for result in each(self.nodes, fetch_one).values():
            if isinstance(result, Exception):
                gatherer.errors.append(result)
        self._done.clear()
        gatherer.raise_all()

    def artifacts(self) -> Sequence[Path]:
        """Local files of this case's visits: the tool's logs first, then the folders of its perf tests."""
        found: dict[Path, None] = {}
        folder = layout.VisitFolder(self.case.pair_kind, self.case.folder)
        for node in self.nodes:
            base = self._local(node) / layout.TREE
            for pattern in ("ebpf_*.log", "ebpf_monitoring/*.log"):
                found.update(dict.fromkeys(sorted((base / folder.path).glob(pattern))))
        for record in self.visits:
            for perf_test in record.perf_tests:
                for node in self.nodes:
                    path = self._local(node) / layout.TREE / perf_test.folder.path
                    if path.is_dir():
                        found[path] = None
        return tuple(found)

    def _local(self, node: Node) -> Path:
        return self.bed.tree.node(self.bed.environment.name, self.bed.iteration, node.name)
