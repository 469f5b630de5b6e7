"""Finds the perf tests of a results tree in either layout, or in both mixed."""

from __future__ import annotations

from pathlib import Path

from probecost.analysis.tree.find import Found, find_perf_tests
from probecost.analysis.tree.older.find import find_older_perf_tests


def find_in_any_tree(root: Path, jobs: int = 1) -> Found:
    """All perf tests below ``root``: with metadata, then in the older layout without metadata.

    ``jobs``: number of processes that read metadata.
    """
    found, older = find_perf_tests(root, jobs), find_older_perf_tests(root)
    return Found((*found.records, *older.records), (*found.problems, *older.problems))
