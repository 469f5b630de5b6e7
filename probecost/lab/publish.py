"""Writes the environment folder, the interface of a lab for its users."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Owner:
    """Owner of the written files."""

    uid: int
    gid: int

    @classmethod
    def calling(cls) -> Owner:
        """The user behind sudo, else the user of this process."""
        if os.geteuid() == 0 and "SUDO_UID" in os.environ:
            return cls(int(os.environ["SUDO_UID"]), int(os.environ.get("SUDO_GID", "-1")))
        return cls(os.geteuid(), os.getegid())


def make_folder(folder: Path, owner: Owner) -> None:
    """Make ``folder`` and its missing parents, for ``owner``."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        os.chown(path, owner.uid, owner.gid)


def write_if_changed(path: Path, text: str, owner: Owner, mode: int = 0o644) -> bool:
    """Write ``text`` in one step unless the file has it already; return whether it was written.

    The lab has its own atomic write because it imports nothing from the other rooms.
    """
    changed = not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text
    if changed:
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(handle, mode)
            os.fchown(handle, owner.uid, owner.gid)
        Path(fresh).replace(path)
    elif path.stat().st_mode & 0o777 != mode or path.stat().st_uid != owner.uid:
        path.chmod(mode)
        os.chown(path, owner.uid, owner.gid)
    return changed
