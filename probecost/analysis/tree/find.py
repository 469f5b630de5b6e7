"""Finds the perf tests of a results tree and joins their folders on all nodes.

Below one iteration every node has its own ``<node>/performance-test-results``; the client's and the server's tree have
the same relative folder for the same perf test. Nothing here raises for a damaged tree: unusable parts become a
``Problem``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from sys import intern
from typing import NamedTuple

from probecost.analysis.parsers.text import ParseError, is_folder, read_text
from probecost.analysis.processes import each
from probecost.analysis.tree import metadata
from probecost.analysis.tree.metadata import PerfTestMetadata
from probecost.analysis.tree.problem import TREE, Kind, Problem, Where
from probecost.analysis.tree.record import PerfTestFiles, in_tree
from probecost.results import layout

_MAX_DEPTH = 8


@dataclass(frozen=True)
class Found:
    """Everything found below a folder, in the order of place and time."""

    records: tuple[PerfTestFiles, ...]
    problems: tuple[Problem, ...]


#: Whether a folder of a group, relative to the tree of a node, is skipped.
PassOver = Callable[[Path, str], bool]


def _nothing(group: Path, relative: str) -> bool:
    return False


def find_perf_tests(root: Path, jobs: int = 1, pass_over: PassOver = _nothing) -> Found:
    """All perf tests below ``root``: a run's folder, an iteration's, or anything that holds node trees.

    ``jobs``: number of processes that read metadata. ``pass_over``: called for folders of visits and of perf tests.
    """
    records: list[PerfTestFiles] = []
    problems: list[Problem] = []
    for group, nodes in groups(root, problems):
        found: dict[str, tuple[str, ...]] = {}
        for node in sorted(nodes):
            for relative in _folders_of_perf_tests(group, nodes[node], pass_over):
                found[relative] = (*found.get(relative, ()), intern(node))
        places = list(_places(group, found))
        for place, read in zip(places, each(_read, places, jobs), strict=True):
            problems += read.problems
            if read.metadata is not None:
                records.append(PerfTestFiles(group, place.folder, read.metadata, place.nodes))
    return Found(tuple(records), _owned(problems, records))


def groups(root: Path, problems: list[Problem]) -> Iterator[tuple[Path, dict[str, Path]]]:
    """Each folder with nodes, with the nodes' trees by name."""
    groups: dict[Path, dict[str, Path]] = {}
    start = root.resolve()

    def unreadable(error: OSError) -> None:
        problems.append(Problem(TREE, Path(error.filename or root), f"cannot be read: {error.strerror}", Kind.MISSING))

    if not is_folder(start):
        problems.append(Problem(TREE, root, "there is no such folder", Kind.MISSING))
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


def _folders_of_perf_tests(group: Path, tree: Path, pass_over: PassOver) -> Iterator[str]:
    """Folders of perf tests and others, relative to ``tree``, as texts: there may be very many."""
    for visit in (*_below(tree, layout.BASELINE, 1), *_below(tree, "ebpf", 2)):
        if not pass_over(group, visit):
            for folder in (*_below(tree, visit, 2), *_below(tree, f"{visit}/{layout.SWITCHED}", 2)):
                if not pass_over(group, folder):
                    yield folder


class _Place(NamedTuple):
    """The folder of a perf test below the trees of some nodes."""

    group: Path
    folder: layout.PerfTestFolder
    nodes: tuple[str, ...]

    def on(self, node: str, name: str = "") -> Path:
        """The folder in the tree of ``node``, or a file in it."""
        return in_tree(self.group, node, self.folder.path) / name


def _places(group: Path, found: Mapping[str, tuple[str, ...]]) -> Iterator[_Place]:
    """The perf tests' folders in ``found``, by name. Perf tests of the same visits share their ``VisitFolder``."""
    visits: dict[layout.VisitFolder, layout.VisitFolder] = {}
    nodes: dict[tuple[str, ...], tuple[str, ...]] = {}
    for relative, own in sorted(found.items()):
        folder = layout.PerfTestFolder.parse(PurePosixPath(relative))
        if folder is not None:
            shared = replace(folder, visit=visits.setdefault(folder.visit, folder.visit))
            yield _Place(group, shared, nodes.setdefault(own, own))


