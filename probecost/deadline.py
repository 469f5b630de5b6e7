"""A deadline that nested calls hand down, so that a limit set at the top holds at the bottom."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock by which something must be done."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    @classmethod
    def never(cls) -> Deadline:
        return cls(math.inf)

    def or_sooner(self, other: Deadline | None) -> Deadline:
        """The earlier of the two."""
        return self if other is None or self.at <= other.at else other

    @property
    def left_s(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.at - time.monotonic())

    @property
    def expired(self) -> bool:
        return self.left_s == 0.0
