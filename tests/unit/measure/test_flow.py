"""A switched visit: flows with the tool switched beside them, and what it makes of how the tool did."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from probecost.config.environment import Case, OtherVersion, PairSide, PerfTestSpec, TestPair
from probecost.deadline import Deadline
from probecost.errors import PerfTestError, ToolError
from probecost.measure.flow import FlowVisit, Switching, flow_duration_s
from probecost.measure.visit import VisitSetup
from probecost.measure.visit_record import PerfTestRun, VisitRecord
from probecost.plan.visits import order_of_segments
from probecost.remote.messages import (
    ClientSpec,
    GeneratorEnd,
    OpenServer,
    Switched,
    SwitchSpec,
    ToolSpec,
    ToolStart,
    ToolStop,
)
from probecost.remote.node import Node
from probecost.results import layout

CASE = Case("bed", "host-x", 1, "x", "x", "x", "c", "host", (), "abc123", 10.0, tool_file="tools/x.bt")
PAIR = TestPair("host", PairSide("a", "192.0.2.1", "eth1", "a"), PairSide("b", "192.0.2.2", "eth1", "b"))
SPECS = (PerfTestSpec("latency", "tcp_rr", 3.0), PerfTestSpec("pps", "single", 3.0))
READY = ToolStart("ready", 7, None, False, "", 0.5, 1, 1, True)
ENDED = ToolStop(True, None, "SIGINT", False, True, (), 0, "", 0, None)
FINE = Switched(1, (READY,), (ENDED,))


class FlowNode:
    """Server, client and tool's node in one: generators that end well, a tool that does as it is told."""

    def __init__(self, name: str, switched: Switched) -> None:
        self.name = name
        self._switched = switched
        self.asked: list[dict[str, Any]] = []

    def hurry(self, deadline: Deadline) -> None:
        raise AssertionError("nobody interrupted")

    def events(self) -> list[dict[str, Any]]:
        return []

    def changes(self) -> tuple[str, ...]:
        return ()

    def open_perf_test(self, *args: object) -> list[OpenServer]:
        return [OpenServer("0", (5201, 5202), 1)]

    def run_clients(
        self, clients: Sequence[ClientSpec], timeout_s: float, address: str, monitoring: str
    ) -> list[GeneratorEnd]:
        return [GeneratorEnd(client.name, 0, "", 10, 100, 200) for client in clients]

    def close_perf_test(self) -> list[GeneratorEnd]:
        return [GeneratorEnd("0", 0, "", 10)]

    def switch(self, spec: ToolSpec, switching: SwitchSpec, other: ToolSpec | None = None) -> Switched:
        self.asked.append({"spec": spec, "other": other, **vars(switching)})
        return self._switched


def run(switched: Switched = FINE) -> tuple[FlowVisit, FlowNode, list[PerfTestRun]]:
    record = VisitRecord(layout.SWITCHED, 2, 2, 1, False, 1_795_383_298_000_000_000)
    server, client = FlowNode("a", switched), FlowNode("b", switched)
    nodes = {"a": cast(Node, server), "b": cast(Node, client)}
    visit = FlowVisit(VisitSetup(CASE, PAIR, nodes, (1, 2), SPECS, "cafe"), record, Switching("eth1", 7, 1, 0.9))
    around: list[PerfTestRun] = []

    def note(perf_test: PerfTestRun) -> contextlib.AbstractContextManager[None]:
        around.append(perf_test)
        return contextlib.nullcontext()

    visit.run(note)
    return visit, server, around


def test_a_flow_for_each_perf_test_with_the_tool_switched_beside_it() -> None:
    visit, server, around = run()
    assert [perf_test.spec for perf_test in around] == list(SPECS)
    assert [asked["interface"] for asked in server.asked] == ["eth1", "eth1"]
    for asked, spec in zip(server.asked, SPECS, strict=True):
        most = len(asked["pairs"])
        assert asked["pairs"] == order_of_segments(7, "host-x", 2, spec.name, most)
        assert (
            most * 2 * (asked["segment_s"] + asked["guard_s"]) >= asked["flow_s"]
        )  # the flow ends first, not the list
        assert asked["flow_s"] < spec.duration_s
        assert asked["lead_s"] == 0.9
    assert visit.record.error is None
    assert visit.record.ended_ns


