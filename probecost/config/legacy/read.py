"""Reads a folder of the legacy format into the models of the unified one.

The content of a full.yaml and a cases file is put together from ssh-config.yaml, test-env-config.yaml,
performance-test-spec.yaml, ebpf-tools-config.yaml and the files of cases that the last one names. The environment has
the name of its folder. ``Legacy.notes`` list settings without a counterpart, each with its file and line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import BaseModel

from probecost.config.commands import parse
from probecost.config.documents import Document, KeyPath, Patchwork, read_json, read_yaml
from probecost.config.environment import PairKind
from probecost.config.find import LEGACY_FILES
from probecost.config.legacy.files import EnvironmentFile, LegacyTool, PerformanceFile, SshFile, ToolsFile
from probecost.config.legacy.perf_tests import perf_notes, performance_tests
from probecost.config.references import pair_problems
from probecost.config.schema import (
    CaseEntry,
    CasesFile,
    FullFile,
    FullSsh,
    FullSshHost,
    Monitoring,
    Paths,
    PerformanceTests,
)
from probecost.config.validation import in_order, validate
from probecost.config.values import FOLDER_NAME, is_folder_name
from probecost.errors import ConfigError
from probecost.results.metrics import PerfType

M = TypeVar("M", bound=BaseModel)

ANCESTORS = 3  # levels above the environment's folder that are searched for files of cases


@dataclass(frozen=True)
class Legacy:
    """A valid legacy folder. ``cases_document`` knows the file and line of each of ``entries``."""

    full: FullFile
    entries: tuple[CaseEntry, ...]
    cases_document: Document
    files: tuple[Path, ...]
    notes: tuple[str, ...]


@dataclass
class _Reader:
    """Reads files and collects their problems."""

    folder: Path
    problems: list[str] = field(default_factory=list)
    cases: dict[Path, tuple[CasesFile, Document] | None] = field(default_factory=dict)

    def read(self, file: Path, model: type[M], read: Callable[[Path], Document]) -> tuple[M | None, Document]:
        try:
            document = read(file)
        except ConfigError as error:
            self.problems += error.problems
            return None, Document(file, {}, lambda: {})
        content, problems = validate(model, document)
        self.problems += problems
        return content, document

    def cases_of(self, file: Path) -> tuple[CasesFile, Document] | None:
        """A file of cases, read once even if several tools name it."""
        if file not in self.cases:
            content, document = self.read(file, CasesFile, read_json)
            self.cases[file] = None if content is None else (content, document)
        return self.cases[file]

    def find(self, name: str) -> tuple[Path | None, list[Path]]:
        """A file by its name in a ``testcase_source``, and all searched places."""
        folder = self.folder.resolve()
        bases = [folder, *list(folder.parents)[:ANCESTORS]]
        places = list(dict.fromkeys(base / Path(name).expanduser() for base in bases))
        return next((place for place in places if place.is_file()), None), places


@dataclass(frozen=True)
class _Chosen:
    """One case of a tool, with its place in a file and the pair over which it is measured."""

    entry: CaseEntry
    document: Document
    path: KeyPath
    kind: PairKind | None


def read_legacy(folder: Path) -> Legacy:
    """Read all files of a legacy folder. ``ConfigError`` with all their mistakes."""
    reader = _Reader(folder)
    name = folder.resolve().name
    if not is_folder_name(name):
        reader.problems.append(f"{folder}: a legacy environment has the name of its folder: expected {FOLDER_NAME}")
    files = [folder / name for name in LEGACY_FILES]
    ssh, ssh_document = reader.read(files[0], SshFile, read_yaml)
    pairs, pairs_document = reader.read(files[1], EnvironmentFile, read_yaml)
    performance, performance_document = reader.read(files[2], PerformanceFile, read_yaml)
    tools, tools_document = reader.read(files[3], ToolsFile, read_yaml)
    hosts = ssh_document.get(("ssh_hosts",))
    reader.problems += pair_problems(pairs_document, "test_environments", hosts if isinstance(hosts, Mapping) else {})
    if pairs and not (pairs.test_environments.host or pairs.test_environments.vm):
        text = "expected a test pair: host, vm or both"
        reader.problems.append(pairs_document.problem(("test_environments",), text))
    sources = _sources(reader, tools_document)
    chosen = _chosen(reader, tools, tools_document, pairs, sources) if tools else []
    if reader.problems or not (ssh and pairs and performance and tools):
        raise ConfigError(*in_order(reader.problems))
    entries = _numbered(chosen)
    kept, perf_type_notes = _perf_types(tools, tools_document, performance)
    full = FullFile(
        environment=name,
        ssh=FullSsh(ssh_hosts={name: _ssh_host(host) for name, host in ssh.ssh_hosts.items()}),
        environments=pairs.test_environments,
        paths=Paths(tools_dir=_tools_dir(entries)),
        monitoring=_monitoring(tools, performance),
        performance_tests=kept,
    )
    notes = [
        *_ssh_notes(ssh, ssh_document),
        *perf_notes(performance.performance_tests, performance_document),
        *_monitoring_notes(performance, performance_document),
        *perf_type_notes,
        *_tool_notes(tools, tools_document, pairs),
    ]
    document = Patchwork(files[3], "test_cases", [(item.document, item.path) for item in chosen])
    read = [file for file, content in reader.cases.items() if content]
    return Legacy(full, entries, document, (*files, *read), tuple(in_order(notes)))


def _ssh_host(host: FullSshHost) -> FullSshHost:
    return FullSshHost(host=host.host, workdir=host.workdir, user=host.user, port=host.port)


def _ssh_notes(ssh: SshFile, document: Document) -> Iterator[str]:
    for name, host in ssh.ssh_hosts.items():
        if host.password is not None:
            text = "not used: the login is by key (ssh-copy-id puts yours on the node)"
            yield document.problem(("ssh_hosts", name, "password"), text)
        if host.key_file is not None:
            text = "not used: name it as IdentityFile in ~/.ssh/config, or add it to the agent"
            yield document.problem(("ssh_hosts", name, "key_file"), text, value=host.key_file)


def _sources(reader: _Reader, document: Document) -> dict[str, tuple[CasesFile, Document]]:
    """The file of cases of each tool; found in the raw data, so that it works even if other parts are wrong."""
    found = {}
    tools = document.get(("ebpf_tools",))
    for name in tools if isinstance(tools, Mapping) else ():
        path = ("ebpf_tools", name, "testcase_source", "file")
        written = document.get(path)
        if not isinstance(written, str) or not written:
            continue
        file, places = reader.find(written)
        content = reader.cases_of(file) if file else None
        if file is None:
            text = f"no such file; looked for {', '.join(map(str, places))}"
            reader.problems.append(document.problem(path, text, value=written))
        if content is not None:
            found[name] = content
    return found


def _chosen(
    reader: _Reader,
    tools: ToolsFile,
    document: Document,
    pairs: EnvironmentFile | None,
    sources: Mapping[str, tuple[CasesFile, Document]],
) -> list[_Chosen]:
    """The cases of all tools, in the order of tools and case ids in the file."""
    chosen = [
        item
        for name, tool in tools.ebpf_tools.items()
        if tool.enabled and name in sources
        for item in _cases_of_tool(reader, tool, name, sources[name], document, pairs)
    ]
    if not chosen and not reader.problems:
        reader.problems.append(document.problem(("ebpf_tools",), "no cases for this environment"))
    return chosen


def _cases_of_tool(
    reader: _Reader,
    tool: LegacyTool,
    name: str,
    content: tuple[CasesFile, Document],
    document: Document,
    pairs: EnvironmentFile | None,
) -> Iterator[_Chosen]:
    source, cases_document = content
    by_id = {entry.id: index for index, entry in enumerate(source.test_cases)}
    for number, count in Counter(entry.id for entry in source.test_cases).items():
        if count > 1:
            path = _place(cases_document, by_id[number])
            text = f"{count} cases of this file have this id"
            problem = cases_document.problem((*path, "id"), text, value=number)
            reader.problems += [] if problem in reader.problems else [problem]
    kinds: tuple[PairKind | None, ...] = (
        _kinds(tool, pairs) if tool.test_associations.applicable_environments else (None,)
    )
    wanted = tool.testcase_source.case_ids
    for position, number in enumerate(by_id if wanted is None else wanted):
        if number not in by_id:
            path = ("ebpf_tools", name, "testcase_source", "case_ids", position)
            text = f"{cases_document.file} has no case with this id (it has {_spans(sorted(by_id))})"
            reader.problems.append(document.problem(path, text, value=number))
            continue
        entry = source.test_cases[by_id[number]]
        about = f"case {number} of {PurePosixPath(tool.testcase_source.file).name}"
        for kind in kinds:
            changes = {
                "category": entry.category or tool.id or name,
                "environment": entry.environment or kind,
                "description": entry.description or about,
            }
            place = _place(cases_document, by_id[number])
            yield _Chosen(entry.model_copy(update=changes), cases_document, place, kind)


def _place(document: Document, index: int) -> KeyPath:
    return ("test_cases", index) if isinstance(document.data, dict) else (index,)


def _spans(numbers: list[int]) -> str:
    """``1 to 10, 12``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(f"{first} to {last}" if last > first else str(first) for first, last in spans) or "none"


