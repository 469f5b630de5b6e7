"""Replaces template variables: ``{SRC_IP}`` in a tool's command template.

Templates are commands by design; values are quoted if a shell would misread them. ``{{word}}`` is a literal
``{word}``; braces around anything but a single word are left alone.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

_PLACEHOLDER = re.compile(r"\{\{(?P<literal>[A-Za-z_]\w*)\}\}|\{(?P<name>[A-Za-z_]\w*)\}")
_OPTION = re.compile(r"-{1,2}[A-Za-z][\w-]*")
_DOUBLE_QUOTE_SPECIALS = re.compile(r'([\\"$`])')


class UnknownVariableError(Exception):
    """A variable is undefined, or defined by itself."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


class AbsentValueError(Exception):
    """The environment has no value for a variable whose place cannot be left out."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


@dataclass(frozen=True)
class Rendered:
    """A command, and the variables whose options were left out because the environment has no value."""

    command: str
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Word:
    start: int
    end: int
    text: str


def placeholders(text: str) -> tuple[str, ...]:
    """Names of the variables in ``text``, each once, in order."""
    return tuple(dict.fromkeys(match["name"] for match in _PLACEHOLDER.finditer(text) if match["name"]))


def literal(text: str) -> str:
    """``text`` with its braces escaped: ``{word}`` becomes ``{{word}}``."""
    return _PLACEHOLDER.sub(lambda match: f"{{{match[0]}}}", text)


def resolve(text: str, values: Mapping[str, str], _inside: tuple[str, ...] = ()) -> str:
    """``text`` with its variables replaced, unquoted; values may hold variables too. ``UnknownVariableError``."""

    def value_of(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return f"{{{match['literal']}}}"
        if name not in values or name in _inside:
            raise UnknownVariableError(name)
        return resolve(values[name], values, (*_inside, name))

    return _PLACEHOLDER.sub(value_of, text)


def all_placeholders(text: str, definitions: Mapping[str, str]) -> frozenset[str]:
    """Variables in ``text`` and, recursively, in their definitions."""
    found: set[str] = set()
    pending = list(placeholders(text))
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += placeholders(definitions.get(name, ""))
    return frozenset(found)


def render(template: str, values: Mapping[str, str], discovered: Collection[str] = ()) -> Rendered:
    """The command of ``template`` with ``values``.

    An option with an empty value (``--device {VM_INTERFACE}``, ``--device={VM_INTERFACE}``) is left out. An empty value
    elsewhere is left out too if the user wrote it empty. ``AbsentValueError``: it is ``discovered`` and the environment
    has none. ``UnknownVariableError``: the variable is undefined.
    """
    resolved = {name: resolve(f"{{{name}}}", values) for name in placeholders(template)}
    dropped: set[int] = set()
    left_out: dict[str, None] = {}
    words = list(_words(template))
    for index, word in enumerate(words):
        empty = [name for name in placeholders(word.text) if not resolved[name]]
        if not empty:
            continue
        is_absent = [name for name in empty if all_placeholders(f"{{{name}}}", values) & set(discovered)]
        option, _, rest = word.text.partition("=")
        if rest == f"{{{empty[0]}}}" and _OPTION.fullmatch(option):
            dropped.add(index)
        elif word.text == f"{{{empty[0]}}}" and index and _OPTION.fullmatch(words[index - 1].text):
            dropped |= {index - 1, index}
        elif is_absent:
            raise AbsentValueError(is_absent[0])
        elif word.text == f"{{{empty[0]}}}":
            dropped.add(index)
        left_out.update(dict.fromkeys(is_absent))
    pieces = []
    position = 0
    for index, word in enumerate(words):
        if index not in dropped:
            pieces.append(template[position : word.start] + _substitute(word.text, resolved))
        position = word.end
    return Rendered("".join(pieces).strip(), tuple(left_out))


def _words(template: str) -> Iterator[_Word]:
    """Words between blanks; blanks inside quotes do not separate."""
    start: int | None = None
    for position, char in enumerate(template):
        if char.isspace() and not (start is not None and _quote_after(template[start:position], "")):
            if start is not None:
                yield _Word(start, position, template[start:position])
            start = None
        elif start is None:
            start = position
    if start is not None:
        yield _Word(start, len(template), template[start:])


def _substitute(word: str, resolved: Mapping[str, str]) -> str:
    """The word with its variables replaced, each value quoted for its place in the word."""
    pieces = []
    position = 0
    quote = ""
    for match in _PLACEHOLDER.finditer(word):
        before = word[position : match.start()]
        pieces.append(before)
        quote = _quote_after(before, quote)
        pieces.append(f"{{{match['literal']}}}" if match["literal"] else _quoted(resolved[match["name"]], quote))
        position = match.end()
    return "".join([*pieces, word[position:]])


def _quote_after(text: str, quote: str) -> str:
    """The quote that is open after ``text``, which begins inside ``quote``; "" for none."""
    is_escaped = False
    for char in text:
        if is_escaped:
            is_escaped = False
        elif char == "\\" and quote != "'":
            is_escaped = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
    return quote


def _quoted(value: str, quote: str) -> str:
    if quote == "'":
        return value.replace("'", "'\\''")
    if quote == '"':
        return _DOUBLE_QUOTE_SPECIALS.sub(r"\\\1", value)
    return shlex.quote(value) if value else ""
