"""Perf tests at offered loads: which there are, what a share of the maximum is on each test pair, and the cap.

A load makes another perf test of each that was selected: ``throughput:single-load25`` beside ``throughput:single``.
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
from probecost.results.load import Load

#: The most that a perf test (``throughput:single``) reaches on a test pair, in bit/s, for pps in packets/s; ``None``
#: where that was not measured.
Maximum = Callable[[PairKind, str], float | None]

_CALIBRATE = (
    "A load in percent is a share of what calibration found. To calibrate: pytest --env {environment} -k null "
    "--calibration always; or ask for rates (--load 500M,100kpps)."
)


def uncalibrated(pair_kind: PairKind, perf_test: str) -> float | None:
    """The ``Maximum`` of an environment in which none was measured."""
    return None


def resolved(planned: Planned, maximum: Maximum) -> Planned:
    """An environment with every load a rate. ``ConfigError``: one has no known maximum."""
    kinds = dict.fromkeys(case.pair_kind for case in planned.cases)
    specs = resolve_loads(planned.perf_tests, planned.environment.name, kinds, maximum)
    return replace(planned, perf_tests=specs)


def calibrated_specs(specs: Iterable[PerfTestSpec]) -> tuple[PerfTestSpec, ...]:
    """The perf tests whose noise and maximum must be known for ``specs``: each without its load, once.

    A load is a share of what its perf test can carry, and is about as noisy.
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
    """The perf tests of ``environment`` that ``settings`` select, at the loads and below the cap that they name."""
    selected = select_perf_tests(environment.perf_tests, settings.perf_tests, settings.duration_s)
    return tuple(
        replace(spec, max_rate_bps=settings.max_rate_bps) if settings.max_rate_bps is not None else spec
        for spec in at_loads(selected, settings.loads)
    )


def at_loads(specs: Sequence[PerfTestSpec], loads: Sequence[Load]) -> tuple[PerfTestSpec, ...]:
    """Each of ``specs`` at each of ``loads``, in this order; ``specs`` as they are without any.

    100 % is the perf test as it is: of throughput and pps without a limit of ours, of latency without traffic beside
    it. A load in packets is one of pps alone. ``ConfigError`` where a load or a perf test has no other to go with.
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
    """Every load in percent as a rate: a perf test for each of ``pair_kinds``, in place of the one it was.

    The share is one of the pair's own maximum, rounded to a whole rate; latency takes that of ``throughput:single``,
    which its background flow is like. What is resolved already stays. ``ConfigError``: all maxima that are not known.
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
    """The perf test whose maximum the load of ``spec`` is a share of."""
    return "throughput:single" if spec.perf_type == "latency" else str(spec.perf_test.unloaded)


def specs_of_pair(specs: Iterable[PerfTestSpec], pair_kind: PairKind) -> tuple[PerfTestSpec, ...]:
    """Those of an environment's perf tests that are made on one of its pairs."""
    return tuple(spec for spec in specs if spec.pair_kind in (None, pair_kind))


def of_all_pairs(by_pair: Sequence[Sequence[PerfTestSpec]]) -> tuple[PerfTestSpec, ...]:
    """``specs_of_pair`` undone: the same perf tests in the same order on each pair, their rates its own."""

    def interleaved() -> Iterator[PerfTestSpec]:
        for place in zip(*by_pair, strict=True):
            yield from place

    return tuple(dict.fromkeys(interleaved()))


def _fits(spec: PerfTestSpec, load: Load) -> bool:
    return spec.perf_type == "pps" or load.unit != "packets/s"
