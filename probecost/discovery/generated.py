"""Writes generated files without losing users' edits.

A generated full.yaml records the SHA-256 of itself (without that record) and of its cases file. A file that no longer
has its recorded hash was edited, and is not overwritten without ``force``.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from probecost.config.documents import read_yaml
from probecost.config.schema import CaseEntry
from probecost.errors import ConfigError
from probecost.files import write_whole

State = Literal["written", "unchanged", "would be written", "edited", "not written"]

_OWN_HASH = re.compile(r"^  full_sha256: .*$", re.MULTILINE)
_VOLATILE = re.compile(r"^  (?:at|full_sha256|cases_sha256): .*\n", re.MULTILINE)
_SHOWN_LINES = 200


@dataclass(frozen=True)
class FileChange:
    """State of one file. ``difference`` is a unified diff from the existing to the new text."""

    path: Path
    state: State
    difference: str = ""


@dataclass(frozen=True)
class Planned:
    """A file and its new text; ``edited``: a user changed the existing one."""

    path: Path
    text: str
    edited: bool

    @property
    def current(self) -> str | None:
        return self.path.read_text(encoding="utf-8", errors="replace") if self.path.is_file() else None

    @property
    def difference(self) -> str:
        """Unified diff, cut off if it is very long."""
        lines = list(
            difflib.unified_diff(
                (self.current or "").splitlines(),
                self.text.splitlines(),
                f"{self.path} (as it is)",
                f"{self.path} (generated)",
                lineterm="",
            )
        )
        more = [f"... {len(lines) - _SHOWN_LINES} more lines"] if len(lines) > _SHOWN_LINES else []
        return "\n".join([*lines[:_SHOWN_LINES], *more])

    @property
    def is_same(self) -> bool:
        """Whether the existing text differs in nothing but times and hashes."""
        current = self.current
        return current is not None and _VOLATILE.sub("", current) == _VOLATILE.sub("", self.text)


class _Dumper(yaml.SafeDumper):
    """Writes lists indented below their key, and no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def full_text(content: Mapping[str, Any], header: str) -> str:
    """A full.yaml with its own hash in ``generated.full_sha256``."""
    body = yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, width=100_000, allow_unicode=True)
    text = "".join(f"# {line}\n".replace("# \n", "#\n") for line in header.splitlines()) + body
    return _OWN_HASH.sub(f"  full_sha256: {_full_hash(text)}", text)


def cases_text(environment: str, entries: Sequence[CaseEntry]) -> str:
    """The text of a cases file, without absent values."""
    cases = [_entry(entry) for entry in entries]
    content = {"metadata": {"environment": environment, "total_cases": len(cases)}, "test_cases": cases}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _entry(entry: CaseEntry) -> dict[str, Any]:
    values = entry.model_dump(exclude_none=True)
    if not values["discovered"]:
        del values["discovered"]
    return {
        key: int(value) if isinstance(value, float) and value.is_integer() else value for key, value in values.items()
    }


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _full_hash(text: str) -> str:
    return text_hash(_OWN_HASH.sub("  full_sha256: ''", text))


@dataclass(frozen=True)
class Record:
    """Hashes in an existing full.yaml of itself and of its cases file; empty if it has none."""

    full_sha256: str = ""
    cases_sha256: str = ""

    @classmethod
    def read(cls, full: Path | None) -> Record:
        """The record in ``full``; an empty one if there is none or the file is broken."""
        if full is None:
            return cls()
        try:
            document = read_yaml(full)
        except ConfigError:
            return cls()
        return cls(*(str(document.get(("generated", key), "")) for key in ("full_sha256", "cases_sha256")))

    def full_is_edited(self, file: Path | None) -> bool:
        return file is not None and _full_hash(file.read_text(encoding="utf-8", errors="replace")) != self.full_sha256

    def cases_are_edited(self, file: Path | None) -> bool:
        return file is not None and text_hash(file.read_text(encoding="utf-8", errors="replace")) != self.cases_sha256


def write_all(files: Sequence[Planned], *, force: bool, dry_run: bool) -> tuple[FileChange, ...]:
    """Write all files, or none if a user edited one of them and ``force`` is not given."""
    blocked = not force and any(file.edited and not file.is_same for file in files)
    needed = any(not file.is_same for file in files)
    changes = []
    for file in files:
        difference = "" if file.is_same or file.current is None else file.difference
        if not needed:
            changes.append(FileChange(file.path, "unchanged"))
        elif file.edited and not file.is_same and not force:
            changes.append(FileChange(file.path, "edited", difference))
        elif blocked:
            changes.append(FileChange(file.path, "not written", difference))
        elif dry_run:
            changes.append(FileChange(file.path, "would be written", difference))
        else:
            _write(file.path, file.text)
            changes.append(FileChange(file.path, "written", difference))
    return tuple(changes)


def _write(path: Path, text: str) -> None:
    """Write the file; make its folder if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
