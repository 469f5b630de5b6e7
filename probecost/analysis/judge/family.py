"""Facts for verdicts from the metadata of a run: tools, the planned family, voids by arm, and limits of rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from probecost.analysis.statistics.looks import FIXED, StopRule
from probecost.analysis.statistics.verdict import Limit
from probecost.analysis.tree.metadata import PerfTestMetadata
from probecost.analysis.values.measurement import Measurement
from probecost.results.layout import BASELINE, TOOL
from probecost.results.metrics import METRICS, PRIMARY
from probecost.results.names import CaseName, MetricId, PerfTestName

#: Name of a perf test (``throughput:single``) → its primary metric, or ``None`` if it has none.
PrimaryMetrics = Mapping[str, str | None]

_LEAST_VOIDS = 5
_UNEVEN_P = 0.01


@dataclass(frozen=True)
class RunPlan:
    """The part of a run's plan that verdicts depend on.

    ``cases``: every planned case, measured or not. ``rule``: the stop rule. ``primary``: the plan's primary metrics.
    """

    cases: Collection[CaseName] = ()
    rule: StopRule = FIXED
    primary: PrimaryMetrics = field(default_factory=dict)


def primary_metric(test: PerfTestName, chosen: PrimaryMetrics) -> str | None:
    """The primary metric of a perf test: the plan's choice, else the usual one.

    >>> primary_metric(PerfTestName("throughput", "single"), {"throughput:single": "cpu_s_per_gb"})
    'cpu_s_per_gb'
    >>> primary_metric(PerfTestName("latency", "tcp_rr"), {})
    'mean_us'
    """
    return chosen.get(str(test), PRIMARY.get(test.perf_test))


class RunFacts:
    """Facts of a run by case: its tool, planned tests, voids, offered load."""

    def __init__(self, records: Iterable[PerfTestMetadata], primary: PrimaryMetrics) -> None:
        self.tools: dict[CaseName, str] = {}
        self.pair_kinds: dict[CaseName, str] = {}
        self.voids: Counter[tuple[CaseName, PerfTestName, str]] = Counter()
        self.visits: Counter[tuple[CaseName, PerfTestName, str]] = Counter()
        self._primary = primary
        self._tests: dict[tuple[str, str], set[PerfTestName]] = {}
        self._offered: dict[tuple[CaseName, PerfTestName], float] = {}
        self._lines_bps: dict[CaseName, float] = {}
        for what in records:
            self._tests.setdefault((what.environment, what.pair_kind), set()).add(what.test)
            if not (what.shared_baseline or what.is_superseded):
                self._add(what)

    def _add(self, what: PerfTestMetadata) -> None:
        case = what.case.name
        self.tools[case], self.pair_kinds[case] = what.tool_id, what.pair_kind
        test = (case, what.test)
        self.visits[*test, what.arm] += 1
        self.voids[*test, what.arm] += bool(what.void_reason or what.error)
        if what.offered_rate is not None:
            self._offered[test] = max(what.offered_rate, self._offered.get(test, 0.0))
        server = what.facts.get(what.server_node)
        if server is not None and server.line_bps is not None:
            self._lines_bps[case] = max(server.line_bps, self._lines_bps.get(case, 0.0))

    def add_segments(self, measurements: Iterable[Measurement]) -> None:
        """Count the segments of flows as visits of their arm, once for all their metrics."""
        segments = {
            (row.case, row.test, row.arm, row.visit_id): bool(row.void_reason)
            for row in measurements
            if row.is_switched
        }
        for (case, test, arm, _), is_void in segments.items():
            self.visits[case.name, test, arm] += 1
            self.voids[case.name, test, arm] += is_void

    def is_primary(self, metric: MetricId) -> bool:
        return primary_metric(metric.test, self._primary) == metric.metric

    def primary_tests(self, planned: Iterable[CaseName]) -> int:
        """The number of primary tests of the plan: each case with the perf tests of its environment and pair kind.

        Perf tests with a primary metric chosen by the plan count even if they were not measured.
        """
        chosen = {name for name, metric in self._primary.items() if metric is not None}
        total = 0
        for case in {*planned, *self.tools}:
            kinds = [self.pair_kinds[case]] if case in self.pair_kinds else ["host", "vm"]
            total += max(len(chosen | self._measured(case.environment, kind)) for kind in kinds)
        return total

    def _measured(self, environment: str, pair_kind: str) -> set[str]:
        """Names of the perf tests with a primary metric that were measured in some case."""
        return {
            str(test)
            for test in self._tests.get((environment, pair_kind), ())
            if primary_metric(test, self._primary) is not None
        }

    def limit(self, case: CaseName, metric: MetricId) -> Limit | None:
        """The lowest known limit of a rate: the offered load, or the line of the server's fastest interface.

        ``None`` for a metric that is no rate, and if neither is recorded.
        """
        unit = METRICS[metric.metric].unit
        primary = PRIMARY.get(metric.perf_test)
        if unit not in ("bit/s", "packets/s") or primary is None or unit != METRICS[primary].unit:
            return None
        limits = []
        if (offered := self._offered.get((case, metric.test))) is not None:
            limits.append(Limit("offered load", offered))
        if unit == "bit/s" and (line_bps := self._lines_bps.get(case)) is not None:
            limits.append(Limit("line", line_bps))
        return min(limits, key=lambda limit: limit.per_s, default=None)

    def uneven_voids(self, case: CaseName, metric: MetricId) -> str:
        """The gate on voids, which must not prefer an arm (exact binomial test): the reason if they do."""
        arms = [(case, metric.test, arm) for arm in (BASELINE, TOOL)]
        voids, visits = [self.voids[arm] for arm in arms], [self.visits[arm] for arm in arms]
        if sum(voids) < _LEAST_VOIDS or 0 in visits:
            return ""
        from scipy import stats  # takes a second: only where something is computed

        p = stats.binomtest(voids[1], sum(voids), visits[1] / sum(visits)).pvalue
        if p >= _UNEVEN_P:
            return ""
        return f"void visits prefer an arm: {voids[0]} of the baseline, {voids[1]} of the tool (p {p:.4f})"
