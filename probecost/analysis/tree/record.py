"""The files of one perf test: its metadata, and the paths of its raw files in the trees of the nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from probecost.analysis.parsers.text import named_like
from probecost.analysis.tree.metadata import PerfTestMetadata
from probecost.analysis.tree.monitor_logs import MonitorLogs
from probecost.analysis.tree.problem import Kind, Problem, Where
from probecost.results import layout


def in_tree(group: Path, node: str, below: PurePosixPath) -> Path:
    """The path of ``below`` in the tree of ``node``, existing or not."""
    return group.joinpath(node, layout.TREE, below)


@dataclass(frozen=True, slots=True)
class PerfTestFiles:
    """The files of one perf test of one visit; it has a folder in the trees of ``nodes``."""

    group: Path
    place: layout.PerfTestFolder
    metadata: PerfTestMetadata
    nodes: tuple[str, ...]

    @property
    def folders(self) -> Mapping[str, Path]:
        """This perf test's folder in the tree of each of its nodes."""
        return {node: self.place_on(node) for node in self.nodes}

    @property
    def client_results(self) -> Path:
        """The folder with the output of the client's generators, existing or not."""
        return self.expected(self.metadata.client_node, layout.CLIENT_RESULTS)

    @property
    def server_results(self) -> Path:
        """The folder with the servers' output."""
        return self.expected(self.metadata.server_node, layout.SERVER_RESULTS)

    @property
    def server_monitoring(self) -> Path:
        """The counters of the receiving node."""
        return self.expected(self.metadata.server_node, layout.MONITORING)

    @property
    def tool_monitoring(self) -> Path:
        """The counters of the tool's node: the receiver, or the host of the receiving guest."""
        return self.expected(self.metadata.tool_node, layout.MONITORING)

    @property
    def tool_visit_dir(self) -> Path:
        """The folder of the tool's output and monitor logs of this case, in the tree of the tool's node."""
        return in_tree(self.group, self.metadata.tool_node, self.place.visit.path)

    @property
    def monitor_logs(self) -> MonitorLogs:
        """The logs of the monitors of the tool."""
        return MonitorLogs(self.tool_visit_dir / layout.TOOL_MONITORING)

    @property
    def described_by(self) -> Path:
        """The file, or folder, with the identity of this perf test."""
        return self.place_on(self.metadata.client_node) / self.place.metadata_name

    @property
    def counts_packets(self) -> bool:
        """Whether the receiving node's packets were counted, in addition to the generators' figures."""
        return True

    @property
    def client_files(self) -> Sequence[Path]:
        """The generators' outputs, by name: ``pps_multi_udp_port_5202.txt`` and the like."""
        return self._generated(self.client_results)

    @property
    def server_files(self) -> Sequence[Path]:
        return self._generated(self.server_results)

    def expected(self, node: str, part: str) -> Path:
        """The path of ``part``, a folder of this perf test, on ``node``, existing or not."""
        return self.place_on(node) / part

    def place_on(self, node: str) -> Path:
        """This perf test's folder in the tree of ``node``, existing or not."""
        return in_tree(self.group, node, self.place.path)

    @property
    def where(self) -> Where:
        """The place of its problems."""
        what = self.metadata
        return Where(
            what.environment,
            what.iteration,
            what.case_key,
            what.visit_id,
            what.arm,
            what.unit,
            what.perf_test,
            what.conn_type,
        )

    def problem(self, path: Path, reason: str, kind: Kind) -> Problem:
        """A problem of this perf test."""
        return Problem(self.where, path, reason, kind)

    def _generated(self, folder: Path) -> Sequence[Path]:
        return [path for path in named_like(folder, self.place.stream_files) if path.suffix in (".json", ".txt")]
