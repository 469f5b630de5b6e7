"""The arithmetic of a calibration: rates and busy shares from rows of counters."""

from __future__ import annotations

import pytest

from probecost.measure.calibrate import _at_rest, _busy_share, _rates
from probecost.remote.messages import CounterSeries
from probecost.remote.supervisor.series import NAMES

SECOND_NS = 1_000_000_000


def series(*rows: tuple[int, int, int, int]) -> CounterSeries:
    """``rows``: ns, received bytes, idle ticks, CPUs."""
    full = []
    for time_ns, received, idle, cpus in rows:
        values = {"rx_bytes": received, "cpu_idle_ticks": idle, "cpus": cpus}
        full.append((time_ns, *(values.get(name, 0) for name in NAMES)))
    return CounterSeries(NAMES, tuple(full))


def test_rates_are_per_second_of_what_really_passed() -> None:
    found = series((0, 1000, 0, 0), (SECOND_NS, 3000, 0, 0), (3 * SECOND_NS, 3000, 0, 0), (4 * SECOND_NS, 3125, 0, 0))
    assert _rates(found, "rx_bytes", 8) == (16_000.0, 0.0, 1_000.0)


def test_rows_of_one_moment_are_no_rate() -> None:
    assert _rates(series((5, 1, 0, 0), (5, 9, 0, 0)), "rx_bytes", 8) == ()


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        (((0, 0, 100, 2), (SECOND_NS, 0, 250, 2)), 0.25),
        (((0, 0, 100, 2), (SECOND_NS, 0, 301, 2)), 0.0),  # rounded to ticks
        (((0, 0, 100, 2),), 0.0),
        (((0, 0, 100, 0), (SECOND_NS, 0, 100, 0)), 0.0),
    ],
)
def test_busy_share(rows: tuple[tuple[int, int, int, int], ...], share: float) -> None:
    assert _busy_share(series(*rows)) == share


def look(busy_cores: float) -> CounterSeries:
    """Two CPUs for ten seconds."""
    return series((0, 0, 100, 2), (10 * SECOND_NS, 0, 100 + round(1000 * (2 - busy_cores)), 2))


def test_a_node_is_looked_at_until_it_is_at_rest() -> None:
    looks = iter([look(0.7), look(0.3), look(0.08), look(0.02)])
    assert _at_rest(looks) == (0.04, 0.0)
    assert len(list(looks)) == 1, "a look at a node at rest is enough"


def test_of_a_node_that_is_never_at_rest_nothing_is_taken_off() -> None:
    share, busy_cores = _at_rest([look(0.7), look(0.3), look(1.5)])
    assert share == 0
    assert busy_cores == pytest.approx(0.3)
