"""Perf tests at offered loads: their selection, their rates on each test pair, and the cap.

A load makes another perf test of each selected one: ``throughput:single-load25`` from ``throughput:single``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from probecost.config.environment import Environment, PairKind, PerfTestSpec
from probecost.errors import ConfigError
from probecost.plan.perf_tests import select_perf_tests
from probecost.plan.plan import Planned
from probecost.plan.settings import Settings
from probecost.results.offered_load import Load

#: The highest rate of a perf test (``throughput:single``) on a test pair, in bit/s, packets/s for pps; ``None`` if it
#: was not measured.
Maximum = Callable[[PairKind, str], float | None]

_CALIBRATE = (
    "A load in percent is a share of what calibration found. To calibrate: pytest --env {environment} -k null "
    "--calibration always; or ask for rates (--load 500M,100kpps)."
)


def uncalibrated(pair_kind: PairKind, perf_test: str) -> float | None:
    """The ``Maximum`` of an environment without a calibration."""
    return None


def resolved(planned: Planned, maximum: Maximum) -> Planned:
    """The environment with a rate for every load. ``ConfigError``: a maximum is unknown."""
    kinds = dict.fromkeys(case.pair_kind for case in planned.cases)
    specs = resolve_loads(planned.perf_tests, planned.environment.name, kinds, maximum)
    return replace(planned, perf_tests=specs)


def calibrated_specs(specs: Iterable[PerfTestSpec]) -> tuple[PerfTestSpec, ...]:
    """The perf tests that ``specs`` need in a calibration: each without its load, once.

    A load is a share of its perf test's maximum, and about as noisy.
    """
    plain: dict[str, PerfTestSpec] = {}
    for spec in specs:
        base = replace(spec, load=None, resolved_rate=None, pair_kind=None)
        plain.setdefault(base.name, base)
        if spec.perf_type == "latency" and spec.load is not None:
            flow = PerfTestSpec("throughput", "single", spec.duration_s, max_rate_bps=spec.max_rate_bps)
            plain.setdefault(flow.name, flow)
    return tuple(plain.values())


def asked_perf_tests(environment: Environment, settings: Settings) -> tuple[PerfTestSpec, ...]:
    """The selected perf tests of ``environment``, at the loads and below the cap of ``settings``."""
    selected = select_perf_tests(environment.perf_tests, settings.perf_tests, settings.duration_s)
    return tuple(
        replace(spec, max_rate_bps=settings.max_rate_bps) if settings.max_rate_bps is not None else spec
        for spec in at_loads(selected, settings.loads)
    )


def at_loads(specs: Sequence[PerfTestSpec], loads: Sequence[Load]) -> tuple[PerfTestSpec, ...]:
    """Each of ``specs`` at each of ``loads``, in this order; unchanged without loads.

    100 % is the plain perf test: throughput and pps without a limit of ours, latency without background traffic. A load
    in packets fits pps alone. ``ConfigError``: a load fits no perf test, or a perf test no load.
    """
    if not loads:
        return tuple(specs)
    made = {spec: [at_load(spec, load) for load in loads if _fits(spec, load)] for spec in specs}
    packets = ", ".join(str(load) for load in loads if load.unit == "packets/s")
    problems = [f"--load {packets}: {spec.name} sends no counted packets" for spec in specs if not made[spec]]
    if not problems and not all(any(_fits(spec, load) for spec in specs) for load in loads):
        problems = [f"--load {packets}: no perf test of pps is selected"]
    if problems:
        raise ConfigError(
            *problems,
            hint="Packets per second are offered to pps only: add a load in bit/s or percent for the others, or "
            "select with --perf-tests.",
        )
    return tuple(loaded for spec in specs for loaded in made[spec])


def at_load(spec: PerfTestSpec, load: Load) -> PerfTestSpec:
    """``spec`` at one load; its own limit (``target_bitrate``) no longer counts."""
    return spec if load.percent == 100 else replace(spec, load=load, target_bitrate=None)


def resolve_loads(
    specs: Iterable[PerfTestSpec], environment: str, pair_kinds: Iterable[PairKind], maximum: Maximum
) -> tuple[PerfTestSpec, ...]:
    """Replace each load in percent by rates: a perf test for each of ``pair_kinds``.

    The share is of the pair's own maximum, rounded to a whole rate; latency uses the maximum of ``throughput:single``,
    which its background flow resembles. Known rates stay. ``ConfigError`` with all unknown maxima.
    """
    kinds = tuple(pair_kinds)
    resolved: list[PerfTestSpec] = []
    unknown: list[str] = []
    for spec in specs:
        if spec.is_resolved:
            resolved.append(spec)
            continue
        assert spec.load_percent is not None
        source = maximum_of(spec)
        for kind in kinds:
            most = maximum(kind, source)
            if most is None or not (most > 0 and math.isfinite(most)):
                unknown.append(f"{environment}, {kind} pair, {spec.name}: the maximum of {source} is not known")
            else:
                rate = float(max(1, round(most * spec.load_percent / 100)))
                resolved.append(replace(spec, resolved_rate=rate, pair_kind=kind))
    if unknown:
        raise ConfigError(*unknown, hint=_CALIBRATE.format(environment=environment))
    return tuple(resolved)


def maximum_of(spec: PerfTestSpec) -> str:
    """The perf test whose maximum is 100 % for the load of ``spec``."""
    return "throughput:single" if spec.perf_type == "latency" else str(spec.perf_test.unloaded)


def specs_of_pair(specs: Iterable[PerfTestSpec], pair_kind: PairKind) -> tuple[PerfTestSpec, ...]:
    """The perf tests of an environment that are made on one of its pairs."""
    return tuple(spec for spec in specs if spec.pair_kind in (None, pair_kind))


def of_all_pairs(by_pair: Sequence[Sequence[PerfTestSpec]]) -> tuple[PerfTestSpec, ...]:
    """The reverse of ``specs_of_pair``: the same perf tests in the same order on each pair, with the pair's rates."""

    def interleaved() -> Iterator[PerfTestSpec]:
        for place in zip(*by_pair, strict=True):
            yield from place

    return tuple(dict.fromkeys(interleaved()))


def _fits(spec: PerfTestSpec, load: Load) -> bool:
    return spec.perf_type == "pps" or load.unit != "packets/s"
