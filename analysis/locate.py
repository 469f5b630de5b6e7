"""Finds the perf tests of a results tree and joins what the nodes hold of each.

Below one iteration every node has its own ``<node>/performance-test-results``; the client's and the server's tree hold
the same relative folder for the same perf test. Nothing here raises for a damaged tree: what cannot be used becomes a
``Problem``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from analysis import metadata
from analysis.metadata import PerfTestMetadata
from analysis.problems import ParseError, Problem, is_folder, read_text
from probecost import layout

if TYPE_CHECKING:
    from analysis.seen import Seen

_MAX_DEPTH = 8


@dataclass(frozen=True)
class PerfTestRecord:
    """One perf test of one visit: its metadata, and its folder in the tree of each node that has it."""

    group: Path
    place: layout.PerfTestFolder
    metadata: PerfTestMetadata
    folders: Mapping[str, Path]

    @property
    def client_dir(self) -> Path | None:
        """The folder with the generators' output of the client, ``None`` where it is missing."""
        return self._part(self.metadata.client_node, layout.CLIENT_RESULTS)

    @property
    def server_dir(self) -> Path | None:
        """The folder with the servers' output, ``None`` where it is missing."""
        return self._part(self.metadata.server_node, layout.SERVER_RESULTS)

    @property
    def client_monitoring_dir(self) -> Path | None:
        return self._part(self.metadata.client_node, layout.MONITORING)

    @property
    def server_monitoring_dir(self) -> Path | None:
        return self._part(self.metadata.server_node, layout.MONITORING)

    @property
    def tool_monitoring_dir(self) -> Path:
        """The counters of the node that ran the tool: the receiver, or the host of the guest that received."""
        return self.place_on(self.metadata.tool_node) / layout.MONITORING

    @property
    def tool_visit_dir(self) -> Path:
        """Where the tool's output and monitor logs of this case lie, in the tree of the node that ran it."""
        return self.group / self.metadata.tool_node / layout.TREE / self.place.visit.path

    def expected(self, node: str, part: str) -> Path:
        """Where ``part`` (a folder of this perf test) would lie on ``node``, for the text of a problem."""
        return self.place_on(node) / part

    def place_on(self, node: str) -> Path:
        """This perf test's folder in the tree of ``node``, whether it is there or not."""
        return self.group / node / layout.TREE / self.place.path

    def problem(self, path: Path, reason: str, *, missing: bool) -> Problem:
        return Problem(
            path,
            reason,
            missing,
            self.metadata.environment,
            self.metadata.iteration,
            self.metadata.case_key,
            self.metadata.visit_id,
            self.metadata.arm,
            self.metadata.unit,
            self.metadata.perf_test,
            self.metadata.conn_type,
        )

    def _part(self, node: str, part: str) -> Path | None:
        folder = self.folders.get(node)
        return folder / part if folder is not None and is_folder(folder / part) else None


@dataclass(frozen=True)
class Located:
    """Everything found below a folder, in the order of place and time."""

    records: tuple[PerfTestRecord, ...]
    problems: tuple[Problem, ...]


def locate(root: Path, seen: Seen | None = None) -> Located:
    """All perf tests below ``root``: a run's folder, an iteration's, or anything that holds node trees.

    With ``seen`` those that it knows to be of other cases than the one at hand are left out, and it learns the rest.
    """
    records: list[PerfTestRecord] = []
    problems: list[Problem] = []
    for group, nodes in _groups(root, problems):
        found: dict[PurePosixPath, dict[str, Path]] = {}
        for node, tree in nodes.items():
            for relative in _perf_test_folders(group, tree, problems, seen):
                found.setdefault(relative, {})[node] = tree / relative
        for relative in sorted(found):
            record = _record(group, relative, found[relative], problems, seen)
            if record is not None:
                records.append(record)
    if seen is not None:
        seen.note(records)
    return Located(tuple(records), _owned(problems, records))


def _groups(root: Path, problems: list[Problem]) -> Iterator[tuple[Path, dict[str, Path]]]:
    """Each folder that holds nodes, with the nodes' trees by name."""
    groups: dict[Path, dict[str, Path]] = {}
    start = root.resolve()

    def unreadable(error: OSError) -> None:
        problems.append(Problem(Path(error.filename or root), f"cannot be read: {error.strerror}", missing=True))

    if not is_folder(start):
        problems.append(Problem(root, "there is no such folder", missing=True))
        return
    for name, folders, _ in os.walk(start, onerror=unreadable):
        here = Path(name)
        if here.name == layout.TREE:
            groups.setdefault(here.parent.parent, {})[here.parent.name] = here
        if here.name in (layout.TREE, layout.REPORTS) or len(here.relative_to(start).parts) >= _MAX_DEPTH:
            folders.clear()
        folders.sort()
    for group in sorted(groups):
        yield group, groups[group]


def _perf_test_folders(group: Path, tree: Path, problems: list[Problem], seen: Seen | None) -> Iterator[PurePosixPath]:
    """Their paths relative to ``tree``. Names are compared before anything else: of other cases there may be many."""
    for visit in _visit_folders(tree, seen):
        if seen is not None and seen.is_foreign(group, visit):
            continue
        if is_folder(tree / visit / layout.CLIENT_RESULTS) or is_folder(tree / visit / layout.SERVER_RESULTS):
            reason = "has the older shape of the tree, which is not read here"
            problems.append(Problem(tree / visit, reason, missing=True))
        for place in (visit, f"{visit}/{layout.SWITCHED}"):
            for perf_type in _names(tree / place):
                for name in _names(tree / place / perf_type):
                    path = f"{place}/{perf_type}/{name}"
                    if seen is not None and seen.is_foreign(group, path):
                        continue
                    relative = PurePosixPath(path)
                    if layout.PerfTestFolder.parse(relative) and is_folder(tree / relative):
                        yield relative