def _kinds(tool: LegacyTool, pairs: EnvironmentFile | None) -> tuple[PairKind, ...]:
    """The pairs of this environment over which the tool is measured."""
    wanted = tuple(dict.fromkeys(tool.test_associations.applicable_environments))
    return wanted if pairs is None else tuple(kind for kind in wanted if getattr(pairs.test_environments, kind))


def _numbered(chosen: list[_Chosen]) -> tuple[CaseEntry, ...]:
    """The entries with their own ids if these are unique, else numbered from 1."""
    ids = [item.entry.id for item in chosen]
    if len(set(ids)) == len(ids):
        return tuple(item.entry for item in chosen)
    return tuple(item.entry.model_copy(update={"id": number}) for number, item in enumerate(chosen, 1))


def _tools_dir(entries: tuple[CaseEntry, ...]) -> str | None:
    """The folder below the workdir that holds most tools."""
    files = [parse(entry.command, entry.script).file for entry in entries]
    folders = Counter(
        parts[0] for file in files if file and len(parts := PurePosixPath(file).parts) > 1 and parts[0] != "/"
    )
    return folders.most_common(1)[0][0] if folders else None


def _perf_types(
    tools: ToolsFile, document: Document, performance: PerformanceFile
) -> tuple[PerformanceTests, list[str]]:
    """The perf tests that any tool asks for, and notes on the tools that ask for fewer."""
    tests = performance_tests(performance.performance_tests)
    every: tuple[PerfType, ...] = ("throughput", "latency", "pps")
    there = [name for name in every if getattr(tests, name) is not None]
    asked = {
        name: set(tool.test_associations.performance_test_types) or set(every)
        for name, tool in tools.ebpf_tools.items()
        if tool.enabled
    }
    wanted = set().union(*asked.values())
    notes = []
    for name, own in asked.items():
        more = [kind for kind in there if kind in wanted and kind not in own]
        if more:
            path = ("ebpf_tools", name, "test_associations", "performance_test_types")
            text = f"all tools of an environment get the same perf tests: {', '.join(more)} too"
            notes.append(
                document.problem(
                    path, text, value=list(tools.ebpf_tools[name].test_associations.performance_test_types)
                )
            )
    dropped: dict[str, None] = {name: None for name in there if name not in wanted}
    return (tests.model_copy(update=dropped) if len(dropped) < len(there) else tests), notes


