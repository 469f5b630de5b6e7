"""Collects the facts of all nodes at the same time, for discovery."""

from __future__ import annotations

from typing import Any

from probecost.errors import ProbecostError
from probecost.remote.node import Node
from probecost.remote.pool import each
from probecost.remote.questions import Questions
from probecost.remote.ssh_config import read_ssh_config


def collect(questions: Questions, *, accept_new: bool = False) -> dict[str, dict[str, Any] | ProbecostError]:
    """The answer of every node (keys as in ``supervisor.discovery``), or its error."""
    config = read_ssh_config(questions.ssh_config)

    def ask(node: Node) -> dict[str, Any]:
        try:
            node.open(clock=False)
            return node.discover(questions.uuids.get(node.name, ()))
        finally:
            node.close()

    found: dict[str, dict[str, Any] | ProbecostError] = {}
    nodes = [Node(host, config, python=questions.python, accept_new=accept_new) for host in questions.hosts]
    for name, result in each(nodes, ask).items():
        if isinstance(result, Exception) and not isinstance(result, ProbecostError):
            raise result
        found[name] = result
    return found
