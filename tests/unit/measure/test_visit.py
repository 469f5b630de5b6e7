"""What a visit makes of how its tool started and ended."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any, cast

import pytest

from probecost.config.environment import Case, OtherVersion, PairSide, PerfTestSpec, TestPair
from probecost.errors import NodeChangedError, ProbecostError, ToolError
from probecost.measure.tool import Expected
from probecost.measure.visit import Visit, VisitSetup
from probecost.measure.visit_record import PerfTestRecord, VisitRecord, metadata
from probecost.remote.messages import Left, ToolSpec, ToolStart, ToolStop
from probecost.remote.node import Node
from probecost.results import layout
from probecost.results.layout import PerfTestFolder, VisitFolder

CASE = Case("bed", "host-x", 1, "x", "x", "x", "c", "host", (), "abc123", 10.0)
PAIR = TestPair("host", PairSide("a", "192.0.2.1", None, "a"), PairSide("b", "192.0.2.2", None, "b"))
READY = ToolStart("ready", 7, None, False, "", 0.5, 0, 0, True)
ENDED = ToolStop(True, None, "SIGINT", False, True, (), 0, "", 3, None)


class ToolNode:
    """A node whose tool starts and ends as it is told."""

    name = "node-a"

    def __init__(self, started: ToolStart, stopped: ToolStop) -> None:
        self._started, self._stopped = started, stopped
        #: What the node's ``changes`` are, one after the other; none after these.
        self.changed: list[tuple[str, ...]] = []
        self.starts = 0
        self.spec: ToolSpec | None = None

    def events(self) -> list[dict[str, Any]]:
        return []

    def changes(self) -> tuple[str, ...]:
        return self.changed.pop(0) if self.changed else ()

    def start_tool(self, spec: ToolSpec) -> ToolStart:
        self.starts += 1
        self.spec = spec
        return self._started

    def stop_tool(self) -> ToolStop:
        return self._stopped


def visit(started: ToolStart = READY, stopped: ToolStop = ENDED) -> VisitRecord:
    record = VisitRecord(layout.TOOL, 1, 1, 1, False, 1_795_383_298_000_000_000)
    node = cast(Node, ToolNode(started, stopped))
    nodes = {"a": node, "b": node}
    run = Visit(VisitSetup(CASE, PAIR, nodes, (1, 2), (), None), record)
    run.run(lambda _: contextlib.nullcontext())
    return record


def test_one_that_starts_and_ends_as_it_should() -> None:
    assert visit().error is None


@pytest.mark.parametrize(
    ("loaded", "seen"),
    [
        (0, "it loaded no BPF program: say attaches: none if it uses none, or a longer"),
        (2, "1 of 2 BPF programs attached"),
    ],
)
def test_one_that_does_not_attach_is_told_why(loaded: int, seen: str) -> None:
    late = ToolStart("timeout", 7, None, False, "", None, loaded, min(loaded, 1), True)
    with pytest.raises(ProbecostError) as caught:
        visit(late)
    assert f"node node-a: x did not attach within 60 s ({seen}" in str(caught.value)


@pytest.mark.parametrize("started", [READY, replace(READY, outcome="timeout", time_to_ready_s=None)])
def test_one_that_runs_on_fails_the_visit(started: ToolStart) -> None:
    with pytest.raises(
        ProbecostError, match=r"node node-a: x could not be ended: sleep \(pid 7\) ran on after SIGKILL"
    ):
        visit(started, replace(ENDED, still_running=("sleep (pid 7)",)))


@pytest.mark.parametrize(("exit_code", "told"), [(0, True), (3, False)])
def test_a_launcher_is_told_to_stay_in_the_foreground(exit_code: int, told: bool) -> None:
    """Exit code 0 is no failure of the tool: it has most likely left a daemon behind."""
    exited = replace(READY, outcome="exited", exit_code=exit_code, time_to_ready_s=None)
    with pytest.raises(ProbecostError, match=f"x ended at once with exit code {exit_code}") as at_once:
        visit(exited, replace(ENDED, alive=False, exit_code=exit_code))
    with pytest.raises(ProbecostError, match=f"x died during the visit with exit code {exit_code}") as later:
        visit(READY, replace(ENDED, alive=False, exit_code=exit_code))
    for error in (at_once, later):
        assert ("must stay in the foreground" in str(error.value)) is told


class TestTwoVersions:
    """In a baseline of a case that has another version, that one runs."""

    def made(self, arm: str, versus: OtherVersion | None) -> tuple[Visit, list[str]]:
        record = VisitRecord(arm, 1, 1, 1, False, 1_795_383_298_000_000_000)
        node, commands = ToolNode(READY, ENDED), []

        def start_tool(spec: ToolSpec) -> ToolStart:
            commands.append(spec.command)
            return READY

        node.start_tool = start_tool  # type: ignore[method-assign, assignment]
        nodes = dict.fromkeys("ab", cast(Node, node))
        made = Visit(VisitSetup(replace(CASE, versus=versus), PAIR, nodes, (1, 2), (), "own", "others"), record)
        made.run(lambda _: contextlib.nullcontext())
        return made, commands

    def test_each_in_its_arm(self) -> None:
        other = OtherVersion("old x", "versus/x")
        tool, own = self.made(layout.TOOL, other)
        baseline, others = self.made(layout.BASELINE, other)
        assert (own, others) == (["x"], ["old x"])
        assert tool.record.tool is not None
        assert baseline.record.tool is not None
        assert (tool.record.tool["sha256"], baseline.record.tool["sha256"]) == ("own", "others")
        assert baseline.record.tool["file"] == "versus/x"
        assert baseline.record.time_to_ready_s == 0.5
        files = [path for path in baseline.paths if "tool_cpu_usage" in path]
        assert files == [
            "performance-test-results/baseline/host/ebpf_monitoring/tool_cpu_usage_20261122_213458_000.log"
        ]

    def test_a_baseline_without_one_starts_nothing(self) -> None:
        baseline, commands = self.made(layout.BASELINE, None)
        assert (commands, baseline.record.tool, baseline.paths) == ([], None, ())

    def test_the_metadata_say_which_ran(self) -> None:
        case = replace(CASE, versus=OtherVersion("old x", "versus/x"))
        spec = PerfTestSpec("latency", "tcp_rr", 1.0)
        perf_test = PerfTestRecord(PerfTestFolder(VisitFolder("host"), "latency", "tcp_rr", "t"), spec)
        for arm, command in ((layout.BASELINE, "old x"), (layout.TOOL, "x"), (layout.SWITCHED, "x")):
            record = VisitRecord(arm, 1, 1, 1, False, 1)
            found = metadata({}, case, record, perf_test, "a", {"command": "old x"})
            assert (found.command, found.versus) == (command, {"command": "old x"})
            assert metadata({}, CASE, record, perf_test, "a").versus is None


class TestAttachments:
    """No visit on a node that is not as it was; what a tool left fails its case."""

    def made(self, node: ToolNode, arm: str) -> VisitRecord:
        record = VisitRecord(arm, 1, 1, 1, False, 1_795_383_298_000_000_000)
        nodes = dict.fromkeys("ab", cast(Node, node))
        Visit(VisitSetup(CASE, PAIR, nodes, (1, 2), (), None), record).run(lambda _: contextlib.nullcontext())
        return record

    @pytest.mark.parametrize("arm", [layout.TOOL, layout.BASELINE, layout.SWITCHED])
    def test_nothing_is_started_on_a_node_that_is_not_as_it_was(self, arm: str) -> None:
        node = ToolNode(READY, ENDED)
        node.changed = [("tc filter eth1 ingress: slow",)]
        with pytest.raises(NodeChangedError, match="not as it was when the run began: tc filter eth1 ingress: slow"):
            self.made(node, arm)
        assert node.starts == 0

    @pytest.mark.parametrize("arm", [layout.TOOL, layout.BASELINE, layout.SWITCHED])
    def test_what_comes_during_a_visit_fails_it(self, arm: str) -> None:
        node = ToolNode(READY, ENDED)
        node.changed = [(), ("XDP eth1 generic: drop",)]
        with pytest.raises(NodeChangedError, match="XDP eth1 generic: drop"):
            self.made(node, arm)

    @pytest.mark.parametrize("started", [READY, replace(READY, outcome="timeout", time_to_ready_s=None)])
    def test_a_tool_that_leaves_something_fails_by_its_name(self, started: ToolStart) -> None:
        left = Left("tc filter eth1 ingress: slow", True), Left("sysctl net.core.busy_poll: 50 (was: 0)", False)
        with pytest.raises(ProbecostError) as caught:
            visit(started, replace(ENDED, left=left))
        assert "x ended and did not leave the node as it was: tc filter eth1 ingress: slow (removed now); " in str(
            caught.value
        )
        assert "busy_poll: 50 (was: 0) (STILL THERE)" in str(caught.value)

    def test_a_part_that_came_late_voids_the_visit(self) -> None:
        late = replace(ENDED, names=("a (kprobe)", "b (kprobe)"), late=("b (kprobe)",), complete_s=4.2)
        record = visit(READY, late)
        assert record.void_reason is not None
        assert record.void_reason.startswith(
            "1 of the 2 BPF programs of x came when it was measured already, the last of them 4.2 s after its start: b"
        )
        assert record.complete_s == 4.2
        assert record.tool is not None
        assert Expected.of(record.tool) == Expected(None, late.names, 4.2)

    def test_later_visits_wait_for_all_of_it(self) -> None:
        record = VisitRecord(layout.TOOL, 2, 2, 1, False, 1_795_383_298_000_000_000)
        node = ToolNode(READY, ENDED)
        expected = Expected((1, 1), ("a (kprobe)",), 0.5)
        setup = VisitSetup(CASE, PAIR, dict.fromkeys("ab", cast(Node, node)), (1, 2), (), None)
        Visit(setup, record, expected).run(lambda _: contextlib.nullcontext())
        assert node.spec is not None
        assert (node.spec.expected, node.spec.expected_names, node.spec.expected_within_s) == (
            None,
            ("a (kprobe)",),
            0.5,
        )


class TestPart:
    """Some of the tool's programs are not attached."""

    PARTIAL = replace(
        READY,
        outcome="partial",
        programs_loaded=6,
        programs_attached=4,
        names=("a (kprobe)", "b (kprobe)"),
        missing=("a (kprobe)", "b (kprobe)"),
    )

    def test_the_record_names_what_is_missing(self) -> None:
        assert visit(self.PARTIAL).part == "4 of 6 BPF programs attached, missing: a (kprobe), b (kprobe)"

    def test_programs_that_were_there_before_and_are_not_now_count(self) -> None:
        gone = replace(self.PARTIAL, programs_loaded=4, names=("c (kprobe)",), missing=("d (kprobe)",))
        assert visit(gone).part == "4 of 5 BPF programs attached, missing: d (kprobe)"

    def test_a_whole_tool_has_no_part(self) -> None:
        assert visit(READY).part == ""

    def test_it_fails_where_all_are_required(self) -> None:
        record = VisitRecord(layout.TOOL, 1, 1, 1, False, 1)
        nodes = dict.fromkeys("ab", cast(Node, ToolNode(self.PARTIAL, ENDED)))
        with pytest.raises(ToolError, match=r"x is not whole \(4 of 6 BPF programs attached, missing: a \(kprobe\), b"):
            Visit(VisitSetup(CASE, PAIR, nodes, (1, 2), (), None, whole=True), record).run(
                lambda _: contextlib.nullcontext()
            )


def test_one_that_says_that_it_cannot_attach() -> None:
    refused = replace(READY, outcome="refused", time_to_ready_s=None, programs_loaded=2, stderr_tail="Failed to attach")
    with pytest.raises(ToolError, match=r"x could not attach \(none of 2 BPF programs attached\); it said: Failed to"):
        visit(refused)


def test_both_streams_are_quoted() -> None:
    exited = replace(READY, outcome="exited", exit_code=3, time_to_ready_s=None, stderr_tail="e", stdout_tail="o")
    with pytest.raises(ToolError, match="ended at once with exit code 3; it said: e; on stdout: o"):
        visit(exited)
