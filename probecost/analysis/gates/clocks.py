"""The gate on clocks: two nodes' clocks must be known to half the guard, or a segment may include the tool's start."""

from __future__ import annotations

from probecost.analysis.tree.metadata import PerfTestMetadata


def clock_void(what: PerfTestMetadata) -> str:
    """Why the segments of a flow cannot be placed in it; empty if they can. The offset itself does not matter.

    The offset is measured at the connection and again after the visit; a change is drift of the clock.
    """
    guard_s = what.tool.guard_s if what.tool else None
    if not guard_s:
        return ""
    half_ns = guard_s * 1e9 / 2
    for node in dict.fromkeys((what.client_node, what.tool_node)):
        clock = what.clocks.get(node)
        if clock is None:
            continue
        if clock.uncertainty_ns > half_ns:
            return f"the clock of {node} is known to {_ms(clock.uncertainty_ns)}, half the guard is {_ms(half_ns)}"
        if clock.drift_ns is not None and abs(clock.drift_ns) > half_ns:
            return f"the clock of {node} drifted by {_ms(clock.drift_ns)}, half the guard is {_ms(half_ns)}"
    return ""


def _ms(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e6:.1f} ms"