def _monitoring(tools: ToolsFile, performance: PerformanceFile) -> Monitoring:
    """``monitoring`` of the files; the settings of tools take precedence over the file of perf tests."""
    general = performance.monitoring
    first = next(iter(tools.ebpf_tools.values())).resource_monitoring
    return Monitoring(
        enabled=general.enabled,
        interval=general.interval,
        cpu=general.cpu.enabled,
        memory=general.memory.enabled,
        memory_types=first.memory_types,
        log_size=general.logsize.enabled,
        cpu_stats=first.cpu_stats,
    )


def _monitoring_notes(performance: PerformanceFile, document: Document) -> Iterator[str]:
    general = performance.monitoring
    if general.interval not in (None, 1.0):
        text = "not used: the tool's CPU, memory and log size are always recorded once a second"
        yield document.problem(("monitoring", "interval"), text, value=document.get(("monitoring", "interval")))
    for path, is_on in (
        (("monitoring", "enabled"), general.enabled),
        (("monitoring", "cpu", "enabled"), general.cpu.enabled),
        (("monitoring", "memory", "enabled"), general.memory.enabled),
        (("monitoring", "logsize", "enabled"), general.logsize.enabled),
    ):
        if not is_on:
            yield document.problem(path, "not used: it is always recorded", value=False)


def _tool_notes(tools: ToolsFile, document: Document, pairs: EnvironmentFile) -> Iterator[str]:
    for name, tool in tools.ebpf_tools.items():
        base = ("ebpf_tools", name)
        if not tool.enabled:
            yield document.problem((*base, "enabled"), "its cases are left out", value=False)
        elif tool.test_associations.applicable_environments and not _kinds(tool, pairs):
            path = (*base, "test_associations", "applicable_environments")
            yield document.problem(path, "its cases are left out: this environment has no such test pair")
        for key in ("enabled", "cpu", "memory", "log_size"):
            if not getattr(tool.resource_monitoring, key):
                text = "not used: it is always recorded"
                yield document.problem((*base, "resource_monitoring", key), text, value=False)
