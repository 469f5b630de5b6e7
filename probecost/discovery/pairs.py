"""Finds the ends of the test pairs: as written, else by role and name."""

from __future__ import annotations

from collections.abc import Mapping

from probecost.config.environment import PAIR_KINDS, PairKind
from probecost.config.folder import MinimalConfig
from probecost.config.schema import MinimalFile, MinimalNode, PairNames
from probecost.errors import ConfigError


def pairs_of(minimal: MinimalConfig) -> dict[PairKind, PairNames]:
    """Server and client of each pair. Without ``test_pairs``, each role with two nodes gives a pair.

    ``ConfigError``: no pair at all, or it is not clear which node is the server.
    """
    file = minimal.file
    if file.test_pairs is not None:
        written: dict[PairKind, PairNames | None] = {"host": file.test_pairs.host, "vm": file.test_pairs.vm}
        pairs = {kind: names for kind, names in written.items() if names is not None}
    else:
        pairs = {kind: names for kind in PAIR_KINDS if (names := _by_name(minimal, kind)) is not None}
    if not pairs:
        text = "no test pair: it takes a server and a client, two nodes with role: host or two with role: vm"
        raise ConfigError(minimal.document.problem(("test_pairs",), text))
    return pairs


def _by_name(minimal: MinimalConfig, kind: PairKind) -> PairNames | None:
    nodes = _of_role(minimal.file, kind)
    if len(nodes) < 2:
        return None
    servers = [name for name in nodes if "server" in name.lower()]
    clients = [name for name in nodes if "client" in name.lower()]
    if len(servers) == 1 and len(clients) == 1 and servers != clients:
        return PairNames(server=servers[0], client=clients[0])
    text = f"it is not clear which of {', '.join(nodes)} is the server and which the client"
    first, second, *_ = nodes
    hint = f"Say it:\ntest_pairs:\n  {kind}:\n    server: {first}\n    client: {second}"
    raise ConfigError(minimal.document.problem(("nodes",), text), hint=hint)


def _of_role(file: MinimalFile, kind: PairKind) -> Mapping[str, MinimalNode]:
    return {name: node for name, node in file.nodes.items() if node.role == kind}
