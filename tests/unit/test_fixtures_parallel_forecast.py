"""How much longer a run takes over all its workers."""

from __future__ import annotations

from fixtures.parallel.forecast import Forecast


class Time:
    s = 100.0

    def now_s(self) -> float:
        return self.s


def test_it_is_the_longest_of_what_runs() -> None:
    time = Time()
    forecast = Forecast({0: 60.0, 1: 90.0}, 2, time.now_s)
    assert forecast.left_s(()) == 90.0
    time.s += 10.0
    forecast.told(1, 20.0)
    assert forecast.left_s(()) == 50.0
    time.s += 5.0
    assert forecast.left_s(()) == 45.0


def test_what_waits_comes_after() -> None:
    time = Time()
    forecast = Forecast({0: 60.0, 1: 30.0, 2: 50.0}, 2, time.now_s)
    assert forecast.left_s({2}) == 80.0
    forecast.ended(1)
    assert forecast.left_s({2}) == 60.0
    forecast.ended(0)
    forecast.ended(2)
    assert forecast.left_s(()) == 0.0


def test_what_takes_longer_than_it_said_is_not_less_than_nothing() -> None:
    time = Time()
    forecast = Forecast({0: 10.0}, 1, time.now_s)
    time.s += 30.0
    assert forecast.left_s(()) == 0.0