def _visit_folders(tree: Path, seen: Seen | None) -> Iterator[str]:
    """``baseline/host``, ``ebpf/eth_drop_case_1_0a1b2c/host``."""
    yield from (f"baseline/{name}" for name in _names(tree / "baseline"))
    cases = tree / "ebpf"
    for case in _names(cases):
        if seen is None or not seen.is_foreign_case(f"{cases}/{case}"):
            yield from (f"ebpf/{case}/{name}" for name in _names(cases / case))


def _names(folder: Path) -> list[str]:
    """What is in a folder, sorted; nothing where it is none or cannot be read."""
    try:
        with os.scandir(folder) as found:
            return sorted(entry.name for entry in found)
    except OSError:
        return []


def _record(
    group: Path, relative: PurePosixPath, folders: dict[str, Path], problems: list[Problem], seen: Seen | None
) -> PerfTestRecord | None:
    place = layout.PerfTestFolder.parse(relative)
    assert place is not None  # _perf_test_folders yields nothing else
    copies: dict[str, PerfTestMetadata] = {}
    for node in sorted(folders):
        path = folders[node] / place.metadata.name
        try:
            copies[node] = _placed(_load(path, seen), group, place)
        except ParseError as error:
            problems.append(_unplaced(path, f"metadata: {error}", group, place, missing=False))
    if not copies:
        reason = "no usable metadata: what this folder belongs to is unknown"
        problems.append(_unplaced(next(iter(folders.values())), reason, group, place, missing=True))
        return None
    node, first = next(iter(copies.items()))
    node = first.client_node if first.client_node in copies else node
    chosen = copies[node]
    record = PerfTestRecord(group, place, chosen, dict(folders))
    contradiction = _contradiction(place, list(copies.values()))
    if contradiction:
        problems.append(_unplaced(folders[node], contradiction, group, place, missing=True))
        return None
    return record


def _version(path: Path) -> tuple[int, int]:
    """Modification time and size: a file that is written again is read again."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


def _load(path: Path, seen: Seen | None) -> PerfTestMetadata:
    """Read, but once per file and version where ``seen`` keeps it: a case is asked for again after each unit."""
    version = _version(path)
    found = seen.loaded(path, version) if seen is not None else None
    if found is None:
        found = metadata.parse(read_text(path))
        if seen is not None:
            seen.keep(path, version, found)
    return found


def _placed(found: PerfTestMetadata, group: Path, place: layout.PerfTestFolder) -> PerfTestMetadata:
    """What the metadata leave open (environment, iteration, pair kind) is taken from the folders' names."""
    environment, iteration = _from_path(group)
    return replace(
        found,
        environment=found.environment or environment,
        iteration=found.iteration or iteration,
        pair_kind=found.pair_kind or place.visit.pair_kind,
        visit_id=found.visit_id or f"{found.case_key}/u{found.unit:03d}/{found.arm}",
    )


def _from_path(group: Path) -> tuple[str, int]:
    iteration = layout.parse_iteration(group.name)
    return (group.parent.name, iteration) if iteration is not None else (group.name, 1)


def _contradiction(place: layout.PerfTestFolder, copies: list[PerfTestMetadata]) -> str:
    """Why folder name and metadata, or the copies on two nodes, cannot belong together; empty when they can."""
    for copy in copies:
        if copy.arm != place.arm:
            return f"the metadata say arm {copy.arm!r}, the folder is one of arm {place.arm!r}"
        if (copy.perf_test, copy.conn_type) != (place.perf_type, place.conn_type):
            return f"the metadata say {copy.perf_test} {copy.conn_type}, the folder's name says otherwise"
    if len({(copy.environment, copy.iteration, copy.case_key, copy.visit_id, copy.unit) for copy in copies}) > 1:
        return "the metadata of the nodes name different visits"
    return ""


def _unplaced(path: Path, reason: str, group: Path, place: layout.PerfTestFolder, *, missing: bool) -> Problem:
    environment, iteration = _from_path(group)
    return Problem(
        path,
        reason,
        missing,
        environment,
        iteration,
        arm=place.arm,
        perf_test=place.perf_type,
        conn_type=place.conn_type,
    )


def _owned(problems: list[Problem], records: list[PerfTestRecord]) -> tuple[Problem, ...]:
    """Give problems of a case's folder to that case, where another record tells whose folder it is."""
    owners = {
        (record.group, record.place.visit.path): record.metadata.case_key
        for record in records
        if record.place.visit.case is not None
    }
    groups = {record.group for record in records}
    owned = []
    for problem in problems:
        places = ((group, visit) for group in groups for visit in _visits(problem.path, group))
        key = next((owners[place] for place in places if place in owners), "")
        owned.append(replace(problem, case_key=problem.case_key or key))
    return tuple(owned)


def _visits(path: Path, group: Path) -> tuple[PurePosixPath, ...]:
    """The visit folders that ``path`` may lie in, relative to the node's tree."""
    if not path.is_relative_to(group):
        return ()
    below = PurePosixPath(*path.relative_to(group).parts[2:])
    return (below, *below.parents)
