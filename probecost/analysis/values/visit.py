"""Reads the raw files of one perf test: the expected files, their figures, and their problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from probecost.analysis.gates.counters import Counted
from probecost.analysis.parsers import counters, iperf3, iperf3_log, netperf, netperf_classic, stat
from probecost.analysis.parsers.text import ParseError, is_file, read_text
from probecost.analysis.tree.problem import Kind, Problem
from probecost.results.layout import COUNTERS_FILE, STAT_FILE

MAX_DISAGREEMENT = 0.05
MIN_SHARE_OF_DURATION = 0.9
MAX_RATE_MISMATCH = 0.1
MIN_SHARE_OF_BACKGROUND = 0.9

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class VisitReading:
    """Content of the files of one perf test of a visit, before any gate: ``None`` for a missing figure.

    ``short``: why a flow is too short, so that its figures do not count; empty if it is not.
    """

    counted: Counted
    figures: Mapping[str, float | None]
    problems: tuple[Problem, ...]
    short: str


def read_visit(counted: Counted) -> VisitReading:
    """Read the generators' output and ``/proc/stat``. Never raises for their content."""
    reader, what = RawReader(counted), counted.record.metadata
    figures: Mapping[str, float | None] = {}
    match what.perf_test:
        case "throughput":
            figures = reader.throughput()
        case "latency":
            figures = reader.latency()
        case "pps":
            figures = reader.pps()
        case other:
            place = counted.record.place_on(what.client_node)
            reader.lost(place, f"perf test {other!r} is not known to this version")
    return VisitReading(counted, figures, tuple(reader.problems), reader.void_reason)


