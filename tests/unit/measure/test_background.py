"""The flow beside a latency perf test: it runs with it, is not timed with it, and fails it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from probecost.config.environment import Case, PairSide, PerfTestSpec, TestPair
from probecost.errors import PerfTestError
from probecost.measure.perf_test import run_perf_test
from probecost.measure.visit_record import PerfTestRecord, VisitRecord, metadata
from probecost.measure.workloads import BACKGROUND
from probecost.remote.messages import ClientSpec, GeneratorEnd, OpenServer, ServerSpec
from probecost.remote.node import Node
from probecost.results.layout import VisitFolder
from probecost.results.offered_load import Load

PAIR = TestPair("host", PairSide("a", "192.0.2.1", None, "a"), PairSide("b", "192.0.2.2", None, "b"))
CASE = Case("bed", "host-x", 1, "x", "x", "x", "c", "host", (), "abc123", 10.0)


class FakeNode:
    """A server and a client that end as they are told: ``exit_codes`` by the clients' names."""

    name = "node"

    def __init__(self, **exit_codes: int) -> None:
        self._exit_codes = exit_codes
        self._servers: list[str] = []

    def open_perf_test(self, servers: Sequence[ServerSpec], *_: object) -> list[OpenServer]:
        self._servers = [server.name for server in servers]
        return [OpenServer(name, (5201 + at, 5301 + at), 1) for at, name in enumerate(self._servers)]

    def run_clients(self, clients: Sequence[ClientSpec], *_: object) -> list[GeneratorEnd]:
        times = {BACKGROUND: (5, 90)}
        return [
            GeneratorEnd(one.name, self._exit_codes.get(one.name, 0), "", 10, *times.get(one.name, (10, 60)))
            for one in clients
        ]

    def close_perf_test(self) -> list[GeneratorEnd]:
        return [GeneratorEnd(name, 0, "", 10) for name in self._servers]


def record(load: str | None = "2G", perf_type: Any = "latency", base: Any = "tcp_rr") -> PerfTestRecord:
    spec = PerfTestSpec(perf_type, base, 1.0, load=load and Load.parse(load))
    return PerfTestRecord(VisitFolder("host").perf_test(perf_type, spec.conn_type, "20261122_213458_123"), spec)


def run(made: PerfTestRecord, node: FakeNode) -> None:
    run_perf_test(made, PAIR, cast(Node, node), cast(Node, node), (5201, 5399))


def test_the_times_are_those_of_netperf() -> None:
    made = record()
    run(made, FakeNode())
    assert (made.start_ns, made.end_ns, made.error) == (10, 60, None)


def test_one_that_fails_fails_the_perf_test() -> None:
    made = record()
    with pytest.raises(PerfTestError, match="background iperf3 client failed with exit code 3"):
        run(made, FakeNode(background=3))
    assert made.error is not None


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (record(), ("tcp_rr-load2G", "2G", None, 2e9)),
        (record(None), ("tcp_rr", None, None, None)),
        (record("2G", "throughput", "single"), ("single-load2G", "2G", 2e9, None)),
        (record("100kpps", "pps", "single"), ("single-load100kpps", "100kpps", 1e5, None)),
    ],
)
def test_the_metadata_say_what_was_offered(made: PerfTestRecord, expected: tuple[object, ...]) -> None:
    found = metadata({}, CASE, VisitRecord("baseline", 1, 1, 1, False, 1), made, "node")
    assert (found.conn_type, found.load, found.offered_rate, found.background_bps) == expected
