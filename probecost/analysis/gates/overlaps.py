"""The audit of a whole run: two visits at the same time on one machine are both void.

They should never overlap: cases are measured one after the other, workers share no node, and every node has a lease.
The audit checks the stored data, and trusts none of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from probecost.analysis.tree.metadata import PerfTestMetadata
from probecost.analysis.tree.record import PerfTestFiles
from probecost.text import counted

_Visit = tuple[str, int, str, str, int]


@dataclass(frozen=True)
class Audit:
    """Numbers of audited visits and machines, and of visits that overlapped with another one."""

    visits: int = 0
    machines: int = 0
    overlapping: int = 0

    @property
    def text(self) -> str:
        """One sentence for the reports."""
        where = f"{self.visits} visits on {counted(self.machines, 'machine')}"
        if self.overlapping:
            return f"Audit: of {where}, {self.overlapping} overlapped with another one and are void."
        return f"Audit: {where}, never two at the same time on one."


@dataclass(frozen=True)
class _Span:
    """A visit's time on a machine, Unix ns on the controller's clock."""

    visit: _Visit
    start_ns: int
    end_ns: int


def audited(records: Sequence[PerfTestFiles]) -> tuple[tuple[PerfTestFiles, ...], Audit]:
    """``records``, with overlapping visits void; superseded ones are unchanged."""
    spans = _spans(record.metadata for record in records if not record.metadata.is_superseded)
    partner: dict[_Visit, tuple[_Visit, str]] = {}
    for node, own in spans.values():
        for one, other in _overlaps(own):
            partner.setdefault(one, (other, node))
            partner.setdefault(other, (one, node))
    visits = {span.visit for _, own in spans.values() for span in own}
    audit = Audit(len(visits), len(spans), len(partner))
    if not partner:
        return tuple(records), audit
    return tuple(_voided(record, partner.get(_visit(record.metadata))) for record in records), audit


def _voided(record: PerfTestFiles, partner: tuple[_Visit, str] | None) -> PerfTestFiles:
    if partner is None or record.metadata.is_superseded or record.metadata.void_reason:
        return record
    (environment, iteration, _, visit_id, _), node = partner
    other = f"{visit_id} of {environment}" + (f", iteration {iteration}" if iteration > 1 else "")
    reason = f"another visit used {node} at the same time: {other}"
    return replace(record, metadata=replace(record.metadata, void_reason=reason))


def _visit(what: PerfTestMetadata) -> _Visit:
    """Identity of one attempt at a visit, common to its perf tests."""
    return what.environment, what.iteration, what.pair_kind, what.visit_id, what.visit_start_ns or what.start_ns or 0


def _spans(found: Iterable[PerfTestMetadata]) -> dict[tuple[str, str], tuple[str, list[_Span]]]:
    """By machine: the name of one of its nodes, and the visits on it, each once."""
    spans: dict[tuple[str, str], tuple[str, dict[_Visit, _Span]]] = {}
    for what in found:
        window = _window_ns(what)
        if window is None:
            continue
        visit = _visit(what)
        for node in dict.fromkeys((what.server_node, what.client_node, what.tool_node)):
            _, own = spans.setdefault(_machine(what, node), (node, {}))
            own[visit] = _Span(visit, *window)
    return {machine: (node, list(own.values())) for machine, (node, own) in spans.items()}


def _machine(what: PerfTestMetadata, node: str) -> tuple[str, str]:
    """A node's kernel and its part of it, as containers share one; the node's name if they were not recorded."""
    facts = what.facts.get(node)
    if facts is None or not facts.boot_id:
        return what.environment, node
    return facts.boot_id, facts.pid_namespace or facts.hostname


def _window_ns(what: PerfTestMetadata) -> tuple[int, int] | None:
    """The times of the visit, else the perf test's, as exactly as the clocks are known."""
    if what.visit_start_ns is not None and what.visit_end_ns is not None:
        return what.visit_start_ns, what.visit_end_ns
    clock = what.clocks.get(what.client_node)
    if what.start_ns is None or what.end_ns is None or clock is None:
        return None
    unsure_ns = clock.uncertainty_ns + abs(clock.drift_ns or 0)
    return what.start_ns - clock.offset_ns + unsure_ns, what.end_ns - clock.offset_ns - unsure_ns


def _overlaps(spans: Iterable[_Span]) -> Iterable[tuple[_Visit, _Visit]]:
    """Each visit that overlaps with an earlier one, and the earlier one that ends last."""
    last: _Span | None = None
    for span in sorted(spans, key=lambda span: (span.start_ns, span.end_ns)):
        if last is not None and span.start_ns < last.end_ns and span.end_ns > span.start_ns:
            yield span.visit, last.visit
        if last is None or span.end_ns > last.end_ns:
            last = span
