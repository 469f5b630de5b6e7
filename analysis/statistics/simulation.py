"""The proof of the numerics: beds whose truth is known, and how often the interval is wrong on them.

A bed gives log values of visits in time order; a campaign makes pairs of them, a coin deciding which visit of a pair
has the tool. ``percentile_bootstrap`` and pairs taken for units are the controls: methods that must fail here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from analysis.statistics.signflip import Floats, estimate

#: Log values of ``n`` visits, one after the other.
Bed = Callable[[np.random.Generator, int], Floats]
Interval = Callable[[Floats], tuple[float, float]]

NOISE = 0.05


def quiet(rng: np.random.Generator, n: int) -> Floats:
    return rng.normal(0, NOISE, n)


def heavy_tails(rng: np.random.Generator, n: int) -> Floats:
    return NOISE * rng.standard_t(2.5, n)


def drift(rng: np.random.Generator, n: int) -> Floats:
    """A bed that becomes 40 % slower during the campaign."""
    return np.linspace(0, 0.4, n) + rng.normal(0, NOISE, n)


def periodic(rng: np.random.Generator, n: int) -> Floats:
    """Interference in phase with the visits: every second one is 20 % slower."""
    return 0.2 * (np.arange(n) % 2) + rng.normal(0, NOISE, n)


def autocorrelated(rng: np.random.Generator, n: int) -> Floats:
    """A level that wanders: each visit keeps 90 % of the deviation before it."""
    steps = rng.normal(0, NOISE, n)
    values = np.empty(n)
    level = rng.normal(0, NOISE / np.sqrt(1 - 0.9**2))
    for at, step in enumerate(steps):
        level = 0.9 * level + step
        values[at] = level
    return values


def outliers(rng: np.random.Generator, n: int) -> Floats:
    """One visit in ten takes between once and three times as long."""
    slow = rng.random(n) < 0.1
    return rng.normal(0, NOISE, n) + slow * rng.uniform(0, np.log(3), n)


BEDS: Mapping[str, Bed] = {bed.__name__: bed for bed in (quiet, heavy_tails, drift, periodic, autocorrelated, outliers)}


def paired_effects(rng: np.random.Generator, bed: Bed, n_units: int, *, effect: float = 0.0) -> Floats:
    """The effects of ``n_units`` pairs of visits, a fair coin deciding the order within each."""
    visits = bed(rng, 2 * n_units).reshape(n_units, 2)
    tool_first = rng.random(n_units) < 0.5
    tool = np.where(tool_first, visits[:, 0], visits[:, 1])
    baseline = np.where(tool_first, visits[:, 1], visits[:, 0])
    return tool + effect - baseline


def fixed_order_effects(rng: np.random.Generator, bed: Bed, n_units: int) -> Floats:
    """The same without a coin, the baseline always first: what must not be done."""
    visits = bed(rng, 2 * n_units).reshape(n_units, 2)
    return np.asarray(visits[:, 1] - visits[:, 0])


def flow_effects(rng: np.random.Generator, n_flows: int, pairs_per_flow: int, *, spread: float = 0.03) -> Floats:
    """Switched flows whose effects differ by ``spread`` around 0: an array of flows by pairs."""
    own = rng.normal(0, spread, n_flows)
    return own[:, None] + rng.normal(0, 0.03, (n_flows, pairs_per_flow))


def exact_interval(effects: Floats) -> tuple[float, float]:
    found = estimate(effects.tolist())
    return found.low, found.high


def percentile_bootstrap(effects: Floats, resamples: int = 1000) -> tuple[float, float]:
    """A control: its intervals are too narrow with few units."""
    rng = np.random.default_rng(1)
    means = effects[rng.integers(0, effects.size, (resamples, effects.size))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def false_positive_rate(
    draw: Callable[[np.random.Generator], Floats], interval: Interval, runs: int, seed: int
) -> float:
    """The share of ``runs`` campaigns with a true effect of 0 whose 95 % interval excludes it, 0 to 1."""
    rng = np.random.default_rng(seed)
    intervals = (interval(draw(rng)) for _ in range(runs))
    return sum(low > 0 or high < 0 for low, high in intervals) / runs
