"""``--start-after``: what may be written, when that is, and the wait."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from fake_project import Project
from test_fixtures_collection import refused

from fixtures.start import local_time, parse_start, wait_until

NOW_S = 1_795_383_300.0  # 2026-11-22 21:35:00 UTC


@pytest.fixture(autouse=True)
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone with summer time, whatever the machine's is."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
    assert "CEST" not in os.environ.get("TZ", "")


def seconds_until(text: str, now_s: float = NOW_S) -> float:
    found = parse_start(text)
    assert found is not None
    return found.target_s(now_s) - now_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("1h", 3600),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("1d2h3m4s", 93_784),
        ("0s", 0),
        (" 1h ", 3600),
        ("23:00", 25 * 60),
        ("22:35", 24 * 3600),
        ("22:34", 24 * 3600 - 60),
        ("0:05", 90 * 60),
        ("2026-11-22T22:36", 60),
        ("2026-11-22 22:36:30", 90),
        ("2026-11-22T21:36Z", 60),
        ("2026-11-22T22:36+01:00", 60),
        ("2026-11-23", 5100),
        ("2026-11-22T22:34", -60),
    ],
)
def test_what_it_means(text: str, seconds: float) -> None:
    assert seconds_until(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "1",
        "-1h",
        "1.5h",
        "1m1h",
        "24:00",
        "12:60",
        "1:2:3",
        "2026-13-01",
        "2026-11-22T25:00",
        "400d",
        "\u0661h",
    ],
)
def test_what_it_may_not_be(text: str) -> None:
    assert parse_start(text) is None


def test_a_time_of_day_across_the_end_of_summer_time() -> None:
    evening_s = 1_792_872_000.0  # 2026-10-24 20:00:00 UTC, 22:00 here; the clocks go back in the night
    assert seconds_until("05:00", evening_s) == 8 * 3600


def test_waits_in_naps_and_follows_the_clock() -> None:
    clock, naps = [100.0], []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        clock[0] += seconds + (50 if len(naps) == 2 else 0)  # the machine was suspended

    wait_until(200.0, lambda: clock[0], sleep)
    assert naps == [30, 30]
    wait_until(200.0, lambda: clock[0], sleep)
    assert len(naps) == 2


def test_a_clock_that_is_set_back_is_waited_for() -> None:
    clock, naps = [100.0], []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        clock[0] += seconds - (10 if len(naps) == 1 else 0)

    wait_until(120.0, lambda: clock[0], sleep)
    assert naps == [20, 10]


def test_times_are_told_in_the_local_zone() -> None:
    assert local_time(NOW_S) == "2026-11-22 22:35:00 CET"


class TestStartAfter:
    def test_waits_when_everything_is_valid_and_before_any_connection(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        result = project.run("--start-after", "1m15s")
        result.assert_outcomes(passed=1)
        assert project.log[:4] == ["sleep 30", "sleep 30", "sleep 15", "open bed 1"]
        result.stdout.fnmatch_lines(["probecost: waiting until 2026-11-22 *:36:15 * (1 min 15 s); Ctrl-C ends it"])

    @pytest.mark.parametrize("when", ["2026-11-22T21:35:20Z", "2026-11-22T22:35:20+01:00", "20s"])
    def test_moments(self, project: Project, when: str) -> None:
        project.add_environment(cases=["a rx"])
        project.run("--start-after", when).assert_outcomes(passed=1)
        assert project.log[0] == "sleep 20"

    def test_what_is_wrong_is_told_at_once(self, project: Project) -> None:
        project.add_environment()
        refused(project.run("--start-after", "1h", "--perf-tests", "nothing"), "nothing")
        refused(project.run("--start-after", "2026-11-22T21:00:00Z"), "this was 35 min 00 s ago")
        assert project.run("--start-after", "soon").ret == pytest.ExitCode.USAGE_ERROR
        assert project.log == []

    def test_a_dry_run_does_not_wait(self, project: Project) -> None:
        project.add_environment()
        assert project.run("--start-after", "1h", "--collect-only").ret == 0
        assert project.run("--start-after", "1h", "-k", "nothing").ret == pytest.ExitCode.NO_TESTS_COLLECTED
        assert project.log == []
