"""Turns pydantic's errors into lines that a user can act on: file, line, key path, value, what was expected."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from probecost.config.documents import Document, KeyPath

M = TypeVar("M", bound=BaseModel)

_PLACE = re.compile(r"(?P<file>.*?):(?P<line>\d+)(?::\d+)?: ")
_EXPECTED = {
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "finite_number": "expected a finite number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "dict_type": "expected a mapping of keys to values",
    "model_type": "expected a mapping of keys to values",
    "model_attributes_type": "expected a mapping of keys to values",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}


class Section(BaseModel):
    """A part of a configuration file: unknown keys are errors, numbers pass as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False)


def complaint(expected: str, *, key: str | None = None) -> PydanticCustomError:
    """An error for use inside validators: ``expected`` is the message, ``key`` the place below the value."""
    return PydanticCustomError("probecost", "{expected}", {"expected": expected, "key": key})


def located(error: PydanticCustomError, key: str, value: object) -> InitErrorDetails:
    """A ``complaint`` about ``key``, for ``ValidationError.from_exception_data``."""
    return InitErrorDetails(type=error, loc=(key,), input=value)


def again(error: ValidationError) -> list[InitErrorDetails]:
    """The errors inside ``error``, to be raised again together with more."""
    result = []
    for item in error.errors(include_url=False):
        context = item.get("ctx", {})
        is_ours = item["type"] == "probecost"
        kind = complaint(str(context["expected"]), key=context["key"]) if is_ours else item["type"]
        result.append(InitErrorDetails(type=kind, loc=item["loc"], input=item["input"], ctx=context))
    return result


def nearest(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'workdir'?)`` or nothing."""
    match = closest(word, known)
    return f" (did you mean {match!r}?)" if match else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like ``word``, if any."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return match[0] if match else None


def validate(model: type[M], document: Document) -> tuple[M | None, list[str]]:
    """The document as ``model`` (``None`` if it is invalid) and one line per mistake, in the order of the file.

    A key that is missing because it is misspelt is one mistake, not two.
    """
    if document.data is None:
        return None, [f"{document.file}:1: the file is empty: expected a mapping of keys to values"]
    try:
        return model.model_validate(document.data), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
    said = {(*item["loc"][:-1], _meant(model, item)) for item in errors if item["type"] == "extra_forbidden"}
    found = [
        _describe(model, document, item) for item in errors if item["type"] != "missing" or item["loc"] not in said
    ]
    return None, [text for _, text in sorted(found)]


def in_order(problems: Iterable[str]) -> list[str]:
    """Problems that begin with ``file:line:``, each once: by first appearance of the file, then by line."""
    files: dict[str, int] = {}

    def place(problem: str) -> tuple[int, int]:
        match = _PLACE.match(problem)
        file, line = (match["file"], int(match["line"])) if match else (problem, 0)
        return files.setdefault(file, len(files)), line

    return sorted(dict.fromkeys(problems), key=place)


def _meant(model: type[BaseModel], error: ErrorDetails) -> str | None:
    """The known key that is most like an unknown one."""
    return closest(str(error["loc"][-1]), _known_keys(model, error["loc"][:-1]))


def _describe(model: type[BaseModel], document: Document, error: ErrorDetails) -> tuple[int, str]:
    kind = error["type"]
    path = _resolve(document.data, error["loc"], keep_last=kind == "missing")
    line = document.line(path)
    if kind == "missing":
        return line, document.problem(path, "this key is missing")
    if kind == "extra_forbidden":
        known = _known_keys(model, error["loc"][:-1])
        listing = f"; known here: {', '.join(known)}" if len(known) <= 8 else ""
        text = f"unknown key{nearest(str(path[-1]), known) or listing}"
        value = error["input"]
        return line, document.problem(path, text, **({} if isinstance(value, dict | list) else {"value": value}))
    key = error.get("ctx", {}).get("key")
    if kind == "probecost" and key is not None:
        path = (*path, key)
        return document.line(path), document.problem(path, _expected(error), value=document.get(path))
    return line, document.problem(path, _expected(error), value=error["input"])


def _expected(error: ErrorDetails) -> str:
    kind = error["type"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "probecost":
        return str(context["expected"])
    if kind == "literal_error":
        values = str(context["expected"])
        return f"expected {values}" + nearest(
            str(error["input"]), values.replace("'", "").replace(" or ", ", ").split(", ")
        )
    if kind == "string_pattern_mismatch":
        return "must not be empty" if context["pattern"] == r"\S" else f"expected text of the form {context['pattern']}"
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return f"expected a number {error['msg'].removeprefix('Input should be ')}"
    return _EXPECTED.get(kind, error["msg"])


def _resolve(data: object, loc: tuple[int | str, ...], *, keep_last: bool) -> KeyPath:
    """The part of pydantic's ``loc`` that exists in the data: ``loc`` also has union members and validators."""
    path: list[str | int] = []
    for number, part in enumerate(loc):
        if isinstance(data, Mapping) and part in data:
            data = data[part]
            path.append(str(part))
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
            path.append(part)
        elif keep_last and number == len(loc) - 1:
            path.append(part)
    return tuple(path)


def _known_keys(model: object, loc: tuple[int | str, ...]) -> list[str]:
    """Names of the fields that the model at ``loc`` below ``model`` has."""
    for part in loc:
        model = _below(model, part)
    for member in _members(model):
        if isinstance(member, type) and issubclass(member, BaseModel):
            return sorted(field.alias or name for name, field in member.model_fields.items())
    return []


def _below(annotation: object, part: int | str) -> object:
    for member in _members(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            for name, field in member.model_fields.items():
                if part in (name, field.alias):
                    return field.annotation
        elif get_origin(member) in (dict, list, tuple, Mapping):
            return get_args(member)[1 if get_origin(member) in (dict, Mapping) else 0]
    return annotation


def _members(annotation: object) -> list[object]:
    """The annotation without ``Annotated``, a union as its members."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for item in get_args(annotation) for member in _members(item)]
    return [annotation]
