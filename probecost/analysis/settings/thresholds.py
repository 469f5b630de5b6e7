"""When a difference counts as a degradation that the reports mark: worse than a percentage that users choose.

A mark is no verdict: it looks at one estimate and knows nothing of its noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from probecost.analysis.judge.baseline import MetricId
from probecost.analysis.judge.verdicts import LOWER_IS_BETTER
from probecost.results.layout import split_conn_type

#: As budgets call them: what the reports show differences of.
METRICS: Mapping[str, tuple[str, str]] = {
    "latency_mean": ("latency", "mean_us"),
    "throughput": ("throughput", "received_bps"),
    "throughput_sent": ("throughput", "sent_bps"),
    "cpu_per_gb": ("throughput", "cpu_s_per_gb"),
    "pps": ("pps", "received_pps"),
    "pps_sent": ("pps", "sent_pps"),
}
CONN_TYPES: Mapping[str, tuple[str, ...]] = {
    "latency": ("tcp_rr", "udp_rr"),
    "throughput": ("single", "multi"),
    "pps": ("single", "multi"),
}
DEFAULTS_PCT: Mapping[str, float | None] = MappingProxyType(
    {
        "latency_mean": 10.0,
        "throughput": 5.0,
        "throughput_sent": 5.0,
        "cpu_per_gb": 10.0,
        "pps": 5.0,
        "pps_sent": 5.0,
    }
)
_NAMES = {metric: name for name, metric in METRICS.items()}


def names() -> tuple[str, ...]:
    """All names that a threshold may have: ``latency_mean``, ``latency_mean:tcp_rr`` and so on."""
    return tuple(
        name
        for metric, (perf_test, _) in METRICS.items()
        for name in (metric, *(f"{metric}:{conn_type}" for conn_type in CONN_TYPES[perf_test]))
    )


@dataclass(frozen=True)
class Thresholds:
    """``limits_pct``: metric, or metric and connection type → percent; ``None``: never marked."""

    limits_pct: Mapping[str, float | None] = field(default_factory=lambda: DEFAULTS_PCT)

    def limit_pct(self, metric: MetricId) -> float | None:
        """What holds for ``metric``, at any load: the entry of its connection type goes before that of all.

        >>> Thresholds({"pps": 5.0, "pps:multi": 9.0}).limit_pct(MetricId("pps", "multi-load25", "received_pps"))
        9.0
        """
        name = _NAMES.get((metric.perf_test, metric.metric), "")
        own = f"{name}:{split_conn_type(metric.conn_type)[0]}"
        return self.limits_pct[own] if own in self.limits_pct else self.limits_pct.get(name)

    def is_degraded(self, metric: MetricId, diff_pct: float | None) -> bool:
        """Whether the difference is worse than its limit.

        >>> pps = MetricId("pps", "single", "received_pps")
        >>> [Thresholds().is_degraded(pps, diff) for diff in (-5.01, -5.0, 50.0, None)]
        [True, False, False, False]
        """
        limit_pct = self.limit_pct(metric)
        if diff_pct is None or limit_pct is None:
            return False
        return (diff_pct if LOWER_IS_BETTER[metric.metric] else -diff_pct) > limit_pct

    def text(self) -> str:
        """In one line, as the settings name them: ``latency_mean 10 %, pps:multi none``."""
        parts = (f"{name} {'none' if pct is None else f'{pct:g} %'}" for name, pct in self.limits_pct.items())
        return ", ".join(parts)
