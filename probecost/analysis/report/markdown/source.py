"""Provenance as a Markdown list, the last part of every page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from probecost.analysis.report.findings.provenance import UNKNOWN, Provenance
from probecost.analysis.report.markdown.text import code, link, markdown


def source_lines(origin: Provenance, start: Path, environment: str | None = None) -> Iterator[str]:
    """The list for a page in the folder ``start``; with the machines of ``environment`` if one is given."""
    for fact in origin.facts:
        yield f"- {fact.name}: {code(fact.text) if fact.is_command else markdown(fact.text)}"
    if environment is not None:
        yield f"- Environment: {markdown(environment) or UNKNOWN}"
        for node, text in (origin.nodes.get(environment) or {"machines": UNKNOWN}).items():
            yield f"  - {markdown(node)}: {markdown(text)}"
    yield f"- Raw results: {link(origin.root.name, origin.root, start)}"
    yield f"- The same reports again: {code(origin.again)}"
