"""The words and the order in which they are checked."""

from __future__ import annotations

from math import inf, log

import pytest

from probecost.analysis.statistics.signflip import Estimate, estimate
from probecost.analysis.statistics.verdict import Cost, Limit, Verdict, Word, cost_of, judge, masked

UNITS = 8


def judged(
    low_pct: float, high_pct: float, *, p_adjusted: float = 0.01, units: int = UNITS, robust: float = 0
) -> Verdict:
    """The verdict on an interval of cost; its estimate is the middle."""
    middle = (low_pct + high_pct) / 2
    found = Estimate(units, 0.0, 0.0, 0.06, 0.01, 0.95, 0.0, 0.0, 0.0, 0.0)
    return judge(found, Cost(middle, low_pct, high_pct, middle + robust), p_adjusted)


@pytest.mark.parametrize(
    ("low_pct", "high_pct", "word"),
    [
        (-1.0, 2.0, Word.NEGLIGIBLE),
        (-3.0, 3.0, Word.NEGLIGIBLE),  # the margin itself
        (0.5, 2.0, Word.NEGLIGIBLE),  # there, and too small to matter
        (-2.0, -0.5, Word.NEGLIGIBLE),
        (-9.0, -1.0, Word.SPEED_UP),
        (-1.0, -0.1, Word.NEGLIGIBLE),
        (3.0, 8.0, Word.OVERHEAD),
        (2.9, 8.0, Word.SMALL),
        (0.1, 3.1, Word.SMALL),
        (-0.1, 8.0, Word.INCONCLUSIVE),
        (-9.0, 2.0, Word.INCONCLUSIVE),
        (-inf, inf, Word.INCONCLUSIVE),
    ],
)
def test_the_word_follows_from_the_interval_and_the_margin(low_pct: float, high_pct: float, word: Word) -> None:
    assert judged(low_pct, high_pct).word is word


@pytest.mark.parametrize(("low_pct", "high_pct"), [(5.0, 8.0), (0.1, 8.0), (-9.0, -5.0)])
def test_an_effect_must_hold_among_all_tests_of_the_plan(low_pct: float, high_pct: float) -> None:
    verdict = judged(low_pct, high_pct, p_adjusted=0.06)
    assert verdict.word is Word.INCONCLUSIVE
    assert "adjusted p 0.060" in verdict.reason
    assert judged(low_pct, high_pct, p_adjusted=0.05).word is not Word.INCONCLUSIVE


def test_negligible_needs_no_p_value() -> None:
    assert judged(0.5, 2.0, p_adjusted=1.0) == Verdict(Word.NEGLIGIBLE, "at most 2.0 %, detected")


def test_fewer_than_8_units_give_no_verdict() -> None:
    assert judged(5.0, 8.0, units=7) == Verdict(Word.NONE, "7 units: below 8 there is an estimate and no verdict")
    assert judged(5.0, 8.0, units=1).reason.startswith("1 unit:")


def test_reasons_give_the_numbers() -> None:
    assert judged(5.0, 8.0).reason == "6.5 % [5.0 %, 8.0 %]"
    assert judged(-1.0, 2.0).reason == "at most 2.0 %"
    assert judged(-2.5, 0.5).reason == "at most 2.5 %"
    assert judged(-9.0, -5.0).reason == "no number before it is confirmed on 8 fresh units"


def test_inconclusive_says_the_noise_floor_and_what_a_new_test_needs() -> None:
    # sd 0.06, an effect of log(1.06): (1.960 + 0.842)² · (0.06 / 0.0583)² = 8.3
    assert judged(-10.0, 8.0).reason == "floor 9.0 %; a new test would need about 9 units to see 6 %"
    assert judged(-inf, inf).reason.startswith("no interval; a new test")


def test_outliers_are_told() -> None:
    assert judged(5.0, 8.0, robust=1.4).reason == "6.5 % [5.0 %, 8.0 %]"
    assert judged(5.0, 8.0, robust=2.0).reason == "6.5 % [5.0 %, 8.0 %]; outliers: the robust estimate is 8.5 %"


def test_cost_of_a_rate_is_what_is_lost() -> None:
    cost = cost_of(estimate([log(0.9)] * 8), lower_is_better=False)
    assert (cost.estimate_pct, cost.low_pct, cost.high_pct) == pytest.approx((10.0, 10.0, 10.0))


def test_the_ends_of_a_rates_interval_change_places() -> None:
    found = estimate([-0.02, -0.08, -0.05, -0.11, -0.04, -0.06, -0.09, -0.03])
    cost = cost_of(found, lower_is_better=False)
    assert 0 < cost.low_pct < cost.estimate_pct < cost.high_pct
    assert cost.high_pct == pytest.approx(100 * (1 - 2.718281828**found.low))


CPU = Cost(12.0, 10.0, 14.0, 12.0)
OFFERED = Limit("offered load", 1000.0)


@pytest.mark.parametrize("word", [Word.NEGLIGIBLE, Word.INCONCLUSIVE])
def test_a_rate_at_its_limit_is_masked_where_cpu_per_byte_rose(word: Word) -> None:
    found = masked(Verdict(word, "at most 0.1 %"), 985.0, OFFERED, CPU)
    assert found == Verdict(Word.MASKED, "at 98 % of the offered load, CPU per byte 12.0 % [10.0 %, 14.0 %]")


@pytest.mark.parametrize(
    ("rate_per_s", "cpu"),
    [
        (969.0, CPU),  # below its limit: it could fall, and did not
        (985.0, Cost(12.0, 0.0, 24.0, 12.0)),  # CPU time may be the same
        (985.0, Cost(12.0, -inf, inf, 12.0)),
        (985.0, Cost(-12.0, -14.0, -10.0, -12.0)),
    ],
)
def test_what_masks_nothing(rate_per_s: float, cpu: Cost) -> None:
    found = Verdict(Word.NEGLIGIBLE, "at most 0.1 %")
    assert masked(found, rate_per_s, OFFERED, cpu) == found


@pytest.mark.parametrize("word", [Word.OVERHEAD, Word.SMALL, Word.SPEED_UP, Word.INVALID, Word.NONE])
def test_other_words_are_not_masked(word: Word) -> None:
    assert masked(Verdict(word, ""), 1000.0, OFFERED, CPU).word is word


def test_97_percent_of_the_limit_is_at_it() -> None:
    assert masked(Verdict(Word.NEGLIGIBLE, ""), 970.0, OFFERED, CPU).word is Word.MASKED


@pytest.mark.parametrize(("p_adjusted", "word"), [(0.008, Word.OVERHEAD), (0.009, Word.INCONCLUSIVE)])
def test_a_claim_needs_the_alpha_of_its_look(p_adjusted: float, word: Word) -> None:
    found = Estimate(UNITS, 0.0, 0.0, 0.06, 0.01, 1 - 0.008, 0.0, 0.0, 0.0, 0.0)
    assert judge(found, Cost(6.5, 5.0, 8.0, 6.5), p_adjusted).word is word
