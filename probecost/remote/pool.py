"""All nodes of an environment at once: the slowest one decides how long it takes, and every failure is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from probecost.errors import Gathered
from probecost.remote.node import Node

_Result = TypeVar("_Result")


def each(nodes: Sequence[Node], call: Callable[[Node], _Result]) -> dict[str, _Result | Exception]:
    """``call`` on all nodes in parallel: its result or its error, by node name."""
    if not nodes:
        return {}

    def attempt(node: Node) -> _Result | Exception:
        try:
            return call(node)
        except Exception as error:  # told for its node, beside the others
            return error

    with ThreadPoolExecutor(max_workers=len(nodes)) as executor:
        return dict(zip([node.name for node in nodes], executor.map(attempt, nodes), strict=True))


def on_all(what: str, nodes: Sequence[Node], call: Callable[[Node], _Result]) -> Mapping[str, _Result]:
    """``call`` on all nodes in parallel; raises the single error, or all of them together."""
    results: dict[str, _Result] = {}
    errors: list[Exception] = []
    for name, result in each(nodes, call).items():
        if isinstance(result, Exception):
            errors.append(result)
        else:
            results[name] = result
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Gathered(what, errors)
    return results
