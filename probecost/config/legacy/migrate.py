"""From the legacy format to the unified one: the content of the full.yaml and the cases of a legacy folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from probecost.config.find import (
    LEGACY_FILES,
    MIGRATED_BY,
    cases_file,
    full_file,
    is_legacy,
    is_migrated,
    minimal_file,
)
from probecost.config.folder import sha256_of
from probecost.config.legacy.read import Legacy, read_legacy
from probecost.config.schema import CaseEntry, Defaults
from probecost.errors import ConfigError


@dataclass(frozen=True)
class Migrated:
    """The unified files and their paths. ``notes`` list settings without a counterpart.

    ``full_content`` records its input files in ``generated``: when they change, it is outdated.
    """

    environment: str
    full_path: Path
    full_content: Mapping[str, Any]
    cases_path: Path
    entries: tuple[CaseEntry, ...]
    notes: tuple[str, ...]


def migrate(folder: Path, output_dir: Path) -> Migrated:
    """The unified form of a legacy folder; nothing is written.

    ``ConfigError``: no legacy folder, mistakes in it, or ``output_dir`` holds files that are in the way.
    """
    full = full_file(folder)
    has_all_four = all((folder / name).is_file() for name in LEGACY_FILES)
    if not (has_all_four and full and is_migrated(full)) and not is_legacy(folder):
        raise ConfigError(
            f"{folder}: is not of the legacy format, there is nothing to migrate",
            hint=f"The legacy format has four files: {', '.join(LEGACY_FILES)}.",
        )
    legacy = read_legacy(folder)
    name = legacy.full.environment
    full_path, cases_path = output_dir / f"{name}-full.yaml", output_dir / f"{name}-cases.json"
    _refuse_what_is_in_the_way(folder, output_dir, legacy, full_path, cases_path)
    content = _content(legacy, output_dir)
    return Migrated(name, full_path, content, cases_path, legacy.entries, legacy.notes)


def _refuse_what_is_in_the_way(
    folder: Path, output_dir: Path, legacy: Legacy, full_path: Path, cases_path: Path
) -> None:
    sources = {file.resolve() for file in legacy.files}
    for path in (full_path, cases_path):
        if path.resolve() in sources:
            raise ConfigError(f"{path}: is one of the files to migrate", hint="Write elsewhere with --output-dir DIR.")
    if not output_dir.is_dir():
        return
    others = [full_file(output_dir), cases_file(output_dir)]
    if output_dir.resolve() != folder.resolve():
        others += [minimal_file(output_dir), *(output_dir / name for name in LEGACY_FILES)]
    own = {*sources, full_path.resolve(), cases_path.resolve()}
    found = [file.name for file in others if file is not None and file.is_file() and file.resolve() not in own]
    if found:
        raise ConfigError(
            f"{output_dir}: holds another environment: {', '.join(found)}",
            hint="Write elsewhere with --output-dir DIR.",
        )


def _content(legacy: Legacy, output_dir: Path) -> dict[str, Any]:
    full = legacy.full
    written = full.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    defaults = Defaults().model_dump(mode="json", exclude_none=True)
    generated = {
        "by": MIGRATED_BY,
        "version": metadata.version("probecost"),
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "inputs": {os.path.relpath(file.resolve(), output_dir.resolve()): sha256_of(file) for file in legacy.files},
        "full_sha256": "",
        "cases_sha256": "",
    }
    content = {
        "version": full.version,
        "environment": full.environment,
        "generated": generated,
        "ssh": written["ssh"],
        "environments": written["environments"],
        "paths": written.get("paths", {}),
        "defaults": defaults,
        "monitoring": full.monitoring.model_dump(mode="json", exclude_none=True),
        "performance_tests": written.get("performance_tests", {}),
    }
    return {key: _whole(value) for key, value in content.items()}


def _whole(value: Any) -> Any:
    """``value`` with each number without a fraction as an int."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
