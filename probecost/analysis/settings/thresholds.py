"""Thresholds of degradations: the reports mark a difference worse than a percentage of the user's choice.

A mark is no verdict: it depends on one estimate and ignores its noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from probecost.results.metrics import METRICS, by_budget, lower_is_better
from probecost.results.names import MetricId


def defaults_pct() -> dict[str, float | None]:
    """Metric, by its name in budgets → percent, for the metrics whose differences the reports show."""
    return {name: metric.threshold_pct for name, metric in by_budget().items() if metric.threshold_pct is not None}


def names() -> tuple[str, ...]:
    """All possible names of thresholds: ``latency_mean``, ``latency_mean:tcp_rr`` and so on."""
    metrics = by_budget()
    return tuple(
        name
        for metric in defaults_pct()
        for name in (metric, *(f"{metric}:{conn_type}" for conn_type in metrics[metric].conn_types))
    )


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of marks. ``limits_pct``: metric, or metric and connection type → percent; ``None``: never marked."""

    limits_pct: Mapping[str, float | None] = field(default_factory=defaults_pct)

    def limit_pct(self, metric: MetricId) -> float | None:
        """The limit of ``metric``, at any load: the entry of its connection type precedes that of the metric.

        >>> from probecost.results.names import metric_id
        >>> Thresholds({"pps": 5.0, "pps:multi": 9.0}).limit_pct(metric_id("pps", "multi-load25", "received_pps"))
        9.0
        """
        name = METRICS[metric.metric].budget
        own = f"{name}:{metric.test.base}"
        return self.limits_pct[own] if own in self.limits_pct else self.limits_pct.get(name)

    def is_degraded(self, metric: MetricId, diff_pct: float | None) -> bool:
        """Whether the difference is worse than its limit.

        >>> from probecost.results.names import metric_id
        >>> pps = metric_id("pps", "single", "received_pps")
        >>> [Thresholds().is_degraded(pps, diff) for diff in (-5.01, -5.0, 50.0, None)]
        [True, False, False, False]
        """
        limit_pct = self.limit_pct(metric)
        if diff_pct is None or limit_pct is None:
            return False
        return (diff_pct if lower_is_better(metric.metric) else -diff_pct) > limit_pct

    def text(self) -> str:
        """All limits in one line, named as in the settings: ``latency_mean 10 %, pps:multi none``."""
        parts = (f"{name} {'none' if pct is None else f'{pct:g} %'}" for name, pct in self.limits_pct.items())
        return ", ".join(parts)
