"""When a perf test ran, on the clock of the node where the tool ran: the clock of everything that is monitored."""

from __future__ import annotations

from dataclasses import dataclass

from probecost.analysis.tree.metadata import PerfTestMetadata


@dataclass(frozen=True)
class Window:
    """A stretch of time on the tool node's clock (Unix ns)."""

    start_ns: int
    end_ns: int

    def holds(self, time_ns: int) -> bool:
        return self.start_ns <= time_ns <= self.end_ns


def window_of(what: PerfTestMetadata) -> Window | None:
    """The stretch of a perf test; ``None`` where its start or end is unknown."""
    if what.start_ns is None or what.end_ns is None or what.end_ns <= what.start_ns:
        return None
    shift_ns = tool_clock_shift_ns(what)
    return Window(what.start_ns + shift_ns, what.end_ns + shift_ns)


def tool_clock_shift_ns(what: PerfTestMetadata) -> int:
    """What turns a time of the client's clock into one of the tool node's; 0 where the offsets are not recorded."""
    client, tool = what.clocks.get(what.client_node), what.clocks.get(what.tool_node)
    if what.client_node == what.tool_node or client is None or tool is None:
        return 0
    return tool.offset_ns - client.offset_ns
