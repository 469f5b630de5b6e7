"""``run-log.jsonl``: lines of many writers, none torn, and read while they come."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fake_project import Project

from fixtures.run_log import TEXT_LIMIT, RunLog, read_entries

NOON_NS = 1_795_348_800_123_456_789  # 2026-11-22 12:00:00.123 UTC


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run-log.jsonl"


def test_a_line_is_an_object(file: Path) -> None:
    RunLog(file, "gw1", lambda: NOON_NS).write("unit", "bed", "host-null", unit=3, took_s=1.5, is_reserve=False)
    assert json.loads(file.read_text()) == {
        "time": "2026-11-22T12:00:00.123Z",
        "process": "gw1",
        "environment": "bed",
        "item": "host-null",
        "event": "unit",
        "unit": 3,
        "took_s": 1.5,
        "is_reserve": False,
    }


def test_what_json_cannot_hold(file: Path) -> None:
    RunLog(file).write("unit", left_s=float("nan"), most_s=float("inf"), message="\x1b[2J\n" + "x" * TEXT_LIMIT)
    assert len(file.read_bytes().splitlines()) == 1
    assert b"\x1b" not in file.read_bytes()
    (entry,), _ = read_entries(file)
    assert (entry.values["left_s"], entry.values["most_s"], entry.process) == (None, None, "main")
    assert len(entry.values["message"]) == TEXT_LIMIT


def test_a_file_is_followed(file: Path) -> None:
    log = RunLog(file)
    assert read_entries(file) == ([], 0)
    log.write("one")
    log.write("two")
    found, offset = read_entries(file)
    assert [entry.event for entry in found] == ["one", "two"]
    assert read_entries(file, offset) == ([], offset)
    log.write("three")
    found, offset = read_entries(file, offset)
    assert ([entry.event for entry in found], offset) == (["three"], file.stat().st_size)


def test_a_line_that_is_half_there_is_read_when_it_is_whole(file: Path) -> None:
    RunLog(file).write("whole")
    line = file.read_bytes()
    file.write_bytes(line + line[:20])
    found, offset = read_entries(file)
    assert ([entry.event for entry in found], offset) == (["whole"], len(line))
    file.write_bytes(line * 2)
    assert len(read_entries(file, offset)[0]) == 1


def test_what_a_killed_writer_left_costs_no_other_line(file: Path) -> None:
    RunLog(file).write("before")
    with file.open("ab") as out:
        out.write(b'{"time": "2026')
    RunLog(file).write("after")
    assert [entry.event for entry in read_entries(file)[0]] == ["before", "after"]


@pytest.mark.parametrize("damage", [b"[]", b"\xff\xfe", b'{"event": "unit"}', b'{"event": 1}', b"", b"[" * 100_000])
def test_lines_that_are_none_of_ours(file: Path, damage: bytes) -> None:
    file.write_bytes(damage + b"\n")
    RunLog(file).write("mine")
    assert [entry.event for entry in read_entries(file)[0]] == ["mine"]


def test_a_log_that_cannot_be_written_is_a_problem_told_once(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "absent" / "run-log.jsonl")
    log.write("one")
    first = log.problem
    log.write("two")
    assert first == log.problem
    assert first.startswith(f"{log.file} could not be written: ")


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr("fixtures.run_log.os.write", lambda descriptor, data: len(data) - 1)
    log = RunLog(file)
    log.write("one")
    assert log.problem == f"{file} could not be written: no space left"


def test_many_processes_write_at_once(file: Path) -> None:
    writer = (
        "import sys; from pathlib import Path; from fixtures.run_log import RunLog\n"
        "log = RunLog(Path(sys.argv[1]), sys.argv[2])\n"
        "for number in range(200): log.write('line', number=number, text='x' * 500 * (number % 4))\n"
    )
    names = [f"gw{number}" for number in range(4)]
    started = [
        subprocess.Popen([sys.executable, "-c", writer, str(file), name], cwd=Path(__file__).parents[2])
        for name in names
    ]
    assert [process.wait(60) for process in started] == [0] * 4
    assert len([line for line in file.read_bytes().splitlines() if line]) == 800
    found, _ = read_entries(file)
    for name in names:
        assert [entry.values["number"] for entry in found if entry.process == name] == list(range(200))


class TestOfARun:
    """What a run writes into its folder."""

    def events(self, project: Project, *names: str) -> list[str]:
        found = read_entries(project.tree / "run-log.jsonl")[0]
        return [f"{one.event} {one.item}".strip() for one in found if not names or one.event in names]

    def test_begin_and_end_of_everything(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.fail({"latency:tcp_rr tool host-b-rx": "b died"})
        project.run("--units", "2")
        assert self.events(project) == [
            "run_begins",
            "bed_opened",
            "case_begins host-a-rx",
            "unit_ends host-a-rx",
            "unit_ends host-a-rx",
            "case_ends host-a-rx",
            "case_begins host-b-rx",
            "bed_closed",  # in the tear-down of the last case
            "case_ends host-b-rx",
            "run_ends",
        ]
        found = {entry.event: entry for entry in read_entries(project.tree / "run-log.jsonl")[0]}
        assert (found["run_begins"].values["cases"], found["run_ends"].values["exit_status"]) == (2, 1)
        unit = found["unit_ends"]
        assert (unit.environment, unit.process) == ("bed", "main")
        assert (unit.values["unit"], unit.values["units"], unit.values["is_reserve"]) == (2, 2, False)
        assert unit.values["took_s"] >= 0
        assert found["case_ends"].values == {"outcome": "failed", "message": "b died"}

    def test_a_resumed_run_goes_on_with_it(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.fail({"keep metadata": True, "measure host-b-rx": "ctrl-c"})
        tree = project.interrupted()
        project.fail({"keep metadata": True})
        project.pytester.runpytest_inprocess("--resume", str(tree))
        assert self.events(project, "run_begins", "run_ends", "case_ends") == [
            *("run_begins", "case_ends host-a-rx", "run_ends"),
            *("run_begins", "case_ends host-b-rx", "run_ends"),
        ]

    def test_one_that_cannot_be_written_is_told_at_the_end(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.add_conftest("def pytest_probecost_run_init(run): run.log.file.unlink(); run.log.file.mkdir()")
        result = project.run()
        result.assert_outcomes(passed=1)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        (note,) = project.run_json["notes"]
        assert note.startswith(f"{project.tree / 'run-log.jsonl'} could not be written: ")

    def test_a_node_that_rebooted_and_a_tool_that_was_given_up(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "a tx", "b rx"])
        died = {"latency:tcp_rr tool host-a-rx": "a died", "latency:tcp_rr tool host-b-rx": "lost once"}
        project.fail({"keep metadata": True, "rebooted": ["host-server"], **died})
        project.run("--max-failures-per-tool", "1")
        assert self.events(project, "tool_given_up", "measured_again") == [
            "tool_given_up host-a-rx",
            "measured_again host-b-rx",
        ]
