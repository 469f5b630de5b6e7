"""Local files of tools: which of them are copied to the nodes, and their hashes for a workflow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from probecost.config.environment import Case, Environment
from probecost.errors import ToolError

MAX_TOOL_FILES = 500
OTHER_TOOLS_DIR = "probecost-versus"  # below the workdir, for other versions of tools


def local_tool(environment: Environment, tool_file: str) -> Path | None:
    """The tool's file on this machine, to be copied to the node; ``None`` if it is not here."""
    file = _local_path(environment, tool_file)
    return file if file is not None and file.is_file() else None


def local_files(environment: Environment, tool_id: str, tool_file: str) -> dict[str, Path]:
    """Files of the tool's folder by their path on the node; empty if the tool is kept on the node."""
    local = _local_path(environment, tool_file)
    if local is None:
        return {}
    folder, relative = local.parent, PurePosixPath(tool_file)
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.parts]
    if len(files) > MAX_TOOL_FILES:
        raise ToolError("controller", f"{tool_id}: {folder} holds {len(files)} files, at most {MAX_TOOL_FILES}")
    return {str(relative.parent / file.relative_to(folder).as_posix()): file for file in files}


def local_hashes(environment: Environment, cases: Iterable[Case]) -> dict[str, str]:
    """SHA-256 of every local file that is copied to a node for ``cases``, by its path on the node, sorted.

    A tool's whole folder is hashed: the tool may read its files. Tools kept on the nodes are not included.
    ``ToolError``: a file cannot be read.
    """
    versions = [version for case in cases for version in case.versions]
    tools = {case.tool_file: case.tool_id for case in versions if case.tool_file}
    folders = {PurePosixPath(file).parent: (file, tool_id) for file, tool_id in tools.items()}
    found = {
        path.encode(errors="backslashreplace").decode(): _sha256(local)
        for file, tool_id in folders.values()
        for path, local in local_files(environment, tool_id, file).items()
    }
    return dict(sorted(found.items()))


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ToolError("controller", f"{file} cannot be read: {error.strerror}") from error


def _local_path(environment: Environment, tool_file: str) -> Path | None:
    """Path of the tool's file on this machine; ``None`` if its tools are not kept here."""
    relative = PurePosixPath(tool_file)
    places = ((environment.tools_dir, environment.local_tools_dir), (OTHER_TOOLS_DIR, environment.other_tools_dir))
    for folder, local in places:
        if local is not None and relative.is_relative_to(folder):
            return local / relative.relative_to(folder)
    return None
