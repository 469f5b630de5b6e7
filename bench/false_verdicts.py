"""How often the interval excludes the truth on simulated beds, against methods that must fail there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from analysis.statistics.signflip import Floats
from analysis.statistics.simulation import (
    BEDS,
    Bed,
    Interval,
    exact_interval,
    false_positive_rate,
    fixed_order_effects,
    paired_effects,
    percentile_bootstrap,
)

Draw = Callable[[np.random.Generator, Bed, int], Floats]

RUNS = 10_000
CONTROL_RUNS = 2_000  # the bootstrap is slow, and wrong by much more than its own noise
SEED = 2026


def lines() -> Iterator[str]:
    """A table: a row per bed, false positives in percent at a nominal 5 %."""
    yield f"false positives of a 95 % interval on simulated beds, {RUNS:,} campaigns each (nominal 5.0 %)"
    yield f"  {'bed':16}{'8 units':>10}{'12 units':>10}   controls, 8 units: {'bootstrap':>10}{'fixed order':>13}"
    for name, bed in BEDS.items():
        exact = [f"{_percent(bed, units, exact_interval, RUNS):.1f} %" for units in (8, 12)]
        bootstrap = f"{_percent(bed, 8, percentile_bootstrap, CONTROL_RUNS):.1f} %"
        fixed = f"{_percent(bed, 8, exact_interval, CONTROL_RUNS, fixed_order_effects):.1f} %"
        yield f"  {name:16}{exact[0]:>10}{exact[1]:>10}   {'':19}{bootstrap:>10}{fixed:>13}"


def _percent(bed: Bed, units: int, interval: Interval, runs: int, draw: Draw = paired_effects) -> float:
    return 100 * false_positive_rate(lambda rng: draw(rng, bed, units), interval, runs, SEED)
