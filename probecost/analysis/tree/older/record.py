"""The files of one perf test of an older tree: the client's and the server's are in separate folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from probecost.analysis.parsers.text import is_file
from probecost.analysis.tree.older.monitor_logs import OlderMonitorLogs
from probecost.analysis.tree.record import PerfTestFiles
from probecost.results import layout
from probecost.results.layout import CLIENT_RESULTS, TOOL_MONITORING

_PARTS = (CLIENT_RESULTS, layout.SERVER_RESULTS)
_ENDINGS = (".json", ".txt", ".log")


@dataclass(frozen=True)
class OlderFiles(PerfTestFiles):
    """Files of a perf test. ``found``: its folder by node; ``client``, ``server``: the folder of each side.

    ``visits``: folders of the visit with the tool's logs. The nodes' received packets were not counted:
    ``counts_packets`` is false.
    """

    found: Mapping[str, Path]
    client: Path | None = None
    server: Path | None = None
    visits: tuple[Path, ...] = ()

    @property
    def counts_packets(self) -> bool:
        return False

    @property
    def described_by(self) -> Path:
        return self.client or self.server or self.group

    @property
    def monitor_logs(self) -> OlderMonitorLogs:
        folders = [folder for visit in self.visits for folder in (visit / TOOL_MONITORING, visit)]
        return OlderMonitorLogs(folders or [self.tool_visit_dir / TOOL_MONITORING])

    def place_on(self, node: str) -> Path:
        return self.found.get(node) or super().place_on(node)

    def expected(self, node: str, part: str) -> Path:
        """The folder of the client or the server; a missing one is placed next to the other."""
        own, other = (self.client, self.server) if part == CLIENT_RESULTS else (self.server, self.client)
        if part not in _PARTS:
            return self.place_on(node) / part
        if own is not None:
            return own
        visit = self.group / (node or "<unknown node>") / layout.TREE / self.place.visit.path
        return visit / part / self.place.perf_type / (other.name if other else self.place.conn_type)

    @property
    def client_files(self) -> Sequence[Path]:
        return _generated(self.client, self.place.stream_files)

    @property
    def server_files(self) -> Sequence[Path]:
        return _generated(self.server, "iperf3_server*")


def _generated(folder: Path | None, pattern: str) -> Sequence[Path]:
    """The generators' outputs in ``folder``, without timing logs."""
    return sorted(
        path
        for path in (folder.glob(pattern) if folder is not None else ())
        if path.suffix in _ENDINGS and not path.name.endswith("_timing.log") and is_file(path)
    )
