"""Offered load: how much traffic a perf test sends, as a share of what the path carries or as a rate of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

LoadUnit = Literal["%", "bit/s", "packets/s"]

DATAGRAM_BYTES = 64  # of payload, in every datagram of pps
DATAGRAM_BITS = DATAGRAM_BYTES * 8

_PREFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_LOAD = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>%|[kmgt]|[kmg]?pps)", re.IGNORECASE)
_BITRATE = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<prefix>[kmgt]?)", re.IGNORECASE)
_LEAST_BPS, _MOST_BPS = 10**3, 10**13
_MOST_PPS = 10**10
_RATES = "a rate with its unit, such as 500M or 2G (bit/s) or 100kpps (packets per second)"


@dataclass(frozen=True)
class Load:
    """``value`` percent of the maximum, bits or packets per second; as text ``25%``, ``2G``, ``100kpps``."""

    value: float
    unit: LoadUnit

    @classmethod
    def parse(cls, text: str) -> Load:
        """Read what a user wrote; 100 % is a load like any other here. ``ValueError`` says what was expected.

        >>> str(Load.parse("2000m")), str(Load.parse("0.1Mpps")), str(Load.parse("25.0%"))
        ('2G', '100kpps', '25%')
        """
        match = _LOAD.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"expected a percentage such as 25%, or {_RATES}, not {text!r}")
        number, unit = Decimal(match["number"]), match["unit"].lower()
        if unit == "%":
            if not 0 < number <= 100 or number != round(number, 2):
                raise ValueError(f"expected more than 0% and up to 100%, with two decimals at most, not {text!r}")
            return cls(float(number), "%")
        is_packets = unit.endswith("pps")
        rate = number * _factor(unit.removesuffix("pps"))
        least, most = (1, _MOST_PPS) if is_packets else (_LEAST_BPS, _MOST_BPS)
        if not least <= rate <= most or rate != int(rate):
            between = "1pps to 10Gpps" if is_packets else "1k to 10T bit/s"
            raise ValueError(f"expected a whole number per second from {between}, not {text!r}")
        return cls(float(rate), "packets/s" if is_packets else "bit/s")

    @property
    def percent(self) -> float | None:
        """``None`` for a rate."""
        return self.value if self.unit == "%" else None

    @property
    def suffix(self) -> str:
        """What it adds to the name of a connection type: ``load25``, ``load2G``, ``load100kpps``."""
        return f"load{str(self).removesuffix('%')}"

    def __str__(self) -> str:
        if self.unit == "%":
            return f"{_plain(Decimal(repr(self.value)))}%"
        prefix = next(name for name in reversed(_PREFIXES) if self.value >= _PREFIXES[name])
        number = _plain(Decimal(int(self.value)) / _PREFIXES[prefix])
        return f"{number}{prefix}{'pps' if self.unit == 'packets/s' else ''}"


def parse_loads(text: str) -> tuple[Load, ...]:
    """A comma separated list of loads, none twice. ``ValueError`` says what is wrong with it."""
    loads: dict[Load, str] = {}
    for word in (part.strip() for part in text.split(",")):
        load = Load.parse(word)
        if load in loads:
            raise ValueError(f"{word!r} is the same load as {loads[load]!r}: expected each once")
        loads[load] = word
    return tuple(loads)


def parse_rate_bps(text: str) -> int:
    """A limit in bits per second: ``500M``, ``2G``. ``ValueError`` says what was expected."""
    try:
        load = Load.parse(text)
    except ValueError:
        load = None
    if load is None or load.unit != "bit/s":
        raise ValueError(f"expected bits per second with their unit, such as 500M or 2G, from 1k to 10T, not {text!r}")
    return int(load.value)


def bitrate_bps(text: str) -> float | None:
    """What iperf3 makes of ``-b``: ``1G``, ``500M/16`` (a burst, which changes no rate); ``None``: 0 is no limit."""
    match = _BITRATE.match(text)
    assert match is not None  # configuration files are checked
    return float(Decimal(match["number"]) * _factor(match["prefix"].lower())) or None


def _factor(prefix: str) -> int:
    return {name.lower(): factor for name, factor in _PREFIXES.items()}[prefix]


def _plain(number: Decimal) -> str:
    """Without an exponent, and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
