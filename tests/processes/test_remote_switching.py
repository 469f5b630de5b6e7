"""The tool switched on and off by the supervisor, with counters of the loopback interface around each segment."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.supervisor_process import SupervisorProcess, alive, until
from test_remote_supervisor import tool_spec

R = "performance-test-results"
SEGMENTS = f"{R}/segments.csv"
PAIRS = [["tool", "baseline"], ["baseline", "tool"], ["tool", "baseline"]]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[SupervisorProcess]:
    process = SupervisorProcess(tmp_path / "work", lease_s=60.0)  # nothing is said while it switches
    yield process
    process.close()


def switch_args(command: str = "exec sleep 60", **changes: Any) -> dict[str, Any]:
    spec = tool_spec(command, stdout=f"{R}/out_{{start}}.log", stderr=f"{R}/err_{{start}}.log")
    args: dict[str, Any] = {
        "spec": spec,
        "pairs": PAIRS,
        "segment_s": 0.1,
        "guard_s": 0.02,
        "lead_s": 0.1,
        "flow_s": 60.0,
        "interface": "lo",
        "segments": SEGMENTS,
    }
    return args | changes


def rows(tmp_path: Path) -> list[dict[str, str]]:
    with (tmp_path / "work" / SEGMENTS).open(newline="") as file:
        return list(csv.DictReader(file))


def test_pairs_are_made_in_the_order_given(supervisor: SupervisorProcess, tmp_path: Path) -> None:
    # A tool that says at once that it runs, and when it is stopped.
    result = supervisor.ask("switch", **switch_args("echo on; exec sleep 60"))
    assert (result["pairs"], result["segments"], result["cancelled"]) == (3, 6, False)
    found = rows(tmp_path)
    assert [(row["pair"], row["arm"]) for row in found] == [
        (str(pair), arm) for pair, arms in enumerate(PAIRS, 1) for arm in arms
    ]
    assert [row["segment"] for row in found] == list("123456")
    for row in found:
        length_ns = int(row["end_ns"]) - int(row["start_ns"])
        assert length_ns == int(row["elapsed_ns"]) >= 100_000_000
        idle_ticks = int(row["cpu_idle_ticks_end"]) - int(row["cpu_idle_ticks_start"])
        assert row["cpus_start"] == row["cpus_end"] == str(len(os.sched_getaffinity(0)))
        assert 0 <= idle_ticks <= int(row["cpus_end"]) * length_ns / 1e7 + 2
    starts = [int(row["start_ns"]) for row in found]
    assert starts == sorted(starts)
    assert [start["outcome"] for start in result["starts"]] == ["ready"] * 3
    assert [stop["alive"] for stop in result["stops"]] == [True] * 3
    assert len({start["pid"] for start in result["starts"]}) == 3
    assert not any(alive(start["pid"]) for start in result["starts"])
    outputs = sorted(path.name for path in (tmp_path / "work" / R).glob("out_*.log"))
    assert outputs == ["out_1.log", "out_2.log", "out_3.log"]


LIFE = """
import signal, sys, time

def note(what):
    with open(sys.argv[1], "a") as log:
        log.write("%s %d\\n" % (what, time.time() * 1e9))

def end(*_):
    note("off")
    sys.exit()

signal.signal(signal.SIGINT, end)
note("on")
while True:
    time.sleep(1)
