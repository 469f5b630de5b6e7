"""A node that speaks the supervisor's language and means harm: what it sends is bounded, and told with its name."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from helpers.fake_ssh import Answer, FakeChannel, FakeConnection

from probecost.config.environment import SshHost
from probecost.deadline import Deadline
from probecost.errors import ConnectionLostError, NodeError, RemoteError, TransferError, UnreachableError
from probecost.remote import answers, link, node, session
from probecost.remote.messages import ClientSpec, ServerSpec, SwitchSpec, ToolSpec
from probecost.remote.node import Node
from probecost.remote.plain_ssh_config import PlainSshConfig
from probecost.remote.supervisor.frames import Frame

TOOL = ToolSpec("true", "out", "err", "none", 1.0, "SIGINT", 1000)
START = {
    "outcome": "ready",
    "pid": 1,
    "exit_code": None,
    "cap_hit": False,
    "stderr_tail": "",
    "time_to_ready_s": 0.1,
    "programs_loaded": 0,
    "programs_attached": 0,
    "attachment_observable": True,
}
Open = Callable[[Answer], Node]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """A node that answers as the test wants; it connects as often as it likes."""
    nodes: list[Node] = []

    def open_one(answer: Answer) -> Node:
        monkeypatch.setattr(link, "connect", lambda *_, **__: FakeConnection(answer))
        made = Node(SshHost("node-a", "192.0.2.1", "w", None, None), PlainSshConfig(), python="python3")
        nodes.append(made)
        made.open(clock=False)
        return made

    yield open_one
    for one in nodes:
        one.hurry(Deadline.after(0.2))
        one.close()


def always(result: object) -> Answer:
    def answer(channel: FakeChannel, frame: Frame) -> None:
        if "id" in frame:
            channel.say({"id": frame["id"], "result": result})

    return answer


class TestFrames:
    """What only a hostile node says: the conversation ends, or goes on, and never just hangs."""

    @pytest.mark.parametrize(
        "data",
        [b"[" * 100_000 + b"\n", b'{"id":1,"bytes":3000000}\n', b"\xff\xfe\x00\n", b"x" * (2 << 20)],
        ids=["nested", "large", "binary", "endless line"],
    )
    def test_what_is_no_frame_ends_the_conversation(self, opened: Open, data: bytes) -> None:
        def answer(channel: FakeChannel, frame: Frame) -> None:
            channel.say_bytes(data)

        with pytest.raises(ConnectionLostError, match="node node-a: sha256: unexpected output"):
            opened(answer).sha256("x")

    def test_strange_numbers_of_requests_are_passed_over(self, opened: Open) -> None:
        def answer(channel: FakeChannel, frame: Frame) -> None:
            for number in ([], {}, None, "1", -1, 1e300, frame.get("id")):
                channel.say({"id": number, "result": {"sha256": "digest"}})

        assert opened(answer).sha256("x") == "digest"

    def test_a_flood_of_events_keeps_the_newest(self, opened: Open) -> None:
        def answer(channel: FakeChannel, frame: Frame) -> None:
            for number in range(session.MAX_EVENTS + 500):
                channel.say({"event": "tool_ended", "number": number})
            channel.say({"id": frame.get("id"), "result": {"sha256": None}})

        one = opened(answer)
        assert one.sha256("x") is None
        events = one.events()
        assert len(events) == session.MAX_EVENTS
        assert events[-1]["number"] == session.MAX_EVENTS + 499

    def test_endless_complaints_do_not_hide_the_answer(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(FakeChannel, "recv_stderr_ready", lambda _: True)
        monkeypatch.setattr(FakeChannel, "recv_stderr", lambda _, size: b"x" * size, raising=False)
        assert opened(always({"sha256": "digest"})).sha256("x") == "digest"

    def test_a_reason_of_a_megabyte_is_cut_and_cannot_steer_the_terminal(self, opened: Open) -> None:
        def answer(channel: FakeChannel, frame: Frame) -> None:
            text = "\x1b]0;owned\x07" + "x" * 900_000 + "\x9b2J the end"
            channel.say({"id": frame.get("id"), "error": {"type": "OSError", "text": text}})

        with pytest.raises(RemoteError, match="node node-a: sha256: ") as told:
            opened(answer).sha256("x")
        assert len(str(told.value)) < 10_000
        assert not [c for c in str(told.value) if not c.isprintable()]
        assert str(told.value).endswith("the end")


Ask = Callable[[Node], Any]
ASKED: dict[str, Ask] = {
    "facts": lambda one: one.facts(),
    "virtual_machines": lambda one: one.virtual_machines(),
    "missing": lambda one: one.lacks(["iperf3"], []),
    "free_ports": lambda one: one.free_ports("192.0.2.1", (1, 2), 1),
    "open_perf_test": lambda one: one.open_perf_test([ServerSpec("s", ("true",), "o", "e")], "::1", (1, 2), "m"),
    "run_clients": lambda one: one.run_clients([ClientSpec("c", ("true",), "o", "e")], 1.0, "::1", "m"),
    "close_perf_test": lambda one: one.close_perf_test(),
    "start_tool": lambda one: one.start_tool(TOOL),
    "stop_tool": lambda one: one.stop_tool(),
    "switch": lambda one: one.switch(TOOL, SwitchSpec((), 1.0, 0.1, 0.1, 1.0, "eth0", "s.csv")),
    "series": lambda one: one.series("eth0", 0.1, 0.1),
    "sha256": lambda one: one.sha256("x"),
}
STRANGE: tuple[object, ...] = (None, [1], "text", {"servers": [{}], "starts": 1, "outcome": "fine"})


class TestAnswers:
    @pytest.mark.parametrize(
        ("verb", "result"),
        [(verb, result) for verb in ASKED for result in STRANGE if verb != "facts" or not isinstance(result, dict)],
    )
    def test_another_answer_than_was_asked_for_names_node_and_step(
        self, opened: Open, verb: str, result: object
    ) -> None:
        with pytest.raises(RemoteError, match=f"node node-a: {verb}: its answer cannot be read"):
            ASKED[verb](opened(always(result)))

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"outcome": "wonderful"}, "outcome: Input should be 'ready'"),
            ({"time_to_ready_s": float("nan")}, "time_to_ready_s: Input should be"),
            ({"time_to_ready_s": float("inf")}, "time_to_ready_s: Input should be"),
            ({"time_to_ready_s": 1e9}, "1e[+]09, and 31 s have been waited"),
            ({"programs_loaded": "many"}, "programs_loaded: Input should be"),
        ],
    )
    def test_a_start_that_cannot_be_is_refused(self, opened: Open, change: dict[str, object], told: str) -> None:
        with pytest.raises(RemoteError, match=f"start_tool: its answer cannot be read: .*{told}"):
            opened(always(START | change)).start_tool(TOOL)

    def test_facts_have_an_end(self, opened: Open) -> None:
        with pytest.raises(RemoteError, match=r"facts: its answer cannot be read: 9[0-9]+ bytes, more than"):
            opened(always({"kernel": "x" * 900_000})).facts()

    @pytest.mark.parametrize("years", [-10, 10])
    def test_a_clock_ten_years_off_is_read(self, opened: Open, years: int) -> None:
        there = time.time_ns() + years * 365 * 86400 * 10**9
        one = opened(always({"time_ns": there}))
        one.check_clock()
        assert one.clock.drift_ns is not None
        assert abs(one.clock.drift_ns - (there - time.time_ns())) < 10**12

    @pytest.mark.parametrize("there", ["tomorrow", -1, 1 << 70, None, float("inf")])
    def test_what_is_no_time_is_told(self, opened: Open, there: object) -> None:
        with pytest.raises(RemoteError, match="node node-a: its clock cannot be read"):
            opened(always({"time_ns": there})).check_clock()


class TestDiscovery:
    def answer(self, *chunks: bytes) -> Answer:
        def say(channel: FakeChannel, frame: Frame) -> None:
            if "id" in frame:
                for chunk in chunks:
                    channel.say({"id": frame["id"], "more": True}, chunk)
                channel.say({"id": frame["id"], "result": {}})

        return say

    def test_an_answer_in_chunks_is_put_together(self, opened: Open) -> None:
        data = zlib.compress(json.dumps({"facts": {}}).encode())
        assert opened(self.answer(data[:5], data[5:])).discover([]) == {"facts": {}}

    @pytest.mark.parametrize(
        ("data", "told"),
        [
            (b"noise", "incorrect header check"),
            (zlib.compress(b"[" * 100_000), "recursion"),
            (zlib.compress(b"[]"), "all of it"),
            (zlib.compress(bytes(40 << 20)), "more than 33554432 bytes"),
        ],
        ids=["noise", "nested", "list", "bomb"],
    )
    def test_a_strange_one_is_told(self, opened: Open, data: bytes, told: str) -> None:
        with pytest.raises(RemoteError, match=f"node node-a: discover: its answer cannot be read: .*{told}"):
            opened(self.answer(data)).discover([])

    def test_an_endless_one_is_given_up(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(answers, "MAX_COMPRESSED", 1 << 20)
        with pytest.raises(RemoteError, match="discover: its answer cannot be read: more than 1048576 bytes"):
            opened(self.answer(*[bytes(1 << 18)] * 8)).discover([])


class TestTransfers:
    def test_an_endless_one_ends_with_what_was_wrong_with_it(self, opened: Open, tmp_path: Any) -> None:
        """The unpacker refuses at once; the node sends on and on."""
        stopped = threading.Event()

        def flood(channel: FakeChannel, number: int) -> None:
            while not channel.closed and not stopped.is_set():
                channel.say({"id": number, "more": True}, b"<html>" * 10_000)
                time.sleep(0.001)

        def answer(channel: FakeChannel, frame: Frame) -> None:
            if frame["verb"] == "archive":
                threading.Thread(target=flood, args=(channel, frame["id"]), daemon=True).start()
            elif frame["verb"] == "bye":
                channel.status_event.set()

        try:
            with pytest.raises(TransferError, match="did not arrive whole"):
                opened(answer).fetch(["a"], tmp_path)
        finally:
            stopped.set()

    def test_after_a_refused_one_nothing_more_is_taken_from_that_conversation(
        self, opened: Open, tmp_path: Any
    ) -> None:
        def answer(channel: FakeChannel, frame: Frame) -> None:
            if frame["verb"] == "archive":
                channel.say({"id": frame["id"], "more": True}, b"noise" * 100_000)
            elif frame["verb"] == "bye":
                channel.status_event.set()
            elif "id" in frame:
                channel.say({"id": frame["id"], "result": {"time_ns": 1, "sha256": "again"}})

        one = opened(answer)
        with pytest.raises(TransferError, match="node node-a: the results did not arrive whole"):
            one.fetch(["a"], tmp_path)
        assert one.sha256("x") == "again"
        assert one.generation == 2

    def test_one_that_only_pretends_to_send_is_given_up(
        self, opened: Open, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(node, "ARCHIVE_STALL_S", 1.0)

        def trickle(channel: FakeChannel, number: int) -> None:
            while not channel.closed:
                channel.say({"id": number, "more": True})
                time.sleep(0.05)

        def answer(channel: FakeChannel, frame: Frame) -> None:
            if frame["verb"] == "archive":
                threading.Thread(target=trickle, args=(channel, frame["id"]), daemon=True).start()
            elif frame["verb"] == "bye":
                channel.status_event.set()

        with pytest.raises(TransferError, match=r"results not fetched.*next to nothing, came for 1 s"):
            opened(answer).fetch(["a"], tmp_path)


def test_every_error_of_a_node_can_be_shown_anywhere() -> None:
    for kind in (NodeError, UnreachableError, RemoteError):
        said = str(kind("node-a", "bad \x1b[31m\r\x00\u202e\udc80 end"))
        assert said.isprintable()
