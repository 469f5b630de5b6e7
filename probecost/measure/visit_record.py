"""The record of a visit in addition to its raw files, written as ``metadata_*.json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from probecost.config.environment import Case, PerfTestSpec
from probecost.plan.visits import VisitPlan
from probecost.results.layout import ARMS, BASELINE, PerfTestFolder, unit_name
from probecost.results.metadata import Metadata
from probecost.results.version import VERSION


@dataclass(frozen=True)
class PerfTestRun:
    """One perf test of one visit, for hooks."""

    case: Case
    arm: str
    unit: int
    spec: PerfTestSpec


@dataclass
class PerfTestRecord:
    """How one perf test went: times are Unix ns of the client node's clock."""

    folder: PerfTestFolder
    spec: PerfTestSpec
    start_ns: int = 0
    end_ns: int = 0
    error: str | None = None


@dataclass
class VisitRecord:
    """How one visit went: times are Unix ns of the controller's clock."""

    arm: str
    unit: int
    pair: int
    order: int
    shared: bool
    started_ns: int
    ended_ns: int = 0
    error: str | None = None
    time_to_ready_s: float | None = None
    tool: dict[str, Any] | None = None
    perf_tests: list[PerfTestRecord] = field(default_factory=list)
    confirmation: bool = False
    void_reason: str | None = None

    @property
    def complete_s(self) -> float | None:
        """Seconds from the tool's start until it was complete; ``None``: it was never ready."""
        late_s = self._stop.get("complete_s")
        return self.time_to_ready_s if late_s is None else max(late_s, self.time_to_ready_s or 0.0)

    @property
    def stop_s(self) -> float:
        """Seconds that the tool took to end."""
        return float(self._stop.get("stop_s") or 0.0)

    @property
    def part(self) -> str:
        """The attached part of the tool if it was attached in part, else empty."""
        return str((self.tool or {}).get("part") or "")

    @property
    def _stop(self) -> Mapping[str, Any]:
        return (self.tool or {}).get("stop") or {}

    @classmethod
    def of(cls, plan: VisitPlan, started_ns: int) -> Self:
        """The record of a visit that begins now."""
        return cls(plan.arm, plan.unit, plan.pair, plan.order, plan.shared, started_ns, confirmation=plan.confirmation)


def planned_units(visits: Iterable[VisitPlan]) -> set[int]:
    """The units of planned pairs of visits among ``visits``."""
    return {plan.unit for plan in visits if plan.arm in ARMS and plan.is_planned and not plan.shared}


def metadata(
    context: Mapping[str, Any],
    case: Case,
    visit: VisitRecord,
    perf_test: PerfTestRecord,
    node: str,
    versus: Mapping[str, Any] | None = None,
) -> Metadata:
    """The metadata of one perf test folder; ``context`` holds the values common to the environment.

    ``versus``: command, file and SHA-256 of the version that the case is measured against, ``None`` without one.
    """
    visit_of = "shared" if visit.shared else case.key
    runs = case.other if visit.arm == BASELINE else case
    spec = perf_test.spec
    return Metadata(
        probecost=VERSION,
        **context,
        pair_kind=case.pair_kind,
        case_key="" if visit.shared else case.key,
        case_id=case.id,
        case_name=case.name,
        tool_id=case.tool_id,
        category=case.category,
        parameters=dict(case.parameters),
        command=None if runs is None else runs.command,
        versus=None if versus is None else dict(versus),
        visit_id=f"{visit_of}/{unit_name(visit.unit, confirmation=visit.confirmation)}/{visit.arm}",
        unit=visit.unit,
        confirmation=visit.confirmation,
        pair=visit.pair,
        arm=visit.arm,
        order=visit.order,
        shared_baseline=visit.shared,
        perf_test=spec.perf_type,
        conn_type=spec.conn_type,
        duration_s=spec.duration_s,
        streams=spec.streams,
        load=None if spec.load is None else str(spec.load),
        offered_rate=spec.offered_rate,
        background_bps=spec.background_bps,
        start_ns=perf_test.start_ns,
        end_ns=perf_test.end_ns,
        visit_start_ns=visit.started_ns,
        visit_end_ns=visit.ended_ns,
        node=node,
        tool=visit.tool,
        error=perf_test.error,
    )
