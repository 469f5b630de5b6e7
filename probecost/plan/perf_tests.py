"""Selects an environment's perf tests for a run, and sets their duration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from probecost.config.environment import PerfTestSpec
from probecost.config.validation import nearest
from probecost.errors import ConfigError


def select_perf_tests(
    specs: Sequence[PerfTestSpec], names: Sequence[str] = (), duration_s: float | None = None
) -> tuple[PerfTestSpec, ...]:
    """The perf tests that ``names`` select, in the order of ``specs``; all of them without names.

    A name is a type (``latency``) or a type and a connection type (``latency:tcp_rr``); several may be joined by
    commas. ``duration_s`` replaces the duration of each. ``ConfigError``: an unknown name (lists the known ones), or a
    duration that is not above 0.
    """
    if duration_s is not None and not (duration_s > 0 and math.isfinite(duration_s)):
        raise ConfigError(f"duration of a perf test: {duration_s:g} s: expected a number above 0")
    wanted = [word for name in names for word in (part.strip() for part in name.split(",")) if word]
    known = list(dict.fromkeys(word for spec in specs for word in (spec.perf_type, spec.name)))
    unknown = [word for word in wanted if word not in known]
    if unknown:
        raise ConfigError(
            *(f"unknown perf test {word!r}{nearest(word, known)}" for word in unknown),
            hint=f"Known in this environment: {', '.join(known)}",
        )
    chosen = [spec for spec in specs if not wanted or spec.perf_type in wanted or spec.name in wanted]
    return tuple(spec if duration_s is None else replace(spec, duration_s=duration_s) for spec in chosen)
