"""The reference state of a node: recorded in the run's folder at the start, and checked before every visit."""

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
    """Give ``node`` its reference state: ``known``, or from ``file``, or (a new run, another boot) its current state.

    The file is written if the run has a folder: later sessions of the run compare with it too.
    """
    found = node.remember(known or _read(file))
    if file.parent.is_dir():
        partial = file.with_name(f"{file.name}.part")
        partial.write_text(json.dumps(found), encoding="utf-8")
        partial.replace(file)
    return found


def check(node: Node) -> None:
    """Raise ``NodeChangedError`` if the node has changed; no tool of ours may run on it meanwhile."""
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
