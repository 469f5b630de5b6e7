"""Measures the perf tests of one case, visits and flows, and applies the gates."""

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
from probecost.analysis.values.visit import VisitReading, read_visit
from probecost.results.layout import SWITCHED

#: Content of the raw files of one perf test. It depends on nothing else, and stays valid while the case grows.
Reading = VisitReading | FlowReading


@dataclass(frozen=True)
class CaseValues:
    """One result for each reading, in order. ``notes``: remarks of the gates on pairs, which void nothing."""

    results: tuple[Measured, ...] = ()
    notes: tuple[Problem, ...] = ()

    @property
    def measurements(self) -> list[Measurement]:
        return [row for result in self.results for row in result.measurements]

    @property
    def metadata(self) -> list[PerfTestMetadata]:
        """Metadata of the perf tests, with the reason if a gate voided one."""
        return [result.record.metadata for result in self.results]

    def __add__(self, other: CaseValues) -> CaseValues:
        return CaseValues((*self.results, *other.results), (*self.notes, *other.notes))

    def of_visits(self) -> CaseValues:
        """The values without switched flows, which have no notes."""
        return CaseValues(tuple(each for each in self.results if not each.record.place.is_switched), self.notes)

    def of_flows(self) -> tuple[Measured, ...]:
        return tuple(each for each in self.results if each.record.place.is_switched)


def without_fresh(records: Iterable[PerfTestFiles]) -> list[PerfTestFiles]:
    """The records for estimates and means: all but units for the confirmation of a speed-up."""
    return [record for record in records if not record.metadata.is_confirmation]


def fresh_of(records: Iterable[PerfTestFiles]) -> list[PerfTestFiles]:
    """The records of units for the confirmation of a speed-up."""
    return [record for record in records if record.metadata.is_confirmation]


def read(record: PerfTestFiles) -> Reading:
    """Read the raw files of one perf test. Never raises for their content."""
    counted = read_counters(record)
    return read_flow(counted) if record.metadata.arm == SWITCHED else read_visit(counted)


def measure_case(readings: Sequence[Reading], settings: Settings) -> CaseValues:
    """Measure perf tests that are all fresh or all not; the gates on pairs need all of them."""
    gates = pair_gates([reading.counted for reading in readings if isinstance(reading, VisitReading)])
    results = (
        measure(reading, settings, gates.void_reason(reading.counted.record))
        if isinstance(reading, VisitReading)
        else measure_flow(reading, settings)
        for reading in readings
    )
    return CaseValues(tuple(results), gates.notes)
