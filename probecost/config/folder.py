"""Loads an environment's folder: the way in for every other room.

All mistakes of a file are reported at once, with file, line, key path, value and what was expected
(``ConfigError.problems``); ``load_folder`` reports the mistakes of both files together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from probecost import PACKAGE
from probecost.config.budgets import metric_problems, with_budgets
from probecost.config.build_cases import build_cases
from probecost.config.documents import Document, read_json, read_yaml, read_yaml_key
from probecost.config.environment import Case, Environment, PairKind, PairSide, SshHost, TestPair
from probecost.config.find import (
    LEGACY_FILES,
    bootstrap_command,
    cases_file,
    find_environment,
    full_file,
    is_legacy,
    known_environments,
    minimal_file,
)
from probecost.config.legacy.read import read_legacy
from probecost.config.perf_specs import DEFAULT_PORT_RANGE, perf_specs
from probecost.config.references import full_problems, minimal_problems
from probecost.config.schema import CaseEntry, CasesFile, FullFile, FullPair, FullSide, KvmSide, MinimalFile
from probecost.config.validation import in_order, validate
from probecost.config.variables import variables_of
from probecost.errors import Attempts, ConfigError

__all__ = [
    "CaseFile",
    "FullConfig",
    "Loaded",
    "MinimalConfig",
    "changed_inputs",
    "environment_of",
    "find_environment",
    "is_outdated",
    "known_environments",
    "load_all",
    "load_case_file",
    "load_cases",
    "load_environment",
    "load_folder",
    "load_full",
    "load_minimal",
    "names_processes",
]

DEFAULT_TOOLS_DIR = "lab/tools"


@dataclass(frozen=True)
class FullConfig:
    """Content of a full.yaml, or of the four legacy files; ``document`` is the file it was read from.

    ``notes`` list settings of the legacy format without a counterpart in probecost.
    """

    file: FullFile
    document: Document
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MinimalConfig:
    """A valid minimal-input.yaml: its content and the document it was read from."""

    file: MinimalFile
    document: Document


@dataclass(frozen=True)
class CaseFile:
    """The entries of a cases file, in order, and the document they were read from."""

    entries: tuple[CaseEntry, ...]
    document: Document


@dataclass(frozen=True)
class Loaded:
    """Everything that was read from the folder of an environment."""

    full: FullConfig
    environment: Environment
    case_file: CaseFile
    cases: tuple[Case, ...]


def load_minimal(file: Path) -> MinimalConfig:
    """Read a minimal-input.yaml. ``ConfigError`` with all mistakes in it."""
    document = read_yaml(file)
    minimal, problems = validate(MinimalFile, document)
    problems += [*minimal_problems(document), *metric_problems(document)]
    if problems or minimal is None:
        raise ConfigError(*in_order(problems))
    return MinimalConfig(minimal, document)


def load_full(folder: Path) -> FullConfig:
    """Read ``<env>-full.yaml`` of ``folder``, or its legacy files.

    ``ConfigError``: missing (names the command), or all mistakes in it.
    """
    if is_legacy(folder):
        return _legacy(folder)[0]
    file = full_file(folder)
    if file is None:
        raise ConfigError(
            f"{folder}: has no <env>-full.yaml yet", hint=f"Generate it with: {bootstrap_command(folder)}"
        )
    document = read_yaml(file)
    full, problems = validate(FullFile, document)
    problems += [*full_problems(document), *metric_problems(document)]
    if problems or full is None:
        raise ConfigError(*in_order(problems))
    return FullConfig(full, document)


def _legacy(folder: Path) -> tuple[FullConfig, CaseFile]:
    legacy = read_legacy(folder)
    stray = cases_file(folder)
    if stray is not None and stray.resolve() not in [file.resolve() for file in legacy.files]:
        raise ConfigError(
            f"{stray}: is in a folder of the legacy format, and no file there names it",
            hint=f"Name it as a testcase_source in {folder / LEGACY_FILES[3]}, or move it elsewhere.",
        )
    document = Document(legacy.files[0], {}, lambda: {(): 1})
    return FullConfig(legacy.full, document, legacy.notes), CaseFile(legacy.entries, legacy.cases_document)


def load_environment(folder: Path) -> Environment:
    """The environment of ``<env>-full.yaml`` in ``folder``. ``ConfigError`` as for ``load_full``."""
    return environment_of(load_full(folder), folder)


def environment_of(full: FullConfig, folder: Path) -> Environment:
    """The environment of a full.yaml; paths in it are relative to ``folder``."""
    file, document = full.file, full.document
    nodes = {
        name: SshHost(name, host.host, host.workdir, host.user, host.port) for name, host in file.ssh.ssh_hosts.items()
    }
    declared: dict[PairKind, FullPair | None] = {"host": file.environments.host, "vm": file.environments.vm}
    pairs: dict[PairKind, TestPair] = {
        kind: TestPair(kind, _side(pair, "server"), _side(pair, "client"))
        for kind, pair in declared.items()
        if pair is not None
    }
    if not pairs:
        raise ConfigError(document.problem(("environments",), "expected a test pair: host, vm or both"))
    tests = file.performance_tests
    tool_kinds: dict[str, PairKind] = {
        tool.script: category.environment for category in file.tools.categories.values() for tool in category.tools
    }
    return Environment(
        name=file.environment,
        folder=folder,
        nodes=nodes,
        ssh_config=_ssh_config(full, folder),
        pairs=pairs,
        perf_tests=perf_specs(tests, file.defaults.duration),
        tools_dir=file.paths.tools_dir or DEFAULT_TOOLS_DIR,
        local_tools_dir=_local_tools_dir(full, folder),
        python_interpreter=file.defaults.python_interpreter,
        port_range=(tests.port_range if tests else None) or DEFAULT_PORT_RANGE,
        default_duration_s=file.defaults.duration,
        variables={kind: variables_of(file, kind) for kind in pairs},
        tool_kinds=tool_kinds,
        notes=full.notes,
    )


def _side(pair: FullPair, name: Literal["server", "client"]) -> PairSide:
    side: FullSide = getattr(pair, name)
    kvm: KvmSide = (getattr(pair.kvm_config, name) if pair.kvm_config else None) or KvmSide()
    pid = int(kvm.qemu_pid) if kvm.qemu_pid and kvm.qemu_pid.isdecimal() else None
    node = side.physical_host_ref or side.ssh_ref
    return PairSide(side.ssh_ref, side.test_ip, side.interface, node, pid, kvm.uuid)


def _ssh_config(full: FullConfig, folder: Path) -> Path | None:
    name = full.file.ssh.config_file
    if name is None:
        return None
    file = (folder / Path(name).expanduser()).resolve()
    if not file.is_file():
        raise ConfigError(full.document.problem(("ssh", "config_file"), f"there is no file {file}", value=name))
    return file


def _local_tools_dir(full: FullConfig, folder: Path) -> Path | None:
    """The tools' folder on this machine, if any: as written, else ``tools_dir`` of the project or of probecost."""
    paths = full.file.paths
    if paths.local_tools_dir is not None:
        local = (folder / Path(paths.local_tools_dir).expanduser()).resolve()
        if not local.is_dir():
            path = ("paths", "local_tools_dir")
            raise ConfigError(full.document.problem(path, f"there is no folder {local}", value=paths.local_tools_dir))
        return local
    wanted = paths.tools_dir or DEFAULT_TOOLS_DIR
    candidates = [folder.resolve().parents[1] / wanted, PACKAGE / wanted]
    if paths.measurement_tools_dir is not None:
        candidates.insert(0, (folder / paths.measurement_tools_dir).resolve())
    return next((candidate for candidate in candidates if candidate.is_dir()), None)


