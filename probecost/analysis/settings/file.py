"""A YAML mapping of settings whose entries know their lines, so that each complaint can name one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from probecost.errors import ConfigError


@dataclass(frozen=True)
class Entry:
    """One key with its value. ``place``: file and line. ``entries``: entries below it, ``None`` for no mapping."""

    place: str
    key: str
    value: object
    entries: tuple[Entry, ...] | None = None

    def wrong(self, expected: str) -> str:
        """``config.yaml:3: margin_pct: expected a percentage above 0, found 'much'``."""
        return f"{self.place}: {self.key}: expected {expected}, found {self.value!r}"


@dataclass
class SettingsFile:
    """The entries of a file, and their problems."""

    path: Path
    entries: tuple[Entry, ...]
    problems: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> SettingsFile:
        """Read a file two levels deep; an empty one has no entries.

        ``FileNotFoundError``: no file. ``ConfigError``: unreadable, no YAML, no mapping, or a repeated key.
        """
        try:
            loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
            node = loader.get_single_node()
            data = None if node is None else loader.construct_document(node)
        except FileNotFoundError:
            raise
        except yaml.MarkedYAMLError as error:
            line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
            raise ConfigError(f"{path}{line}: broken YAML: {error.problem or error}") from None
        except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
            raise ConfigError(f"{path}: cannot be read: {error}") from None
        if node is None or data is None:
            return cls(path, ())
        if not isinstance(data, dict):
            raise ConfigError(f"{path}:{node.start_mark.line + 1}: expected a mapping of settings, found {data!r}")
        found = cls(path, ())
        found.entries = found._below(node, data, (), 2)
        if found.problems:
            raise ConfigError(*found.problems)
        return found

    def _below(self, node: yaml.Node, data: object, path: tuple[str, ...], depth: int) -> tuple[Entry, ...]:
        """The entries of a mapping, with their lines; those of a merge (``<<``) have the line of the mapping."""
        assert isinstance(data, dict)
        assert isinstance(node, yaml.MappingNode)
        pairs: dict[str, tuple[int, yaml.Node]] = {}
        for key_node, value_node in node.value:
            name, line = str(key_node.value), key_node.start_mark.line + 1
            if name in pairs:
                self.problems.append(f"{self.path}:{line}: {'.'.join((*path, name))}: this key is repeated")
            pairs[name] = (line, value_node)
        entries = []
        for key, value in data.items():
            name = key if isinstance(key, str) else str(key)
            line, value_node = pairs.get(name, (node.start_mark.line + 1, node))
            here = (*path, name)
            is_mapping = isinstance(value, dict) and isinstance(value_node, yaml.MappingNode) and depth > 1
            below = self._below(value_node, value, here, depth - 1) if is_mapping else None
            entries.append(Entry(f"{self.path}:{line}", ".".join(here), value, below))
        return tuple(entries)

    def refuse(self, entry: Entry, expected: str) -> None:
        self.problems.append(entry.wrong(expected))

    def unknown(self, entry: Entry, known: Sequence[str]) -> None:
        self.problems.append(f"{entry.place}: {entry.key}: there is no such key; known: {', '.join(known)}")
