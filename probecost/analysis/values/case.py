"""The figures of one case's perf tests, visits and flows alike, with what the gates found against them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probecost.analysis.gates.foreign_load import LIMIT_PCT
from probecost.analysis.gates.pairs import pair_gates
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.values.flow import measure_flow
from probecost.analysis.values.measurement import Measured, measure
from probecost.results.layout import SWITCHED


def without_fresh(records: Iterable[PerfTestFiles]) -> list[PerfTestFiles]:
    """Those that estimates and means are made of: all but the units that were made to confirm a speed-up."""
    return [record for record in records if not record.metadata.is_confirmation]


def fresh_of(records: Iterable[PerfTestFiles]) -> list[PerfTestFiles]:
    """The others."""
    return [record for record in records if record.metadata.is_confirmation]


def measure_fresh(records: Iterable[PerfTestFiles], foreign_cpu_limit_pct: float = LIMIT_PCT) -> list[Measured]:
    """One result for each of the fresh ones among ``records``, of any case; their gates see no other units."""
    return measure_case(fresh_of(records), foreign_cpu_limit_pct)


def measure_case(records: Sequence[PerfTestFiles], foreign_cpu_limit_pct: float = LIMIT_PCT) -> list[Measured]:
    """One result for each of ``records``, which are all fresh or all not; in their order."""
    gates = pair_gates([record for record in records if record.metadata.arm != SWITCHED])
    return [
        measure_flow(record, foreign_cpu_limit_pct)
        if record.metadata.arm == SWITCHED
        else measure(record, gates.void_reason(record), foreign_cpu_limit_pct)
        for record in records
    ]
