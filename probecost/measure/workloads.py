"""Command lines of the generators: servers and clients of one perf test, and the files of their output.

iperf3 measures throughput and packets per second, netperf latency. iperf3 3.1 and netperf 2.7 already know all options.
Servers listen on the test address only and serve one client each.

Latency at a load has an iperf3 in the background, which sends TCP at that rate and lasts a little longer than netperf.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from probecost.config.environment import PerfTestSpec
from probecost.config.offered_rates import DATAGRAM_BYTES
from probecost.remote.messages import ClientSpec, OpenServer, ServerSpec
from probecost.results.layout import TREE, PerfTestFolder

DEFAULT_PPS_BITRATE = "1G"
LATENCY_FIELDS = (
    "MIN_LATENCY,MEAN_LATENCY,MAX_LATENCY,P50_LATENCY,P90_LATENCY,P99_LATENCY,TRANSACTION_RATE,ELAPSED_TIME"
)
BACKGROUND = "background"  # name of the background flow's generator
_BACKGROUND_LONGER_S = 1
_START_AND_END_S = 10.0


@dataclass(frozen=True)
class Workload:
    """One perf test between two addresses, its files below ``folder``."""

    spec: PerfTestSpec
    folder: PerfTestFolder
    server_ip: str
    client_ip: str

    @property
    def duration_s(self) -> int:
        """Duration in whole seconds, at least one: the generators know no fractions."""
        return max(1, math.ceil(self.spec.duration_s))

    @property
    def timeout_s(self) -> float:
        """Seconds after which a client counts as hung."""
        return self.duration_s + _START_AND_END_S

    def client_program(self, name: str) -> str:
        """The program of the client of this name."""
        return "netperf" if self.spec.perf_type == "latency" and name != BACKGROUND else "iperf3"

    @property
    def servers(self) -> tuple[ServerSpec, ...]:
        own = tuple(self._server(index) for index in range(self.spec.streams))
        return own if self.spec.background_bps is None else (*own, self._background_server())

    def clients(self, opened: Sequence[OpenServer]) -> tuple[ClientSpec, ...]:
        """One client per open server, the background first: it takes longer to its first byte."""
        ordered = sorted(opened, key=lambda server: server.name != BACKGROUND)
        return tuple(
            self._background_client(server) if server.name == BACKGROUND else self._client(server) for server in ordered
        )

    def _server(self, index: int) -> ServerSpec:
        name = self._output("{port}")
        stdout = f"{TREE}/{self.folder.server}/{name}"
        if self.spec.perf_type == "latency":
            argv: tuple[str, ...] = ("netserver", "-D", "-L", self.server_ip, "-p", "{port}")
        else:
            argv = self._iperf3_server
        latency = self.spec.perf_type == "latency"
        return ServerSpec(str(index), argv, stdout, f"{stdout}.stderr", ports=2 if latency else 1, lingers=not latency)

    def _client(self, server: OpenServer) -> ClientSpec:
        stdout = f"{TREE}/{self.folder.client}/{self._output(str(server.ports[0]))}"
        argv = self._netperf(server) if self.spec.perf_type == "latency" else self._iperf3(server)
        return ClientSpec(server.name, argv, stdout, f"{stdout}.stderr")

    def _background_server(self) -> ServerSpec:
        stdout = f"{TREE}/{self.folder.server}/{self.folder.background_file('{port}')}"
        return ServerSpec(BACKGROUND, self._iperf3_server, stdout, f"{stdout}.stderr", lingers=True)

    def _background_client(self, server: OpenServer) -> ClientSpec:
        stdout = f"{TREE}/{self.folder.client}/{self.folder.background_file(server.ports[0])}"
        argv = (*self._iperf3_client(server, self.duration_s + _BACKGROUND_LONGER_S), *self._limit)
        return ClientSpec(server.name, argv, stdout, f"{stdout}.stderr")

    @property
    def _iperf3_server(self) -> tuple[str, ...]:
        return ("iperf3", "-s", "-1", "-B", self.server_ip, "-p", "{port}", "-J")

    def _iperf3_client(self, server: OpenServer, duration_s: int) -> tuple[str, ...]:
        addresses = ("iperf3", "-c", self.server_ip, "-B", self.client_ip, "-p", str(server.ports[0]))
        return (*addresses, "-t", str(duration_s), "-J")

    def _iperf3(self, server: OpenServer) -> tuple[str, ...]:
        common = self._iperf3_client(server, self.duration_s)
        if self.spec.perf_type == "throughput":
            return (*common, *self._limit)
        return (*common, "-u", "-l", str(DATAGRAM_BYTES), *(self._limit or ("-b", DEFAULT_PPS_BITRATE)))

    @property
    def _limit(self) -> tuple[str, ...]:
        """``-b`` of each stream: as configured, or its share of the offered rate in whole bits."""
        spec = self.spec
        if spec.load is None and spec.max_rate_bps is None:
            return ("-b", spec.target_bitrate) if spec.target_bitrate else ()
        assert spec.offered_bps is not None  # a load that is resolved, or a cap
        return ("-b", str(max(1, int(spec.offered_bps / spec.streams))))

    def _netperf(self, server: OpenServer) -> tuple[str, ...]:
        control, data = server.ports
        addresses = ("netperf", "-H", self.server_ip, "-L", self.client_ip, "-p", str(control))
        test = ("-t", self.spec.base.upper(), "-l", str(self.duration_s))
        return (*addresses, *test, "--", "-P", f",{data}", "-r", "1,1", "-o", LATENCY_FIELDS)

    def _output(self, port: str) -> str:
        return self.folder.stream_file(port)