class RawReader:
    """Reads one perf test's files; its methods give figures by metric, and collect ``problems``.

    ``lost`` records a loss of data, ``doubt`` doubtful data that are used. ``void_reason``: see ``VisitReading.short``.
    """

    def __init__(self, counted: Counted) -> None:
        self.record = counted.record
        self._counted = counted.by_node
        self.problems: list[Problem] = []
        self.void_reason = ""

    def lost(self, path: Path, reason: str) -> None:
        self.problems.append(self.record.problem(path, reason, Kind.MISSING))

    def doubt(self, path: Path, reason: str) -> None:
        self.problems.append(self.record.problem(path, reason, Kind.IMPLAUSIBLE))

    def remark(self, path: Path, reason: str) -> None:
        self.problems.append(self.record.problem(path, reason, Kind.REMARK))

    def throughput(self) -> dict[str, float | None]:
        clients, servers = self._clients(), self._servers()
        if clients is None:
            return {}
        folder, results = clients
        figures: dict[str, float | None] = {
            "sent_bps": sum(result.sent_bps for result in results),
            "received_bps": _received_bps(results, servers),
            "retransmits": _total([result.retransmits for result in results]),
        }
        received_bps = figures["received_bps"]
        if received_bps is None:
            self.lost(folder, "neither the client nor the server says how much was received")
        elif received_bps == 0:
            self.doubt(folder, "0 bits/s were received")
        elif servers is not None:
            own_bps = sum(server.received_bps for server in servers)
            self._reconcile(folder, received_bps, own_bps, "bits/s", "the client was told", "the server's file says")
        if received_bps:
            measured_s = sum(result.measured_s for result in results) / len(results)
            figures["cpu_s_per_gb"] = self._cpu_s_per_gb(received_bps * measured_s / 8e9)
        return figures

    def _cpu_s_per_gb(self, received_gb: float) -> float | None:
        """Busy time of all CPUs beyond the idle share, per GB; ``None`` if nothing was sampled on that node."""
        path = self.record.tool_monitoring / STAT_FILE
        if not is_file(path):
            return None
        used = self._parse(path, stat.parse, self.doubt)
        if used is None:
            return None
        return (used.busy_s - self.record.metadata.idle_busy_share * used.total_s) / received_gb

    def latency(self) -> dict[str, float | None]:
        what = self.record.metadata
        path = self.record.client_results / self.record.place.stream_file(0)
        result = self._parse(path, _latencies, self.lost)
        if result is None:
            return {}
        if result.elapsed_s is not None and _is_short(result.elapsed_s, what.duration_s):
            self.void_reason = f"netperf measured {result.elapsed_s:g} s of {what.duration_s:g} s"
        if result.transactions_per_s is not None:
            in_flight = result.transactions_per_s * result.mean_us / 1e6
            if abs(in_flight - 1) > MAX_RATE_MISMATCH:
                self.doubt(path, f"mean latency x transaction rate is {in_flight:.2f}; it should be near 1")
        return {
            **self._background(),
            "min_us": result.min_us,
            "mean_us": result.mean_us,
            "max_us": result.max_us,
            "p50_us": result.p50_us,
            "p90_us": result.p90_us,
            "p99_us": result.p99_us,
            "transactions_per_s": result.transactions_per_s,
        }

    def _background(self) -> dict[str, float | None]:
        """The rate of the background flow of netperf, if there should be one."""
        asked_bps = self.record.metadata.background_bps
        if asked_bps is None:
            return {}
        folder = self.record.client_results
        paths = sorted(folder.glob(self.record.place.background_file("*")))
        if not paths:
            self.lost(folder, "the result of the background flow is not there")
            return {}
        result = self._parse(paths[0], iperf3.parse_client, self.lost)
        if result is None:
            return {}
        carried_bps = result.sent_bps if result.received_bps is None else result.received_bps
        if carried_bps < MIN_SHARE_OF_BACKGROUND * asked_bps:
            self.doubt(paths[0], f"the background flow carried {carried_bps:.0f} of {asked_bps:.0f} bits/s")
        return {"background_bps": carried_bps}

    def pps(self) -> dict[str, float | None]:
        clients, servers = self._clients(), self._servers()
        if clients is None:
            return {}
        folder, results = clients
        if any(result.sent_packets is None for result in results):
            writes = _writes(results, servers)
            said = "they are counted under their own name" if writes else "nothing is counted"
            self.lost(folder, f"the stream is TCP: its writes are no packets, {said}")
            return writes
        measured_s = sum(result.measured_s for result in results) / len(results)
        sent = sum(result.sent_packets or 0 for result in results)
        figures: dict[str, float | None] = {
            "sent_pps": sum((result.sent_packets or 0) / result.measured_s for result in results)
        }
        if not self.record.counts_packets:
            figures.update(self._told_pps(folder, results, servers, measured_s))
            return figures
        path = self.record.server_monitoring / COUNTERS_FILE
        counted = self._counted.get(self.record.metadata.server_node)
        if counted is None:
            self._parse(path, counters.parse, self.lost)  # for what is wrong with it
            return figures
        figures["received_pps"] = counted.udp_in_datagrams / measured_s
        # Each stream opens with an extra datagram, so a loss-free run may count one more than was sent.
        figures["lost_share"] = max(0.0, 1 - counted.udp_in_datagrams / sent) if sent else None
        figures["rcvbuf_errors"] = counted.udp_rcvbuf_errors
        figures["interface_drops"] = counted.tested.rx_dropped if counted.tested else None
        self._reconcile_interface(path, counted)
        if counted.udp_in_datagrams == 0:
            self.doubt(path, "no datagram was received")
        own = None if servers is None else _total([server.received_packets for server in servers])
        told_by = "the server's iperf3 says"
        if own is None:
            own, told_by = _total([result.received_packets for result in results]), "the client's iperf3 says"
        if own is not None:
            self._reconcile(path, counted.udp_in_datagrams, own, "datagrams", "the node counted", told_by)
        return figures

    def _told_pps(
        self,
        folder: Path,
        results: Sequence[iperf3.ClientResult],
        servers: Sequence[iperf3.ServerResult] | None,
        measured_s: float,
    ) -> dict[str, float | None]:
        """Received packets by the servers, else the clients: the receiving node did not count."""
        received = None if servers is None else _total([server.received_packets for server in servers])
        if received is None:
            received = _total([result.received_packets for result in results])
        if received is None:
            self.lost(folder, "neither the client nor the server says how many datagrams were received")
            return {}
        sent = sum(result.sent_packets or 0 for result in results)
        return {"received_pps": received / measured_s, "lost_share": max(0.0, 1 - received / sent) if sent else None}

    def _clients(self) -> tuple[Path, list[iperf3.ClientResult]] | None:
        """All clients' results, or ``None`` if one is missing: a sum over fewer streams would be wrong."""
        folder, what = self.record.client_results, self.record.metadata
        results = []
        complete = True
        paths = self.record.client_files
        for path in paths:
            result = self._parse(path, iperf3.parse_client, self.lost)
            complete = complete and result is not None
            if result is not None:
                self._flag(path, result)
                results.append(result)
        if len(paths) != what.streams:
            self.lost(folder, f"{len(paths)} of {what.streams} result files of the client are there")
            complete = False
        return (folder, results) if complete else None

    def _flag(self, path: Path, result: iperf3.ClientResult) -> None:
        self._note(path, result.notes)
        asked_s = self.record.metadata.duration_s or result.asked_s
        if _is_short(result.measured_s, asked_s):
            self.void_reason = f"iperf3 measured {result.measured_s:.2f} s of {asked_s:g} s"
        if result.sent_bps == 0:
            self.doubt(path, "0 bits/s were sent")
        elif result.stalled_intervals:
            self.doubt(path, f"sent nothing in {result.stalled_intervals} of {result.intervals} intervals")

    def _note(self, path: Path, notes: iperf3.Notes) -> None:
        for remark in notes.remarks:
            self.remark(path, remark)
        for doubt in notes.doubts:
            self.doubt(path, doubt)

    def _servers(self) -> list[iperf3.ServerResult] | None:
        """All servers' results, or ``None`` if one is missing (they only confirm, so that is a doubt)."""
        folder, what = self.record.server_results, self.record.metadata
        paths = self.record.server_files
        if len(paths) != what.streams:
            self.doubt(folder, f"{len(paths)} of {what.streams} result files of the server are there")
            return None
        parsed = [self._parse(path, _server_parser(path), self.doubt) for path in paths]
        for path, result in zip(paths, parsed, strict=True):
            if result is not None:
                self._note(path, result.notes)
        results = [result for result in parsed if result is not None]
        return results if len(results) == len(parsed) else None

    def _parse(self, path: Path, parse: Callable[[str], ResultT], tell: Callable[[Path, str], None]) -> ResultT | None:
        try:
            return parse(read_text(path))
        except ParseError as error:
            tell(path, f"{error}{_stderr_of(path)}")
            return None

    def _reconcile_interface(self, path: Path, counted: counters.CountersDelta) -> None:
        """Compare the tested interface's received packets with datagrams: delivered, without room, or dropped."""
        tested = counted.tested
        if tested is not None and tested.rx_packets is not None:
            known = counted.udp_in_datagrams + (counted.udp_rcvbuf_errors or 0) + (tested.rx_dropped or 0)
            self._reconcile(
                path,
                known,
                tested.rx_packets,
                "packets",
                "datagrams, rcvbuf errors and drops are",
                "the interface counted",
            )

    def _reconcile(self, path: Path, used: float, other: float, what: str, used_from: str, other_from: str) -> None:
        larger = max(used, other)
        if larger > 0 and abs(used - other) / larger > MAX_DISAGREEMENT:
            self.doubt(path, f"{used_from} {used:.0f} {what}, {other_from} {other:.0f}")


