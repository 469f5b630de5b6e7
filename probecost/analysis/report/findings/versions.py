"""A line for runs that compare two versions of tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def versions_line(options: Mapping[str, str]) -> Iterator[str]:
    """A line on the compared versions; none if tools are compared with no tool."""
    if "versus" in options:
        yield (
            f"Two versions are compared: baseline is the other one ({options['versus']}), tool is the environment's "
            "own. A cost is what the own version costs over the other one; the null case runs on both sides."
        )
