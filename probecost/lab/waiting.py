"""Deadlines for nested calls, and waiting for a condition."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A point of the monotonic clock."""

    at_s: float

    @classmethod
    def after(cls, duration_s: float) -> Deadline:
        """The deadline ``duration_s`` from now."""
        return cls(time.monotonic() + duration_s)

    @property
    def left_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at_s - time.monotonic())

    @property
    def passed(self) -> bool:
        return self.left_s == 0.0


def wait_until(condition: Callable[[], bool], deadline: Deadline, interval_s: float = 0.02) -> bool:
    """Check ``condition`` every ``interval_s`` until it holds (``True``) or the deadline has passed (``False``)."""
    while not condition():
        if deadline.passed:
            return False
        time.sleep(min(interval_s, deadline.left_s))
    return True
