"""Finds the perf tests of older trees: ``{baseline|ebpf/<case>}/[pair kind/]{client,server}_results/<type>/<name>/``.

There are no metadata. Folder names give environment, case, arm and perf test; node trees give client and server; timing
logs give times. One baseline serves all cases of its environment and pair kind. A case measured again in the same
iteration has a unit for each time. The tool ran on the node with its monitors' logs, else on the server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from probecost.analysis.parsers.text import is_folder
from probecost.analysis.tree.find import Found, environment_of, groups
from probecost.analysis.tree.metadata import PerfTestMetadata
from probecost.analysis.tree.older import windows
from probecost.analysis.tree.older.names import OlderCase, TestName, parse_case, parse_test, stamp_ns
from probecost.analysis.tree.older.record import OlderFiles
from probecost.analysis.tree.problem import Kind, Problem
from probecost.results import layout
from probecost.results.layout import BASELINE, CLIENT_RESULTS, SERVER_RESULTS, TOOL

PAIR_KINDS = ("host", "vm")
_MAX_APART_NS = 120 * 1_000_000_000


class _Visit(NamedTuple):
    """A folder with ``client_results`` or ``server_results``; ``case`` is ``None`` for the baseline."""

    case: OlderCase | None
    pair_kind: str


class _Test(NamedTuple):
    visit: _Visit
    perf_type: str
    name: str


@dataclass
class _Sides:
    """The folders of one perf test: node and folder of each side."""

    client: tuple[str, Path] | None = None
    server: tuple[str, Path] | None = None


@dataclass
class _Group:
    """The content of the node trees of one iteration."""

    path: Path
    tests: dict[_Test, _Sides] = field(default_factory=dict)
    visits: dict[_Visit, dict[str, list[Path]]] = field(default_factory=dict)
    nodes: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)


def find_older_perf_tests(root: Path) -> Found:
    """All perf tests in the older layout below ``root``. Never raises for the content of the tree."""
    records: list[OlderFiles] = []
    problems: list[Problem] = []
    for path, trees in groups(root, []):
        group = _Group(path)
        for node, tree in sorted(trees.items()):
            _gather(group, node, tree)
        _join_late_servers(group.tests)
        records += _records(group, problems)
    return Found(tuple(records), tuple(problems))


def _gather(group: _Group, node: str, tree: Path) -> None:
    """Add the content of ``tree`` of ``node``."""
    for visit, folder in _visit_folders(node, tree):
        group.visits.setdefault(visit, {}).setdefault(node, []).append(folder)
        for part in (CLIENT_RESULTS, SERVER_RESULTS):
            for path in sorted((folder / part).glob("*/*")):
                if parse_test(path.name) is None or not is_folder(path):
                    continue
                sides = group.tests.setdefault(_Test(visit, path.parent.name, path.name), _Sides())
                if part == CLIENT_RESULTS:
                    sides.client = sides.client or (node, path)
                else:
                    sides.server = sides.server or (node, path)
                group.nodes.setdefault((part, visit.pair_kind), Counter())[node] += 1


def _visit_folders(node: str, tree: Path) -> Iterator[tuple[_Visit, Path]]:
    """The folders of visits on ``node``, with the pair kind in their path, else by the node's name."""
    own_kind = "vm" if node.startswith("vm") else "host"
    tops: list[tuple[OlderCase | None, Path]] = [(None, tree / BASELINE)]
    tops += [(parse_case(path.name), path) for path in sorted((tree / "ebpf").glob("*"))]
    for case, top in tops:
        if case is None and top.name != BASELINE:
            continue
        for kind in PAIR_KINDS:
            if is_folder(top / kind):
                yield _Visit(case, kind), top / kind
        if is_folder(top):
            yield _Visit(case, own_kind), top


def _join_late_servers(tests: dict[_Test, _Sides]) -> None:
    """Join the sides of a perf test whose folders have timestamps some seconds apart, if that is certain."""
    for lone, sides in [entry for entry in tests.items() if entry[1].client is None]:
        near = [test for test, other in tests.items() if other.server is None and _is_near(lone, test)]
        if len(near) == 1:
            tests[near[0]].server = sides.server
            del tests[lone]


def _is_near(one: _Test, other: _Test) -> bool:
    names = parse_test(one.name), parse_test(other.name)
    times = stamp_ns(one.name), stamp_ns(other.name)
    if names[0] is None or names[1] is None or times[0] is None or times[1] is None or one[:2] != other[:2]:
        return False
    return names[0].conn_type == names[1].conn_type and abs(times[0] - times[1]) <= _MAX_APART_NS


def _records(group: _Group, problems: list[Problem]) -> Iterator[OlderFiles]:
    units: Counter[tuple[_Visit, str, str]] = Counter()
    offsets = _offsets(group)
    for test in sorted(group.tests, key=_order):
        name = parse_test(test.name)
        assert name is not None  # _gather takes nothing else
        place = (test.visit, test.perf_type, name.conn_type)
        units[place] += 1
        yield _record(group, test, name, units[place], offsets, problems)


