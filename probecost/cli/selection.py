"""Selection as with ``pytest -k``: substrings joined by ``and``, ``or``, ``not`` and parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable

from probecost.errors import ConfigError

Matcher = Callable[[str], bool]

_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")


def matcher(expression: str) -> Matcher:
    """A test for texts. An empty expression matches all. ``ConfigError`` if the expression cannot be read.

    >>> matcher("eth_drop and not udp")("host-eth_drop-rx_protocol_tcp")
    True
    """
    tokens = _TOKEN.findall(expression)
    if not tokens:
        return lambda text: True
    return _Parser(expression, tokens).whole()


class _Parser:
    """One pass over the tokens; ``not`` binds closest, then ``and``, then ``or``."""

    def __init__(self, expression: str, tokens: list[str]) -> None:
        self.expression = expression
        self.tokens = tokens
        self.position = 0

    def whole(self) -> Matcher:
        result = self.either()
        if self.position < len(self.tokens):
            raise self.error(f"unexpected {self.tokens[self.position]!r}")
        return result

    def either(self) -> Matcher:
        parts = [self.both()]
        while self.take("or"):
            parts.append(self.both())
        return lambda text: any(part(text) for part in parts)

    def both(self) -> Matcher:
        parts = [self.single()]
        while self.take("and"):
            parts.append(self.single())
        return lambda text: all(part(text) for part in parts)

    def single(self) -> Matcher:
        if self.take("not"):
            inner = self.single()
            return lambda text: not inner(text)
        if self.take("("):
            grouped = self.either()
            if not self.take(")"):
                raise self.error("a ')' is missing")
            return grouped
        if self.position == len(self.tokens) or self.tokens[self.position] in ("and", "or", ")"):
            raise self.error("a word is missing")
        word = self.tokens[self.position].lower()
        self.position += 1
        return lambda text: word in text.lower()

    def take(self, token: str) -> bool:
        found = self.position < len(self.tokens) and self.tokens[self.position] == token
        self.position += found
        return found

    def error(self, what: str) -> ConfigError:
        return ConfigError(f"-k {self.expression!r}: {what}; expected words joined by and, or, not, ( and )")
