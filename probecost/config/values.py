"""Single values of the configuration files: SSH destinations, addresses, names, sizes, signals, scalars as text."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from probecost.config.validation import complaint, nearest

_DESTINATION = re.compile(
    r"(?:(?P<user>[^@\s:/]+)@)?(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^@\s:/\[\]-][^@\s:/\[\]]*))(?::(?P<port>\d{1,5}))?"
)
_SIZE = re.compile(r"(\d+)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_BITRATE = re.compile(r"\d+(\.\d+)?[kmgt]?(?:bps|bits?|b)?(/\d+)?", re.IGNORECASE)
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL")

FOLDER_NAME = "a name that a folder can have: no '/', no control characters, no '-' at its start, up to 100 bytes"


@dataclass(frozen=True)
class Destination:
    """``[user@]host[:port]`` taken apart."""

    host: str
    user: str | None = None
    port: int | None = None


def parse_destination(text: str) -> Destination:
    """Parse ``[user@]host[:port]``; an IPv6 address with a port needs brackets. ``ValueError``: not a destination.

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


def _host(text: str) -> str:
    """Accept a host name or address without user and port, which have their own keys."""
    try:
        destination = parse_destination(text)
    except ValueError:
        destination = None
    if destination is None or destination.user or destination.port:
        raise complaint("expected a host name or address alone: user and port have keys of their own")
    return text


def _folder_name(text: str) -> str:
    """Accept a folder name: environments and nodes are folders of the results tree."""
    if not is_folder_name(text):
        raise complaint(f"expected {FOLDER_NAME}")
    return text


def is_folder_name(text: str) -> bool:
    """Whether an environment or a node may have this name."""
    is_odd = text in (".", "..") or text.startswith("-") or "/" in text or not text.isprintable()
    return 0 < len(text.encode(errors="replace")) <= 100 and not is_odd


def is_bitrate(text: str) -> bool:
    """Whether iperf3's ``-b`` takes the text: ``500M``, ``1G/16``."""
    return bool(_BITRATE.fullmatch(text))


def _bitrate(text: str) -> str:
    if not is_bitrate(text):
        raise complaint("expected bits per second as for iperf3's -b, such as 500M or 1G; 0 is without a limit")
    return text


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise complaint("expected an IP address without a prefix length, such as 10.0.0.1") from None


def scalar_text(value: object) -> str:
    """A scalar as text for a command line: ``True`` is ``true``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise complaint("expected text or a number")


def _size_bytes(value: object) -> object:
    """``100M``, ``500k`` and ``1GiB`` as bytes, in any letter case; whole numbers pass."""
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


def one_or_many(value: object) -> object:
    """``value`` as a list: ``None`` is an empty list, a single value a list of one."""
    if value is None:
        return []
    return value if isinstance(value, list | tuple) else [value]


def null_is_empty(value: object) -> object:
    """``value``, or an empty mapping for a section without content."""
    return {} if value is None else value


DestinationText = Annotated[str, AfterValidator(_destination)]
Address = Annotated[str, AfterValidator(_address)]
Host = Annotated[str, Field(min_length=1), AfterValidator(_host)]
FolderName = Annotated[str, Field(min_length=1), AfterValidator(_folder_name)]
Bitrate = Annotated[str, AfterValidator(_bitrate)]
Scalar = Annotated[str, BeforeValidator(scalar_text)]
Scalars = Annotated[tuple[Scalar, ...], BeforeValidator(one_or_many)]
SizeBytes = Annotated[int, BeforeValidator(_size_bytes)]
StopSignal = Annotated[str, AfterValidator(_signal)]
