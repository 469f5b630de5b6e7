"""Remarks on the start and the end of a tool, which void nothing."""

from __future__ import annotations

from collections.abc import Iterator

from probecost.analysis.tree.metadata import ToolFacts


def of_tool(tool: ToolFacts | None) -> Iterator[str]:
    """Remarks on a tool that is attached in part, and on a tool that was killed at its end.

    >>> list(of_tool(ToolFacts("x.bt", "", "ready", 0.5, ended_by="SIGKILL", last_words="busy")))
    ['the tool did not end when it was asked to: it was killed, and cleaned up nothing; it said: busy']
    """
    if tool is None:
        return
    if tool.outcome == "partial" and tool.part:
        yield f"measured with a part of the tool: {tool.part}"
    if tool.ended_by == "SIGKILL":
        said = f"; it said: {tool.last_words}" if tool.last_words else ""
        yield f"the tool did not end when it was asked to: it was killed, and cleaned up nothing{said}"
