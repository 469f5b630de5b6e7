"""Errors say where and what, together, and without tricks."""

from __future__ import annotations

import pytest

from probecost.errors import Gathered, Gatherer, Missing, PreflightError, ProbecostError, ToolError


def test_what_a_node_says_cannot_steer_the_terminal() -> None:
    error = ToolError("host-a", "it said: \x1b[2J\x1b]0;owned\x07 done\r\nand more")
    assert str(error) == "node host-a: it said: \\x1b[2J\\x1b]0;owned\\x07 done\\r\nand more"


def test_steps_run_whatever_happened_to_the_others_and_the_first_error_comes_first() -> None:
    gatherer = Gatherer("tear-down of x")
    done = []
    for number in range(3):
        with gatherer.step():
            done.append(number)
            if number != 1:
                raise ProbecostError(f"step {number}")
    with pytest.raises(Gathered, match="tear-down of x: 2 errors") as caught:
        gatherer.raise_all()
    assert done == [0, 1, 2]
    assert [str(error) for error in caught.value.errors] == ["step 0", "step 2"]


def test_an_interruption_passes_at_once() -> None:
    gatherer = Gatherer("x")
    with pytest.raises(KeyboardInterrupt), gatherer.step():
        raise KeyboardInterrupt
    gatherer.raise_all()


def test_everything_missing_is_listed_with_its_remedy() -> None:
    error = PreflightError([Missing("a", "iperf3 is not installed", "apt-get install iperf3"), Missing("b", "no sudo")])
    assert str(error).splitlines()[1:] == [
        "  a: iperf3 is not installed - apt-get install iperf3",
        "  b: no sudo",
    ]
