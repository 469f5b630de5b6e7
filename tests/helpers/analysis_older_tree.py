"""Builds results trees of the older shape: no metadata, folders by side, text logs of servers, pidstat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from helpers.analysis_tree import netperf, tcp_client, udp_result

from probecost.results import layout

SERVER, CLIENT = "host-server", "host-client"
FIRST, SECOND = "eth_drop_case_1_tcp_rx_9d5e19", "eth_drop_case_2_udp_tx_8dc4aa"
_START = datetime(2026, 11, 22, 21, 35)
_TESTS = (
    ("throughput", "single", "throughput_single_tcp.json"),
    ("throughput", "multi_2", "throughput_multi_stream_{n}_port_500{n}.json"),
    ("latency", "tcp_rr", "latency_tcp_rr.txt"),
    ("latency", "udp_rr", "latency_udp_rr.txt"),
    ("pps", "single", "pps_single_udp.json"),
    ("pps", "multi_2", "pps_multi_stream_{n}_port_500{n}.json"),
)


def server_log(gbps: float) -> str:
    return (
        f"[  5]   0.00-1.00   sec  1.00 GBytes  {gbps} Gbits/sec\n"
        "- - - - - - - - - - - - - - - - - - - - - - - - -\n"
        f"[  5]   0.00-1.00   sec  1.00 GBytes  {gbps} Gbits/sec                  receiver\n"
    )


def udp_server_log(total: int, lost: int) -> str:
    return (
        "- - - - - - - - - - - - - - - - - - - - - - - - -\n"
        f"[  5]   0.00-1.00   sec  1.00 MBytes  8.00 Mbits/sec  0.010 ms  {lost}/{total} (1%)  receiver\n"
    )


def older_tree(root: Path, cases: Sequence[str] = (FIRST, SECOND)) -> Path:
    """A baseline and ``cases``: throughput 8 and 2 x 8 Gbit/s, latency 50 us, 1000 and 2 x 1000 packets, 900 received.

    With a tool, throughput is 4 Gbit/s and latency 60 us; the tool takes 7 % of a core, 1500 KB; its log has 640 bytes.
    """
    now = _START
    for visit in ("baseline", *(f"ebpf/{case}" for case in cases)):
        began = now
        for kind, name, file in _TESTS:
            _perf_test(root, f"{visit}/host", kind, name, file, now, visit != "baseline")
            now += timedelta(seconds=4)
        if visit != "baseline":
            _monitors(_tree(root, SERVER) / visit / "host" / "ebpf_monitoring", began, now)
    return root


def _tree(root: Path, node: str) -> Path:
    return root / "iteration_001" / node / layout.TREE


def _perf_test(root: Path, visit: str, kind: str, name: str, file: str, at: datetime, with_tool: bool) -> None:
    folder = f"{kind}/{name}_{at:%Y%m%d_%H%M%S}"
    client = _tree(root, CLIENT) / visit / "client_results" / folder
    server = _tree(root, SERVER) / visit / "server_results" / folder
    client.mkdir(parents=True)
    server.mkdir(parents=True)
    (server / f"test_complete_{kind}.log").write_text(f"done {at + timedelta(seconds=3):%F %T}.000\n")
    gbps = 4.0 if with_tool else 8.0
    for number in (1, 2) if "multi" in name else (1,):
        path = client / file.format(n=number)
        if kind == "latency":
            path.write_text(netperf(60 if with_tool else 50))
            continue
        udp = kind == "pps"
        path.write_text(udp_result(1000, 100) if udp else tcp_client(gbps * 1e9, gbps * 1e9))
        log = server / f"iperf3_server_{kind}_port_500{number}.log"
        log.write_text(udp_server_log(1000, 100) if udp else server_log(gbps))
        timing = f"Start: {at + timedelta(seconds=1):%F %T}.000\nEnd: {at + timedelta(seconds=2):%F %T}.500\n"
        (client / f"{path.stem}_timing.log").write_text(timing)


def _monitors(folder: Path, began: datetime, ended: datetime) -> None:
    folder.mkdir(parents=True)
    lines = [f"# START_DATETIME: {began:%F %T}.000  START_EPOCH: {int((began - datetime(1970, 1, 1)).total_seconds())}"]
    lines.append("# Time UID PID %usr %system %guest %wait %CPU CPU minflt/s majflt/s VSZ RSS %MEM Command")
    sizes = []
    for second in range(int((ended - began).total_seconds())):
        at = began + timedelta(seconds=second)
        lines.append(f"{at:%T} 0 150 5.00 2.00 0.00 0.00 7.00 0 0.00 0.00 2500 1500 0.01 eth_drop")
        sizes.append(f"{at:%F %T} {second * 10 if second < 64 else 640}")
    (folder / f"ebpf_resource_monitor_{began:%Y%m%d_%H%M%S}.log").write_text("\n".join(lines) + "\n")
    sizes[-1] = f"{sizes[-1].rsplit(' ', 1)[0]} 640"
    (folder / f"ebpf_logsize_monitor_{began:%Y%m%d_%H%M%S}.log").write_text("\n".join(sizes) + "\n")
