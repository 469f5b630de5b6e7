"""``probecost cleanup``: what is shown, what is asked, and what the exit code says. The nodes are not real."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_project import full_config

from probecost.cli import cleanup
from probecost.cli.main import main
from probecost.errors import RemoteError, UnreachableError
from probecost.remote.lease import Holder
from probecost.remote.leftovers import Leftovers, LeftProcess, LeftRecord, LeftResults

Text = pytest.CaptureFixture[str]
NOTHING = Leftovers(None)
LEFT = Leftovers(
    None,
    processes=(LeftProcess(17, "sudo bpftrace x.bt", "cgroup", "ab12-host-server-1"),),
    records=(LeftRecord("/w/.probecost/1", ("/w/tools/x.bt",)),),
    results=LeftResults("/w/performance-test-results", 3, 12345),
)
THINGS = 4


class FakeNode:
    """``problems``: what could not be ended; ``stays``: what is there afterwards."""

    def __init__(self, name: str, found: Leftovers | Exception, problems: Any = (), stays: Leftovers = NOTHING) -> None:
        self.name = name
        self.asked: list[bool] = []
        self.closed = False
        self._found = found
        self._problems = problems
        self._stays = stays

    def open(self, *, clock: bool) -> None:
        if isinstance(self._found, Exception):
            raise self._found

    def leftovers(self) -> Leftovers:
        assert not isinstance(self._found, Exception)
        return self._stays if self.asked else self._found

    def end_leftovers(self, shown: Leftovers, us: Holder, *, keep_results: bool) -> list[str]:
        assert shown is self._found
        assert us.run == "cleanup"
        self.asked.append(keep_results)
        if isinstance(self._problems, Exception):
            raise self._problems
        return list(self._problems)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Callable[..., int]]:
    """Sets the nodes, and gives what runs the command on them."""
    folder = tmp_path / "config" / "bed"
    folder.mkdir(parents=True)
    (folder / "bed-full.yaml").write_text(str(full_config("bed")).replace("'", '"'))
    (folder / "bed-cases.json").write_text('{"test_cases": []}')

    def set_nodes(*nodes: FakeNode) -> Callable[..., int]:
        monkeypatch.setattr(cleanup, "open_nodes", lambda environment, names, accept_new: nodes)
        return lambda *options: main(["cleanup", "--env", "bed", "--config-dir", str(tmp_path / "config"), *options])

    return set_nodes


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)


def test_nothing_left(use: Any, capsys: Text) -> None:
    nodes = FakeNode("host-a", NOTHING), FakeNode("host-b", NOTHING)
    assert use(*nodes)() == 0
    assert capsys.readouterr().out == "host-a: nothing is left\nhost-b: nothing is left\n"
    assert all(node.closed and not node.asked for node in nodes)


def test_without_a_terminal_it_only_lists(use: Any, capsys: Text, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    node = FakeNode("host-a", LEFT)
    assert use(node)() == 1
    assert capsys.readouterr().out.splitlines() == [
        "host-a: 4 things left by earlier runs",
        "  process 17, cgroup: sudo bpftrace x.bt",
        "  placed file /w/tools/x.bt",
        "  record of placed files /w/.probecost/1",
        "  results that were not fetched: /w/performance-test-results (3 files, 12,345 bytes)",
        "4 things left; --yes ends and removes it",
    ]
    assert not node.asked


@pytest.mark.parametrize(("answer", "code", "asked"), [("y\n", 0, [False]), ("n\n", 1, []), ("\n", 1, [])])
def test_at_a_terminal_it_asks(
    use: Any, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, asked: list[bool]
) -> None:
    at_a_terminal(monkeypatch, answer)
    node = FakeNode("host-a", LEFT)
    assert use(node)() == code
    assert node.asked == asked


def test_yes_ends_it_where_something_is_left(use: Any, capsys: Text) -> None:
    nodes = FakeNode("host-a", LEFT), FakeNode("host-b", NOTHING)
    assert use(*nodes)("--yes") == 0
    assert capsys.readouterr().out.endswith("4 things ended and removed\n")
    assert [node.asked for node in nodes] == [[False], []]


def test_results_that_are_kept_are_no_part_of_it(use: Any, capsys: Text) -> None:
    only_results = replace(NOTHING, results=LEFT.results)
    assert use(FakeNode("host-a", only_results))("--keep-results") == 0
    assert "nothing is left" in capsys.readouterr().out
    node = FakeNode("host-a", LEFT, stays=only_results)
    assert use(node)("--keep-results", "--yes") == 0
    assert node.asked == [True]


@pytest.mark.parametrize(
    ("problems", "stays", "said"),
    [
        (["bpftrace (pid 17) does not end"], LEFT, "host-a: bpftrace (pid 17) does not end"),
        ([], replace(LEFT, records=(), results=None), "host-a: still there: process 17, cgroup: sudo bpftrace x.bt"),
        (RemoteError("host-a", "end_leftovers: no answer in time"), LEFT, "end_leftovers: no answer in time"),
    ],
)
def test_what_it_could_not_do_is_said(use: Any, capsys: Text, problems: Any, stays: Leftovers, said: str) -> None:
    assert use(FakeNode("host-a", LEFT, problems, stays))("--yes") == 1
    told = capsys.readouterr()
    assert said in told.err
    assert told.out.endswith("not all of it could be ended\n")


def test_a_node_that_cannot_be_looked_at_keeps_the_others_from_nothing(use: Any, capsys: Text) -> None:
    reached = FakeNode("host-b", LEFT)
    assert use(FakeNode("host-a", UnreachableError("host-a", "does not answer")), reached)("--yes") == 1
    assert "host-a: not looked at: node host-a: does not answer" in capsys.readouterr().out
    assert reached.asked == [False]
    assert use(FakeNode("host-a", UnreachableError("host-a", "does not answer")))() == 1


def test_the_run_that_has_the_node_is_named(use: Any, capsys: Text) -> None:
    holder = {"run": "run-1", "user": "alice\x1b[2J", "host": "laptop", "since_ns": 1795383298123456789}
    assert use(FakeNode("host-a", Leftovers(holder)))() == 0
    assert capsys.readouterr().out.splitlines() == [
        "host-a: nothing is left",
        "  in use by run run-1 of alice\\x1b[2J@laptop, since 2026-11-22 21:34:58 UTC by the node's clock: "
        "its own, and all files, are left alone",
    ]


def test_an_environment_that_is_not_there(use: Any, capsys: Text, tmp_path: Path) -> None:
    use()
    assert main(["cleanup", "--env", "none", "--config-dir", str(tmp_path / "config")]) == 4
    assert "none" in capsys.readouterr().err
