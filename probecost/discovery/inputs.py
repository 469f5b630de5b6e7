"""Reads and checks the input files of an environment, and reports all their mistakes together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from probecost import PACKAGE
from probecost.config.documents import Document, read_yaml
from probecost.config.environment import PairKind
from probecost.config.find import TEMPLATES
from probecost.config.folder import MinimalConfig, load_minimal
from probecost.config.schema import PairNames, PerformanceTests
from probecost.config.validation import Section, validate
from probecost.discovery.pairs import pairs_of
from probecost.errors import Attempts, ConfigError
from probecost.plan.matrix import template_problems
from probecost.plan.registry import Tools, merge, read_registry

REGISTRY = PACKAGE / "config" / TEMPLATES / "tools.yaml"
PERFORMANCE_TESTS = PACKAGE / "config" / TEMPLATES / "performance-tests.yaml"


@dataclass(frozen=True)
class Inputs:
    """Input files of an environment: the user's, the registry of tools, the default perf tests."""

    minimal: MinimalConfig
    ssh_config: Path | None
    pairs: Mapping[PairKind, PairNames]
    registry: Document
    tools: Tools
    performance: Document

    @property
    def files(self) -> tuple[Path, ...]:
        return self.minimal.document.file, self.registry.file, self.performance.file


class _PerformanceFile(Section):
    performance_tests: PerformanceTests


def read_inputs(minimal: Path) -> Inputs:
    """Read all input files. ``ConfigError`` with all their mistakes."""
    attempts = Attempts()
    config = attempts.run(lambda: load_minimal(minimal))
    performance = attempts.run(_read_performance_tests)
    registry = attempts.run(lambda: read_registry(_registry_file(config)))
    pairs = attempts.run(lambda: pairs_of(config)) if config else None
    ssh_config = attempts.run(lambda: _ssh_config(config)) if config else None
    tools = attempts.run(lambda: merge(registry, config.document)) if config and registry else None
    if tools:
        attempts.problems += template_problems(tools.registry, tools.where)
    if attempts.problems or not (config and performance and registry and pairs and tools):
        raise attempts.error
    return Inputs(config, ssh_config, pairs, registry, tools, performance)


def _registry_file(config: MinimalConfig | None) -> Path:
    written = config.file.tools.registry if config else None
    if config is None or written is None:
        return REGISTRY
    return config.document.file.parent / Path(written).expanduser()


def _read_performance_tests() -> Document:
    document = read_yaml(PERFORMANCE_TESTS)
    _, problems = validate(_PerformanceFile, document)
    if problems:
        raise ConfigError(*problems)
    return document


def _ssh_config(config: MinimalConfig) -> Path | None:
    written = config.file.ssh_config
    if written is None:
        return None
    file = config.document.file.parent / Path(written).expanduser()
    if not file.is_file():
        raise ConfigError(config.document.problem(("ssh_config",), f"there is no file {file}", value=written))
    return file
