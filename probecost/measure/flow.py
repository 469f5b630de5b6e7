"""A switched visit: a flow per perf test, in which the tool goes on and off while its node counts packets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from probecost.errors import Gathered, Gatherer, PerfTestError, ToolError
from probecost.measure.perf_test import Beside
from probecost.measure.tool import (
    Expected,
    check_ended,
    check_started,
    check_stopped,
    incomplete,
    noted_part,
    tool_spec,
)
from probecost.measure.visit import Visit, VisitSetup
from probecost.measure.visit_record import PerfTestRecord, VisitRecord
from probecost.measure.workloads import Workload
from probecost.plan.visits import order_of_segments
from probecost.remote.messages import Switched, SwitchSpec
from probecost.results.layout import TREE
from probecost.results.planning import GUARD_S, STOP_S, SURE_S, WARM_UP_S

SEGMENT_S = 0.5
CLIENT_START_S = 0.2  # a flow begins a little after its client's start, and must outlast the last segment


@dataclass(frozen=True)
class Switching:
    """Settings of switching. ``interface`` counts the rate, on the tool's node; ``lead_s``: time of a tool's start.

    Seed and iteration decide the order of the segments. ``expected``: the tool in the visit before, ``None`` if
    unknown; ``other_expected``: the same for the version it is measured against.
    """

    interface: str
    seed: int
    iteration: int
    lead_s: float
    segment_s: float = SEGMENT_S
    expected: Expected | None = None
    other_expected: Expected | None = None


def lead_s(time_to_ready_s: float | None) -> float:
    """Time of a later start: until the tool is ready, and until that is sure."""
    return (time_to_ready_s or 0.0) + SURE_S


def flow_duration_s(
    asked_s: float, time_to_ready_s: float | None, segment_s: float = SEGMENT_S, stop_s: float = 0.0
) -> float:
    """Length of a flow that a pair of segments fits into, at least ``asked_s``.

    The tool's start and stop may take a quarter longer than before, and the segment without it is preceded by a wait as
    long as the start.
    """
    pair_s = 2 * (segment_s + GUARD_S + 1.25 * lead_s(time_to_ready_s)) + max(STOP_S, 1.25 * stop_s)
    return max(asked_s, CLIENT_START_S + WARM_UP_S + pair_s)


class FlowVisit(Visit):
    """One switched visit: files and record like any visit, and ``segments.csv`` in the folder of each flow."""

    def __init__(self, setup: VisitSetup, record: VisitRecord, switching: Switching) -> None:
        super().__init__(setup, record)
        self._switching = switching
        self._made: list[Switched] = []

    def _beside(self, record: PerfTestRecord) -> Beside | None:
        return Beside(self._tool_node, lambda workload: self._switch(record, workload))

    def _is_pointless(self, gatherer: Gatherer) -> bool:
        """Whether the rest can give nothing: also after a failed tool, which would fail in the next flow too."""
        return any(isinstance(error, ToolError) for error in _single(gatherer.errors)) or super()._is_pointless(
            gatherer
        )

    def _switch(self, record: PerfTestRecord, workload: Workload) -> None:
        flow_s = workload.duration_s - CLIENT_START_S
        folder, what = record.folder, self._switching
        most = math.ceil(flow_s / (2 * (what.segment_s + GUARD_S)))
        files = f"{TREE}/{folder.switched_stdout}", f"{TREE}/{folder.switched_stderr}"
        order = order_of_segments(what.seed, self._case.key, self.record.unit, record.spec.name, most, what.iteration)
        other = self._case.other
        other_files = f"{TREE}/{folder.other_stdout}", f"{TREE}/{folder.other_stderr}"
        made = self._tool_node.switch(
            tool_spec(self._case, *files, {}, what.expected),
            SwitchSpec(
                pairs=order,
                segment_s=what.segment_s,
                guard_s=GUARD_S,
                lead_s=what.lead_s,
                flow_s=flow_s,
                interface=what.interface,
                segments=f"{TREE}/{folder.segments}",
            ),
            None if other is None else tool_spec(other, *other_files, {}, what.other_expected),
        )
        self._made.append(made)
        self._note()
        self._check(made, flow_s)

    def _note(self) -> None:
        """The tool's part of the metadata, over all flows so far."""
        starts = [start for made in self._made for start in made.starts]
        stops = [stop for made in self._made for stop in made.stops]
        ready = [start.time_to_ready_s for start in starts if start.time_to_ready_s is not None]
        self.record.time_to_ready_s = median(ready) if ready else None
        self.record.tool = {
            "file": self._case.tool_file,
            "sha256": self._setup.tool_sha256,
            **(asdict(starts[-1]) | noted_part(starts[-1]) if starts else {}),
            "time_to_ready_s": self.record.time_to_ready_s,
            "starts": len(starts),
            "stop": asdict(stops[-1]) if stops else {},
            "segment_s": self._switching.segment_s,
            "guard_s": GUARD_S,
        }

    def _check(self, made: Switched, flow_s: float) -> None:
        node = self._tool_node.name
        runs = [(self._case, made.starts, made.stops), (self._case.other, made.other_starts, made.other_stops)]
        for case, starts, stops in ((case, starts, stops) for case, starts, stops in runs if case is not None):
            for start in starts:
                check_started(node, case, start, whole=self._setup.whole)
            for stop in stops:
                check_ended(node, case, stop)
                check_stopped(node, case, stop)
                self.record.void_reason = self.record.void_reason or incomplete(case, stop)
        if made.pairs == 0:
            took = f"its start took {self.record.time_to_ready_s:g} s" if self.record.time_to_ready_s else "none began"
            raise PerfTestError(
                node,
                f"no pair of segments of {self._case.tool_id} fits into a flow of {flow_s:g} s ({took}): make the "
                "flows longer (--duration), or measure this tool with --schedule visits",
            )


def _single(errors: Sequence[Exception]) -> Iterator[Exception]:
    """The errors one by one, gathered ones too."""
    for error in errors:
        if isinstance(error, Gathered):
            yield from _single(error.errors)
        else:
            yield error
