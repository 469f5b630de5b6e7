"""The command lines that make a perf test."""

from __future__ import annotations

from typing import Any

import pytest

from probecost.config.models import PerfTestSpec
from probecost.layout import VisitFolder
from probecost.measure.workloads import Workload
from probecost.remote.messages import OpenServer

TS = "20261122_213458_123"


def workload(
    perf_type: Any, conn_type: Any, streams: int = 1, duration_s: float = 3, bitrate: str | None = None
) -> Workload:
    folder = VisitFolder("host").perf_test(perf_type, conn_type, TS)
    return Workload(
        PerfTestSpec(perf_type, conn_type, duration_s, streams, bitrate), folder, "198.18.0.1", "198.18.0.2"
    )


def test_throughput_uses_tcp_between_the_test_addresses() -> None:
    (server,) = workload("throughput", "single").servers
    assert server.argv == ("iperf3", "-s", "-1", "-B", "198.18.0.1", "-p", "{port}", "-J")
    assert server.lingers
    (client,) = workload("throughput", "single").clients([OpenServer("0", (5201,), 9)])
    assert " ".join(client.argv) == "iperf3 -c 198.18.0.1 -B 198.18.0.2 -p 5201 -t 3 -J"
    assert client.stdout.endswith(f"baseline/host/throughput/single_{TS}/client_results/throughput_single_tcp.json")


def test_multi_is_one_process_per_port() -> None:
    work = workload("pps", "multi", streams=2, bitrate="500M")
    assert [server.name for server in work.servers] == ["0", "1"]
    clients = work.clients([OpenServer("0", (5201,), 1), OpenServer("1", (5202,), 2)])
    assert [client.argv[client.argv.index("-p") + 1] for client in clients] == ["5201", "5202"]
    assert [client.stdout.rsplit("/", 1)[1] for client in clients] == [
        "pps_multi_udp_port_5201.txt",
        "pps_multi_udp_port_5202.txt",
    ]
    assert clients[0].argv[-5:] == ("-u", "-l", "64", "-b", "500M")


@pytest.mark.parametrize("conn_type", ["tcp_rr", "udp_rr"])
def test_latency_uses_two_known_ports(conn_type: str) -> None:
    (server,) = workload("latency", conn_type).servers
    assert (server.ports, server.lingers) == (2, False)
    (client,) = workload("latency", conn_type).clients([OpenServer("0", (5201, 5202), 9)])
    assert client.argv[:9] == ("netperf", "-H", "198.18.0.1", "-L", "198.18.0.2", "-p", "5201", "-t", conn_type.upper())
    assert client.argv[client.argv.index("-P") + 1] == ",5202"


@pytest.mark.parametrize(("asked_s", "used_s"), [(0.2, 1), (1, 1), (2.5, 3)])
def test_durations_are_whole_seconds(asked_s: float, used_s: int) -> None:
    assert workload("throughput", "single", duration_s=asked_s).duration_s == used_s


def test_a_bitrate_limits_throughput_where_one_is_configured() -> None:
    (client,) = workload("throughput", "single", bitrate="2G").clients([OpenServer("0", (5201,), 9)])
    assert client.argv[-2:] == ("-b", "2G")
