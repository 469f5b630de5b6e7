"""``config.yaml`` of the analysis: which topic a case's category belongs to, and what counts as negligible."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from analysis.gates.foreign import LIMIT_PCT
from analysis.statistics.verdict import DEFAULT_MARGIN_PCT
from probecost.errors import ConfigError

DEFAULT_FILE = Path(__file__).with_name("config.yaml")
_KEYS = ("topics", "margin_pct", "foreign_cpu_limit_pct")


@dataclass(frozen=True)
class Settings:
    """``topics``: category, or its first parts, → topic. ``margin_pct``: a cost up to this is negligible.

    ``foreign_cpu_limit_pct``: what others may take of a core in user mode before a perf test is void.
    """

    topics: Mapping[str, str]
    margin_pct: float = DEFAULT_MARGIN_PCT
    foreign_cpu_limit_pct: float = LIMIT_PCT

    def topic(self, category: str) -> str:
        """The topic's name, safe as the start of a file name.

        >>> Settings({"system-network": "net"}).topic("system-network/performance")
        'net'
        >>> Settings({}).topic("system-network/performance")
        'system_network_performance'
        """
        group = category
        while group and group not in self.topics:
            group = group.rpartition("/")[0]
        name = self.topics[group] if group else category
        return re.sub(r"[^A-Za-z0-9_.]+", "_", name).strip("._") or "uncategorized"


def load_settings(path: Path = DEFAULT_FILE) -> Settings:
    """The settings in ``path``; the default file may be absent. Raises ``ConfigError`` with file and key."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if path == DEFAULT_FILE:
            return Settings({})
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(document or {}, dict):
        raise ConfigError(f"{path}: expected a mapping with the keys {', '.join(_KEYS)}, found {document!r}")
    unknown = sorted(set(map(str, document or {})) - set(_KEYS))
    if unknown:
        raise ConfigError(f"{path}: {unknown[0]}: there is no such key; known: {', '.join(_KEYS)}")
    topics, margin = (document or {}).get("topics"), (document or {}).get("margin_pct", DEFAULT_MARGIN_PCT)
    if not isinstance(topics or {}, dict):
        raise ConfigError(f"{path}: topics: expected a mapping of category to topic, found {topics!r}")
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 < margin < 100:
        raise ConfigError(f"{path}: margin_pct: expected a percentage above 0 and below 100, found {margin!r}")
    limit = (document or {}).get("foreign_cpu_limit_pct", LIMIT_PCT)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0:
        raise ConfigError(f"{path}: foreign_cpu_limit_pct: expected a percentage of a core above 0, found {limit!r}")
    return Settings({str(group): str(topic) for group, topic in (topics or {}).items()}, float(margin), float(limit))
