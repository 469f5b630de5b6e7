"""Finds implausible or unchecked data in readable files: rates, round trips, times, the tool, counters.

Only used data are checked: a perf test that a gate voided counts nowhere, and may look like anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from probecost.analysis.gates.counters import read_counters
from probecost.analysis.parsers.text import is_file
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.study.run import Study
from probecost.analysis.tree.metadata import NodeFacts, PerfTestMetadata
from probecost.analysis.tree.problem import TREE, Kind, Problem, Where
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.values.measurement import Measurement
from probecost.analysis.values.visit import MIN_SHARE_OF_DURATION
from probecost.results.layout import (
    ARMS,
    COUNTERS_FILE,
    MONITORING,
    SEGMENTS_FILE,
    STAT_FILE,
    SWITCHED,
    TOOL,
    iteration_name,
)
from probecost.results.names import PerfTestName

#: A round trip wakes a process on either side and enters both kernels twice: no machine is faster.
LEAST_ROUND_TRIP_US = 2.0
#: netperf truncates its minimum to whole microseconds.
LEAST_MINIMUM_US = 1.0
#: Rates are taken over windows that differ by a few milliseconds.
TOLERANCE = 1.05

_READY = ("ready", "partial")
_SENT = {"received_bps": "sent_bps", "received_pps": "sent_pps"}
#: Unit, arm and perf test: one perf test of one case and iteration.
_Place = tuple[int, str, PerfTestName]


def doubts_of_case(case: CaseStudy, records: Sequence[PerfTestFiles], rows: Iterable[Measurement]) -> Iterator[Problem]:
    """Implausible data of one case, in addition to reading problems. ``records`` and ``rows`` are of the case."""
    by_place: dict[_Place, list[Measurement]] = {}
    for row in rows:
        place = (row.unit_index, SWITCHED if row.is_switched else row.arm, row.test)
        by_place.setdefault(place, []).append(row)
    first: dict[_Place, PerfTestFiles] = {}
    for record in records:
        what = record.metadata
        if what.is_superseded or what.unusable:
            continue
        place = (what.unit, what.arm, what.test)
        if place in first:
            reason = f"was measured twice: also in {first[place].place.path}"
            yield record.problem(record.place_on(what.client_node), reason, Kind.IMPLAUSIBLE)
        first.setdefault(place, record)
        used = [row for row in by_place.get(place, ()) if not row.void_reason]
        if used:
            yield from _figures(record, used)
            yield from _times(record)
        if what.arm == SWITCHED:
            yield from _clocks(record)
            yield from _segments(record, by_place.get(place, ()))
        yield from _tool(record)
        yield from _not_checked(record)
    yield from _cpu(case, records)


def doubts_of_tree(study: Study) -> Iterator[Problem]:
    """Problems of the whole tree: a run without an end, partial files, rebooted nodes."""
    if study.run.run_id and study.run.ended_ns is None:
        yield Problem(TREE, study.root, "the run has no end: it was interrupted, or goes on", Kind.MISSING)
    for folder, _, names in os.walk(study.root):
        for name in names:
            if name.startswith(".") and name.endswith(".part"):
                yield Problem(TREE, Path(folder) / name, "did not arrive whole: fetch it again", Kind.MISSING)
    boots: dict[tuple[str, int, str], set[str]] = {}
    for what in study.records:
        for node, facts in what.facts.items():
            if facts.boot_id:
                boots.setdefault((what.environment, what.iteration, node), set()).add(facts.boot_id)
    for (environment, iteration, node), ids in sorted(boots.items()):
        if len(ids) > 1:
            place = study.root / environment / iteration_name(iteration) / node
            reason = f"the node was started anew during the iteration: {len(ids)} boots"
            yield Problem(Where(environment, iteration), place, reason, Kind.REMARK)


def _figures(record: PerfTestFiles, rows: Sequence[Measurement]) -> Iterator[Problem]:
    """Implausible figures. ``rows`` are the used ones of the perf test; a flow has one row per segment and metric."""
    what = record.metadata
    path = record.place_on(what.tool_node if what.arm == SWITCHED else what.client_node)
    values: dict[str, list[float]] = {}
    for row in rows:
        values.setdefault(row.metric, []).append(row.value)

    def doubt(reason: str) -> Problem:
        return record.problem(path, reason, Kind.IMPLAUSIBLE)

    for metric, least_us in (("mean_us", LEAST_ROUND_TRIP_US), ("min_us", LEAST_MINIMUM_US)):
        low_us = min(values.get(metric, [least_us]))
        if low_us < least_us:
            name = metric.removesuffix("_us")
            yield doubt(f"a {name} round trip of {low_us:g} us: no network stack answers within {least_us:g} us")
    for received, sent in _SENT.items():
        got, gone = max(values.get(received, [0.0])), values.get(sent)
        if gone and got > TOLERANCE * max(gone):
            unit = "bits/s" if received.endswith("bps") else "datagrams/s"
            yield doubt(f"more was received than sent: {got:.0f} and {max(gone):.0f} {unit}")
    line_bps, got_bps = _line_bps(what), max(values.get("received_bps", [0.0]))
    if line_bps is not None and got_bps > TOLERANCE * line_bps:
        yield doubt(f"{got_bps:.0f} bits/s were received over a line of {line_bps:.0f}")
    if what.arm == SWITCHED:
        for metric in ("received_bps", "received_pps", "transactions_per_s"):
            idle = sum(value == 0 for value in values.get(metric, ()))
            if idle:
                yield doubt(f"nothing arrived in {idle} of {len(values[metric])} segments")


def _segments(record: PerfTestFiles, rows: Sequence[Measurement]) -> Iterator[Problem]:
    """Pairs with only one segment in the file. The planned number of segments is not recorded."""
    path = record.place_on(record.metadata.tool_node) / SEGMENTS_FILE
    arms: dict[int, set[str]] = {}
    for row in rows:
        arms.setdefault(row.pair_index, set()).add(row.arm)
    for pair, found in sorted(arms.items()):
        for arm in sorted(set(ARMS) - found):
            yield record.problem(path, f"pair {pair} has no segment of the {arm}", Kind.MISSING)


def _line_bps(what: PerfTestMetadata) -> float | None:
    """The speed of the server's fastest interface, ``None`` if unknown."""
    facts = what.facts.get(what.server_node)
    return None if facts is None else facts.line_bps


