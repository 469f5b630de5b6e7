"""The second stage of a speed-up: what fresh units alone let be said."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest
from scipy import stats

from probecost.analysis.statistics.confirmation import Confirmation, confirmation, second_verdict
from probecost.analysis.statistics.verdict import Cost, Verdict, Word

FASTER = (-0.21, -0.18, -0.20, -0.22, -0.19, -0.205, -0.195, -0.185)
SPEED_UP = Verdict(Word.SPEED_UP, "no number before it is confirmed on 8 fresh units")


class TestNumerics:
    def test_the_number_is_the_mean_of_the_fresh_units(self) -> None:
        found = confirmation(8, FASTER, lower_is_better=True)
        assert found.cost is not None
        assert found.cost.estimate_pct == pytest.approx(100 * (exp(np.mean(FASTER)) - 1))
        assert (found.made, found.usable, found.is_confirmed) == (8, 8, True)

    def test_it_agrees_with_the_exact_test_of_scipy(self) -> None:
        """Confirmed exactly where the two-sided sign-flip test rejects at 5 % and the mean is below 0."""
        random = np.random.default_rng(4)
        seen = set()
        for effects in random.normal(-0.06, 0.07, (40, 8)):
            p = stats.permutation_test(
                (effects,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
            ).pvalue
            expected = bool(p <= 0.05 and effects.mean() < 0)
            assert confirmation(8, effects.tolist(), lower_is_better=True).is_confirmed is expected
            seen.add(expected)
        assert seen == {True, False}

    @pytest.mark.parametrize("lower_is_better", [True, False])
    def test_the_side_is_given(self, lower_is_better: bool) -> None:
        """Of a rate the tool's must be higher; what the fresh units say to the other side confirms nothing."""
        slower = [-effect for effect in FASTER]
        assert confirmation(8, FASTER, lower_is_better).is_confirmed is lower_is_better
        assert confirmation(8, slower, lower_is_better).is_confirmed is not lower_is_better

    def test_without_an_effect_about_one_of_forty_is_confirmed(self) -> None:
        """Half of 5 %: at most that, and not far below. 1,200 cases: 30 expected, 3 standard errors are 16."""
        random = np.random.default_rng(11)
        samples = random.standard_t(3, (1200, 8)) * 0.05
        confirmed = sum(confirmation(8, effects.tolist(), True).is_confirmed for effects in samples)
        assert 14 <= confirmed <= 46

    @pytest.mark.parametrize("usable", [0, 1, 7])
    def test_too_few_usable_units_have_no_interval(self, usable: int) -> None:
        found = confirmation(8, FASTER[:usable], lower_is_better=True)
        assert found == Confirmation(8, usable, None)
        assert found.is_complete
        assert not found.is_confirmed

    def test_too_few_made_are_not_complete(self) -> None:
        found = confirmation(7, FASTER[:7], lower_is_better=True)
        assert (found.is_complete, found.is_confirmed) == (False, False)


class TestSecondVerdict:
    def test_confirmed_with_its_number(self) -> None:
        found = second_verdict(SPEED_UP, confirmation(8, FASTER, True))
        assert found.word is Word.SPEED_UP
        assert found.reason.startswith("confirmed -18.0 % [-")
        assert found.reason.endswith("] on 8 fresh units")

    @pytest.mark.parametrize("direction", [0.0, 1.0])
    def test_not_confirmed_is_inconclusive_whatever_the_fresh_units_say_instead(self, direction: float) -> None:
        effects = [direction * 0.2 + wiggle for wiggle in (0.01, -0.01, 0.02, -0.02, 0.03, -0.03, 0.005, -0.005)]
        found = second_verdict(SPEED_UP, confirmation(8, effects, True))
        assert found.word is Word.INCONCLUSIVE
        assert found.reason.startswith("8 fresh units did not confirm a speed-up: ")

    def test_too_few_usable_ones_confirm_nothing(self) -> None:
        found = second_verdict(SPEED_UP, confirmation(8, FASTER[:7], True))
        assert found == Verdict(
            Word.INCONCLUSIVE, "a speed-up that fresh units did not confirm: only 7 of 8 are usable"
        )

    def test_one_that_ended_early_stays_without_a_number(self) -> None:
        found = second_verdict(SPEED_UP, confirmation(3, FASTER[:3], True))
        assert found == Verdict(Word.SPEED_UP, f"{SPEED_UP.reason}; only 3 of 8 were made")

    def test_without_fresh_units_nothing_changes(self) -> None:
        assert second_verdict(SPEED_UP, None) is SPEED_UP

    @pytest.mark.parametrize("word", [word for word in Word if word is not Word.SPEED_UP])
    def test_only_a_speed_up_has_a_second_stage(self, word: Word) -> None:
        first = Verdict(word, "as it was")
        assert second_verdict(first, Confirmation(8, 8, Cost(-5.0, -6.0, -4.0, -5.0))) is first
