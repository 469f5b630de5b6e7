"""Which units of a run are whole, by the files that were fetched, and whether they are the same ones later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from bench.chaos.hosts import NAMES
from probecost.results.layout import ARMS

Units = Mapping[int, Mapping[str, bytes]]


def whole_units(run: Path) -> Units:
    """The metadata files (path to content) of each unit of which all visits have ended well, on both nodes."""
    found: dict[int, dict[str, bytes]] = {}
    parts: dict[int, set[tuple[str, str]]] = {}
    for file in sorted(run.glob("*/iteration_*/*/*/**/metadata_*.json")):
        content = file.read_bytes()
        try:
            metadata = json.loads(content)
            if not metadata["visit_end_ns"] or metadata["error"] or metadata["void_reason"]:
                continue
            unit, arm = int(metadata["unit"]), str(metadata["arm"])
        except (ValueError, KeyError):
            continue  # one that was being written
        found.setdefault(unit, {})[str(file.relative_to(run))] = content
        parts.setdefault(unit, set()).add((arm, file.relative_to(run).parts[2]))
    needed = {(arm, host) for arm in ARMS for host in NAMES}
    return {unit: files for unit, files in found.items() if needed <= parts[unit]}


def changed(before: Units, after: Units) -> list[int]:
    """Units that were whole and are gone, or were measured again."""
    return [unit for unit, files in before.items() if after.get(unit) != files]
