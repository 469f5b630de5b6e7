"""The figures of one case's perf tests, visits and flows alike, with what the gates found against them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probecost.analysis.gates.counters import read_counters
from probecost.analysis.gates.pairs import pair_gates
from probecost.analysis.settings.settings import Settings
from probecost.analysis.tree.metadata import PerfTestMetadata
from probecost.analysis.tree.problem import Problem
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.values.flow import FlowReading, measure_flow, read_flow
from probecost.analysis.values.measurement import Measured, Measurement, measure
from probecost.analysis.values.perf_test import VisitReading, read_visit
from probecost.results.layout import SWITCHED

#: What the raw files of one perf test hold. It depends on nothing else, and stays true while the case grows.
Reading = VisitReading | FlowReading


@dataclass(frozen=True)
class CaseValues:
    """One result for each reading, in their order. ``notes``: what gates on pairs remark and void nothing for."""

    results: tuple[Measured, ...] = ()
    notes: tuple[Problem, ...] = ()

    @property
    def measurements(self) -> list[Measurement]:
        return [row for result in self.results for row in result.measurements]

    @property
    def metadata(self) -> list[PerfTestMetadata]:
        """With the reason, where a gate voided the perf test."""
        return [result.record.metadata for result in self.results]

    def __add__(self, other: CaseValues) -> CaseValues:
        return CaseValues((*self.results, *other.results), (*self.notes, *other.notes))

    def of_visits(self) -> CaseValues:
        """Without the switched flows, for which there are no notes."""
        return CaseValues(tuple(each for each in self.results if not each.record.place.is_switched), self.notes)

    def of_flows(self) -> tuple[Measured, ...]:
        return tuple(each for each in self.results if each.record.place.is_switched)


def without_fresh(records: Iterable[PerfTestFiles]) -> list[PerfTestFiles]:
    """Those that estimates and means are made of: all but the units that were made to confirm a speed-up."""
    return [record for record in records if not record.metadata.is_confirmation]


def fresh_of(records: Iterable[PerfTestFiles]) -> list[PerfTestFiles]:
    """The records of units that were made to confirm a speed-up."""
    return [record for record in records if record.metadata.is_confirmation]


def read(record: PerfTestFiles) -> Reading:
    """Read the raw files of one perf test. Never raises for what they hold."""
    counted = read_counters(record)
    return read_flow(counted) if record.metadata.arm == SWITCHED else read_visit(counted)


def measure_case(readings: Sequence[Reading], settings: Settings) -> CaseValues:
    """The values of perf tests that are all fresh or all not; the gates on pairs compare no others."""
    gates = pair_gates([reading.counted for reading in readings if isinstance(reading, VisitReading)])
    results = (
        measure(reading, settings, gates.void_reason(reading.counted.record))
        if isinstance(reading, VisitReading)
        else measure_flow(reading, settings)
        for reading in readings
    )
    return CaseValues(tuple(results), gates.notes)
