"""Runs calls on all nodes of an environment at once, and reports every failure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from probecost.deadline import Deadline
from probecost.errors import Gathered
from probecost.remote.node import Node

INTERRUPTED_S = 8.0

_Result = TypeVar("_Result")


def each(nodes: Sequence[Node], call: Callable[[Node], _Result]) -> dict[str, _Result | Exception]:
    """Run ``call`` on all nodes in parallel: its result or its error, by node name.

    An interruption leaves the nodes ``INTERRUPTED_S`` for all remaining work, ``call`` included. Calls that do not end
    by then are abandoned.
    """
    results: dict[str, _Result | Exception] = {}
    # Not Thread.join: an interrupted join takes a running thread for an ended one (CPython 3.11).
    ended = {node.name: threading.Event() for node in nodes}

    def attempt(node: Node) -> None:
        try:
            results[node.name] = call(node)
        except Exception as error:  # the result of its node
            results[node.name] = error
        finally:
            ended[node.name].set()

    for node in nodes:
        threading.Thread(target=attempt, args=(node,), name=f"ask {node.name}", daemon=True).start()
    try:
        for event in ended.values():
            event.wait()
    except KeyboardInterrupt:
        deadline = hurry(nodes)
        for event in ended.values():
            event.wait(deadline.left_s)
        raise
    return {node.name: results[node.name] for node in nodes}


def hurry(nodes: Sequence[Node]) -> Deadline:
    """Give all remaining work on these nodes, after an interruption, one common deadline, and return it."""
    deadline = Deadline.after(INTERRUPTED_S)
    for node in nodes:
        node.hurry(deadline)
    return deadline


def on_all(what: str, nodes: Sequence[Node], call: Callable[[Node], _Result]) -> Mapping[str, _Result]:
    """Run ``call`` on all nodes in parallel; raise the single error, or all of them together."""
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
