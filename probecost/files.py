"""Atomic writes: a file is written under another name, then put in place."""

from __future__ import annotations

from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Write ``content`` (text as UTF-8) so that a reader finds either all of it or the old content.

    After an ``OSError`` the file is unchanged.
    """
    partial = path.with_name(f"{path.name}.part")
    partial.write_bytes(content if isinstance(content, bytes) else content.encode())
    partial.replace(path)
