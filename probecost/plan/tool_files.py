"""Files of tools that lie on this machine: what is copied to the nodes, and what it was when a workflow was written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from probecost.config.models import Case, Environment
from probecost.errors import ToolError

MAX_TOOL_FILES = 500


def local_files(environment: Environment, tool_id: str, tool_file: str) -> dict[str, Path]:
    """Files of the tool's folder by their path on the node; empty when the tool lies on the node already."""
    local, relative = environment.local_tools_dir, PurePosixPath(tool_file)
    if local is None or not relative.is_relative_to(environment.tools_dir):
        return {}
    folder = (local / relative.relative_to(environment.tools_dir)).parent
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.parts]
    if len(files) > MAX_TOOL_FILES:
        raise ToolError("controller", f"{tool_id}: {folder} holds {len(files)} files, at most {MAX_TOOL_FILES}")
    return {str(relative.parent / file.relative_to(folder).as_posix()): file for file in files}


def local_hashes(environment: Environment, cases: Iterable[Case]) -> dict[str, str]:
    """SHA-256 of every local file that is copied to a node for ``cases``, by its path there, sorted.

    A tool's folder is hashed as a whole: it may read what lies beside it. Tools on the nodes are not in it.
    """
    tools = {case.tool_file: case.tool_id for case in cases if case.tool_file}
    folders = {PurePosixPath(file).parent: (file, tool_id) for file, tool_id in tools.items()}
    found = {
        path: hashlib.sha256(local.read_bytes()).hexdigest()
        for file, tool_id in folders.values()
        for path, local in local_files(environment, tool_id, file).items()
    }
    return dict(sorted(found.items()))
