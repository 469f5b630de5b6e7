"""Selects like ``pytest -k``: substrings joined by ``and``, ``or``, ``not`` and parentheses."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

from probecost.errors import ConfigError

Matcher = Callable[[str], bool]

_WORD = re.compile(r"[^\s()]+")


def matcher(expression: str) -> Matcher:
    """A test for texts. An empty expression matches all. ``ConfigError`` if the expression cannot be read.

    >>> matcher("eth_drop and not udp")("host-eth_drop-rx_protocol_tcp")
    True
    """
    words: list[str] = []

    def as_name(found: re.Match[str]) -> str:
        """Replace a word, which may have any characters, by ``_0``, ``_1``, ..., its index in ``words``."""
        if found[0] in ("and", "or", "not"):
            return found[0]
        words.append(found[0].lower())
        return f"_{len(words) - 1}"

    if not expression.strip():
        return lambda text: True
    try:
        return _test(ast.parse(_WORD.sub(as_name, expression.strip()), mode="eval").body, words)
    except SyntaxError:
        raise ConfigError(f"-k {expression!r}: expected words joined by and, or, not, ( and )") from None


def _test(node: ast.expr, words: Sequence[str]) -> Matcher:
    """Compile a node. Raises ``SyntaxError`` for valid Python that pytest does not accept, for instance a call."""
    match node:
        case ast.BoolOp(op=operator, values=values):
            parts = [_test(value, words) for value in values]
            joined = all if isinstance(operator, ast.And) else any
            return lambda text: joined(part(text) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _test(operand, words)
            return lambda text: not inner(text)
        case ast.Name(id=name):
            word = words[int(name[1:])]
            return lambda text: word in text.lower()
    raise SyntaxError