def _server_parser(path: Path) -> Callable[[str], iperf3.ServerResult]:
    return iperf3_log.parse_server if path.suffix == ".log" else iperf3.parse_server


def _latencies(text: str) -> netperf.LatencyResult:
    return netperf_classic.parse(text) if netperf_classic.is_classic(text) else netperf.parse(text)


def _total(values: Sequence[float | None]) -> float | None:
    """The sum, ``None`` if a part of it is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _received_bps(
    results: Sequence[iperf3.ClientResult], servers: Sequence[iperf3.ServerResult] | None
) -> float | None:
    """Received bits per second by the clients' results, else by the servers' own files."""
    told_bps = _total([result.received_bps for result in results])
    return sum(server.received_bps for server in servers) if told_bps is None and servers is not None else told_bps


def _writes(
    results: Sequence[iperf3.ClientResult], servers: Sequence[iperf3.ServerResult] | None
) -> dict[str, float | None]:
    """Writes per second of TCP streams: bits per second over the bits of one write, also for the receiver.

    Nothing if their size is unknown, or not all streams are TCP.
    """
    sizes = {result.write_bytes if result.protocol == "TCP" else None for result in results}
    write_bytes = sizes.pop() if len(sizes) == 1 else None
    if not write_bytes:
        return {}
    received_bps = _received_bps(results, servers)
    return {
        "sent_writes_per_s": sum(result.sent_bps for result in results) / 8 / write_bytes,
        "received_writes_per_s": None if received_bps is None else received_bps / 8 / write_bytes,
    }


def _is_short(measured_s: float, asked_s: float | None) -> bool:
    return bool(asked_s) and measured_s < MIN_SHARE_OF_DURATION * (asked_s or 0)


def _stderr_of(path: Path) -> str:
    """The last line that the generator wrote to stderr, as an addition to the reason; empty without one."""
    try:
        lines = read_text(path.with_name(f"{path.name}.stderr")).strip().splitlines()
    except ParseError:
        return ""
    return f"; stderr: {lines[-1].strip()[:200]}"
