"""Cases that compare two versions of a tool, and the command of the other version.

The environment's own version is the tool of a case; the other version runs in its baseline, from a separate folder on
the nodes, so that neither overwrites the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from probecost.config.environment import Case, Environment, OtherVersion
from probecost.errors import ConfigError
from probecost.plan.command import rendered, variable_values
from probecost.plan.null_case import is_null
from probecost.plan.settings import AskedVersus
from probecost.plan.tool_files import OTHER_TOOLS_DIR
from probecost.plan.variables import literal

_MOST_NAMED = 8


@dataclass(frozen=True)
class Versions:
    """An environment and its cases with both versions; ``left_out``: tools without another version."""

    environment: Environment
    cases: tuple[Case, ...]
    left_out: tuple[str, ...]


def with_versions(environment: Environment, cases: Sequence[Case], asked: AskedVersus) -> Versions:
    """The cases whose tools have another version, with that version, in their order.

    Their null case runs on both sides. ``ConfigError``: no tool has another version, its folder is missing, or its
    command cannot be made.
    """
    if asked.tools_dir is not None and not asked.tools_dir.is_dir():
        raise ConfigError(f"--versus {asked.tools_dir}: there is no such folder")
    found: dict[str, OtherVersion] = {}
    left_out: dict[str, None] = {}
    for case in cases:
        if is_null(case):
            continue
        other = _other(environment, case, asked)
        if other is None:
            left_out[case.tool_file or case.tool_id] = None
        else:
            found[case.key] = other
    if not found:
        names = [*list(left_out)[:_MOST_NAMED], *(["..."] if len(left_out) > _MOST_NAMED else [])]
        raise ConfigError(
            f"--versus {asked.tools_dir}: has no other version of any tool of {environment.name}: {', '.join(names)}",
            hint=f"Expected a folder like {environment.local_tools_dir or environment.tools_dir}, with the files of "
            "tools at the same places below it. For tools without a file say --versus-command.",
        )
    kinds = {case.pair_kind for case in cases if case.key in found}
    kept = tuple(
        replace(case, versus=found.get(case.key) or OtherVersion(case.command, case.tool_file))
        for case in cases
        if case.key in found or (is_null(case) and case.pair_kind in kinds)
    )
    return Versions(replace(environment, other_tools_dir=asked.tools_dir), kept, tuple(left_out))


def _other(environment: Environment, case: Case, asked: AskedVersus) -> OtherVersion | None:
    file = case.tool_file
    if asked.tools_dir is not None:
        file = _other_file(environment, case, asked.tools_dir)
        if file is None:
            return None
    if not asked.template:
        assert file is not None  # a version that has no command has a folder
        return OtherVersion(_with_file(case, file), file)
    values = variable_values(environment, case.pair_kind, dict(case.parameters).get("direction")) | {
        **{name: literal(value) for name, value in case.parameters},
        **({"path": literal(file)} if file else {}),
        "duration": f"{case.duration_s:g}",
    }
    return OtherVersion(rendered(asked.template, values, f"case {case.key}"), file)


def _other_file(environment: Environment, case: Case, tools_dir: Path) -> str | None:
    """Path of the tool's other version on the node, if any."""
    own = PurePosixPath(case.tool_file or "")
    if not own.is_relative_to(environment.tools_dir):
        return None
    relative = own.relative_to(environment.tools_dir)
    return str(PurePosixPath(OTHER_TOOLS_DIR, relative)) if (tools_dir / relative).is_file() else None


def _with_file(case: Case, file: str) -> str:
    """The case's command with its tool's file replaced by ``file``."""
    own = rf"(?<![\w./-]){re.escape(case.tool_file or '')}(?![\w./-])"
    command, count = re.subn(own, lambda _: file, case.command)
    if not count:
        raise ConfigError(
            f"{case.key}: {case.tool_file} cannot be replaced in its command: {case.command}",
            hint="Say how the other version is started: --versus-command 'sudo bpftrace {path}'",
        )
    return command
