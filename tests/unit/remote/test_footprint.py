"""What counts as a tool's own, what it left, and what a node must be before anything is measured on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import pytest

from probecost.remote.supervisor import footprint as footprint_module
from probecost.remote.supervisor import held, removal
from probecost.remote.supervisor.attachments import (
    CGROUP,
    FILTER,
    LINK,
    PIN,
    PROGRAM,
    QDISC,
    SYSCTL,
    Entry,
    Inventories,
    Inventory,
)
from probecost.remote.supervisor.bpf import Program
from probecost.remote.supervisor.footprint import Change, Footprint, describe, missing
from probecost.remote.supervisor.reference import Reference
from probecost.remote.supervisor.removal import Left

OWN_GROUP = "/sys/fs/cgroup/probecost-x-01234567"
SLOW = Program(51, "sched_cls", "slow", "aa")
PROBE = Program(52, "tracepoint", "probe", "bb")
CLSACT = Entry(QDISC, "eth1 clsact", "clsact ffff", (), None)
SLOW_FILTER = Entry(FILTER, "eth1 ingress pref 1 handle 1", "slow", (51,), None)
POLL = Entry(SYSCTL, "net.core.busy_poll", "0", (), "net/core/busy_poll")


def of_program(one: Program) -> Entry:
    return Entry(PROGRAM, str(one.id), one.name, (one.id,), None)


def inventory(*entries: Entry, programs: Iterable[Program] = (), interfaces: Iterable[str] = ("eth1",)) -> Inventory:
    found = [*entries, *map(of_program, programs)]
    return Inventory({(one.kind, one.place): one for one in found}, set(interfaces), {one.id: one for one in programs})


class Node:
    """A node as the tests set it: ``now`` is what an inventory finds, ``ours`` and ``strangers`` hold programs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = inventory()
        self.ours: frozenset[int] = frozenset()
        self.strangers: frozenset[int] = frozenset()
        self.sees_all = False
        monkeypatch.setattr(held, "programs_of", lambda pids: self._held())
        monkeypatch.setattr(held, "of_strangers", lambda own: self.strangers)
        monkeypatch.setattr(footprint_module, "sees_all", lambda: self.sees_all)

    def _held(self) -> held.Programs:
        return held.Programs(self.ours, self.ours, self.ours, True, 0, 0)

    def take(self, with_settings: bool = True) -> Inventory:
        return self.now

    def is_above_us(self, folder: str) -> bool:
        return OWN_GROUP.startswith(folder)

    def since(self, before: Inventory) -> Footprint:
        return Footprint(cast(Inventories, self), before)


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(monkeypatch)


class TestSeen:
    """The tool while it runs."""

    def test_a_filter_that_no_process_holds_is_its_own(self, node: Node) -> None:
        began = node.since(inventory())
        node.now = inventory(CLSACT, SLOW_FILTER, programs=[SLOW])
        seen = began.seen([7])
        assert (seen.loaded, seen.attached) == ({51}, {51})
        assert seen.names == ("slow (sched_cls) at tc filter",)

    def test_one_that_was_there_before_is_not(self, node: Node) -> None:
        there = inventory(CLSACT, SLOW_FILTER, programs=[SLOW])
        node.now = there
        assert node.since(there).seen([7]).loaded == frozenset()

    def test_a_pinned_program_that_nothing_runs_is_idle(self, node: Node) -> None:
        began = node.since(inventory())
        node.now = inventory(Entry(PIN, "/sys/fs/bpf/x", "program of probe", (52,), None), programs=[PROBE])
        seen = began.seen([7])
        assert (seen.loaded, seen.attached, seen.idle, seen.idle_names) == ({52}, set(), {52}, ("probe (tracepoint)",))

    @pytest.mark.parametrize("sees_all", [True, False])
    def test_programs_that_nobody_holds_are_its_own_only_where_all_holders_can_be_seen(
        self, node: Node, sees_all: bool
    ) -> None:
        began = node.since(inventory())
        node.sees_all = sees_all
        node.now = inventory(Entry(LINK, "3", "raw_tracepoint", (52,), 3), programs=[PROBE])
        assert began.seen([7]).loaded == ({52} if sees_all else set())

    def test_what_others_start_meanwhile_is_theirs(self, node: Node) -> None:
        began = node.since(inventory())
        node.sees_all, node.strangers = True, frozenset({52})
        node.now = inventory(Entry(LINK, "3", "raw_tracepoint", (52,), 3), programs=[PROBE])
        assert began.seen([7]).loaded == frozenset()
        assert began.changes() == []