def test_its_files_lie_below_switched() -> None:
    visit, server, _ = run()
    folders = [str(perf_test.folder.path) for perf_test in visit.record.perf_tests]
    assert [folder.rsplit("_", 3)[0] for folder in folders] == [
        "ebpf/x_case_1_abc123/host/switched/latency/tcp_rr",
        "ebpf/x_case_1_abc123/host/switched/pps/single",
    ]
    assert visit.paths == tuple(f"performance-test-results/{folder}" for folder in folders)
    for asked, path in zip(server.asked, visit.paths, strict=True):
        assert asked["segments"] == f"{path}/segments.csv"
        assert asked["spec"].stdout == f"{path}/ebpf_output_{{start}}.log"


def test_the_metadata_tell_of_all_its_starts() -> None:
    visit, _, _ = run(Switched(2, (READY, replace(READY, time_to_ready_s=0.7)), (ENDED, ENDED)))
    assert visit.record.time_to_ready_s == pytest.approx(0.6)
    tool = visit.record.tool
    assert tool is not None
    assert (tool["sha256"], tool["outcome"], tool["starts"], tool["stop"]["alive"]) == ("cafe", "ready", 4, True)


@pytest.mark.parametrize(
    ("switched", "error"),
    [
        (Switched(0, (replace(READY, outcome="exited", exit_code=3),), ()), "x ended at once with exit code 3"),
        (Switched(3, (READY,), (replace(ENDED, alive=False, exit_code=1),)), "x died during the visit"),
        (Switched(3, (READY,), (replace(ENDED, programs_gone=False),)), "are still in the kernel"),
        (Switched(3, (READY,), (replace(ENDED, still_running=("sleep (pid 7)",)),)), "could not be ended"),
    ],
)
def test_a_tool_that_does_not_work_ends_the_visit_at_its_first_flow(switched: Switched, error: str) -> None:
    with pytest.raises(ToolError, match=error):
        run(switched)


def test_a_flow_that_is_too_short_says_what_to_do() -> None:
    with pytest.raises(Exception, match=r"no pair of segments of x fits into a flow of 2\.8 s") as caught:
        run(Switched(0, (), ()))
    assert caught.value.errors[0].__class__ is PerfTestError  # type: ignore[attr-defined]
    assert "--schedule visits" in str(caught.value)


def test_flows_last_long_enough_for_a_slow_tool() -> None:
    assert flow_duration_s(10.0, None) == 10.0
    assert flow_duration_s(1.0, 0.0) == pytest.approx(2.25)
    assert flow_duration_s(1.0, 4.0) == pytest.approx(2.25 + 2 * 1.25 * 4.0)
    assert flow_duration_s(30.0, 4.0) == 30.0


def test_another_version_is_switched_with_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.CASE", replace(CASE, versus=OtherVersion("old x", "versus/x")))
    visit, server, _ = run()
    folder = visit.record.perf_tests[0].folder.path
    spec, other = server.asked[0]["spec"], server.asked[0]["other"]
    assert (spec.command, other.command) == (CASE.command, "old x")
    assert other.stdout == f"performance-test-results/{folder}/other_output_{{start}}.log"
    died = replace(FINE, other_starts=(READY,), other_stops=(replace(ENDED, alive=False, exit_code=1),))
    with pytest.raises(ToolError, match="x died during the visit"):
        run(died)


def test_without_one_nothing_runs_in_the_baseline() -> None:
    _, server, _ = run()
    assert [asked["other"] for asked in server.asked] == [None, None]
