"""Reads JSON of an unknown writer: the object in a text, and its fields, each of the expected type or absent."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping

from pydantic_core import from_json

from probecost.analysis.parsers.text import ParseError

MAX_JSON = 64 << 20
_JSON = json.JSONDecoder()
_AT_LINE_START = re.compile(r"^\{", re.MULTILINE)


def parse_object(text: str) -> Mapping[str, object]:
    """The one JSON object in ``text``, which may be repeated; messages before and after it are passed over.

    Raises ``ParseError`` for no object, a truncated one, or different ones.
    """
    if len(text) > MAX_JSON:
        raise ParseError(f"has {len(text)} characters, more than {MAX_JSON}")
    try:
        value = from_json(text)
    except ValueError:
        return _object_among(text)
    return value if isinstance(value, dict) else _object_among(text)


def _object_among(text: str) -> Mapping[str, object]:
    """The object in a text that is not JSON as a whole. ``ParseError``: there is none, with the reason.

    (The standard library's parser is half as fast, but gives the end of an object.)
    """
    first = _AT_LINE_START.search(text)
    start = first.start() if first else text.find("{")
    if start < 0:
        raise ParseError("holds no JSON object")
    try:
        value, end = _JSON.raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"broken or truncated JSON: {error}") from None
    if any(other != value for other in _further(text, end)):
        raise ParseError("holds more than one JSON object: which one belongs here is unknown")
    assert isinstance(value, dict)  # raw_decode started at a brace
    return value


def _further(text: str, at: int) -> Iterator[object]:
    """Objects after the first one; ``None`` for one that is broken. A brace within a line may be part of a message."""
    while (start := text.find("{", at)) >= 0:
        try:
            value, at = _JSON.raw_decode(text, start)
        except (ValueError, RecursionError):
            before = text[at:start].rpartition("\n")[2]
            at = start + 1
            if before.strip():
                continue
            value = None
        yield value


def child(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    """The object under ``key``, empty if it is absent or of another type."""
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def number(parent: Mapping[str, object], key: str) -> float | None:
    """The finite number under ``key``, ``None`` if there is none (``true`` is not a number, nor is NaN)."""
    value = parent.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def whole(parent: Mapping[str, object], key: str) -> int | None:
    """The exact integer under ``key`` (nanoseconds do not fit a float); ``None`` if there is none."""
    value = parent.get(key)
    if type(value) is int:
        return value
    rough = number(parent, key)
    return int(rough) if rough is not None and rough.is_integer() else None


def words(parent: Mapping[str, object], key: str) -> str:
    """The text under ``key``; numbers as text, anything else as an empty string."""
    value = parent.get(key)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
