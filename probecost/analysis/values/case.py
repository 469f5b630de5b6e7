"""The figures of one case's perf tests, visits and flows alike, with what the gates found against them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probecost.analysis.gates.pairs import pair_gates
from probecost.analysis.settings.settings import Settings
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.values.flow import measure_flow
from probecost.analysis.values.measurement import Measured, measure
from probecost.results.layout import SWITCHED


def without_fresh(records: Iterable[PerfTestFiles]) -> list[PerfTestFiles]:
    """Those that estimates and means are made of: all but the units that were made to confirm a speed-up."""
    return [record for record in records if not record.metadata.is_confirmation]


def fresh_of(records: Iterable[PerfTestFiles]) -> list[PerfTestFiles]:
    """The records of units that were made to confirm a speed-up."""
    return [record for record in records if record.metadata.is_confirmation]


def measure_fresh(records: Iterable[PerfTestFiles], settings: Settings) -> list[Measured]:
    """One result for each of the fresh ones among ``records``, of any case; their gates see no other units."""
    return measure_case(fresh_of(records), settings)


def measure_case(records: Sequence[PerfTestFiles], settings: Settings) -> list[Measured]:
    """One result for each of ``records``, which are all fresh or all not; in their order."""
    gates = pair_gates([record for record in records if record.metadata.arm != SWITCHED])
    return [
        measure_flow(record, settings)
        if record.metadata.arm == SWITCHED
        else measure(record, settings, gates.void_reason(record))
        for record in records
    ]
