"""Reads YAML and JSON files so that every later complaint can name file and line.

A ``Document`` holds the parsed data and knows the line of each key. A file that cannot be read or parsed is a
``ConfigError`` with file, line and column.

YAML is read with the scalars of YAML 1.2: only ``true``/``false``, ``null``, plain decimal numbers and merge keys are
special; ``on``, ``yes``, ``010``, ``12:30`` and dates stay text. A key is always text; a repeated key is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from probecost.errors import ConfigError

#: Keys whose values no message shows: they may be secrets.
_SECRET_KEY = re.compile(r"pass(word|wd|phrase)?$|secret|token|credential|private_?key", re.IGNORECASE)
_PASSWORD = re.compile(r"([^\s:@/\"]+:)[^\s:@/\"]+@")

KeyPath = tuple[str | int, ...]

_ABSENT = object()
_MAX_KEYS = 200_000  # in one YAML file, repeats by aliases included
_MAX_DIGITS = 300  # of a whole number: a longer one stays text


class Document:
    """The data of one file and the line (from 1) of each key or list item."""

    def __init__(self, file: Path, data: object, locate: Callable[[], Mapping[KeyPath, int]]) -> None:
        self.file = file
        self.data = data
        self._locate = locate

    @cached_property
    def _lines(self) -> Mapping[KeyPath, int]:
        return self._locate()

    def line(self, path: KeyPath = ()) -> int:
        """The line of ``path``, or of its nearest ancestor in the file (a missing key has no line)."""
        for end in range(len(path), -1, -1):
            if path[:end] in self._lines:
                return self._lines[path[:end]]
        return 1

    def where(self, path: KeyPath = ()) -> str:
        """``config/my-env/minimal-input.yaml:12``."""
        return f"{self.file}:{self.line(path)}"

    def get(self, path: KeyPath, default: object = None) -> Any:
        """The value at ``path`` or ``default``, whatever shape the data has."""
        value: object = self.data
        for part in path:
            if isinstance(value, Mapping):
                value = value.get(part, _ABSENT)
            elif isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value):
                value = value[part]
            else:
                value = _ABSENT
            if value is _ABSENT:
                return default
        return value

    def problem(self, path: KeyPath, text: str, *, value: object = _ABSENT) -> str:
        """One line for the user: file, line, key path, value, and what is wrong or was expected."""
        is_secret = any(isinstance(part, str) and _SECRET_KEY.search(part) for part in path)
        shown = "" if value is _ABSENT else " = (not shown)" if is_secret else f" = {shorten(value)}"
        key = f" {dotted(path)}{shown}:" if path else ""
        return f"{self.where(path)}:{key} {text}"


class Patchwork(Document):
    """A list whose items come from several files: ``(key, index, ...)`` leads to the item's own file.

    ``origins`` has the document and the place of each item.
    """

    def __init__(self, file: Path, key: str, origins: Sequence[tuple[Document, KeyPath]]) -> None:
        super().__init__(file, {key: [document.get(path) for document, path in origins]}, lambda: {(): 1})
        self._key = key
        self._origins = origins

    def _origin(self, path: KeyPath) -> tuple[Document, KeyPath] | None:
        if len(path) < 2 or path[0] != self._key or not isinstance(path[1], int):
            return None
        document, base = self._origins[path[1]]
        return document, (*base, *path[2:])

    def line(self, path: KeyPath = ()) -> int:
        origin = self._origin(path)
        return origin[0].line(origin[1]) if origin else super().line(path)

    def where(self, path: KeyPath = ()) -> str:
        origin = self._origin(path)
        return origin[0].where(origin[1]) if origin else super().where(path)

    def problem(self, path: KeyPath, text: str, *, value: object = _ABSENT) -> str:
        origin = self._origin(path)
        if origin is None:
            return super().problem(path, text, value=value)
        return origin[0].problem(origin[1], text, value=value)


def dotted(path: KeyPath) -> str:
    """A key path as users read it.

    >>> dotted(("test_cases", 3, "environment"))
    'test_cases[3].environment'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shorten(value: object, limit: int = 60) -> str:
    """A value as short text for a message, without the password of a ``user:password@host``.

    >>> shorten("root:secret@web")
    '"root:***@web"'
    """
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = _PASSWORD.sub(r"\1***@", text)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def read_text(file: Path) -> str:
    """The file's text (UTF-8). ``ConfigError``: the file is absent, unreadable or not text."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8 text (byte {error.start})") from None


def _whole(text: str) -> int | str:
    """A whole number; an absurdly long one stays text."""
    return int(text) if len(text) <= _MAX_DIGITS else text


_HALF_A_CHARACTER = r"an escape such as \ud800 that is half a character"


def _is_text(value: str) -> bool:
    """Whether the value can be written to a file or a terminal."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Loader(yaml.SafeLoader):
    """Loads scalars as YAML 1.2 defines them."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  (as its base has it)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError) as error:  # raised by constructors of explicit tags
            text = f"the value does not fit its tag {node.tag}"
            raise yaml.constructor.ConstructorError(None, None, text, node.start_mark) from error

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value = super().construct_scalar(node)
        if isinstance(value, str) and not _is_text(value):
            raise yaml.constructor.ConstructorError(None, None, _HALF_A_CHARACTER, node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Read every key as text, ``1:`` and ``true:`` too."""
        if not isinstance(node, yaml.MappingNode):
            return super().construct_mapping(node, deep)  # raises
        self.flatten_mapping(node)
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)

    def construct_whole(self, node: yaml.ScalarNode) -> int | str:
        return _whole(str(self.construct_scalar(node)))

    def construct_number(self, node: yaml.ScalarNode) -> float | str:
        """A number whose text would come out differently (``0.50``) stays text: it may be part of a command."""
        text = str(self.construct_scalar(node))
        number = float(text)
        return number if repr(number) == text else text


