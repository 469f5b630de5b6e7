"""Finds environment folders below a configuration folder, and the files in them.

An environment has a folder name, a prefix of its files (``<env>-full.yaml``) and a name that the files declare. The
three may differ; each of them finds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from probecost.config.validation import nearest
from probecost.errors import ConfigError

TEMPLATES = "templates"
MINIMAL = "minimal-input.yaml"
LEGACY_FILES = ("ssh-config.yaml", "test-env-config.yaml", "performance-test-spec.yaml", "ebpf-tools-config.yaml")

_FULL = re.compile(r"(?P<prefix>.+)-full\.ya?ml")
_CASES = re.compile(r"(?P<prefix>.+)-cases\.json")
_MINIMAL = re.compile(r"minimal-input\.ya?ml|(?P<prefix>.+)-minimal\.ya?ml")
_DECLARED = re.compile(
    r"""^environment:[ \t]*(?P<quote>["']?)(?P<name>[^"'#\n]+?)(?P=quote)[ \t]*(?:#.*)?$""", re.MULTILINE
)

MIGRATED_BY = "probecost migrate"
_MIGRATED = re.compile(rf"^  by: {MIGRATED_BY}$", re.MULTILINE)


def known_environments(config_dir: Path) -> list[str]:
    """Folder names of the environments below ``config_dir``, sorted."""
    return [folder.name for folder in _folders(config_dir)]


def find_environment(config_dir: Path, name: str) -> Path:
    """The folder of environment ``name``: a folder name, else a declared name or the prefix of files.

    ``config_dir`` may also be the folder of the environment itself. ``ConfigError``: unknown (lists the known ones), or
    declared by more than one folder.
    """
    folders = list(_folders(config_dir))
    for folder in folders:
        if folder.name == name:
            return folder
    candidates = [folder for folder in folders if name in _names(folder)]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        listing = ", ".join(str(folder) for folder in candidates)
        raise ConfigError(
            f"environment {name!r} is declared by more than one folder: {listing}", hint="Use the folder name."
        )
    if not config_dir.is_dir():
        raise ConfigError(f"environment {name!r}: there is no folder {config_dir}")
    every = [word for folder in folders for word in (folder.name, *_names(folder))]
    raise ConfigError(
        f"unknown environment {name!r}{nearest(name, every)}; known in {config_dir}: {_listing(folders)}",
        hint=f"A new one starts with {config_dir / name / MINIMAL}; config/{TEMPLATES}/{MINIMAL} shows what is in it.",
    )


def _listing(folders: list[Path]) -> str:
    shown = []
    for folder in folders:
        others = [name for name in _names(folder) if name != folder.name]
        shown.append(folder.name + (f" ({', '.join(others)})" if others else ""))
    return ", ".join(shown) or "none"


def _folders(config_dir: Path) -> Iterator[Path]:
    if not config_dir.is_dir():
        return
    if is_environment(config_dir):
        yield config_dir.resolve()
        return
    for folder in sorted(config_dir.iterdir()):
        if folder.name != TEMPLATES and not folder.name.startswith(".") and folder.is_dir() and is_environment(folder):
            yield folder


def is_environment(folder: Path) -> bool:
    """Whether the folder holds any file of an environment, in either format."""
    names = [file.name for file in folder.iterdir() if file.is_file()]
    return any(_FULL.fullmatch(name) or _MINIMAL.fullmatch(name) or name in LEGACY_FILES for name in names)


def _names(folder: Path) -> list[str]:
    """Declared names and file prefixes, without parsing: a broken file still has a name."""
    names: dict[str, None] = {}
    for file in sorted(folder.iterdir()):
        match = _FULL.fullmatch(file.name) or _MINIMAL.fullmatch(file.name)
        if match is None or not file.is_file():
            continue
        if match["prefix"]:
            names[match["prefix"]] = None
        declared = _DECLARED.search(file.read_text(encoding="utf-8", errors="replace"))
        if declared:
            names[declared["name"]] = None
    return list(names)


def minimal_file(folder: Path) -> Path | None:
    """``minimal-input.yaml`` or ``<env>-minimal.yaml`` of the folder, ``None`` if it has none."""
    return _only(folder, _MINIMAL, "minimal-input")


def full_file(folder: Path) -> Path | None:
    """``<env>-full.yaml`` of the folder, ``None`` if it has none."""
    return _only(folder, _FULL, "full")


def cases_file(folder: Path) -> Path | None:
    """``<env>-cases.json`` of the folder, ``None`` if it has none."""
    return _only(folder, _CASES, "cases")


def is_legacy(folder: Path) -> bool:
    """Whether the folder is in the legacy format with four files.

    A full.yaml by ``probecost migrate`` takes precedence over them. ``ConfigError``: some of the four are missing, or
    the folder holds both formats otherwise.
    """
    legacy = [name for name in LEGACY_FILES if (folder / name).is_file()]
    full, minimal = full_file(folder), minimal_file(folder)
    if not legacy or (full and is_migrated(full)):
        return False
    unified = [file.name for file in (minimal, full) if file]
    if unified:
        raise ConfigError(
            f"{folder}: holds both formats: {', '.join(unified)} (unified) and {', '.join(legacy)} (legacy)",
            hint="Move the files of one of them elsewhere.",
        )
    missing = [name for name in LEGACY_FILES if name not in legacy]
    if missing:
        raise ConfigError(
            f"{folder}: holds {', '.join(legacy)} of the legacy format and lacks {', '.join(missing)}",
            hint="The legacy format has four files; the unified one begins with minimal-input.yaml.",
        )
    return True


def is_migrated(full: Path) -> bool:
    """Whether ``probecost migrate`` wrote this full.yaml."""
    return bool(_MIGRATED.search(full.read_text(encoding="utf-8", errors="replace")))


def bootstrap_command(folder: Path) -> str:
    """The command that makes the generated files of ``folder`` (anew)."""
    full = full_file(folder)
    if full is not None and is_migrated(full):
        return f"probecost migrate --config-dir {folder} --force"
    minimal = minimal_file(folder) or folder / MINIMAL
    return f"probecost bootstrap --minimal-input {minimal}"


def _only(folder: Path, pattern: re.Pattern[str], what: str) -> Path | None:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder")
    found = sorted(file for file in folder.iterdir() if pattern.fullmatch(file.name) and file.is_file())
    if len(found) > 1:
        raise ConfigError(f"{folder}: more than one {what} file: {', '.join(file.name for file in found)}")
    return found[0] if found else None
