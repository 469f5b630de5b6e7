"""The import graph of the package: no circle of modules, also none through TYPE_CHECKING or imports in functions."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

ROOT = "probecost"


def circle(imports: dict[str, set[str]]) -> str:
    """The first circle among the modules, as ``a -> b -> a``; empty where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return " -> ".join(reversed(error.args[1]))
    return ""


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ({"a": {"b"}, "b": {"c"}}, ""),
        ({"a": {"b"}, "b": {"a"}}, "a -> b -> a"),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, "b -> c -> b"),
    ],
)
def test_a_circle_is_named(imports: dict[str, set[str]], expected: str) -> None:
    found = circle(imports)
    assert set(found.split(" -> ")) == set(expected.split(" -> "))
    assert found.count("->") == expected.count("->")


def test_there_is_no_circle() -> None:
    graph = grimp.build_graph(ROOT, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert sum(map(len, imports.values())) > len(imports)
    assert circle(imports) == ""
