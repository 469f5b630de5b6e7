"""Offered load: how much traffic a perf test sends, as a share of the path's maximum or as a rate."""

from __future__ import annotations

import re
from decimal import Decimal

from probecost.results.offered_load import Load, factor_of

DATAGRAM_BYTES = 64  # of payload, in every datagram of pps
DATAGRAM_BITS = DATAGRAM_BYTES * 8

_BITRATE = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<prefix>[kmgt]?)", re.IGNORECASE)


def parse_loads(text: str) -> tuple[Load, ...]:
    """Parse a comma separated list of distinct loads. ``ValueError`` says what is wrong with it."""
    loads: dict[Load, str] = {}
    for word in (part.strip() for part in text.split(",")):
        load = Load.parse(word)
        if load in loads:
            raise ValueError(f"{word!r} is the same load as {loads[load]!r}: expected each once")
        loads[load] = word
    return tuple(loads)


def parse_rate_bps(text: str) -> int:
    """Parse a limit in bits per second: ``500M``, ``2G``. ``ValueError`` says what was expected."""
    try:
        load = Load.parse(text)
    except ValueError:
        load = None
    if load is None or load.unit != "bit/s":
        raise ValueError(f"expected bits per second with their unit, such as 500M or 2G, from 1k to 10T, not {text!r}")
    return int(load.value)


def bitrate_bps(text: str) -> float | None:
    """The rate in iperf3's ``-b``: ``1G``, ``500M/16`` (a burst does not change it); ``None`` for 0, no limit."""
    match = _BITRATE.match(text)
    assert match is not None  # configuration files are checked
    return float(Decimal(match["number"]) * factor_of(match["prefix"].lower())) or None
