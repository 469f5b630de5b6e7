"""``config.yaml`` of the analysis: topics, thresholds of marks, the negligible margin, and limits that void."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from probecost.analysis.settings.file import Entry, SettingsFile
from probecost.analysis.settings.thresholds import Thresholds, defaults_pct, names
from probecost.analysis.statistics.verdict import DEFAULT_MARGIN_PCT
from probecost.errors import ConfigError

DEFAULT_FILE = Path(__file__).with_name("config.yaml")
DEFAULT_FOREIGN_CPU_LIMIT_PCT = 10.0
_MOST = 1e6  # percent: more is a mistake
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%?")


@dataclass(frozen=True)
class Settings:
    """The settings of one analysis, passed to every function that judges; none assumes the defaults by itself.

    ``topics``: category, or its first parts, → topic. ``margin_pct``: a cost up to this is negligible.
    ``foreign_cpu_limit_pct``: user CPU time of foreign processes, in percent of a core, that voids a perf test.
    ``thresholds``: limits of unmarked differences. ``file``: the file with these settings, ``None`` for the default.
    """

    topics: Mapping[str, str] = field(default_factory=dict)
    margin_pct: float = DEFAULT_MARGIN_PCT
    foreign_cpu_limit_pct: float = DEFAULT_FOREIGN_CPU_LIMIT_PCT
    thresholds: Thresholds = field(default_factory=Thresholds)
    file: Path | None = field(default=None, compare=False)

    def topic(self, category: str) -> str:
        """The topic's name, safe as the start of a file name.

        >>> Settings({"system-network": "net"}).topic("system-network/performance")
        'net'
        >>> Settings().topic("system-network/performance")
        'system_network_performance'
        """
        group = category
        while group and group not in self.topics:
            group = group.rpartition("/")[0]
        name = self.topics[group] if group else category
        return re.sub(r"[^A-Za-z0-9_.]+", "_", name).strip("._") or "uncategorized"


def load_settings(given: Path | None = None) -> Settings:
    """The settings in ``given``, else in the default file; the default file and every key may be absent.

    Raises ``ConfigError`` with file, line, key and what was expected, for all mistakes at once.
    """
    path = given or DEFAULT_FILE
    try:
        file = SettingsFile.read(path)
    except FileNotFoundError:
        if path == DEFAULT_FILE:
            return Settings()
        raise ConfigError(f"{path}: there is no such file") from None
    topics: dict[str, str] = {}
    limits: dict[str, float | None] = defaults_pct()
    numbers: dict[str, float] = {}
    readers: dict[str, Callable[[Entry], None]] = {
        "topics": lambda entry: _topics(file, entry, topics),
        "thresholds": lambda entry: _thresholds(file, entry, limits),
        "margin_pct": lambda entry: _number(file, entry, "a percentage above 0 and below 100", 100, numbers),
        "foreign_cpu_limit_pct": lambda entry: _number(file, entry, "a percentage of a core above 0", None, numbers),
    }
    for entry in file.entries:
        if entry.key in readers:
            readers[entry.key](entry)
        else:
            file.unknown(entry, list(readers))
    if file.problems:
        raise ConfigError(*file.problems, hint=f"{DEFAULT_FILE} has every key, what it means, and its default")
    return Settings(topics, **numbers, thresholds=Thresholds(limits), file=None if path == DEFAULT_FILE else path)


def _topics(file: SettingsFile, entry: Entry, topics: dict[str, str]) -> None:
    if entry.value is None:
        return
    if entry.entries is None:
        file.refuse(entry, "a mapping of category to topic")
        return
    for each in entry.entries:
        if isinstance(each.value, str) and re.search(r"[A-Za-z0-9]", each.value):
            topics[each.key.removeprefix("topics.")] = each.value
        else:
            file.refuse(each, "a topic: text with a letter or digit in it")


def _thresholds(file: SettingsFile, entry: Entry, limits: dict[str, float | None]) -> None:
    if entry.value is None:
        return
    if entry.entries is None:
        file.refuse(entry, "a mapping of metric to percent")
        return
    known = names()
    for each in entry.entries:
        name = each.key.removeprefix("thresholds.")
        if name not in known:
            file.unknown(each, known)
        elif each.value == "none":
            limits[name] = None
        elif (percent := _percent(each.value)) is not None:
            limits[name] = percent
        else:
            file.refuse(each, "a percentage of 0 or more such as 5 or 2.5%, or none")


def _percent(value: object) -> float | None:
    """``5``, ``2.5``, ``5%`` or ``5 %``; ``None`` for anything else."""
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value)):
        value = float(match[1])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _MOST else None


def _number(file: SettingsFile, entry: Entry, expected: str, below: float | None, numbers: dict[str, float]) -> None:
    value = entry.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < (below or _MOST):
        file.refuse(entry, expected)
    else:
        numbers[entry.key] = float(value)
