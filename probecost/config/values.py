"""Single values of the configuration files: SSH destinations, addresses, sizes, signals, scalars as text."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from probecost.config.validation import complaint, nearest

_DESTINATION = re.compile(
    r"(?:(?P<user>[^@\s:/]+)@)?(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^@\s:/\[\]-][^@\s:/\[\]]*))(?::(?P<port>\d{1,5}))?"
)
_SIZE = re.compile(r"(\d+)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL")


@dataclass(frozen=True)
class Destination:
    """``[user@]host[:port]`` taken apart."""

    host: str
    user: str | None = None
    port: int | None = None


def parse_destination(text: str) -> Destination:
    """Read ``[user@]host[:port]``; an IPv6 address with a port stands in brackets. ``ValueError`` if it is none.

    >>> parse_destination("me@10.0.0.1:2222")
    Destination(host='10.0.0.1', user='me', port=2222)
    """
    user, _, bare = text.rpartition("@")
    try:
        return Destination(str(ipaddress.IPv6Address(bare)), user or None)
    except ValueError:
        match = _DESTINATION.fullmatch(text)
    if match is None or (match["port"] and not 0 < int(match["port"]) < 65536):
        raise ValueError(text)
    return Destination(match["v6"] or match["host"], match["user"], int(match["port"]) if match["port"] else None)


def _destination(text: str) -> str:
    try:
        parse_destination(text)
    except ValueError:
        raise complaint("expected [user@]host[:port]") from None
    return text


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise complaint("expected an IP address without a prefix length, such as 10.0.0.1") from None


def scalar_text(value: object) -> str:
    """A scalar as it stands in a command line: ``True`` is ``true``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise complaint("expected text or a number")


def _size_bytes(value: object) -> object:
    """``100M``, ``500k`` and ``1GiB`` as bytes, whatever the case of the letters; whole numbers pass."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        raise complaint("expected a size in bytes above 0, such as 1000000, 500K, 100M or 1GiB")
    return int(match[1]) * (1024 if match[3] else 1000) ** " kmgt".index(match[2].lower() or " ")


def _signal(text: str) -> str:
    name = text if text.startswith("SIG") else f"SIG{text}"
    if name not in _SIGNALS:
        raise complaint(f"expected one of {', '.join(_SIGNALS)}{nearest(name, _SIGNALS)}")
    return name


def _one_or_many(value: object) -> object:
    """A list stays one, ``None`` is an empty one, a single value is a list of one."""
    if value is None:
        return []
    return value if isinstance(value, list | tuple) else [value]


DestinationText = Annotated[str, AfterValidator(_destination)]
Address = Annotated[str, AfterValidator(_address)]
Scalar = Annotated[str, BeforeValidator(scalar_text)]
Scalars = Annotated[tuple[Scalar, ...], BeforeValidator(_one_or_many)]
SizeBytes = Annotated[int, BeforeValidator(_size_bytes)]
StopSignal = Annotated[str, AfterValidator(_signal)]
