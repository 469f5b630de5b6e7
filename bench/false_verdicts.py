"""How often the interval excludes the truth on simulated beds, against methods that must fail there.

No root and no network. ``python -m bench.false_verdicts`` alone, and a part of ``make bench``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from math import log1p, sqrt
from typing import Any

import numpy as np

from bench.campaigns import exact_intervals
from bench.simulation import (
    BEDS,
    NOISE,
    PAIRS_PER_FLOW,
    SCENARIOS,
    after_all_units,
    fixed_order_effects,
    half_widths,
    paired_effects,
    percentile_bootstrap,
    segment_effects,
    student,
    until_claim,
    until_precise,
)
from probecost.analysis.statistics.looks import LOOKS, Look
from probecost.analysis.statistics.planning import power
from probecost.analysis.statistics.signflip import Floats

RUNS = 10_000
PILOT_RUNS = 500  # they tell which precision stops about half of the campaigns at the second look
SEED = 2026
EFFECT_PCT = 6.0
FOUR_AT_5 = tuple(Look(look.n_units, 0.05) for look in LOOKS.planned)


def lines() -> Iterator[str]:
    """Three tables: without an effect, with one, and the methods that must fail."""
    error = 100 * (0.05 * 0.95 / RUNS) ** 0.5
    yield f"false positives on simulated beds, {RUNS:,} campaigns each (nominal 5.0 %, standard error {error:.1f} %)"
    yield "  looks stop where they are precise, or where they claim; in brackets the mean number of units"
    yield _row("bed", ("8 units", "12 units", "looks: precise", "looks: claim"))
    yield from (_row(name, _without_effect(name)) for name in SCENARIOS)
    yield ""
    yield f"with a true cost of {EFFECT_PCT:g} %: the interval covers it (nominal 95.0 %); campaigns that claim a cost"
    yield _row("bed", ("8 units", "12 units", "looks: claim", "claimed: 8", "12", "looks"))
    yield from (_row(name, _with_effect(name)) for name in SCENARIOS)
    planned = [_percent(power(NOISE * sqrt(2), log1p(EFFECT_PCT / 100), Look(n, 0.05))) for n in (8, 12)]
    yield _row("planner, quiet", ("", "", "", *planned))
    yield ""
    yield "false positives of methods that must fail (8 units; looks: up to 24)"
    yield _row("bed", ("bootstrap", "fixed order", "4 looks at .05"))
    yield from (_row(name, _controls(name)) for name in BEDS)
    pairs = segment_effects(_generator(), RUNS, 8)
    taken_for_units = _excluding_0(student(pairs.reshape(RUNS, -1)))
    flows = _excluding_0(exact_intervals(pairs.mean(axis=2)))
    yield f"  {PAIRS_PER_FLOW} pairs of each of 8 flows that differ by 3 % taken for units: {taken_for_units}"
    yield f"  the flows taken for units: {flows}"


def _without_effect(name: str) -> Iterator[str]:
    for n_units in (8, 12):
        effects = SCENARIOS[name](_generator(), RUNS, n_units, 0.0)
        yield _percent(np.mean(after_all_units(effects, 0.0).excludes_0))
    effects = SCENARIOS[name](_generator(), RUNS, LOOKS.planned[-1].n_units, 0.0)
    precision = float(np.median(half_widths(effects[:PILOT_RUNS], LOOKS.planned[1])))
    for found in (until_precise(effects, 0.0, LOOKS.planned, precision), until_claim(effects, 0.0, LOOKS.planned)):
        yield f"{_percent(np.mean(found.excludes_0))} ({np.mean(found.n_units):.1f})"


def _with_effect(name: str) -> Iterator[str]:
    truth = log1p(EFFECT_PCT / 100)
    found = [after_all_units(SCENARIOS[name](_generator(), RUNS, n, truth), truth) for n in (8, 12)]
    effects = SCENARIOS[name](_generator(), RUNS, LOOKS.planned[-1].n_units, truth)
    found.append(until_claim(effects, truth, LOOKS.planned))
    yield from (_percent(np.mean(outcomes.is_covered)) for outcomes in found)
    yield from (_percent(np.mean(outcomes.excludes_0)) for outcomes in found)


def _controls(name: str) -> Iterator[str]:
    yield _excluding_0(percentile_bootstrap(paired_effects(_generator(), BEDS[name], RUNS, 8)))
    yield _excluding_0(exact_intervals(fixed_order_effects(_generator(), BEDS[name], RUNS, 8)))
    effects = paired_effects(_generator(), BEDS[name], RUNS, LOOKS.planned[-1].n_units)
    yield _percent(np.mean(until_claim(effects, 0.0, FOUR_AT_5).excludes_0))


def _excluding_0(limits: tuple[Floats, Floats]) -> str:
    low, high = limits
    return _percent(np.mean((low > 0) | (high < 0)))


def _generator() -> np.random.Generator:
    return np.random.default_rng(SEED)


def _percent(share: float | np.floating[Any]) -> str:
    return f"{100 * float(share):.1f} %"


def _row(name: str, cells: Iterable[str]) -> str:
    return f"  {name:16}" + "".join(f"{cell:>16}" for cell in cells)


if __name__ == "__main__":
    for line in lines():
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