def _order(test: _Test) -> tuple[str, str, str, str, str]:
    name = parse_test(test.name)
    case = test.visit.case.name if test.visit.case else ""
    return (test.visit.pair_kind, case, test.perf_type, name.ts if name else "", test.name)


def _record(
    group: _Group, test: _Test, name: TestName, unit: int, offsets: Mapping[str, int], problems: list[Problem]
) -> OlderFiles:
    sides, visit = group.tests[test], test.visit
    client = sides.client[1] if sides.client else None
    server = sides.server[1] if sides.server else None
    client_node = sides.client[0] if sides.client else _usual(group, CLIENT_RESULTS, visit.pair_kind)
    server_node = sides.server[0] if sides.server else _usual(group, SERVER_RESULTS, visit.pair_kind)
    tool_node, folders = _tool(group, visit, server_node)
    times, damage = windows.timings(client)
    span = windows.window(times, client or server or group.path, server)
    offset_ns = offsets.get(client_node, 0)
    environment, iteration = environment_of(group.path)
    case = visit.case
    label = case.label if case else ""
    case_key = f"{visit.pair_kind}-{label}" if case else ""
    arm = TOOL if case else BASELINE
    what = PerfTestMetadata(
        run_id="",
        probecost="",
        environment=environment,
        iteration=iteration,
        pair_kind=visit.pair_kind,
        case_key=case_key,
        case_id=case.case_id if case else None,
        case_name=case.middle if case else "",
        tool_id=case.tool_id if case else "",
        category=case.tool_id if case else "",
        parameters=case.parameters if case else {},
        command="",
        visit_id=f"{case_key or visit.pair_kind}/u{unit:03d}/{arm}",
        unit=unit if case else 0,
        planned_units=(),
        pair=unit if case else 0,
        arm=arm,
        order=None,
        shared_baseline=case is None,
        perf_test=test.perf_type,
        conn_type=name.conn_type,
        duration_s=None,
        streams=name.streams or _streams(client, server),
        start_ns=span[0] - offset_ns if span else None,
        end_ns=span[1] - offset_ns if span else None,
        server_node=server_node,
        client_node=client_node,
        tool_node=tool_node,
        clocks={},
        facts={},
        tool=None,
        options={},
        void_reason="",
        error="",
    )
    found = dict(side for side in (sides.server, sides.client) if side is not None)
    place = layout.PerfTestFolder(layout.VisitFolder(visit.pair_kind, case), test.perf_type, name.conn_type, name.ts)
    record = OlderFiles(group.path, place, what, tuple(found), found, client, server, folders)
    problems += [record.problem(path, reason, Kind.IMPLAUSIBLE) for path, reason in damage]
    return record


def _offsets(group: _Group) -> dict[str, int]:
    """Each client node's most frequent time zone, from the perf tests with a known one."""
    votes: dict[str, Counter[int]] = {}
    for sides in group.tests.values():
        if sides.client is not None:
            node, folder = sides.client
            offset_ns = windows.client_offset_ns(windows.timings(folder)[0], folder)
            if offset_ns is not None:
                votes.setdefault(node, Counter())[offset_ns] += 1
    return {node: counted.most_common(1)[0][0] for node, counted in votes.items()}


def _usual(group: _Group, part: str, pair_kind: str) -> str:
    """The usual node for this side of the pair kind's perf tests; empty if there is none."""
    counted = group.nodes.get((part, pair_kind))
    return counted.most_common(1)[0][0] if counted else ""


def _tool(group: _Group, visit: _Visit, server_node: str) -> tuple[str, tuple[Path, ...]]:
    """The tool's node, and its possible folders of logs, including those above the pair kind's."""
    nodes = dict(group.visits.get(visit, {}))
    for other, places in group.visits.items():
        if other.case == visit.case and other.pair_kind != visit.pair_kind:
            for node, folders in places.items():
                above = [folder for folder in folders if folder.name not in PAIR_KINDS]
                nodes[node] = [*nodes.get(node, []), *above]
    monitored = [node for node, folders in sorted(nodes.items()) if any(_has_logs(folder) for folder in folders)]
    node = server_node if server_node in monitored or not monitored else monitored[0]
    return node, tuple(nodes.get(node, ()))


def _has_logs(folder: Path) -> bool:
    return any(next(iter(folder.glob(pattern)), None) for pattern in ("ebpf_monitoring/ebpf_*", "ebpf_*_monitor*"))


def _streams(client: Path | None, server: Path | None) -> int:
    """The number of streams if the folder's name lacks it: the most files of any kind."""
    patterns: Sequence[tuple[Path | None, str]] = (
        (client, "*.json"),
        (client, windows.TIMING_LOGS),
        (server, "iperf3_server*"),
    )
    return max(1, *(sum(1 for _ in folder.glob(pattern)) if folder else 0 for folder, pattern in patterns))