def _times(record: PerfTestFiles) -> Iterator[Problem]:
    """Problems of the client's own start and end. Unknown ones are reported with the tool's monitors."""
    what = record.metadata
    if what.start_ns is None or what.end_ns is None:
        if what.arm != TOOL:
            yield _of_metadata(record, "start or end of the perf test is unknown")
        return
    seconds = (what.end_ns - what.start_ns) / 1e9
    if seconds <= 0:
        yield _of_metadata(record, f"ends {-seconds:g} s before it starts")
    elif what.duration_s and seconds < MIN_SHARE_OF_DURATION * what.duration_s:
        yield _of_metadata(record, f"ran {seconds:.2f} s by its times, {what.duration_s:g} s were asked for")


def _clocks(record: PerfTestFiles) -> Iterator[Problem]:
    """Unknown clock offsets: the times of segments are of another node than the flow's."""
    what = record.metadata
    for node in dict.fromkeys((what.client_node, what.tool_node)):
        if node not in what.clocks:
            reason = f"the clock offset of {node} is unknown: segments are placed as if its clock were right"
            yield _of_metadata(record, reason)


def _tool(record: PerfTestFiles) -> Iterator[Problem]:
    """Doubts whether the tool was ready; trees of other scripts are checked elsewhere."""
    what = record.metadata
    if what.arm not in (TOOL, SWITCHED) or not what.probecost:
        return
    if what.tool is None or (what.tool.time_to_ready_s is None and what.tool.outcome not in _READY):
        yield _of_metadata(record, "does not tell whether the tool was ever ready")
    elif what.tool.outcome == "partial":
        part = f": {what.tool.part}" if what.tool.part else ""
        yield _of_metadata(record, f"not all of the tool's programs were attached{part}")


def _not_checked(record: PerfTestFiles) -> Iterator[Problem]:
    """Missing or unreadable counters: the gates could not be checked."""
    what = record.metadata
    if not what.probecost:
        return
    counted = read_counters(record).by_node
    for node in dict.fromkeys((what.server_node, what.client_node)):
        is_told = what.perf_test == "pps" and node == what.server_node and what.arm != SWITCHED
        if node not in counted and not is_told:
            path = record.expected(node, MONITORING) / COUNTERS_FILE
            why = "cannot be used" if is_file(path) else "is not there"
            reason = f"{why}: foreign load and set-up on {node} were not checked"
            yield record.problem(path, reason, Kind.MISSING)
    stat = record.tool_monitoring / STAT_FILE
    if what.perf_test == "throughput" and what.arm != SWITCHED and what.pair_kind == "host" and not is_file(stat):
        yield record.problem(stat, "is not there: no CPU time per gigabyte", Kind.MISSING)


def _cpu(case: CaseStudy, records: Sequence[PerfTestFiles]) -> Iterator[Problem]:
    """Impossible CPU use: more than all CPUs of the tool's node."""
    highest = case.usage.cpu_max_percent
    for record in (record for record in records if record.metadata.arm == TOOL):
        cpus = _cpus(record.metadata.facts, record.metadata.tool_node)
        if highest is not None and cpus and highest > TOLERANCE * 100 * cpus:
            reason = f"the tool used {highest:.0f} % of a core on a node of {cpus} CPUs"
            path = record.tool_visit_dir
            yield Problem(replace(record.where, unit=0, perf_test="", conn_type=""), path, reason, Kind.IMPLAUSIBLE)
            return


def _cpus(facts: Mapping[str, NodeFacts], node: str) -> int:
    known = facts.get(node)
    return int(known.cpus) if known is not None and known.cpus.isdecimal() else 0


def _of_metadata(record: PerfTestFiles, reason: str) -> Problem:
    path = record.place_on(record.metadata.client_node) / record.place.metadata.name
    return record.problem(path, reason, Kind.IMPLAUSIBLE)