def load_case_file(folder: Path) -> CaseFile:
    """Entries of ``<env>-cases.json``, or of the files that the legacy format names.

    ``ConfigError``: missing (names the command), no cases, or all mistakes in it.
    """
    if is_legacy(folder):
        return _legacy(folder)[1]
    file = cases_file(folder)
    if file is None:
        raise ConfigError(
            f"{folder}: has no <env>-cases.json yet", hint=f"Generate it with: {bootstrap_command(folder)}"
        )
    document = read_json(file)
    content, problems = validate(CasesFile, document)
    if problems or content is None:
        raise ConfigError(*problems)
    if not content.test_cases:
        raise ConfigError(
            document.problem((), "no cases in this file"), hint=f"Generate some: {bootstrap_command(folder)}"
        )
    return CaseFile(content.test_cases, document)


def load_cases(folder: Path, environment: Environment) -> tuple[Case, ...]:
    """Cases of ``<env>-cases.json``, in the order of the file. ``ConfigError`` as for ``load_case_file``.

    Users edit the generated file, so it is used as it is.
    """
    content = load_case_file(folder)
    return build_cases(content.entries, environment, content.document)


def load_folder(folder: Path) -> tuple[Environment, tuple[Case, ...]]:
    """``load_environment`` and ``load_cases``, with the mistakes of all files reported together."""
    loaded = load_all(folder)
    return loaded.environment, loaded.cases