_BOOL = re.compile("(?:true|True|TRUE|false|False|FALSE)$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", _BOOL, list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"-?(0|[1-9]\d*)$"), list("-0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"-?\d+\.\d+$"), list("-0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("~$|null$|Null$|NULL$|$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile("<<$"), ["<"])
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_whole)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)


def read_yaml(file: Path) -> Document:
    """Parse a YAML file. ``ConfigError``: unreadable, broken (file, line, column), or a repeated key."""
    text = read_text(file)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        data = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError(f"{file}{place}: broken YAML: {what}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{file}:{line}: broken YAML: {error.reason} (character {error.character!r})") from None
    except RecursionError:
        raise ConfigError(f"{file}: broken YAML: nested too deeply") from None
    lines: dict[KeyPath, int] = {(): 1}
    twice: list[tuple[KeyPath, int]] = []
    if node is not None and not _yaml_lines(node, (), lines, twice, ()):
        raise ConfigError(f"{file}: too large: more than {_MAX_KEYS} keys and list items, with what aliases repeat")
    document = Document(file, data, lambda: lines)
    _refuse_repeated_keys(document, twice)
    return document


def read_yaml_key(file: Path, key: str) -> object:
    """The value of one key at the top of a YAML file, found without parsing the whole file if possible."""
    text = read_text(file)
    section = re.search(rf"^{re.escape(key)}:.*(?:\n(?:[ \t#].*)?)*", text, re.MULTILINE)
    if section is None:
        return read_yaml(file).get((key,)) if key in text else None
    try:
        content = yaml.load(section[0], _Loader)  # a SafeLoader
    except yaml.YAMLError:
        return read_yaml(file).get((key,))
    return content.get(key) if isinstance(content, dict) else None


def _yaml_lines(
    node: yaml.Node,
    path: KeyPath,
    lines: dict[KeyPath, int],
    twice: list[tuple[KeyPath, int]],
    parents: tuple[yaml.Node, ...],
) -> bool:
    """Collect the line of each key below ``node``; ``False`` if there are too many."""
    if len(lines) > _MAX_KEYS:
        return False
    if node in parents:  # an alias to its own parent
        return True
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            here = (*path, str(key.value))
            line = key.start_mark.line + 1
            if here in lines:
                twice.append((here, line))
            lines[here] = line
            if not _yaml_lines(value, here, lines, twice, (*parents, node)):
                return False
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*path, index)] = item.start_mark.line + 1
            if not _yaml_lines(item, (*path, index), lines, twice, (*parents, node)):
                return False
    return True


def _refuse_repeated_keys(document: Document, twice: list[tuple[KeyPath, int]]) -> None:
    if twice:
        raise ConfigError(*(f"{document.file}:{line}: {dotted(path)}: this key is repeated" for path, line in twice))


def read_json(file: Path) -> Document:
    """Parse a JSON file. ``ConfigError``: unreadable, broken (file, line, column), or a repeated key."""
    text = read_text(file)
    repeated = False

    def as_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal repeated
        result = dict(pairs)
        repeated = repeated or len(result) != len(pairs)
        return result

    try:
        data = json.loads(text, object_pairs_hook=as_object, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{file}:{error.lineno}:{error.colno}: broken JSON: {error.msg}") from None
    except RecursionError:
        raise ConfigError(f"{file}: broken JSON: nested too deeply") from None
    halves = _HALF.search(text)
    if halves and not _is_text(json.dumps(data, ensure_ascii=False)):
        line = text.count("\n", 0, halves.start()) + 1
        raise ConfigError(f"{file}:{line}: broken JSON: {_HALF_A_CHARACTER}")
    document = Document(file, data, lambda: _json_lines(text)[0])
    if repeated:
        _refuse_repeated_keys(document, _json_lines(text)[1])
    return document


_HALF = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"
)
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+|\n')


def _json_lines(text: str) -> tuple[dict[KeyPath, int], list[tuple[KeyPath, int]]]:
    """Lines of every key and list item of ``text`` (which is valid JSON), and the keys that repeat."""
    lines: dict[KeyPath, int] = {(): 1}
    twice: list[tuple[KeyPath, int]] = []
    open_objects: list[str | int | None] = []  # key or index at hand of each open object or list
    expects_key = False
    line = 1
    for match in _JSON_TOKEN.finditer(text):
        token = match[0]
        if token == "\n":
            line += 1
            continue
        if token in "}]":
            open_objects.pop()
            expects_key = False
        elif token == ",":
            index = open_objects[-1]
            if isinstance(index, int):
                open_objects[-1] = index + 1
            else:
                expects_key = True
        elif token == ":":
            expects_key = False
        elif expects_key:
            open_objects[-1] = json.loads(token)
            path = tuple(part for part in open_objects if part is not None)
            if path in lines:
                twice.append((path, line))
            lines[path] = line
        else:
            if open_objects and isinstance(open_objects[-1], int):
                lines[tuple(part for part in open_objects if part is not None)] = line
            if token in "{[":
                open_objects.append(None if token == "{" else 0)
                expects_key = token == "{"
    return lines, twice
