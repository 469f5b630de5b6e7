"""Makes <env>-full.yaml and <env>-cases.json from minimal-input.yaml: asks all nodes at once, then writes both."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from probecost.config.budgets import with_budgets
from probecost.config.build_cases import build_cases
from probecost.config.documents import Document
from probecost.config.find import cases_file, full_file
from probecost.config.folder import FullConfig, environment_of, sha256_of
from probecost.config.schema import CaseEntry, FullFile
from probecost.discovery.full import Ingredients, full_content, performance_tests, ssh_hosts
from probecost.discovery.generated import FileChange, Planned, Record, cases_text, full_text, text_hash, write_all
from probecost.discovery.inputs import Inputs, read_inputs
from probecost.discovery.survey import Answers, Found, NodeRow, survey, uuids_by_host
from probecost.errors import ConfigError, ProbecostError
from probecost.plan.matrix import Expansion, expand
from probecost.remote.questions import Questions

#: Asks all nodes at the same time; gives the answer or the error of each, by name of the node.
NodeProbe = Callable[[Questions], Answers]


@dataclass(frozen=True)
class BootstrapResult:
    """Findings of a bootstrap, and the state of its files. With ``problems`` nothing was written.

    ``notes`` list cases that could not be generated and options that were left out because the environment lacks a
    value; ``command`` repeats the bootstrap.
    """

    environment: str
    rows: tuple[NodeRow, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[FileChange, ...] = ()
    cases: int = 0
    dry_run: bool = False
    command: str = "probecost bootstrap"

    @property
    def edited(self) -> tuple[FileChange, ...]:
        """Files that were not overwritten because a user edited them."""
        return tuple(change for change in self.files if change.state == "edited")

    @property
    def is_ok(self) -> bool:
        return not self.problems and not self.edited

    def raise_for_problems(self) -> None:
        """Raise a ``ProbecostError`` with all problems and edited files, if any."""
        if self.problems:
            raise ProbecostError(f"{self.environment} cannot be bootstrapped:\n" + "\n".join(self.problems))
        if self.edited:
            names = ", ".join(str(change.path) for change in self.edited)
            raise ConfigError(
                f"{names}: edited since it was generated, not overwritten (nothing was written)",
                *(change.difference for change in self.edited),
                hint=f"Overwrite it with: {self.command} --force",
            )


def bootstrap(
    minimal: Path, output_dir: Path, probe: NodeProbe, *, force: bool = False, dry_run: bool = False
) -> BootstrapResult:
    """Discover the nodes of ``minimal`` and write ``<env>-full.yaml`` and ``<env>-cases.json`` to ``output_dir``.

    Mistakes in files are a ``ConfigError``, before any node is asked. Problems of nodes are in the result, for all
    nodes. Edited files stay unchanged without ``force``; ``dry_run`` writes nothing.
    """
    inputs = read_inputs(minimal)
    file = inputs.minimal.file
    python = file.discovery_hints.python_interpreter
    answers = probe(Questions(list(ssh_hosts(file).values()), inputs.ssh_config, uuids_by_host(file), python))
    in_pairs = {name for names in inputs.pairs.values() for name in (names.server, names.client)}
    found = survey(file, in_pairs, answers)
    rows, notes = tuple(found.rows), tuple(found.notes)
    if found.problems:
        return BootstrapResult(file.environment, rows, tuple(found.problems), notes, dry_run=dry_run)
    command = ["probecost", "bootstrap", "--minimal-input", str(minimal)]
    if output_dir.resolve() != minimal.parent.resolve():
        command += ["--output-dir", str(output_dir)]
    planned, expansion = _generate(inputs, found.found, output_dir)
    changes = write_all(planned, force=force, dry_run=dry_run)
    notes += expansion.notes + _without_cases(inputs, expansion)
    count = len(expansion.entries)
    return BootstrapResult(file.environment, rows, (), notes, changes, count, dry_run, shlex.join(command))


def _without_cases(inputs: Inputs, expansion: Expansion) -> tuple[str, ...]:
    """Notes on test pairs without any tool."""
    used = {entry.environment for entry in expansion.entries}
    return tuple(
        f"pair {kind}: no tool is for it, so nothing is measured between {names.server} and {names.client} "
        f"(tools.categories.<category>.environment: {kind} makes cases for it)"
        for kind, names in inputs.pairs.items()
        if kind not in used
    )


def _check_budgets(full: FullConfig, entries: Sequence[CaseEntry], output_dir: Path) -> None:
    """Check the scopes of budgets. ``ConfigError``: an unknown category, tool or case, with its place in the input."""
    if full.file.budgets.model_fields_set:
        unlocated = Document(full.document.file, {"test_cases": []}, lambda: {(): 1})
        cases = build_cases(entries, environment_of(full, output_dir), unlocated)
        with_budgets(cases, full.file.budgets, full.file.tools, full.document)


def _generate(
    inputs: Inputs, found: Mapping[str, Found], output_dir: Path
) -> tuple[tuple[Planned, Planned], Expansion]:
    """Both files with their new texts. ``ConfigError``: the tools of the environment give no case."""
    exists = output_dir.is_dir()
    old_full, old_cases = (full_file(output_dir), cases_file(output_dir)) if exists else (None, None)
    record = Record.read(old_full)
    minimal = inputs.minimal
    name = minimal.file.environment
    generated = {
        "by": "probecost bootstrap",
        "version": metadata.version("probecost"),
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "inputs": {os.path.relpath(file.resolve(), output_dir.resolve()): sha256_of(file) for file in inputs.files},
        "full_sha256": "",
        "cases_sha256": "",
    }
    parts = Ingredients(
        minimal=minimal,
        output_dir=output_dir,
        pairs=inputs.pairs,
        nodes=found,
        tools=inputs.tools,
        performance_tests=performance_tests(inputs.performance, minimal.document),
        generated=generated,
    )
    content = FullFile.model_validate(full_content(parts))
    expansion = expand(content, inputs.tools.where)
    if not expansion.entries:
        raise ConfigError(f"{minimal.document.file}: the tools of {name} give no case", *expansion.notes)
    _check_budgets(FullConfig(content, minimal.document), expansion.entries, output_dir)
    cases = cases_text(name, expansion.entries)
    generated["cases_sha256"] = text_hash(cases)
    header = (
        f"Generated by `probecost bootstrap` from {minimal.document.file.name}.\n"
        "Change that file and bootstrap again; changes made here stop it from being overwritten."
    )
    full = full_text(full_content(parts), header)
    return (
        Planned(old_cases or output_dir / f"{name}-cases.json", cases, record.cases_are_edited(old_cases)),
        Planned(old_full or output_dir / f"{name}-full.yaml", full, record.full_is_edited(old_full)),
    ), expansion
