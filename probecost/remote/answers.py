"""Answers of nodes, bounded and typed: a node is not trusted to send the right answer, nor to stop sending."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

MAX_COMPRESSED = 16 << 20
MAX_ANSWER = 32 << 20
MAX_FACTS = 256 << 10

_T = TypeVar("_T")


class AnswerError(Exception):
    """An answer has the wrong form; the message is the reason, without node and verb."""


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def typed(kind: type[_T], value: object) -> _T:
    """Validate ``value``, which came as JSON, as a dataclass or any other type; unknown keys are ignored.

    Raises ``AnswerError`` with the first mistake and its place.
    """
    try:
        found: _T = _adapter(kind).validate_python(value)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "all of it"
        raise AnswerError(f"{place}: {first['msg']}") from None
    return found


def member(name: str, kind: type[_T]) -> Callable[[object], _T]:
    """A reader of the member ``name`` of an answer that is an object."""
    return lambda value: typed(kind, _object(value).get(name))


def _object(value: object) -> dict[str, Any]:
    return typed(dict[str, Any], value)


def facts(value: object) -> dict[str, Any]:
    """The facts of a node: an object of limited size."""
    found = _object(value)
    size = len(json.dumps(found))
    if size > MAX_FACTS:
        raise AnswerError(f"{size} bytes, more than {MAX_FACTS}")
    return found


def remembered(value: object) -> dict[str, Any]:
    """The reference state of a node, to be given back to it unchanged."""
    found = _object(value)
    typed(list[str], found.get("found"))
    typed(list[tuple[str, str, str]], found.get("entries"))
    return found


class Compressed:
    """A JSON object that comes compressed and in chunks, of at most ``limit`` bytes."""

    def __init__(self, limit: int = 0) -> None:
        self.data = bytearray()
        self._limit = limit or MAX_COMPRESSED

    def feed(self, chunk: bytes) -> None:
        """Add the next chunk; ``AnswerError``: it is too much."""
        self.data += chunk
        if len(self.data) > self._limit:
            raise AnswerError(f"more than {self._limit} bytes")

    def read(self) -> dict[str, Any]:
        """The object. ``AnswerError``: it is damaged, of another type, or too long."""
        unpacking = zlib.decompressobj()
        try:
            text = unpacking.decompress(self.data, MAX_ANSWER)
            if unpacking.unconsumed_tail:
                raise AnswerError(f"more than {MAX_ANSWER} bytes")
            return _object(json.loads(text))
        except (zlib.error, ValueError, RecursionError) as error:
            raise AnswerError(str(error)) from None
