"""Files that are whole or not there: written under another name, then put in place."""

from __future__ import annotations

from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Write ``content`` (text as UTF-8) so that a reader finds all of it, or what was there before.

    An ``OSError`` means that the file is as it was.
    """
    partial = path.with_name(f"{path.name}.part")
    partial.write_bytes(content if isinstance(content, bytes) else content.encode())
    partial.replace(path)
