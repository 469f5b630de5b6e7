"""A bed whose nodes come back as others: what was known of them does not hold any more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from probecost.config.environment import Environment, PairSide, SshHost, TestPair
from probecost.errors import ConnectionLostError, NodeRebootedError
from probecost.measure import bed as bed_module
from probecost.measure.bed import Bed, MeasureOptions
from probecost.remote.node import Node
from probecost.results.layout import RunTree

NAMES = ("a", "b")


class FakeNode:
    """A node that is connected anew when its session was ``cut``; ``boot_id`` is what it says of itself."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.generation = 1
        self.boot_id: str | None = "first"
        self.cut = False
        self.is_away = False
        self.reminded: list[dict[str, Any] | None] = []

    def revive(self) -> None:
        if self.is_away:
            raise ConnectionLostError(self.name, "the connection was cut")
        if self.cut:
            self.cut = False
            self.generation += 1

    def facts(self) -> dict[str, Any]:
        return {"boot_id": self.boot_id}

    def remember(self, earlier: dict[str, Any] | None) -> dict[str, Any]:
        self.reminded.append(earlier)
        return earlier or {"entries": [["XDP", "eth1 generic", "drop"]], "found": ["XDP eth1 generic: drop"]}

    def close(self) -> None:
        pass


@pytest.fixture
def nodes() -> dict[str, FakeNode]:
    return {name: FakeNode(name) for name in NAMES}


@pytest.fixture
def bed(nodes: dict[str, FakeNode], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bed:
    """Opened the usual way, with our nodes in place of real ones."""
    hosts = {name: SshHost(name, "192.0.2.1", "/tmp/w") for name in NAMES}
    server, client = (PairSide(name, "198.51.100.1", "eth0", name) for name in NAMES)
    environment = Environment(
        name="bed",
        folder=tmp_path,
        nodes=hosts,
        ssh_config=None,
        pairs={"host": TestPair("host", server, client)},
        perf_tests=(),
        tools_dir="tools",
        local_tools_dir=None,
        python_interpreter="python3",
        port_range=(20000, 29999),
    )
    monkeypatch.setattr(bed_module, "Node", lambda host, config, **options: nodes[host.name])
    monkeypatch.setattr(bed_module, "check", lambda environment, nodes, cases: None)
    cases = cast(Any, [type("Case", (), {"pair_kind": "host"})])
    return Bed.open(environment, cases, RunTree(tmp_path), 1, MeasureOptions())


def revive(bed: Bed) -> None:
    bed.revive(cast("list[Node]", list(bed.nodes.values())))


def test_a_cut_connection_is_made_anew(bed: Bed, nodes: dict[str, FakeNode]) -> None:
    nodes["a"].cut = True
    revive(bed)
    assert nodes["a"].generation == 2
    assert bed.rebooted(NAMES) == ()


@pytest.mark.parametrize("by_whom", ["us", "a request before"])
def test_another_boot_is_told(bed: Bed, nodes: dict[str, FakeNode], by_whom: str) -> None:
    nodes["a"].cut, nodes["a"].boot_id = True, "second"
    if by_whom != "us":
        nodes["a"].revive()
    for _ in range(2):  # as long as this bed is open
        with pytest.raises(NodeRebootedError, match="node a: it has rebooted since the run connected to it"):
            revive(bed)
    assert bed.rebooted(NAMES) == ("a",)
    assert bed.rebooted(["b"]) == ()


def test_one_that_is_away(bed: Bed, nodes: dict[str, FakeNode]) -> None:
    nodes["b"].is_away = True
    with pytest.raises(ConnectionLostError):
        bed.rebooted(NAMES)
    assert bed.rebooted(["a"]) == ()


def test_what_a_node_was_is_remembered_over_connections_and_sessions(
    bed: Bed, nodes: dict[str, FakeNode], tmp_path: Path
) -> None:
    nodes["a"].cut = True
    revive(bed)
    first, again = nodes["a"].reminded
    assert first is None
    assert again == bed.attached["a"]
    (file,) = tmp_path.glob("attached-bed-a.json")
    assert json.loads(file.read_text()) == again
    assert nodes["b"].reminded == [None], "it was not cut"


def test_a_node_that_has_no_boot_id(bed: Bed, nodes: dict[str, FakeNode]) -> None:
    """Nothing is known then, and a cut is taken for a cut."""
    nodes["a"].cut, nodes["a"].boot_id = True, None
    revive(bed)
    assert bed.rebooted(NAMES) == ()


def test_names_of_other_beds(bed: Bed) -> None:
    assert bed.rebooted(["elsewhere"]) == ()
