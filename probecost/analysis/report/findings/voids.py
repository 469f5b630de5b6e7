"""The common reason if most units of a run are void, and the remedy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from probecost.analysis.gates.foreign_load import read_reason
from probecost.analysis.study.run import Study
from probecost.analysis.values.measurement import Measurement
from probecost.results.metrics import PRIMARY
from probecost.results.names import CaseId, PerfTestName

_TO_DO = (
    "End them or wait until they are done, and measure again with --calibration always; or raise "
    "foreign_cpu_limit_pct (analysis/config.yaml says how), which lets what they cost into the figures."
)
_NUMBER = re.compile(r"\d+(\.\d+)?")

#: Environment, iteration, case, whether it is a flow, number.
_Unit = tuple[CaseId, bool, int]


@dataclass(frozen=True)
class Voids:
    """Void units. ``text``: their number and the commonest reason; ``to_do``: the remedy, empty if unknown."""

    n_void: int
    n_units: int
    reason: str
    to_do: str

    @property
    def text(self) -> str:
        """``all 10 units void: other processes used 1.4 cores on host-server``."""
        if self.n_units == 1:
            return f"the only unit void: {self.reason}"
        count = f"all {self.n_units}" if self.n_void == self.n_units else f"{self.n_void} of {self.n_units}"
        return f"{count} units void: {self.reason}"

    @property
    def line(self) -> str:
        return f"{self.text[:1].upper()}{self.text[1:]}. {self.to_do}".rstrip()


def voids(study: Study) -> Voids | None:
    """The voids of a run; ``None`` if most of its units count, or nothing was measured."""
    found = voids_of(study.measurements)
    return found if found is not None and 2 * found.n_void >= found.n_units else None


def voids_of(rows: Iterable[Measurement]) -> Voids | None:
    """The void units of some rows; ``None`` if none is void.

    A unit is a flow, or a pair of visits, with all its perf tests; it is void if each of them lacks an arm in every
    pair. A shared baseline is no unit.
    """
    reasons: dict[_Unit, dict[tuple[PerfTestName, int], dict[str, list[str]]]] = {}
    for row in rows:
        if row.shared_baseline or row.metric != PRIMARY.get(row.perf_test):
            continue
        unit = (row.case, row.is_switched, row.unit_index)
        pair = (row.test, row.pair_index if row.is_switched else 0)
        reasons.setdefault(unit, {}).setdefault(pair, {}).setdefault(row.arm, []).append(row.void_reason)
    void = [
        [reason for arms in pairs.values() for said in arms.values() for reason in said if reason]
        for pairs in reasons.values()
        if all(any(all(said) for said in arms.values()) for arms in pairs.values())
    ]
    if not void:
        return None
    common, _ = Counter(_NUMBER.sub("", Counter(said).most_common(1)[0][0]) for said in void).most_common(1)[0]
    alike = [reason for said in void for reason in said if _NUMBER.sub("", reason) == common]
    load = [found for found in map(read_reason, alike) if found is not None and found.percent is not None]
    if not load:
        return Voids(len(void), len(reasons), alike[0], "")
    cores = median(found.percent for found in load if found.percent is not None) / 100
    where = " and ".join(load[0].nodes)
    used = f"{cores:.1f} core{'' if cores <= 1 else 's'}"
    return Voids(len(void), len(reasons), f"other processes used {used} on {where}", _TO_DO)
