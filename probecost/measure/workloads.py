"""The command lines of the generators: which servers and clients make one perf test, and where their output goes.

iperf3 for throughput and packets per second, netperf for latency. Options are those that iperf3 3.1 and netperf 2.7
already know. Servers listen on the test address only and serve one client each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from probecost.config.models import PerfTestSpec
from probecost.layout import TREE, PerfTestFolder
from probecost.remote.messages import ClientSpec, OpenServer, ServerSpec

UDP_PAYLOAD_BYTES = 64
DEFAULT_PPS_BITRATE = "1G"
LATENCY_FIELDS = (
    "MIN_LATENCY,MEAN_LATENCY,MAX_LATENCY,P50_LATENCY,P90_LATENCY,P99_LATENCY,TRANSACTION_RATE,ELAPSED_TIME"
)
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
        """Whole seconds, at least one: the generators know no fractions."""
        return max(1, math.ceil(self.spec.duration_s))

    @property
    def timeout_s(self) -> float:
        """After this a client hangs."""
        return self.duration_s + _START_AND_END_S

    @property
    def client_program(self) -> str:
        return "netperf" if self.spec.perf_type == "latency" else "iperf3"

    @property
    def servers(self) -> tuple[ServerSpec, ...]:
        return tuple(self._server(index) for index in range(self.spec.streams))

    def clients(self, opened: Sequence[OpenServer]) -> tuple[ClientSpec, ...]:
        """One client per open server."""
        return tuple(self._client(server) for server in opened)

    def _server(self, index: int) -> ServerSpec:
        name = self._output("{port}")
        stdout = f"{TREE}/{self.folder.server}/{name}"
        if self.spec.perf_type == "latency":
            argv: tuple[str, ...] = ("netserver", "-D", "-L", self.server_ip, "-p", "{port}")
        else:
            argv = ("iperf3", "-s", "-1", "-B", self.server_ip, "-p", "{port}", "-J")
        latency = self.spec.perf_type == "latency"
        return ServerSpec(str(index), argv, stdout, f"{stdout}.stderr", ports=2 if latency else 1, lingers=not latency)

    def _client(self, server: OpenServer) -> ClientSpec:
        stdout = f"{TREE}/{self.folder.client}/{self._output(str(server.ports[0]))}"
        argv = self._netperf(server) if self.spec.perf_type == "latency" else self._iperf3(server)
        return ClientSpec(server.name, argv, stdout, f"{stdout}.stderr")

    def _iperf3(self, server: OpenServer) -> tuple[str, ...]:
        addresses = ("iperf3", "-c", self.server_ip, "-B", self.client_ip, "-p", str(server.ports[0]))
        common = (*addresses, "-t", str(self.duration_s), "-J")
        if self.spec.perf_type == "throughput":
            return (*common, "-b", self.spec.target_bitrate) if self.spec.target_bitrate else common
        bitrate = self.spec.target_bitrate or DEFAULT_PPS_BITRATE
        return (*common, "-u", "-l", str(UDP_PAYLOAD_BYTES), "-b", bitrate)

    def _netperf(self, server: OpenServer) -> tuple[str, ...]:
        control, data = server.ports
        addresses = ("netperf", "-H", self.server_ip, "-L", self.client_ip, "-p", str(control))
        test = ("-t", self.spec.conn_type.upper(), "-l", str(self.duration_s))
        return (*addresses, *test, "--", "-P", f",{data}", "-r", "1,1", "-o", LATENCY_FIELDS)

    def _output(self, port: str) -> str:
        return self.folder.stream_file(port)
