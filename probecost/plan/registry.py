"""The tools of an environment: the default registry with the environment's additions, replacements and drops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probecost.config.documents import Document, read_yaml
from probecost.config.tools import Registry, RegistryFile
from probecost.config.validation import nearest, validate
from probecost.errors import ConfigError

Where = Mapping[tuple[str, int], str]


@dataclass(frozen=True)
class Tools:
    """A registry: ``raw`` as written to a file, ``registry`` validated, ``where`` has each tool's file and line."""

    raw: Mapping[str, Any]
    registry: Registry
    where: Where


def read_registry(file: Path) -> Document:
    """Read a registry file. ``ConfigError`` with all mistakes in it."""
    document = read_yaml(file)
    _, problems = validate(RegistryFile, document)
    if problems:
        raise ConfigError(*problems)
    return document


def origins(document: Document) -> dict[tuple[str, int], str]:
    """File and line of each tool below ``tools.categories`` of a document."""
    categories = document.get(("tools", "categories")) or {}
    return {
        (name, index): document.where(("tools", "categories", name, "tools", index))
        for name, category in categories.items()
        for index in range(len(category.get("tools") or ()))
    }


def merge(registry: Document, changes: Document) -> Tools:
    """The registry with the changes in ``tools`` of a minimal file; both are valid.

    A tool of a known category replaces the tools with the same script, at their place, or is added; ``environment``,
    ``directions`` and ``defaults`` of the changes win. ``ConfigError``: ``drop`` has an unknown name.
    """
    categories: dict[str, dict[str, Any]] = {}
    places: dict[str, list[str]] = {}
    for document in (registry, changes):
        written = origins(document)
        for name, category in (document.get(("tools", "categories")) or {}).items():
            known = categories.setdefault(name, {"tools": []})
            known.update({key: value for key, value in category.items() if key != "tools"})
            tools = category.get("tools") or []
            here = [written[name, index] for index in range(len(tools))]
            if document is registry:
                known["tools"], places[name] = list(tools), here
            else:
                _merge_tools(known["tools"], places.setdefault(name, []), tools, here)
    _drop(categories, places, changes)
    defaults = {**(registry.get(("tools", "defaults")) or {}), **(changes.get(("tools", "defaults")) or {})}
    ordered = {
        name: {**{key: value for key, value in category.items() if key != "tools"}, "tools": category["tools"]}
        for name, category in categories.items()
    }
    raw = {"categories": ordered, **({"defaults": defaults} if defaults else {})}
    where = {(name, index): place for name, found in places.items() for index, place in enumerate(found)}
    return Tools(raw, Registry.model_validate(raw), where)


def _merge_tools(known: list[Any], places: list[str], added: list[Any], here: list[str]) -> None:
    """Add tools in place; they replace all entries with the same script."""
    for script in dict.fromkeys(tool["script"] for tool in added):
        old = [index for index, tool in enumerate(known) if tool["script"] == script]
        position = old[0] if old else len(known)
        for index in reversed(old):
            del known[index], places[index]
        new = [(tool, place) for tool, place in zip(added, here, strict=True) if tool["script"] == script]
        known[position:position] = [tool for tool, _ in new]
        places[position:position] = [place for _, place in new]


def _drop(categories: dict[str, dict[str, Any]], places: dict[str, list[str]], changes: Document) -> None:
    written = changes.get(("tools", "drop")) or []
    names = written if isinstance(written, list) else [written]
    problems = []
    for number, name in enumerate(names):
        if name in categories:
            del categories[name], places[name]
            continue
        found = False
        for category, content in categories.items():
            tools = content["tools"]
            for index in reversed(range(len(tools))):
                if name in (tools[index]["script"], f"{category}/{tools[index]['script']}"):
                    found = True
                    del tools[index], places[category][index]
        if not found:
            known = [*categories, *(tool["script"] for content in categories.values() for tool in content["tools"])]
            path = ("tools", "drop", number) if isinstance(written, list) else ("tools", "drop")
            problems.append(changes.problem(path, f"no such tool or category{nearest(name, known)}", value=name))
    if problems:
        raise ConfigError(*problems)
