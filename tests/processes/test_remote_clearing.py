"""When a session is over, what its tools left attached is removed, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from probecost.remote.supervisor import clearing as clearing_module
from probecost.remote.supervisor.attachments import FILTER, QDISC, Entry, Inventories, Inventory
from probecost.remote.supervisor.clearing import NO_TOOL, TOOL, Clearing
from probecost.remote.supervisor.footprint import Change, Footprint
from probecost.remote.supervisor.removal import Left

MINE = Entry(FILTER, "eth1 ingress pref 1 handle 1", "slow", (), None)
ADMINS = Entry(QDISC, "eth1 root", "fq", (), None)


def inventory(*entries: Entry) -> Inventory:
    return Inventory({(one.kind, one.place): one for one in entries}, {"eth1"}, {})


class Removals(Inventories):
    """An inventory that the test sets, and what would be removed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = inventory()
        self.removed: list[str] = []

    def take(self, with_settings: bool = True) -> Inventory:
        return self.now

    def clean(self, footprint: Footprint, is_removable: Callable[[Change], bool]) -> list[Left]:
        self.removed += [change.entry.kind for change in footprint.changes() if is_removable(change)]
        return []


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Removals:
    found = Removals()
    monkeypatch.setattr(clearing_module.removal, "clean", found.clean)
    monkeypatch.setattr(clearing_module, "end", lambda find, steps: None)
    return found


def test_what_came_while_a_tool_ran(node: Removals) -> None:
    clearing = Clearing(None, node, 0.0)
    node.now = inventory(ADMINS)
    note = [TOOL, clearing.not_ours(node.now)]
    node.now = inventory(ADMINS, MINE)
    clearing.clear([note])
    assert node.removed == [FILTER]


def test_what_came_after_a_tool_had_been_stopped_stays(node: Removals) -> None:
    clearing = Clearing(None, node, 0.0)
    started = [TOOL, clearing.not_ours(node.now)]
    node.now = inventory(ADMINS)
    clearing.clear([started, [TOOL, NO_TOOL]])
    assert node.removed == []
    clearing.clear([started, [TOOL, NO_TOOL], started])
    assert node.removed == [QDISC]


def test_a_session_without_a_tool_removes_nothing(node: Removals) -> None:
    clearing = Clearing(None, node, 0.0)
    node.now = inventory(ADMINS, MINE)
    clearing.clear([])
    assert node.removed == []
