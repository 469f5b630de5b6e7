"""What the nodes are, asked of all of them at the same time; for discovery."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from probecost.config.models import SshHost
from probecost.errors import ProbecostError
from probecost.remote.node import Node
from probecost.remote.pool import each
from probecost.remote.ssh_config import read_ssh_config


def collect(
    hosts: Sequence[SshHost], ssh_config: Path | None, *, accept_new: bool = False, python: str = "python3"
) -> dict[str, dict[str, Any] | ProbecostError]:
    """Facts of every node (keys as in ``supervisor.facts.collect``), or the error that kept them from us."""
    config = read_ssh_config(ssh_config)

    def ask(node: Node) -> dict[str, Any]:
        try:
            node.open()
            return node.facts()
        finally:
            node.close()

    found: dict[str, dict[str, Any] | ProbecostError] = {}
    nodes = [Node(host, config, python=python, accept_new=accept_new) for host in hosts]
    for name, result in each(nodes, ask).items():
        if isinstance(result, Exception) and not isinstance(result, ProbecostError):
            raise result
        found[name] = result
    return found
