"""The questions of a discovery to the nodes of an environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from probecost.config.environment import SshHost


@dataclass(frozen=True)
class Questions:
    """Nodes to ask. ``uuids`` are of the VMs that should run on each node, by name of the node.

    ``ssh_config`` is an OpenSSH client configuration, ``None`` for the user's own; ``python`` the nodes' interpreter.
    """

    hosts: Sequence[SshHost]
    ssh_config: Path | None = None
    uuids: Mapping[str, Sequence[str]] = field(default_factory=dict)
    python: str = "python3"
