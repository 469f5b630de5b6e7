"""Units for the confirmation of a speed-up: kept separate from all other units, and judged alone."""

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
    """The perf tests of fresh units and their measurements, void values included."""

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
        """The confirmation of a metric by fresh units; ``None`` if there are none on its ``schedule``.

        A unit is unusable if it is void, has no value, or has a pair without a ratio.
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
        """The number of units of its perf test with all arms; a repeated unit counts once."""
        needed = {SWITCHED} if schedule == FLOWS else set(ARMS)
        arms: dict[tuple[int, int], set[str]] = {}
        for what in self.records:
            if (what.case.name, what.test) == (case, metric.test) and not what.is_superseded:
                arms.setdefault((what.iteration, what.unit), set()).add(what.arm)
        return sum(needed <= found for found in arms.values())
