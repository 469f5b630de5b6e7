"""The command lines that make a perf test."""

from __future__ import annotations

from typing import Any

import pytest

from probecost.config.environment import PerfTestSpec
from probecost.errors import ConfigError
from probecost.measure.workloads import Workload
from probecost.remote.messages import OpenServer
from probecost.results.layout import VisitFolder
from probecost.results.offered_load import Load

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


def loaded(perf_type: Any, conn_type: Any, load: str | None, streams: int = 1, **more: Any) -> Workload:
    spec = PerfTestSpec(perf_type, conn_type, 3, streams, load=load and Load.parse(load), **more)
    return Workload(spec, VisitFolder("host").perf_test(perf_type, spec.conn_type, TS), "198.18.0.1", "198.18.0.2")


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (loaded("throughput", "single", "1.5G"), "1500000000"),
        (loaded("throughput", "multi", "1M", streams=3), "333333"),  # together never more than was asked for
        (loaded("throughput", "single", "25%", resolved_rate=7e8, pair_kind="host"), "700000000"),
        (loaded("throughput", "single", None, max_rate_bps=500), "500"),
        (loaded("throughput", "multi", None, 2, target_bitrate="1G", max_rate_bps=10**9), "500000000"),
        (loaded("pps", "single", "100kpps"), "51200000"),
        (loaded("pps", "multi", "100kpps", streams=2), "25600000"),
        (loaded("pps", "single", None, target_bitrate="1G", max_rate_bps=10**8), "100000000"),
    ],
)
def test_a_load_and_a_cap_are_shared_by_the_streams(work: Workload, expected: str) -> None:
    for client in work.clients([OpenServer(str(index), (5201 + index,), 1) for index in range(work.spec.streams)]):
        assert client.argv[-2:] == ("-b", expected)


def test_a_load_has_a_folder_of_its_own_and_the_plain_files_in_it() -> None:
    (client,) = loaded("throughput", "single", "1.5G").clients([OpenServer("0", (5201,), 9)])
    assert client.stdout.endswith(f"/throughput/single-load1.5G_{TS}/client_results/throughput_single_tcp.json")


def test_an_unresolved_share_is_not_run() -> None:
    with pytest.raises(ConfigError, match="is not known"):
        loaded("throughput", "single", "25%").clients([OpenServer("0", (5201,), 9)])


def test_latency_at_a_load_has_a_tcp_flow_beside_it() -> None:
    work = loaded("latency", "udp_rr", "100M")
    netserver, background = work.servers
    assert (netserver.argv[0], background.argv[0]) == ("netserver", "iperf3")
    assert (background.ports, background.lingers) == (1, True)
    assert background.stdout.endswith("/server_results/background_port_{port}.json")
    opened = [OpenServer(netserver.name, (5201, 5202), 1), OpenServer(background.name, (5203,), 2)]
    flow, netperf = work.clients(opened)
    assert " ".join(flow.argv) == "iperf3 -c 198.18.0.1 -B 198.18.0.2 -p 5203 -t 4 -J -b 100000000"
    assert flow.stdout.endswith(f"/latency/udp_rr-load100M_{TS}/client_results/background_port_5203.json")
    assert netperf.argv[7:11] == ("-t", "UDP_RR", "-l", "3")
    assert netperf.stdout.endswith("/client_results/latency_udp_rr.txt")
    assert [work.client_program(client.name) for client in (flow, netperf)] == ["iperf3", "netperf"]


def test_a_cap_alone_puts_nothing_beside_latency() -> None:
    assert [server.argv[0] for server in loaded("latency", "tcp_rr", None, max_rate_bps=10**9).servers] == ["netserver"]
