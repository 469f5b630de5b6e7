"""Chooses the primary metric of each perf test by the calibration, before any case is measured.

If CPU time limits a TCP stream, its rate depends on the speed of the bed's CPUs at that moment. The cost of a tool is
then the CPU time per gigabyte at a fixed rate, half of the maximum, measured in addition to the unlimited flow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from probecost.config.environment import PairKind, PerfTestSpec
from probecost.plan.calibration import Calibration
from probecost.plan.offered_loads import at_load
from probecost.plan.plan import Plan, Planned
from probecost.plan.settings import Settings
from probecost.results.metrics import CPU_PER_BYTE
from probecost.results.offered_load import Load

SATURATED = "throughput:single"
_HALF = Load.parse("50%")
_FIXED_RATE = f"{SATURATED}-load50"
_BUSY = 0.9  # of all CPUs: they limit
_LINE_SHARE = 0.9  # of the line's rate: the line limits


def with_fixed_rate(planned: Planned, calibration: Calibration | None) -> Planned:
    """The environment with a flow at half the maximum after the unlimited one, if the maximum is known.

    Nothing is added if the user asks for loads or does not select the unlimited flow.
    """
    plain = [spec for spec in planned.perf_tests if spec.name == SATURATED]
    asked = any(spec.load is not None for spec in planned.perf_tests)
    kinds = dict.fromkeys(case.pair_kind for case in planned.cases)
    if not plain or asked or calibration is None or not all(calibration.maximum(kind, SATURATED) for kind in kinds):
        return planned
    at = planned.perf_tests.index(plain[0]) + 1
    half = at_load(plain[0], _HALF)
    return replace(planned, perf_tests=(*planned.perf_tests[:at], half, *planned.perf_tests[at:]))


def without_fixed_rate(specs: Iterable[PerfTestSpec], settings: Settings) -> tuple[PerfTestSpec, ...]:
    """``specs`` without the flow that ``with_fixed_rate`` added."""
    return tuple(spec for spec in specs if settings.loads or spec.name != _FIXED_RATE)


def primary_metrics(made: Plan, calibrations: Mapping[str, Calibration]) -> dict[str, str | None]:
    """Overrides of the primary metric per perf test; ``None``: the test has none.

    One decision holds for the whole run: the CPU limits the flow if it does so in any environment.
    """
    specs = {spec.name for planned in made.environments.values() for spec in planned.perf_tests}
    if _FIXED_RATE not in specs or SATURATED not in specs:
        return {}
    limited = any(
        _is_limited_by_cpu(calibrations[name], kind)
        for name, planned in made.environments.items()
        if name in calibrations
        for kind in dict.fromkeys(case.pair_kind for case in planned.cases)
    )
    return {SATURATED: None, _FIXED_RATE: CPU_PER_BYTE} if limited else {_FIXED_RATE: None}


def count_primary(specs: Iterable[PerfTestSpec], primary: Mapping[str, str | None]) -> int:
    """The number of primary tests of a case with these perf tests."""
    return sum(primary.get(spec.name, "") is not None for spec in specs)


def _is_limited_by_cpu(calibration: Calibration, kind: PairKind) -> bool:
    pair = calibration.pairs.get(kind)
    most = calibration.maximum(kind, SATURATED)
    if pair is None or most is None:
        return False
    return pair.noise[SATURATED].busy_share >= _BUSY or pair.line_bps is None or most < _LINE_SHARE * pair.line_bps
