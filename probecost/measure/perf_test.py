"""Runs one perf test in three round trips: start servers, run clients to their end, end servers."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from probecost.config.environment import TestPair
from probecost.errors import Gatherer, PerfTestError
from probecost.measure.visit_record import PerfTestRecord
from probecost.measure.workloads import BACKGROUND, Workload
from probecost.remote.messages import GeneratorEnd, OpenServer
from probecost.remote.node import Node
from probecost.remote.pool import on_all
from probecost.results.layout import TREE


@dataclass(frozen=True)
class Beside:
    """Work of another node while the clients run: ``call`` gets the workload."""

    node: Node
    call: Callable[[Workload], None]


def run_perf_test(
    record: PerfTestRecord,
    pair: TestPair,
    server: Node,
    client: Node,
    port_range: tuple[int, int],
    beside: Beside | None = None,
) -> None:
    """Run the perf test; the record gets times and error. Raises ``PerfTestError``: a generator failed or hung."""
    workload = Workload(record.spec, record.folder, pair.server.test_ip, pair.client.test_ip)
    monitoring = f"{TREE}/{record.folder.monitoring}"
    gatherer = Gatherer(f"{record.spec.perf_type} {record.spec.conn_type}")
    opened: list[OpenServer] = []
    with gatherer.step():
        opened = server.open_perf_test(workload.servers, pair.server.test_ip, port_range, monitoring)
    if opened:
        with gatherer.step():
            _run_clients(record, workload, client, opened, beside)
        with gatherer.step():
            _check_servers(server.name, workload, server.close_perf_test())
    try:
        gatherer.raise_all()
    except Exception as error:
        record.error = str(error)
        raise


def _run_clients(
    record: PerfTestRecord, workload: Workload, client: Node, opened: Sequence[OpenServer], beside: Beside | None
) -> None:
    def run() -> None:
        monitoring = f"{TREE}/{record.folder.monitoring}"
        ends = client.run_clients(workload.clients(opened), workload.timeout_s, workload.client_ip, monitoring)
        own = [end for end in ends if end.name != BACKGROUND]
        record.start_ns = min(end.start_ns for end in own)
        record.end_ns = max(end.end_ns for end in own)
        _check_clients(client.name, workload, ends)

    if beside is None:
        run()
        return
    other = beside
    on_all(
        f"{record.spec.name} flow",
        [client, other.node],
        lambda node: run() if node is client else other.call(workload),
    )


def _check_clients(node: str, workload: Workload, ends: Sequence[GeneratorEnd]) -> None:
    for end in ends:
        program = f"{'background ' if end.name == BACKGROUND else ''}{workload.client_program(end.name)}"
        if end.hung:
            raise PerfTestError(node, f"{program} client hung: not done {workload.timeout_s:g} s after its start")
        if end.exit_code != 0:
            said = f": {end.stderr_tail}" if end.stderr_tail else ", see its output"
            raise PerfTestError(node, f"{program} client failed with exit code {end.exit_code}{said}")
        if end.stdout_bytes == 0:
            raise PerfTestError(node, f"{program} client wrote no result")


def _check_servers(node: str, workload: Workload, ends: Sequence[GeneratorEnd]) -> None:
    """Check exit codes: servers of one client end by themselves with 0, the rest by SIGTERM."""
    for server, end in zip(workload.servers, ends, strict=False):
        if end.exit_code not in ((0,) if server.lingers else (0, -signal.SIGTERM)):
            said = f": {end.stderr_tail}" if end.stderr_tail else ""
            raise PerfTestError(node, f"{server.argv[0]} server failed with exit code {end.exit_code}{said}")