def load_all(folder: Path) -> Loaded:
    """Everything in a folder of either format. ``ConfigError`` with the mistakes of all its files.

    minimal-input.yaml is read only if there are mistakes, to report its own too.
    """
    if is_legacy(folder):
        full, case_file = _legacy(folder)
        environment = environment_of(full, folder)
        return Loaded(full, environment, case_file, _built(case_file, environment))
    attempts = Attempts()
    read = attempts.run(lambda: load_full(folder))
    known = attempts.run(lambda: environment_of(read, folder)) if read else None
    written = attempts.run(lambda: load_case_file(folder))
    built = attempts.run(lambda: _built(written, known)) if written and known else None
    cases = attempts.run(lambda: _budgeted(built, read)) if built and read else None
    if read and known and written and cases:
        return Loaded(read, known, written, cases)
    attempts.run(lambda: _check_minimal(folder))
    raise attempts.error


def _built(case_file: CaseFile, environment: Environment) -> tuple[Case, ...]:
    return build_cases(case_file.entries, environment, case_file.document)


def _budgeted(cases: tuple[Case, ...], full: FullConfig) -> tuple[Case, ...]:
    return with_budgets(cases, full.file.budgets, full.file.tools, full.document)


def _check_minimal(folder: Path) -> None:
    file = minimal_file(folder)
    if file is not None:
        load_minimal(file)


def is_outdated(folder: Path) -> bool:
    """Whether the generated files are missing, or a file they were made from has changed.

    Files that probecost did not generate have no record of their inputs and are never outdated.
    """
    if is_legacy(folder):
        return False
    if full_file(folder) is None or cases_file(folder) is None:
        return minimal_file(folder) is not None
    return bool(changed_inputs(folder))


def changed_inputs(folder: Path) -> tuple[Path, ...]:
    """Changed inputs of the full.yaml of ``folder``, relative to ``folder``."""
    file = full_file(folder)
    try:
        generated = read_yaml_key(file, "generated") if file else None
    except ConfigError:
        return ()  # loading it reports what is wrong
    recorded = generated.get("inputs") if isinstance(generated, Mapping) else None
    return tuple(
        Path(name)
        for name, digest in (recorded if isinstance(recorded, Mapping) else {}).items()
        if (folder / name).is_file() and sha256_of(folder / name) != digest
    )


def names_processes(folder: Path) -> bool:
    """Whether the full.yaml of ``folder`` names processes of a VM (they change at every start)."""
    vm = load_full(folder).file.environments.vm
    sides = (vm.kvm_config.server, vm.kvm_config.client) if vm is not None and vm.kvm_config is not None else ()
    return any(side is not None and side.qemu_pid for side in sides)


def sha256_of(file: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
