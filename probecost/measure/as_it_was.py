"""A node as it was when the run first came to it: remembered in the run's folder, found again before every visit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from probecost.errors import NodeChangedError
from probecost.remote.node import Node

_REMEDY = "put it back as it was, or start a new run: what was measured before and after cannot be compared"


def remember(node: Node, known: Mapping[str, Any] | None, file: Path) -> dict[str, Any]:
    """Have ``node`` remember how it was: as ``known``, or as ``file`` says, or (a new run, another boot) as it is now.

    The file is written where the run has a folder: whoever measures there later compares with it too.
    """
    found = node.remember(known or _read(file))
    if file.parent.is_dir():
        partial = file.with_name(f"{file.name}.part")
        partial.write_text(json.dumps(found), encoding="utf-8")
        partial.replace(file)
    return found


def check(node: Node) -> None:
    """Raise ``NodeChangedError`` unless the node is as it was, while no tool of ours runs on it."""
    changes = node.changes()
    if changes:
        raise NodeChangedError(
            node.name,
            f"it is not as it was when the run began: {'; '.join(changes)}. No visit is made on it: {_REMEDY}",
        )


def _read(file: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        found = json.loads(file.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else None
    return None
