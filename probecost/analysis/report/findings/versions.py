"""Of a run that measured two versions of tools against each other: what is compared with what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def versions_line(options: Mapping[str, str]) -> Iterator[str]:
    """What is compared with what, where that is not a tool with none at all."""
    if "versus" in options:
        yield (
            f"Two versions are compared: baseline is the other one ({options['versus']}), tool is the environment's "
            "own. A cost is what the own version costs over the other one; the null case runs on both sides."
        )