class TestChanges:
    """The node when the tool has ended."""

    def lines(self, node: Node, before: Inventory) -> list[str]:
        return [describe(change, before) for change in node.since(before).changes()]

    def test_a_node_as_it_was(self, node: Node) -> None:
        node.now = inventory(CLSACT, POLL)
        assert self.lines(node, inventory(CLSACT, POLL)) == []

    def test_what_came_what_went_and_what_is_another_now(self, node: Node) -> None:
        before = inventory(CLSACT, POLL)
        node.now = inventory(SLOW_FILTER, POLL._replace(what="50"), programs=[SLOW])
        assert self.lines(node, before) == [
            "tc filter eth1 ingress pref 1 handle 1: slow",
            "sysctl net.core.busy_poll: 50 (was: 0)",
            "program 51: slow",
            "qdisc eth1 clsact: clsact ffff is gone",
        ]

    def test_interfaces_that_come_and_go_take_along_what_is_theirs(self, node: Node) -> None:
        before = inventory(CLSACT, interfaces=["eth1", "tap0"])
        tap = Entry(QDISC, "tap1 root", "pfifo", (), None)
        conf = Entry(SYSCTL, "net.ipv4.conf.tap1.rp_filter", "1", (), "x")
        node.now = inventory(CLSACT, tap, conf, interfaces=["eth1", "tap1"])
        assert self.lines(node, before) == []
        node.now = inventory(interfaces=["tap0"])
        assert self.lines(node, before) == []

    def test_a_strangers_filter_counts_and_is_not_to_be_removed(self, node: Node) -> None:
        node.strangers = frozenset({51})
        node.now = inventory(SLOW_FILTER, programs=[SLOW])
        (change,) = node.since(inventory()).changes()
        assert (change.entry, change.is_ours) == (SLOW_FILTER, False)

    @pytest.mark.parametrize(
        ("folder", "was_held", "counts", "is_ours"),
        [
            ("/sys/fs/cgroup", True, True, True),
            ("/sys/fs/cgroup", False, True, False),  # it sees our traffic; another PID namespace's may have made it
            ("/sys/fs/cgroup/elsewhere", True, True, True),
            ("/sys/fs/cgroup/elsewhere", False, False, False),
        ],
    )
    def test_cgroups_are_seen_from_other_namespaces(
        self, node: Node, folder: str, was_held: bool, counts: bool, is_ours: bool
    ) -> None:
        began = node.since(inventory())
        node.now = inventory(Entry(CGROUP, f"{folder} hook 0 program 53", "x", (53,), (folder, 0)))
        node.ours = frozenset({53} if was_held else ())
        began.seen([7])
        changes = began.changes()
        assert [change.is_ours for change in changes] == [is_ours] * counts


class TestClean:
    """Removal, with removers that take the entry from the node."""

    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch, node: Node) -> None:
        monkeypatch.setattr(removal, "SETTLE_S", 0.0)
        monkeypatch.setattr(removal, "GONE_S", 0.0)

        def remove(entry: Entry, before: Inventory) -> None:
            del node.now.entries[entry.kind, entry.place]
            for number in entry.programs:
                node.now.entries.pop((PROGRAM, str(number)), None)

        monkeypatch.setattr(removal, "_REMOVERS", {FILTER: remove, QDISC: remove})

    def test_what_is_ours_is_removed_and_named_once(self, node: Node) -> None:
        node.now = inventory(CLSACT, SLOW_FILTER, programs=[SLOW])
        assert removal.clean(node.since(inventory())) == [
            Left("qdisc eth1 clsact: clsact ffff", True),
            Left("tc filter eth1 ingress pref 1 handle 1: slow", True),
        ]

    def test_what_cannot_be_removed_is_still_there(self, node: Node) -> None:
        node.now = inventory(POLL._replace(what="50"))
        assert removal.clean(node.since(inventory(POLL))) == [Left("sysctl net.core.busy_poll: 50 (was: 0)", False)]

    def test_what_a_stranger_holds_stays(self, node: Node) -> None:
        node.strangers = frozenset({51})
        node.now = inventory(SLOW_FILTER, programs=[SLOW])
        assert [one.removed for one in removal.clean(node.since(inventory()))] == [False]

    def test_only_what_may_be_removed(self, node: Node) -> None:
        def never(change: Change) -> bool:
            return False

        node.now = inventory(CLSACT)
        assert [one.removed for one in removal.clean(node.since(inventory()), never)] == [False]


def test_names_that_are_missing_count_each() -> None:
    assert missing(["a", "a", "b"], ["a", "c"]) == ["a", "b"]


class TestReference:
    """What a node remembers over sessions."""

    def of(self, node: Node, earlier: dict[str, Any] | None) -> Reference:
        return Reference.of(cast(Inventories, node), earlier)

    def test_a_later_session_compares_with_what_the_first_one_found(self, node: Node) -> None:
        node.now = inventory(CLSACT, SLOW_FILTER, POLL, programs=[SLOW])
        sent = self.of(node, None).sent
        assert sent["found"] == ["tc filter eth1 ingress pref 1 handle 1: slow"]
        later = self.of(node, sent)
        assert later.changes() == []
        assert later.sent == sent
        node.now = inventory(CLSACT, POLL)
        assert later.changes() == ["tc filter eth1 ingress pref 1 handle 1: slow is gone"]

    def test_after_a_reboot_everything_is_new(self, node: Node) -> None:
        node.now = inventory(SLOW_FILTER)
        sent = self.of(node, None).sent
        node.now = inventory()
        assert self.of(node, sent | {"boot_id": "another"}).changes() == []
