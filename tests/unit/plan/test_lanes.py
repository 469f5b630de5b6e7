"""Which test pairs may be measured at the same time, and how long that takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from probecost.config.environment import Case, Environment, PairKind, PairSide, SshHost, TestPair
from probecost.plan.lanes import Group, Lanes, groups_of, makespan_s
from probecost.plan.plan import Planned, PlannedItem, ToolKey, Turn

PairOf = dict[PairKind, tuple[str, str]]


def environment(name: str, addresses: dict[str, str], pairs: PairOf, under: dict[str, str] | None = None) -> Planned:
    """``pairs``: server and client by kind; ``under``: the host below each guest."""
    sides = {
        node: PairSide(node, "192.0.2.9", "eth0", (under or {}).get(node, node))
        for ends in pairs.values()
        for node in ends
    }
    nodes = {}
    for node, address in addresses.items():
        host, _, port = address.partition(":")
        nodes[node] = SshHost(node, host, "/tmp/w", port=int(port) if port else None)
    found = Environment(
        name=name,
        folder=Path(name),
        nodes=nodes,
        ssh_config=None,
        pairs={kind: TestPair(kind, sides[server], sides[client]) for kind, (server, client) in pairs.items()},
        perf_tests=(),
        tools_dir="tools",
        local_tools_dir=None,
        python_interpreter="python3",
        port_range=(1, 2),
    )
    return Planned(found, (), ())


def items(*environments: Planned) -> list[PlannedItem]:
    made = []
    for one in environments:
        for kind in one.environment.pairs:
            case = Case(one.environment.name, f"{kind}-a", 1, "a", "a", "a", "c", kind, (), "abcdef", 1.0)
            made.append(PlannedItem(case.key, ToolKey(Turn(case.environment), kind, "a"), case, ()))
    return made


def pairs_of(*environments: Planned) -> list[list[str]]:
    found = groups_of({one.environment.name: one for one in environments}, items(*environments))
    return [[" ".join(pair) for pair in group.pairs] for group in found]


HOSTS: PairOf = {"host": ("s", "c")}


def test_environments_that_share_nothing() -> None:
    one = environment("one", {"s": "10.0.0.1", "c": "10.0.0.2"}, HOSTS)
    other = environment("two", {"s": "10.0.0.3", "c": "10.0.0.4"}, HOSTS)
    assert pairs_of(one, other) == [["one host"], ["two host"]]


def test_one_machine_has_two_names() -> None:
    one = environment("one", {"s": "10.0.0.1", "c": "Gate.example"}, HOSTS)
    other = environment("two", {"s": "10.0.0.3", "c": "gate.example:22"}, HOSTS)
    assert pairs_of(one, other) == [["one host", "two host"]]


def test_other_ports_of_one_address_are_other_machines() -> None:
    one = environment("one", {"s": "10.0.0.1:1", "c": "10.0.0.1:2"}, HOSTS)
    other = environment("two", {"s": "10.0.0.1:3", "c": "10.0.0.1:4"}, HOSTS)
    assert pairs_of(one, other) == [["one host"], ["two host"]]


def test_a_guest_and_the_host_under_it() -> None:
    addresses = {name: f"10.0.0.{number}" for number, name in enumerate(("s", "c", "gs", "gc"), 1)}
    one = environment("one", addresses, {**HOSTS, "vm": ("gs", "gc")}, {"gs": "s", "gc": "c"})
    assert pairs_of(one) == [["one host", "one vm"]]


def test_a_host_under_the_client_guest_counts_too() -> None:
    addresses = {name: f"10.0.0.{number}" for number, name in enumerate(("s", "c", "gs", "gc", "other"), 1)}
    one = environment("one", addresses, {**HOSTS, "vm": ("gs", "gc")}, {"gs": "other", "gc": "c"})
    assert pairs_of(one) == [["one host", "one vm"]]


def test_two_independent_pairs_of_one_environment() -> None:
    addresses = {name: f"10.0.0.{number}" for number, name in enumerate(("s", "c", "gs", "gc", "o", "p"), 1)}
    one = environment("one", addresses, {**HOSTS, "vm": ("gs", "gc")}, {"gs": "o", "gc": "p"})
    assert pairs_of(one) == [["one host"], ["one vm"]]


def test_what_comes_between_joins_both() -> None:
    one = environment("one", {"s": "10.0.0.1", "c": "10.0.0.2"}, HOSTS)
    two = environment("two", {"s": "10.0.0.3", "c": "10.0.0.4"}, HOSTS)
    both = environment("both", {"s": "10.0.0.2", "c": "10.0.0.3"}, HOSTS)
    assert pairs_of(one, two, both) == [["one host", "two host", "both host"]]


def test_the_same_vm_under_two_addresses() -> None:
    one = environment("one", {"s": "10.0.0.1", "c": "10.0.0.2"}, HOSTS)
    two = environment("two", {"s": "10.0.0.3", "c": "10.0.0.4"}, HOSTS)
    for planned, uuid in ((one, "AB-1"), (two, "ab-1")):
        pair = planned.environment.pairs["host"]
        planned.environment.pairs["host"] = replace(pair, server=replace(pair.server, uuid=uuid))
    assert pairs_of(one, two) == [["one host", "two host"]]


def test_addresses_are_those_of_ssh() -> None:
    one = environment("one", {"s": "alias", "c": "10.0.0.2"}, HOSTS)
    two = environment("two", {"s": "10.0.0.1", "c": "10.0.0.4"}, HOSTS)
    known = {"one": one, "two": two}

    def address(environment: Environment, host: SshHost) -> tuple[str, int]:
        return ("10.0.0.1" if host.host == "alias" else host.host), 22

    (group,) = groups_of(known, items(one, two), address)
    assert str(group) == "one host, two host"


def test_only_pairs_that_have_items() -> None:
    one = environment("one", {"s": "10.0.0.1", "c": "10.0.0.2"}, HOSTS)
    two = environment("two", {"s": "10.0.0.2", "c": "10.0.0.4"}, HOSTS)
    found = groups_of({"one": one, "two": two}, items(two))
    assert found == (Group((("two", "host"),), ("10.0.0.2:22", "10.0.0.4:22")),)


@pytest.mark.parametrize(
    ("running_s", "waiting_s", "workers", "whole_s"),
    [
        ([], [10.0, 10.0, 10.0], 3, 10.0),
        ([], [10.0, 10.0, 10.0], 1, 30.0),
        ([], [30.0, 20.0, 10.0], 2, 30.0),
        ([4.0, 50.0], [10.0, 10.0], 2, 50.0),
        ([4.0], [], 8, 4.0),
        ([], [], 2, 0.0),
        ([], [], 0, 0.0),
    ],
)
def test_how_long_it_takes(running_s: list[float], waiting_s: list[float], workers: int, whole_s: float) -> None:
    assert makespan_s(running_s, waiting_s, workers) == whole_s


def test_lanes_add_up_what_is_done_on_pairs_of_a_group() -> None:
    parts: list[tuple[tuple[str, PairKind], float]] = [
        (("one", "host"), 10.0),
        (("one", "vm"), 5.0),
        (("two", "host"), 12.0),
        (("one", "host"), 1.0),
    ]
    lanes = Lanes({("one", "host"): 0, ("one", "vm"): 0, ("two", "host"): 1}, workers=2)
    assert lanes.whole_s(parts) == 16.0
    assert replace(lanes, workers=1).whole_s(parts) == 28.0
    assert Lanes().whole_s(parts) == 28.0
