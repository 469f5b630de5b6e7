"""All nodes of an environment at once: the slowest one decides how long it takes, and every failure is told."""

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
    """``call`` on all nodes in parallel: its result or its error, by node name.

    An interruption leaves the nodes ``INTERRUPTED_S`` for all that is still to be done, ``call`` included. What does
    not end by then is left behind.
    """
    results: dict[str, _Result | Exception] = {}
    # Not Thread.join: one that was interrupted takes a running thread for an ended one (CPython 3.11).
    ended = {node.name: threading.Event() for node in nodes}

    def attempt(node: Node) -> None:
        try:
            results[node.name] = call(node)
        except Exception as error:  # told for its node, beside the others
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
    """The run was interrupted: all that is still done with these nodes shares one deadline, which is returned."""
    deadline = Deadline.after(INTERRUPTED_S)
    for node in nodes:
        node.hurry(deadline)
    return deadline


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
