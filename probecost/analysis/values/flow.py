"""Measures switched flows: the rate of each segment from the counters at its ends, and reasons to void it.

A flow is one unit: its effect is the mean over its pairs of log(tool / baseline).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from probecost.analysis.gates import foreign_load, interface_setup
from probecost.analysis.gates.clocks import clock_void
from probecost.analysis.gates.counters import Counted
from probecost.analysis.gates.tool_remarks import of_tool
from probecost.analysis.parsers import segments
from probecost.analysis.parsers.segments import Segment
from probecost.analysis.parsers.text import ParseError, read_text
from probecost.analysis.settings.settings import Settings
from probecost.analysis.tree.problem import Kind, Problem
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.values.measurement import Measured, Measurement, set_aside
from probecost.results.layout import SEGMENTS_FILE
from probecost.results.metrics import ARRIVED, CPU_PER_BYTE, FOREIGN_CPU


@dataclass(frozen=True)
class FlowReading:
    """The segments of one switched flow. ``damage``: why their file is unusable, if it is."""

    counted: Counted
    segments: Sequence[Segment]
    damage: str = ""


def read_flow(counted: Counted) -> FlowReading:
    """Read the segments. Never raises for the content of the file."""
    try:
        return FlowReading(counted, segments.parse(read_text(_file(counted.record))))
    except ParseError as error:
        return FlowReading(counted, (), str(error))


def measure_flow(reading: FlowReading, settings: Settings) -> Measured:
    """A row per figure and segment; void if the flow did not cover it, or a gate stopped it."""
    counted, record = reading.counted, reading.counted.record
    what = record.metadata
    if reading.damage:
        damage = record.problem(_file(record), reading.damage, Kind.MISSING)
        return Measured((), set_aside(record) if what.is_superseded else (damage,), record)
    problems = [*_not_observable(reading)]
    remarks = (*interface_setup.programs_of_others(counted), *of_tool(what.tool))
    problems += [record.problem(_file(record), remark, Kind.REMARK) for remark in remarks]
    rows = []
    flow_void = what.unusable or clock_void(what) or _set_up_anew(counted) or _load_elsewhere(counted, settings)
    for segment in reading.segments:
        load = foreign_load.of_segment(what, segment)
        void_reason = flow_void or _outside(record, segment) or load.void_reason(settings.foreign_cpu_limit_pct)
        if void_reason:
            problems.append(_void(record, segment, void_reason))
        rows += [
            Measurement(what, metric, value, void_reason, segment)
            for metric, value in (
                *_figures(what.pair_kind, what.perf_test, segment, what.idle_busy_share),
                *([(FOREIGN_CPU, load.percent)] if load.percent is not None else []),
            )
        ]
    return Measured(tuple(rows), set_aside(record) if what.is_superseded else tuple(problems), record)


def _set_up_anew(counted: Counted) -> str:
    """Why a changed set-up voids the flow: the tool is off at both its ends, so the change is foreign_load."""
    changes = interface_setup.in_window(counted)
    return f"the set-up changed during the flow: {interface_setup.listed(changes)}" if changes else ""


def _load_elsewhere(counted: Counted, settings: Settings) -> str:
    """Foreign load on machines that do not count segments, where it is known for the whole flow only."""
    here = counted.record.metadata.tool_node
    elsewhere = (load for load in foreign_load.of_perf_test(counted) if here not in load.nodes)
    return next(filter(None, (load.void_reason(settings.foreign_cpu_limit_pct) for load in elsewhere)), "")


def _not_observable(reading: FlowReading) -> Iterator[Problem]:
    """A remark if the gate on foreign load was not checked although the node's file has its columns."""
    record, what = reading.counted.record, reading.counted.record.metadata
    counting = (segment for segment in reading.segments if "user_usec" in segment.counts)
    if any(foreign_load.of_segment(what, segment).percent is None for segment in counting):
        reason = f"foreign CPU time is not observable on {what.tool_node}"
        yield record.problem(_file(record), reason, Kind.REMARK)


def _figures(pair_kind: str, perf_test: str, segment: Segment, idle_busy_share: float) -> Iterator[tuple[str, float]]:
    """Figures of a segment. Latency is the time per transaction: one is in flight, and its request is one packet.

    In a segment without any transaction, latency is at least the segment's length, which is used.
    """
    counter = ARRIVED.get(pair_kind, ARRIVED["host"]).get(perf_test)
    if counter is None:
        return
    arrived = segment.counts.get(counter.name, 0)
    match perf_test:
        case "latency":
            yield "mean_us", segment.seconds * 1e6 / max(1, arrived)
            yield "transactions_per_s", arrived / segment.seconds
        case "throughput":
            yield "received_bps", arrived * counter.scale / segment.seconds
            busy_s = segment.cpu_busy_s
            if arrived and busy_s is not None:
                at_rest_s = idle_busy_share * segment.cpus * segment.seconds
                yield CPU_PER_BYTE, (busy_s - at_rest_s) / (arrived / 1e9)
        case "pps":
            yield "received_pps", arrived / segment.seconds


def _outside(record: PerfTestFiles, segment: Segment) -> str:
    """Why the segment is outside the client's run, as exactly as the clocks are known; empty if it is inside."""
    what = record.metadata
    if what.start_ns is None or what.end_ns is None:
        return "the times of the flow are unknown"
    client, counting = what.clocks.get(what.client_node), what.clocks.get(what.tool_node)
    shift_ns = (counting.offset_ns if counting else 0) - (client.offset_ns if client else 0)
    if segment.start_ns - shift_ns < what.start_ns:
        return "the flow had not begun"
    if segment.end_ns - shift_ns > what.end_ns:
        return "the flow had ended"
    return ""


def _void(record: PerfTestFiles, segment: Segment, reason: str) -> Problem:
    text = f"segment {segment.number} ({segment.arm}) is not used: {reason}"
    return record.problem(_file(record), text, Kind.VOID)


def _file(record: PerfTestFiles) -> Path:
    return record.place_on(record.metadata.tool_node) / SEGMENTS_FILE
