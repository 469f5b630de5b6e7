"""The window of a perf test on the clock of the tool's node, which all monitors use."""

from __future__ import annotations

from dataclasses import dataclass

from probecost.analysis.tree.metadata import PerfTestMetadata


@dataclass(frozen=True)
class Window:
    """A period on the tool node's clock (Unix ns)."""

    start_ns: int
    end_ns: int

    def holds(self, time_ns: int) -> bool:
        return self.start_ns <= time_ns <= self.end_ns


def window_of(what: PerfTestMetadata) -> Window | None:
    """The window of a perf test; ``None`` if its start or end is unknown."""
    if what.start_ns is None or what.end_ns is None or what.end_ns <= what.start_ns:
        return None
    shift_ns = tool_clock_shift_ns(what)
    return Window(what.start_ns + shift_ns, what.end_ns + shift_ns)


def tool_clock_shift_ns(what: PerfTestMetadata) -> int:
    """The tool node's clock minus the client's; 0 if the offsets are not recorded."""
    client, tool = what.clocks.get(what.client_node), what.clocks.get(what.tool_node)
    if what.client_node == what.tool_node or client is None or tool is None:
        return 0
    return tool.offset_ns - client.offset_ns