def _below(tree: Path, relative: str, depth: int) -> Iterator[str]:
    """The folders ``depth`` levels below one of the tree, sorted on each level; none if it cannot be read."""
    try:
        with os.scandir(tree / relative) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return
    for name in names:
        if depth == 1:
            yield f"{relative}/{name}"
        else:
            yield from _below(tree, f"{relative}/{name}", depth - 1)


class _Read(NamedTuple):
    """The result of reading. ``metadata``: ``None`` if unusable, or the copies contradict each other."""

    metadata: PerfTestMetadata | None
    problems: list[Problem]


def _read(place: _Place) -> _Read:
    """The metadata of one perf test, from the copies on its nodes."""
    problems: list[Problem] = []
    copies: dict[str, PerfTestMetadata] = {}
    for node in place.nodes:
        path = place.on(node, place.folder.metadata_name)
        try:
            copies[node] = _placed(metadata.parse(read_text(path)), place)
        except ParseError as error:
            problems.append(_unplaced(path, f"metadata: {error}", place, Kind.IMPLAUSIBLE))
    if not copies:
        reason = "no usable metadata: what this folder belongs to is unknown"
        problems.append(_unplaced(place.on(place.nodes[0]), reason, place, Kind.MISSING))
        return _Read(None, problems)
    node, first = next(iter(copies.items()))
    node = first.client_node if first.client_node in copies else node
    contradiction = _contradiction(place.folder, list(copies.values()))
    if contradiction:
        problems.append(_unplaced(place.on(node), contradiction, place, Kind.MISSING))
        return _Read(None, problems)
    return _Read(copies[node], problems)


def _placed(found: PerfTestMetadata, place: _Place) -> PerfTestMetadata:
    """The metadata, completed by the folders' names (environment, iteration, pair kind)."""
    if found.environment and found.iteration and found.pair_kind and found.visit_id:
        return found
    environment, iteration = environment_of(place.group)
    return replace(
        found,
        environment=found.environment or environment,
        iteration=found.iteration or iteration,
        pair_kind=found.pair_kind or place.folder.visit.pair_kind,
        visit_id=found.visit_id or f"{found.case_key}/u{found.unit:03d}/{found.arm}",
    )


def environment_of(group: Path) -> tuple[str, int]:
    """Environment and iteration from the names of the nodes' parent folders."""
    iteration = layout.parse_iteration(group.name)
    return (group.parent.name, iteration) if iteration is not None else (group.name, 1)


def _contradiction(place: layout.PerfTestFolder, copies: list[PerfTestMetadata]) -> str:
    """Why folder name and metadata, or the copies on two nodes, do not match; empty if they do."""
    for copy in copies:
        if copy.arm != place.arm:
            return f"the metadata say arm {copy.arm!r}, the folder is one of arm {place.arm!r}"
        if (copy.perf_test, copy.conn_type) != (place.perf_type, place.conn_type):
            return f"the metadata say {copy.perf_test} {copy.conn_type}, the folder's name says otherwise"
    if len({(copy.environment, copy.iteration, copy.case_key, copy.visit_id, copy.unit) for copy in copies}) > 1:
        return "the metadata of the nodes name different visits"
    return ""


def _unplaced(path: Path, reason: str, place: _Place, kind: Kind) -> Problem:
    environment, iteration = environment_of(place.group)
    folder = place.folder
    where = Where(environment, iteration, arm=folder.arm, perf_test=folder.perf_type, conn_type=folder.conn_type)
    return Problem(where, path, reason, kind)


def _owned(problems: list[Problem], records: list[PerfTestFiles]) -> tuple[Problem, ...]:
    """Assign problems of a case's folder to that case, if another record identifies the folder."""
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
        owned.append(replace(problem, where=replace(problem.where, case_key=problem.where.case_key or key)))
    return tuple(owned)


def _visits(path: Path, group: Path) -> tuple[PurePosixPath, ...]:
    """The possible visit folders of ``path``, relative to the node's tree."""
    if not path.is_relative_to(group):
        return ()
    below = PurePosixPath(*path.relative_to(group).parts[2:])
    return (below, *below.parents)
