"""Finds the perf tests of a results tree of either shape, or of both mixed."""

from __future__ import annotations

from pathlib import Path

from probecost.analysis.tree import find as current
from probecost.analysis.tree.find import Located
from probecost.analysis.tree.older import find as older


def locate(root: Path, jobs: int = 1) -> Located:
    """All perf tests below ``root``: those with metadata, then those of the older shape, which has none.

    ``jobs``: how many processes read the metadata.
    """
    found, before = current.locate(root, jobs), older.locate(root)
    return Located((*found.records, *before.records), (*found.problems, *before.problems))
