"""Units that were made to confirm a speed-up: kept apart from all others, and judged alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from probecost.analysis.judge.units import FLOWS, Series, whole_effects
from probecost.analysis.statistics.confirmation import Confirmation, confirmation
from probecost.analysis.tree.metadata import PerfTestMetadata
from probecost.analysis.values.measurement import Measured, Measurement
from probecost.results.layout import ARMS, SWITCHED
from probecost.results.names import CaseName, MetricId


@dataclass(frozen=True)
class Fresh:
    """The perf tests of fresh units, and what they measured, void values included."""

    records: tuple[PerfTestMetadata, ...] = ()
    measurements: tuple[Measurement, ...] = ()

    @classmethod
    def of(cls, measured: Iterable[Measured]) -> Self:
        found = list(measured)
        rows = tuple(row for result in found for row in result.measurements)
        return cls(tuple(result.record.metadata for result in found), rows)

    def confirmation(
        self, case: CaseName, metric: MetricId, schedule: str, lower_is_better: bool
    ) -> Confirmation | None:
        """What they say of a metric; ``None`` where none was made on its ``schedule``.

        A void unit, one that left no value, and one in which some pair has no ratio are made and not usable.
        """
        made = self._made(case, metric, schedule)
        if not made:
            return None
        series = Series()
        for row in self.measurements:
            own = row.case.name, row.metric_id
            if own == (case, metric) and not row.void_reason and row.is_switched == (schedule == FLOWS):
                series.add(row)
        return confirmation(made, whole_effects(series.units()), lower_is_better)

    def _made(self, case: CaseName, metric: MetricId, schedule: str) -> int:
        """How many units of its perf test have all their arms. One that was measured again counts once."""
        needed = {SWITCHED} if schedule == FLOWS else set(ARMS)
        arms: dict[tuple[int, int], set[str]] = {}
        for what in self.records:
            if (what.case.name, what.test) == (case, metric.test) and not what.is_superseded:
                arms.setdefault((what.iteration, what.unit), set()).add(what.arm)
        return sum(needed <= found for found in arms.values())
