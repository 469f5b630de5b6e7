"""One perf test: servers ready, clients run to their end, servers gone. Three round trips."""

from __future__ import annotations

from collections.abc import Sequence

from probecost.config.models import TestPair
from probecost.errors import Gatherer, PerfTestError
from probecost.layout import TREE
from probecost.measure.records import PerfTestRecord
from probecost.measure.workloads import Workload
from probecost.remote.node import GeneratorEnd, Node, OpenServer


def run_perf_test(
    record: PerfTestRecord, pair: TestPair, server: Node, client: Node, port_range: tuple[int, int]
) -> None:
    """Run it; the record gets times and error. Raises ``PerfTestError`` where a generator failed or hung."""
    workload = Workload(record.spec, record.folder, pair.server.test_ip, pair.client.test_ip)
    monitoring = f"{TREE}/{record.folder.monitoring}"
    gatherer = Gatherer(f"{record.spec.perf_type} {record.spec.conn_type}")
    opened: list[OpenServer] = []
    with gatherer.step():
        opened = server.open_perf_test(workload.servers, pair.server.test_ip, port_range, monitoring)
    if opened:
        with gatherer.step():
            ends = client.run_clients(workload.clients(opened), workload.timeout_s, monitoring)
            record.start_ns = min(end.start_ns for end in ends)
            record.end_ns = max(end.end_ns for end in ends)
            _check(client.name, "client", workload, ends)
        with gatherer.step():
            server.close_perf_test()
    try:
        gatherer.raise_all()
    except Exception as error:
        record.error = str(error)
        raise


def _check(node: str, side: str, workload: Workload, ends: Sequence[GeneratorEnd]) -> None:
    program = "netperf" if workload.spec.perf_type == "latency" else "iperf3"
    for end in ends:
        if end.hung:
            raise PerfTestError(node, f"{program} {side} hung: not done {workload.timeout_s:g} s after its start")
        if end.exit_code != 0:
            said = f": {end.stderr_tail}" if end.stderr_tail else ", see its output"
            raise PerfTestError(node, f"{program} {side} failed with exit code {end.exit_code}{said}")
        if end.stdout_bytes == 0:
            raise PerfTestError(node, f"{program} {side} wrote no result")