"""


def test_the_tool_runs_in_its_own_segments_and_in_no_other(supervisor: SupervisorProcess, tmp_path: Path) -> None:
    script, log = tmp_path / "tool.py", tmp_path / "life"
    script.write_text(LIFE)
    # It attaches nothing: it counts as ready when it lives, and the guard leaves it the time to say so.
    supervisor.ask("switch", **switch_args(f"exec {sys.executable} {script} {log}", guard_s=1.0))
    events = [line.split() for line in log.read_text().splitlines()]
    assert [kind for kind, _ in events] == ["on", "off"] * 3
    lives = [(int(events[at][1]), int(events[at + 1][1])) for at in range(0, 6, 2)]
    for row in rows(tmp_path):
        start_ns, end_ns = int(row["start_ns"]), int(row["end_ns"])
        whole = any(on < start_ns and end_ns < off for on, off in lives)
        none = all(off < start_ns or end_ns < on for on, off in lives)
        assert (whole, none) == ((True, False) if row["arm"] == "tool" else (False, True))


def test_another_tool_runs_in_the_segments_without_the_first(supervisor: SupervisorProcess, tmp_path: Path) -> None:
    script, logs = tmp_path / "tool.py", {"tool": tmp_path / "own", "baseline": tmp_path / "other"}
    script.write_text(LIFE)
    commands = {arm: f"exec {sys.executable} {script} {log}" for arm, log in logs.items()}
    files = {"stdout": f"{R}/other_out_{{start}}.log", "stderr": f"{R}/other_err_{{start}}.log"}
    other = tool_spec(commands["baseline"], **files)
    result = supervisor.ask("switch", **switch_args(commands["tool"], guard_s=1.0, other=other))
    lives: dict[str, list[tuple[int, int]]] = {}
    for arm, log in logs.items():
        events = [line.split() for line in log.read_text().splitlines()]
        assert [kind for kind, _ in events] == ["on", "off"] * 3
        lives[arm] = [(int(events[at][1]), int(events[at + 1][1])) for at in range(0, 6, 2)]
    for row in rows(tmp_path):
        start_ns, end_ns = int(row["start_ns"]), int(row["end_ns"])
        (absent,) = {"tool", "baseline"} - {row["arm"]}
        assert any(on < start_ns and end_ns < off for on, off in lives[row["arm"]])
        assert all(off < start_ns or end_ns < on for on, off in lives[absent])
    assert [len(result[name]) for name in ("starts", "stops", "other_starts", "other_stops")] == [3, 3, 3, 3]
    outputs = sorted(path.name for path in (tmp_path / "work" / R).glob("other_out_*.log"))
    assert outputs == ["other_out_1.log", "other_out_2.log", "other_out_3.log"]


def test_another_tool_that_does_not_start_ends_it(supervisor: SupervisorProcess) -> None:
    files = {"stdout": f"{R}/other_out_{{start}}.log", "stderr": f"{R}/other_err_{{start}}.log"}
    result = supervisor.ask("switch", **switch_args(other=tool_spec("exit 3", **files)))
    assert (result["pairs"], len(result["starts"])) == (0, 1)
    assert [start["exit_code"] for start in result["other_starts"]] == [3]


def test_counters_see_the_traffic_of_their_segment(supervisor: SupervisorProcess, tmp_path: Path) -> None:
    # The tool itself makes the traffic: what its segments count, the others must not.
    send = 's.sendto(b"x", ("127.0.0.1", 9)); time.sleep(.001)'
    sender = f"exec {sys.executable} -c 'import socket, time\ns = socket.socket(2, 2)\nwhile 1: {send}'"
    supervisor.ask("switch", **switch_args(sender))
    counts: dict[str, list[int]] = {"tool": [], "baseline": []}
    for row in rows(tmp_path):
        counts[row["arm"]].append(int(row["rx_packets_end"]) - int(row["rx_packets_start"]))
    assert sum(counts["tool"]) > 10
    assert sum(counts["baseline"]) < sum(counts["tool"])


def test_no_pair_begins_that_would_not_end_in_the_flow(supervisor: SupervisorProcess, tmp_path: Path) -> None:
    before = time.monotonic()
    result = supervisor.ask("switch", **switch_args(pairs=PAIRS * 100, flow_s=3.0))
    assert time.monotonic() - before < 6  # one pair takes about a second
    assert 1 <= result["pairs"] < 30
    assert len(rows(tmp_path)) == result["segments"] == 2 * result["pairs"]


def test_a_tool_that_does_not_start_ends_it(supervisor: SupervisorProcess, tmp_path: Path) -> None:
    result = supervisor.ask("switch", **switch_args("echo no such probe >&2; exit 3"))
    assert (result["pairs"], result["segments"]) == (0, 0)
    (started,) = result["starts"]
    assert (started["outcome"], started["exit_code"], started["stderr_tail"]) == ("exited", 3, "no such probe")
    assert rows(tmp_path) == []


def test_a_tool_that_dies_in_its_segment_ends_it(supervisor: SupervisorProcess, tmp_path: Path) -> None:
    result = supervisor.ask("switch", **switch_args("sleep 0.9; exit 7", segment_s=1.0))
    assert (result["pairs"], len(result["stops"])) == (0, 1)
    assert (result["stops"][0]["alive"], result["stops"][0]["exit_code"]) == (False, 7)


def test_stop_all_ends_it_at_once(supervisor: SupervisorProcess, tmp_path: Path) -> None:
    supervisor.send("switch", **switch_args(segment_s=30.0))
    assert until(lambda: len(supervisor.tree()) > 1)  # the tool runs
    before = time.monotonic()
    supervisor.ask("stop_all")
    assert time.monotonic() - before < 5
    assert supervisor.tree() == [supervisor.supervisor_pid]
    assert until(lambda: (tmp_path / "work" / SEGMENTS).exists())
    assert rows(tmp_path) == []


def test_an_interface_that_is_not_there(supervisor: SupervisorProcess) -> None:
    with pytest.raises(RuntimeError, match="nosuch0"):
        supervisor.ask("switch", **switch_args(interface="nosuch0"))
    assert supervisor.tree() == [supervisor.supervisor_pid]
