"""Checks of figures: parts within their whole, and counts and times that are not negative."""

from __future__ import annotations

from typing import TypeVar

from probecost.analysis.parsers.text import ParseError

#: Clocks and counters are not read at the same instant: a part may exceed its whole by this factor.
TOLERANCE = 1.05

NumberT = TypeVar("NumberT", int, float)


class OutOfRangeError(ParseError):
    """A figure that is impossible in any measurement."""


def not_negative(value: NumberT, what: str) -> NumberT:
    """The value itself.

    >>> not_negative(-2, "retransmits")
    Traceback (most recent call last):
    probecost.analysis.parsers.ranges.OutOfRangeError: retransmits: -2 cannot be
    """
    if value < 0:
        raise OutOfRangeError(f"{what}: {value:g} cannot be")
    return value


def rest(part: NumberT, whole: NumberT, what: str, tolerance: float = 1.0) -> NumberT:
    """The whole without the part, which is not larger than ``tolerance`` times the whole; ``what`` names both.

    >>> rest(1000, 200, "datagrams lost of those sent")
    Traceback (most recent call last):
    probecost.analysis.parsers.ranges.OutOfRangeError: datagrams lost of those sent: 1000 of 200 cannot be
    """
    if whole < 0 or (abs(part) > whole and abs(part) > tolerance * whole):
        raise OutOfRangeError(f"{what}: {part:g} of {whole:g} cannot be")
    return whole - part
