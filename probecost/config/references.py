"""Checks of references inside a file: the nodes that it refers to exist and have the right role.

The checks read the raw data, so that they work even if other parts of the file are wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from probecost.config.documents import Document, KeyPath
from probecost.config.schema import FullSide, MinimalNode
from probecost.config.validation import Section, closest, nearest

_SIDES = ("server", "client")


def _mapping(document: Document, path: KeyPath) -> Mapping[str, object]:
    value = document.get(path)
    return value if isinstance(value, Mapping) else {}


def _unknown(document: Document, path: KeyPath, known: Mapping[str, object]) -> Iterator[str]:
    """A problem if no node has this name; none if the file has no nodes at all: another check reports that."""
    name = document.get(path)
    if isinstance(name, str) and known and name not in known:
        listing = nearest(name, known) or f"; known nodes: {', '.join(map(str, known))}"
        yield document.problem(path, f"there is no such node{listing}", value=name)


def _is_left_out(document: Document, path: KeyPath, section: type[Section]) -> bool:
    """Whether the key is missing and not just misspelt (reported elsewhere)."""
    *parent, key = path
    unknown = [name for name in _mapping(document, tuple(parent)) if name not in section.model_fields]
    return document.get(path) is None and not any(closest(str(name), section.model_fields) == key for name in unknown)


def minimal_problems(document: Document) -> list[str]:
    """Problems of ``test_pairs``, ``host_ref`` and the keys that a VM needs, in a minimal-input.yaml."""
    return [
        *(text for name in _mapping(document, ("nodes",)) for text in _node_problems(document, name)),
        *(text for kind in _mapping(document, ("test_pairs",)) for text in _pair_problems(document, kind)),
    ]


def _node_problems(document: Document, name: str) -> Iterator[str]:
    nodes = _mapping(document, ("nodes",))
    node = _mapping(document, ("nodes", name))
    if node.get("role") == "vm":
        for key, what in (
            ("host_ref", "the host node that carries it"),
            ("uuid", "its UUID (virsh list --uuid --all on its host)"),
            ("test_ip", "the address that traffic goes to"),
        ):
            if _is_left_out(document, ("nodes", name, key), MinimalNode):
                yield document.problem(("nodes", name, key), f"this key is missing: a VM needs {what}")
    path = ("nodes", name, "host_ref")
    yield from _unknown(document, path, nodes)
    reference = document.get(path)
    if isinstance(reference, str) and _mapping(document, ("nodes", reference)).get("role") == "vm":
        yield document.problem(path, "expected a node with role: host", value=reference)


def _pair_problems(document: Document, kind: str) -> Iterator[str]:
    nodes = _mapping(document, ("nodes",))
    for side in _SIDES:
        path = ("test_pairs", kind, side)
        yield from _unknown(document, path, nodes)
        name = document.get(path)
        role = _mapping(document, ("nodes", name)).get("role") if isinstance(name, str) else None
        if kind in ("host", "vm") and role in ("host", "vm") and role != kind:
            yield document.problem(path, f"has role: {role}, expected a node with role: {kind}", value=name)
    server, client = (document.get(("test_pairs", kind, side)) for side in _SIDES)
    if isinstance(server, str) and server == client:
        yield document.problem(("test_pairs", kind, "client"), "expected another node than the server", value=client)


def full_problems(document: Document) -> list[str]:
    """Problems of ``ssh_ref`` and ``physical_host_ref`` in a full.yaml."""
    return pair_problems(document, "environments", _mapping(document, ("ssh", "ssh_hosts")))


def pair_problems(document: Document, key: str, hosts: Mapping[str, object]) -> list[str]:
    """Problems of references to ``hosts`` in the pairs below ``key`` of a document."""
    return [text for kind in _mapping(document, (key,)) for text in _pair_references(document, key, kind, hosts)]


def _pair_references(document: Document, key: str, kind: str, hosts: Mapping[str, object]) -> Iterator[str]:
    pair = _mapping(document, (key, kind))
    if not pair:
        yield document.problem((key, kind), "expected a test pair with server and client")
    for side in _SIDES:
        path = (key, kind, side)
        yield from _unknown(document, (*path, "ssh_ref"), hosts)
        yield from _unknown(document, (*path, "physical_host_ref"), hosts)
        if kind == "vm" and side in pair and _is_left_out(document, (*path, "physical_host_ref"), FullSide):
            text = "this key is missing: tools of a VM pair run on the host that carries the VM"
            yield document.problem((*path, "physical_host_ref"), text)
