"""An offered load: how much traffic a perf test sends, as a share of the path's maximum or as a rate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

LoadUnit = Literal["%", "bit/s", "packets/s"]

#: A load at the end of a connection type: ``load25``, ``load2G``, ``load100kpps``.
SUFFIX = r"load\d+(?:\.\d+)?(?:[kMGT]|[kMG]?pps)?"

_PREFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_LOAD = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>%|[kmgt]|[kmg]?pps)", re.IGNORECASE)
_LEAST_BPS, _MOST_BPS = 10**3, 10**13
_MOST_PPS = 10**10
_RATES = "a rate with its unit, such as 500M or 2G (bit/s) or 100kpps (packets per second)"


@dataclass(frozen=True)
class Load:
    """A load: ``value`` percent of the maximum, bits or packets per second; as text ``25%``, ``2G``, ``100kpps``."""

    value: float
    unit: LoadUnit

    @classmethod
    def parse(cls, text: str) -> Load:
        """Parse a user's text; 100 % is a load like any other here. ``ValueError`` names the expected forms.

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
        rate = number * factor_of(unit.removesuffix("pps"))
        least, most = (1, _MOST_PPS) if is_packets else (_LEAST_BPS, _MOST_BPS)
        if not least <= rate <= most or rate != int(rate):
            between = "1pps to 10Gpps" if is_packets else "1k to 10T bit/s"
            raise ValueError(f"expected a whole number per second from {between}, not {text!r}")
        return cls(float(rate), "packets/s" if is_packets else "bit/s")

    @classmethod
    def of_suffix(cls, suffix: str) -> Load:
        """A load of any size from a connection type.

        >>> str(Load.of_suffix("load12.5")), str(Load.of_suffix("load100kpps"))
        ('12.5%', '100kpps')
        """
        text = suffix.removeprefix("load")
        number = text.rstrip("kMGTps")
        prefix = text.removeprefix(number).removesuffix("pps")
        if text == number:
            return cls(float(number), "%")
        rate = float(Decimal(number) * factor_of(prefix.lower()))
        return cls(rate, "packets/s" if text.endswith("pps") else "bit/s")

    @property
    def percent(self) -> float | None:
        """The load in percent; ``None`` for a rate."""
        return self.value if self.unit == "%" else None

    @property
    def suffix(self) -> str:
        """Its part of the name of a connection type: ``load25``, ``load2G``, ``load100kpps``."""
        return f"load{str(self).removesuffix('%')}"

    @property
    def words(self) -> str:
        """The load as text for a heading.

        >>> [Load.of_suffix(text).words for text in ("load25", "load2G", "load100kpps")]
        ['25 % load', '2 Gbit/s', '100 kpackets/s']
        """
        if self.unit == "%":
            return f"{_plain(Decimal(repr(self.value)))} % load"
        number, prefix = self._scaled
        return f"{number} {prefix}{self.unit}"

    @property
    def rank(self) -> tuple[int, float]:
        """Sort key among all loads: percentages, then bits, then packets; each by size."""
        return ("%", "bit/s", "packets/s").index(self.unit), self.value

    @property
    def _scaled(self) -> tuple[str, str]:
        prefix = next(name for name in reversed(_PREFIXES) if self.value >= _PREFIXES[name] or not name)
        return _plain(Decimal(int(self.value)) / _PREFIXES[prefix]), prefix

    def __str__(self) -> str:
        if self.unit == "%":
            return f"{_plain(Decimal(repr(self.value)))}%"
        number, prefix = self._scaled
        return f"{number}{prefix}{'pps' if self.unit == 'packets/s' else ''}"


def factor_of(prefix: str) -> int:
    """The factor of a prefix in lower case: 1000 for ``k``."""
    return {name.lower(): factor for name, factor in _PREFIXES.items()}[prefix]


def _plain(number: Decimal) -> str:
    """A number without an exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
