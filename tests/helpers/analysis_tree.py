"""Builds results trees as a run leaves them, with figures that a reader can check in the head."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from probecost.results import layout

SERVER, CLIENT = "host-server", "host-client"
ENVIRONMENT = "lab"
RUN_ID = "20261122_213458_123_ab12"
CASE_KEY = "host-eth_drop-rx_protocol_tcp"
CASE = layout.CaseFolder("eth_drop", 1, "9d5e19")
SECOND_NS = 1_000_000_000
# 2026-11-22 21:35:00 UTC on the controller's clock; the nodes' clocks are ten seconds ahead and five behind.
START_NS = 1_795_383_300 * SECOND_NS
OFFSETS_NS = {CLIENT: 10 * SECOND_NS, SERVER: -5 * SECOND_NS}


def tcp_client(
    sent_bps: float, received_bps: float, seconds: float = 1.0, retransmits: int = 0, write_bytes: int = 131072
) -> str:
    def summary(rate_bps: float) -> dict[str, Any]:
        return {"seconds": seconds, "bytes": int(rate_bps * seconds / 8), "bits_per_second": rate_bps}

    asked = {"protocol": "TCP", "duration": 1, "blksize": write_bytes}
    return json.dumps(
        {
            "start": {"version": "iperf 3.12", "test_start": asked},
            "intervals": [{"sum": summary(sent_bps)}],
            "end": {
                "sum_sent": {**summary(sent_bps), "retransmits": retransmits},
                "sum_received": summary(received_bps),
            },
        }
    )


def tcp_server(received_bps: float, seconds: float = 1.0) -> str:
    received = {"seconds": seconds, "bytes": int(received_bps * seconds / 8), "bits_per_second": received_bps}
    start = {"version": "iperf 3.12", "test_start": {"protocol": "TCP"}}
    return json.dumps({"start": start, "end": {"sum_received": received}})


def udp_result(sent: int, lost: int, seconds: float = 1.0) -> str:
    """The same document serves as the client's and the server's."""

    def summary(lost_packets: int) -> dict[str, Any]:
        size = (sent - lost_packets) * 64
        return {
            "seconds": seconds,
            "bytes": size,
            "bits_per_second": size * 8 / seconds,
            "packets": sent,
            "lost_packets": lost_packets,
        }

    return json.dumps(
        {
            "start": {"version": "iperf 3.12", "test_start": {"protocol": "UDP", "duration": 1, "blksize": 64}},
            "intervals": [{"sum": summary(0)}],
            "end": {"sum": summary(lost), "sum_sent": summary(0), "sum_received": summary(lost)},
        }
    )


def netperf(mean_us: float, least_us: int = 10, most_us: int = 1000, seconds: float = 1.0) -> str:
    titles = (
        "Minimum Latency Microseconds,Mean Latency Microseconds,Maximum Latency Microseconds,"
        "50th Percentile Latency Microseconds,90th Percentile Latency Microseconds,"
        "99th Percentile Latency Microseconds,Transaction Rate Tran/s,Elapsed Time (sec)"
    )
    middle = int(mean_us)
    values = f"{least_us},{mean_us:.2f},{most_us},{middle},{middle + 2},{middle + 9},{1e6 / mean_us:.3f},{seconds:.2f}"
    return f"MIGRATED TCP REQUEST/RESPONSE TEST from 0.0.0.0 () port 0 AF_INET\n{titles}\n{values}\n"


def load_counters(
    foreign_pct: float,
    *,
    own: Mapping[str, int] | None = None,
    boot_id: str = "boot-1",
    setup: Mapping[str, str] | None = None,
    setup_end: Mapping[str, str] | None = None,
    programs: Sequence[Sequence[int]] = ((), ()),
    **cpu: int,
) -> str:
    """One second on a node whose foreign processes took ``foreign_pct`` of a core, ours what ``own`` says (us)."""
    own = {"probecost-run-node": 300_000} if own is None else own
    setup = {"MTU": "1500", "XDP": "none"} if setup is None else setup
    used = round(foreign_pct * 10_000) + sum(own.values()) + cpu.get("carriers_user_usec", 0)

    def side(last: bool, now: Mapping[str, str], programs: Sequence[int]) -> dict[str, Any]:
        count = {"user_usec": 5_000_000 + used * last, "carriers_user_usec": cpu.get("carriers_user_usec", 0) * last}
        return {
            "time_ns": START_NS + SECOND_NS * last,
            "udp": {"InDatagrams": 100 * last},
            "net_dev": {},
            "setup": now,
            "programs": programs,
            "cpu": {**count, "own_user_usec": {name: 7 + usec * last for name, usec in own.items()}, "steal_ticks": 0},
        }

    ends = {"start": side(False, setup, programs[0]), "end": side(True, setup_end or setup, programs[1])}
    return json.dumps({"interface": "eth0", "boot_id": boot_id, **ends})


def counters(received: int, rcvbuf_errors: int = 0, base: int = 1000) -> str:
    def side(count: int, errors: int, time_ns: int) -> dict[str, Any]:
        udp = {"InDatagrams": count, "NoPorts": 1, "InErrors": errors, "OutDatagrams": 5, "RcvbufErrors": errors}
        devices = {"eth0": {"rx_packets": count, "tx_packets": 3, "rx_dropped": 0, "tx_dropped": 0}}
        return {"time_ns": time_ns, "udp": udp, "net_dev": devices}

    ends = side(base, 2, START_NS), side(base + received, 2 + rcvbuf_errors, START_NS + SECOND_NS)
    return json.dumps({"start": ends[0], "end": ends[1]})


def stat(*busy_and_idle: tuple[int, int]) -> str:
    """Samples of /proc/stat, the ticks of its one CPU since the start."""
    return "".join(
        f"# {START_NS + (busy + idle) * 10_000_000}\ncpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 0 0 1\nintr 5\n"
        for busy, idle in busy_and_idle
    )


class Tree:
    """A run's folder under construction. Every perf test starts two seconds after the one before and lasts one."""

    def __init__(self, results_dir: Path, *, environment: str = ENVIRONMENT, units: int = 1) -> None:
        self.root = results_dir / RUN_ID
        self.root.mkdir(parents=True, exist_ok=True)
        self.environment = environment
        self.units = units
        self.iteration = 1
        self.now_ns = START_NS

    def node(self, node: str) -> Path:
        return layout.RunTree(self.root).node(self.environment, self.iteration, node) / layout.TREE

    def perf_test(
        self,
        arm: str,
        unit: int,
        perf_type: str,
        conn_type: str,
        *,
        client: Sequence[str],
        server: Sequence[str] = (),
        udp_counters: str = "",
        stat: str = "",
        background: str = "",
        client_counters: str = "",
        case: layout.CaseFolder = CASE,
        case_key: str = CASE_KEY,
        shared: bool = False,
        **metadata: Any,
    ) -> layout.PerfTestFolder:
        """One perf test on both nodes; ``metadata`` replaces single entries of the metadata file."""
        start_ns, self.now_ns = self.now_ns, self.now_ns + 2 * SECOND_NS
        visit = layout.VisitFolder(metadata.get("pair_kind", "host"), case if arm == layout.TOOL else None)
        place = visit.perf_test(perf_type, conn_type, layout.timestamp(start_ns))
        names = [place.stream_file(5201 + index) for index in range(max(len(client), len(server)))]
        for node, part, texts in ((CLIENT, place.client, client), (SERVER, place.server, server)):
            for name, text in zip(names, texts, strict=False):
                self.write(node, f"{part}/{name}", text)
        if stat:
            self.write(SERVER, f"{place.monitoring}/{layout.STAT_FILE}", stat)
        if background:
            self.write(CLIENT, f"{place.client}/{place.background_file(5299)}", background)
        if udp_counters:
            self.write(SERVER, f"{place.monitoring}/{layout.COUNTERS_FILE}", udp_counters)
        if client_counters:
            self.write(CLIENT, f"{place.monitoring}/{layout.COUNTERS_FILE}", client_counters)
        self._metadata(place, arm, unit, start_ns, case, case_key, shared, len(client), metadata)
        return place

    def flow(
        self,
        unit: int,
        perf_type: str,
        conn_type: str,
        segments: Sequence[tuple[int, str, int]],
        *,
        counter: str,
        foreign_pct: Mapping[str, float] | None = None,
        case: layout.CaseFolder = CASE,
        case_key: str = CASE_KEY,
        **metadata: Any,
    ) -> layout.PerfTestFolder:
        """A switched flow of 20 s; ``segments``: pair, arm, how far ``counter`` went in its half second.

        ``foreign_pct``: what foreign processes took of a core, by arm; without it the file says nothing of that.
        """
        start_ns, self.now_ns = self.now_ns, self.now_ns + 30 * SECOND_NS
        kind = metadata.get("pair_kind", "host")
        place = layout.PerfTestFolder(
            layout.VisitFolder(kind, case), perf_type, conn_type, layout.timestamp(start_ns), is_switched=True
        )
        names = ("rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "udp_in_datagrams", "cpu_idle_ticks")
        cpu = ("user_usec", "carriers_user_usec", "own_user_usec", "own_groups") if foreign_pct is not None else ()
        columns = ",".join(f"{name}_start,{name}_end" for name in (*names, "cpus", *cpu))
        lines = [f"segment,pair,arm,start_ns,end_ns,elapsed_ns,{columns}"]
        for number, (pair, arm, count) in enumerate(segments, 1):
            at_ns = start_ns + number * SECOND_NS + OFFSETS_NS[SERVER]
            counts = [f"1000,{1000 + (count if name == counter else 50)}" for name in names]
            counts.append("2,2")
            if foreign_pct is not None:
                used = 40_000 + round(foreign_pct[arm] * 5_000)
                counts += [f"9000,{9000 + used}", "0,0", "100,40100", "2,2"]
            row = (number, pair, arm, at_ns, at_ns + SECOND_NS // 2, SECOND_NS // 2, *counts)
            lines.append(",".join(map(str, row)))
        self.write(SERVER, str(place.segments), "\n".join(lines) + "\n")
        end_ns = start_ns + 20 * SECOND_NS + OFFSETS_NS[CLIENT]
        more = {"end_ns": end_ns, **metadata}
        self._metadata(place, layout.SWITCHED, unit, start_ns, case, case_key, False, 1, more)
        return place

    def _metadata(
        self,
        place: layout.PerfTestFolder,
        arm: str,
        unit: int,
        start_ns: int,
        case: layout.CaseFolder,
        case_key: str,
        shared: bool,
        streams: int,
        changes: Mapping[str, Any],
    ) -> None:
        document = {
            "schema": 1,
            "probecost": "0.1.0",
            "run_id": RUN_ID,
            "environment": self.environment,
            "pair_kind": "host",
            "iteration": self.iteration,
            "case_key": "" if shared else case_key,
            "case_id": case.case_id,
            "case_name": "eth_drop_rx_protocol_tcp",
            "tool_id": case.tool_id,
            "category": "packet-drop",
            "parameters": {"protocol": "tcp", "direction": "rx"},
            "command": "bpftrace eth_drop.bt rx" if arm == layout.TOOL else None,
            "visit_id": f"{'shared' if shared else case_key}/u{unit:03d}/{arm}",
            "unit": unit,
            "pair": unit,
            "arm": arm,
            "order": 1 if arm == layout.BASELINE else 2,
            "seed": 7,
            "shared_baseline": shared,
            "perf_test": place.perf_type,
            "conn_type": place.conn_type,
            "duration_s": 1.0,
            "streams": streams,
            "start_ns": start_ns + OFFSETS_NS[CLIENT],
            "end_ns": start_ns + SECOND_NS + OFFSETS_NS[CLIENT],
            "nodes": {"server": SERVER, "client": CLIENT, "tool": SERVER},
            "clocks": {node: {"offset_ns": ns, "uncertainty_ns": 1000} for node, ns in OFFSETS_NS.items()},
            "facts": {node: _facts(node) for node in (SERVER, CLIENT)},
            "tool": {"file": "eth_drop.bt", "time_to_ready_s": 0.5} if arm == layout.TOOL else None,
            "options": {"units": self.units, "seed": 7},
            "void_reason": None,
            "error": None,
            **changes,
        }
        for node in (SERVER, CLIENT):
            self.write(node, str(place.metadata), json.dumps({**document, "node": node}))

    def monitors(self, at_ns: int, samples: Sequence[tuple[float, float, int, int]]) -> None:
        """The tool's three logs. ``samples``: seconds after ``at_ns`` (controller), CPU %, RSS KB, log bytes."""
        visit, ts = layout.VisitFolder("host", CASE), layout.timestamp(at_ns)
        cpu, memory, size = ["# timestamp cpu"], ["# timestamp virt rss pmem"], ["# timestamp bytes"]
        for after_s, percent, rss_kb, log_bytes in samples:
            time_ns = at_ns + round(after_s * SECOND_NS) + OFFSETS_NS[SERVER]
            stamp = monitor_time(time_ns)
            cpu.append(f"{stamp} {percent:.2f}")
            memory.append(f"{stamp} {rss_kb * 2} {rss_kb} 0.10")
            size.append(f"{stamp} {log_bytes}")
        self.write(SERVER, str(visit.tool_cpu(ts)), "\n".join(cpu) + "\n")
        self.write(SERVER, str(visit.tool_memory(ts)), "\n".join(memory) + "\n")
        self.write(SERVER, str(visit.tool_logsize(ts)), "\n".join(size) + "\n")

    def run_file(self, cases: Mapping[str, Any] | None = None, **more: Any) -> None:
        document = {
            "schema": 1,
            "run_id": RUN_ID,
            "probecost": "0.1.0",
            "started_ns": START_NS,
            "ended_ns": self.now_ns,
            "argv": ["-k", "eth drop", "--env", "lab"],
            "environments": [self.environment],
            "options": {"units": self.units, "seed": 7, "perf_tests": ["latency"]},
            "exit_status": 0,
            "cases": cases or {},
            **more,
        }
        (self.root / layout.RUN_FILE).write_text(json.dumps(document))

    def write(self, node: str, relative: str, text: str) -> Path:
        path = self.node(node) / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


def monitor_time(time_ns: int) -> str:
    ts = layout.timestamp(time_ns)
    return f"{ts[:4]}-{ts[4:6]}-{ts[6:8]} {ts[9:11]}:{ts[11:13]}:{ts[13:15]}.{ts[16:]}"


def _facts(node: str) -> dict[str, Any]:
    return {
        "hostname": node,
        "kernel": "6.1.0-test",
        "arch": "x86_64",
        "cpu_model": "Test | CPU <b>",
        "cpus": 2,
        "memory_kb": 4194304,
        "governor": None,
        "iperf3": "3.12",
        "netperf": "2.7.0",
        "interfaces": [{"name": "lo"}, {"name": "eth0", "driver": "veth", "mtu": 1500}],
    }


# Per unit and arm: TCP RR mean, UDP RR mean (us); throughput received single and per stream of two (Gbit/s);
# datagrams received single and together of two streams (of 120,000 and 2 x 100,000 sent).
FULL = {
    1: {
        "baseline": (20.0, 40.0, 20.0, 8.0, 100_000, 180_000),
        "tool": (30.0, 38.0, 19.0, 8.0, 50_000, 90_000),
    },
    2: {
        "baseline": (30.0, 40.0, 18.0, 10.0, 110_000, 180_000),
        "tool": (36.0, 40.0, 17.1, 10.0, 55_000, 108_000),
    },
}


def full_tree(results_dir: Path, *, order: Mapping[int, Sequence[str]] | None = None) -> Tree:
    """Two units of one case with all six perf tests, tool monitors and a run file."""
    tree = Tree(results_dir, units=2)
    for unit, arms in FULL.items():
        for arm in (order or {}).get(unit, ("baseline", "tool")):
            visit(tree, arm, unit, *arms[arm])
    tree.run_file({CASE_KEY: {"outcome": "passed", "message": ""}})
    return tree


def visit(
    tree: Tree, arm: str, unit: int, tcp_us: float, udp_us: float, single: float, stream: float, got: int, multi: int
) -> None:
    """All six perf tests; in a tool visit the monitors too: 90 % CPU while it starts, then 5 % (unit 1) or 7 %."""
    began_ns = tree.now_ns
    gbit = 1e9
    tree.perf_test(arm, unit, "latency", "tcp_rr", client=[netperf(tcp_us)])
    tree.perf_test(arm, unit, "latency", "udp_rr", client=[netperf(udp_us)])
    tree.perf_test(
        arm,
        unit,
        "throughput",
        "single",
        client=[tcp_client(single * gbit + gbit, single * gbit, retransmits=3)],
        server=[tcp_server(single * gbit)],
    )
    tree.perf_test(
        arm,
        unit,
        "throughput",
        "multi",
        client=[tcp_client(stream * gbit, stream * gbit)] * 2,
        server=[tcp_server(stream * gbit)] * 2,
    )
    one = udp_result(120_000, 120_000 - got)
    half = udp_result(100_000, 100_000 - multi // 2)
    tree.perf_test(arm, unit, "pps", "single", client=[one], server=[one], udp_counters=counters(got, 4))
    tree.perf_test(arm, unit, "pps", "multi", client=[half] * 2, server=[half] * 2, udp_counters=counters(multi))
    if arm == layout.TOOL:
        percent = 5.0 if unit == 1 else 7.0
        rows = [(-1.0, 90.0, 9000, 0), (-0.0001, 90.0, 9000, 0)]
        rows += [(0.5 + at, percent, 4000 + unit, 100 * (at + 1)) for at in range(12)]
        tree.monitors(began_ns, rows)


def csv_rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))
