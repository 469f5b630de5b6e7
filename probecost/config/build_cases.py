"""From entries of a cases file to cases: adds keys, hashes, the tool's file, and defaults for absent values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from probecost.config.commands import CommandParts, generalise, parse
from probecost.config.documents import Document
from probecost.config.environment import (
    DEFAULT_ATTACHES,
    DEFAULT_LOG_CAP_BYTES,
    DEFAULT_READY_TIMEOUT_S,
    DEFAULT_STOP_SIGNAL,
    Case,
    Environment,
    PairKind,
)
from probecost.config.keys import Named, case_keys, tool_id
from probecost.config.schema import CaseEntry
from probecost.config.variables import value_names
from probecost.errors import ConfigError
from probecost.results import layout

UNCATEGORISED = "other"


def build_cases(entries: Sequence[CaseEntry], environment: Environment, document: Document) -> tuple[Case, ...]:
    """The entries as cases, in order. ``ConfigError`` with one line per entry that is impossible or a duplicate."""
    names = {kind: value_names(environment.variables.get(kind, {})) for kind in ("host", "vm")}
    parts = [parse(entry.command, entry.script) for entry in entries]
    kinds = [_kind(entry, part, environment, names) for entry, part in zip(entries, parts, strict=True)]
    named = [
        _named(entry, part, kind, environment, names[kind])
        for entry, part, kind in zip(entries, parts, kinds, strict=True)
    ]
    keys = case_keys(named)
    problems = _problems(entries, kinds, keys, environment, document)
    if problems:
        raise ConfigError(*problems)
    return tuple(
        _case(entry, part, key, item, environment)
        for entry, part, key, item in zip(entries, parts, keys, named, strict=True)
    )


def _named(
    entry: CaseEntry, part: CommandParts, kind: PairKind, environment: Environment, names: Mapping[str, str]
) -> Named:
    return Named(
        kind=kind,
        tool=tool_id(part.tool),
        name=entry.name,
        command=entry.command,
        script=entry.script,
        duration_s=entry.duration or environment.default_duration_s,
        parameters=entry.parameters,
        names=names,
        discovered=entry.discovered,
        from_template=entry.template is not None,
    )


def _kind(
    entry: CaseEntry, part: CommandParts, environment: Environment, names: Mapping[str, Mapping[str, str]]
) -> PairKind:
    """The pair of a case. A legacy case names none: its tool's category decides, else addresses in its command."""
    if entry.environment is not None:
        return entry.environment
    if len(environment.pairs) == 1:
        return next(iter(environment.pairs))
    script = PurePosixPath(entry.script or part.file or "").name
    if script in environment.tool_kinds:
        return environment.tool_kinds[script]
    found = {names["host"].get(word) or names["vm"].get(word) or "" for word in part.words}
    belongs_to_vm = any(name.startswith(("vm_", "VM_", "QEMU_", "vhost_")) for name in found)
    return "vm" if belongs_to_vm else "host"


def _case(entry: CaseEntry, part: CommandParts, key: str, named: Named, environment: Environment) -> Case:
    parameters = {
        name: named.discovered.get(name) or named.names.get(value, value)
        for name, value in (entry.parameters or {}).items()
    }
    template = entry.template or " ".join(generalise(part.words, named.names))
    return Case(
        environment=environment.name,
        key=key,
        id=entry.id,
        name=entry.name,
        command=entry.command,
        tool_id=named.tool,
        category=entry.category or _category(part.file, environment.tools_dir),
        pair_kind=named.kind,
        parameters=tuple(sorted((entry.parameters or {}).items())),
        hash=layout.case_hash(template, parameters),
        duration_s=named.duration_s,
        tool_file=part.file,
        attaches=entry.attaches or DEFAULT_ATTACHES,
        ready_timeout_s=entry.ready_timeout or DEFAULT_READY_TIMEOUT_S,
        stop_signal=entry.stop_signal or DEFAULT_STOP_SIGNAL,
        log_cap_bytes=entry.log_cap_bytes or DEFAULT_LOG_CAP_BYTES,
    )


def _category(file: str | None, tools_dir: str) -> str:
    """The folders between ``tools_dir`` (or the first folder, whatever its name) and the tool's file."""
    folder = PurePosixPath(file or "").parent
    try:
        inside = folder.relative_to(tools_dir)
    except ValueError:
        inside = PurePosixPath(*folder.parts[1:]) if not folder.is_absolute() else PurePosixPath()
    return str(inside) if inside.parts else UNCATEGORISED


def _problems(
    entries: Sequence[CaseEntry],
    kinds: Sequence[PairKind],
    keys: Sequence[str],
    environment: Environment,
    document: Document,
) -> list[str]:
    base = ("test_cases",) if isinstance(document.data, dict) else ()
    problems = []
    for index, (entry, kind) in enumerate(zip(entries, kinds, strict=True)):
        if kind not in environment.pairs:
            path = (*base, index, "environment")
            text = f"environment {environment.name} has no {kind} test pair"
            problems.append(document.problem(path, text, value=entry.environment))
    by_id: dict[int, list[int]] = defaultdict(list)
    by_key: dict[str, list[int]] = defaultdict(list)
    for index, (entry, key) in enumerate(zip(entries, keys, strict=True)):
        by_id[entry.id].append(index)
        by_key[key].append(index)
    for number, (first, *others) in by_id.items():
        line = document.line((*base, first, "id")) if others else 0
        for index in others:
            path = (*base, index, "id")
            problems.append(document.problem(path, f"the case in line {line} has this id too", value=number))
    for first, *others in by_key.values():
        for index in others:
            path = (*base, index, "command")
            text = f"case {entries[first].id} runs the same command for the same time: one of them is enough"
            problems.append(document.problem(path, text, value=entries[index].command))
    return problems
