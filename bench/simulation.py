"""The proof of the numerics: beds whose truth is known, and how often the interval is wrong on them.

A bed gives log values of visits in time order; a campaign makes pairs of them, a coin deciding which visit of a pair
has the tool. All of it is done for many campaigns at once: arrays are campaigns by visits, or campaigns by units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.campaigns import Booleans, exact_intervals, interval_covers
from probecost.analysis.statistics.looks import Look
from probecost.analysis.statistics.signflip import Floats

#: Log values of ``n`` visits, one after the other, for each of ``runs`` campaigns.
Bed = Callable[[np.random.Generator, int, int], Floats]
#: Effects of units: generator, campaigns, units, true effect.
Scenario = Callable[[np.random.Generator, int, int, float], Floats]

NOISE = 0.05
PAIRS_PER_FLOW = 12


@dataclass(frozen=True)
class Outcomes:
    """What campaigns ended with: whether the interval holds the truth and excludes 0, and after how many units."""

    is_covered: Booleans
    excludes_0: Booleans
    n_units: NDArray[np.int64]


def quiet(rng: np.random.Generator, runs: int, n: int) -> Floats:
    return rng.normal(0, NOISE, (runs, n))


def heavy_tails(rng: np.random.Generator, runs: int, n: int) -> Floats:
    return NOISE * rng.standard_t(2.5, (runs, n))


def drift(rng: np.random.Generator, runs: int, n: int) -> Floats:
    """A bed that becomes 40 % slower during the campaign."""
    return np.linspace(0, 0.4, n) + quiet(rng, runs, n)


def periodic(rng: np.random.Generator, runs: int, n: int) -> Floats:
    """Interference in phase with the visits: every second one is 20 % slower."""
    return 0.2 * (np.arange(n) % 2) + quiet(rng, runs, n)


def autocorrelated(rng: np.random.Generator, runs: int, n: int) -> Floats:
    """A level that wanders: each visit keeps 90 % of the deviation before it."""
    values = np.empty((runs, n))
    level = rng.normal(0, NOISE / np.sqrt(1 - 0.9**2), runs)
    for at in range(n):
        level = 0.9 * level + rng.normal(0, NOISE, runs)
        values[:, at] = level
    return values


def outliers(rng: np.random.Generator, runs: int, n: int) -> Floats:
    """One visit in ten takes between once and three times as long."""
    is_slow = rng.random((runs, n)) < 0.1
    return quiet(rng, runs, n) + is_slow * rng.uniform(0, np.log(3), (runs, n))


BEDS: Mapping[str, Bed] = {bed.__name__: bed for bed in (quiet, heavy_tails, drift, periodic, autocorrelated, outliers)}


def paired_effects(rng: np.random.Generator, bed: Bed, runs: int, n_units: int, effect: float = 0.0) -> Floats:
    """The effects of pairs of visits, a fair coin deciding the order within each."""
    differences = fixed_order_effects(rng, bed, runs, n_units)
    return np.where(rng.random((runs, n_units)) < 0.5, -differences, differences) + effect


def fixed_order_effects(rng: np.random.Generator, bed: Bed, runs: int, n_units: int) -> Floats:
    """The same without a coin, the baseline always first: what must not be done."""
    visits = bed(rng, runs, 2 * n_units).reshape(runs, n_units, 2)
    return np.asarray(visits[..., 1] - visits[..., 0])


def segment_effects(rng: np.random.Generator, runs: int, n_flows: int, effect: float = 0.0) -> Floats:
    """Pairs of segments in flows whose effects differ by 3 % around ``effect``: campaigns by flows by pairs."""
    own = rng.normal(effect, 0.03, (runs, n_flows, 1))
    return np.asarray(own + rng.normal(0, 0.03, (runs, n_flows, PAIRS_PER_FLOW)))


def _pairs_on(bed: Bed) -> Scenario:
    return lambda rng, runs, n_units, effect: paired_effects(rng, bed, runs, n_units, effect)


def _flows(rng: np.random.Generator, runs: int, n_units: int, effect: float) -> Floats:
    return np.asarray(segment_effects(rng, runs, n_units, effect).mean(axis=2))


SCENARIOS: Mapping[str, Scenario] = {**{name: _pairs_on(bed) for name, bed in BEDS.items()}, "flows_differ": _flows}


def after_all_units(effects: Floats, truth: float, alpha: float = 0.05) -> Outcomes:
    """One look at all units."""
    return Outcomes(
        interval_covers(effects, truth, alpha),
        ~interval_covers(effects, 0.0, alpha),
        np.full(len(effects), effects.shape[1]),
    )


def until_claim(effects: Floats, truth: float, looks: tuple[Look, ...]) -> Outcomes:
    """Every campaign goes on until its interval excludes 0: the stop that tempts most. The last look ends it anyway."""
    return _in_looks(effects, truth, looks, lambda seen, look: ~interval_covers(seen, 0.0, look.alpha))


def until_precise(effects: Floats, truth: float, looks: tuple[Look, ...], precision: float) -> Outcomes:
    """Every campaign stops at the first look whose interval is at most ``precision`` to each side, in log units."""
    return _in_looks(effects, truth, looks, lambda seen, look: half_widths(seen, look) <= precision)


def half_widths(effects: Floats, look: Look) -> Floats:
    low, high = exact_intervals(effects[:, : look.n_units], look.alpha)
    return np.asarray((high - low) / 2)


def _in_looks(
    effects: Floats, truth: float, looks: tuple[Look, ...], stops: Callable[[Floats, Look], Booleans]
) -> Outcomes:
    runs = len(effects)
    found = Outcomes(np.empty(runs, np.bool_), np.empty(runs, np.bool_), np.empty(runs, np.int64))
    going = np.arange(runs)
    for look in looks:
        seen = effects[going, : look.n_units]
        is_over = stops(seen, look) if look != looks[-1] else np.ones(len(going), np.bool_)
        ended = after_all_units(seen[is_over], truth, look.alpha) if is_over.any() else None
        if ended is not None:
            at = going[is_over]
            found.is_covered[at], found.excludes_0[at] = ended.is_covered, ended.excludes_0
            found.n_units[at] = look.n_units
        going = going[~is_over]
        if not going.size:
            break
    return found


def percentile_bootstrap(effects: Floats, resamples: int = 1000) -> tuple[Floats, Floats]:
    """A control: its intervals are too narrow with few units. The same resampled units for all campaigns."""
    n = effects.shape[1]
    drawn = np.random.default_rng(1).integers(0, n, (resamples, n))
    weights = np.stack([np.bincount(units, minlength=n) for units in drawn]) / n
    low, high = np.percentile(effects @ weights.T, [2.5, 97.5], axis=1)
    return low, high


def student(effects: Floats) -> tuple[Floats, Floats]:
    """A control where pairs are taken for units: Student's 95 % interval, right for independent normal values only."""
    from scipy import stats  # takes a second: only where something is computed

    n = effects.shape[1]
    half = float(stats.t.ppf(0.975, n - 1)) * effects.std(axis=1, ddof=1) / np.sqrt(n)
    mean = effects.mean(axis=1)
    return np.asarray(mean - half), np.asarray(mean + half)
