"""A small plan of two test pairs, written as a workflow file and read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probecost.config.environment import Case, Environment, PairKind, PairSide, PerfTestSpec, SshHost, TestPair
from probecost.errors import ConfigError
from probecost.plan.plan import Plan, Planned, plan
from probecost.plan.settings import Settings
from probecost.plan.workflow.read import read_workflow
from probecost.plan.workflow.write import workflow, write_workflow

SPECS = (
    PerfTestSpec("throughput", "single", 2.0),
    PerfTestSpec("throughput", "multi", 2.5, 4, "10G"),
    PerfTestSpec("latency", "tcp_rr", 1.0),
)
Content = dict[str, Any]
Edit = Callable[[list[Content]], object]


def case(key: str, number: int, kind: PairKind = "host") -> Case:
    tool = key.split("-")[1]
    parameters = (("direction", "rx"), ("protocol", "tcp"))
    command = f"sudo tools/{tool}.bt '{key}' \u00e4"
    return Case("bed", key, number, key, command, tool, "c/d", kind, parameters, "abc123", 10.0, f"tools/{tool}.bt")


def environment(name: str = "bed", **more: Any) -> Environment:
    nodes = {node: SshHost(node, "192.0.2.1", "/tmp/w") for node in ("a", "b")}
    sides = [PairSide(node, f"198.51.100.{number}", "eth1", node) for number, node in enumerate(nodes, 1)]
    pairs: dict[PairKind, TestPair] = {kind: TestPair(kind, *sides) for kind in ("host", "vm")}
    values: dict[str, Any] = {
        "name": name,
        "folder": Path("config") / name,
        "nodes": nodes,
        "ssh_config": None,
        "pairs": pairs,
        "perf_tests": SPECS,
        "tools_dir": "tools",
        "local_tools_dir": None,
        "python_interpreter": "python3",
        "port_range": (20000, 29999),
        "variables": {"vm": {"VM_INTERFACE": "vnet3"}},
    }
    return Environment(**values | more)


CASES = (case("host-b-rx", 1), case("vm-a-rx", 2, "vm"), case("host-a-rx", 3), case("host-b-tx", 4))
KEYS = ["host-b-rx", "host-b-tx", "host-a-rx", "vm-a-rx"]


def planned(settings: Settings, *names: str) -> Plan:
    """In the order of the file; a unit of visits per case where ``settings`` leave that open."""
    settings = plain(settings)
    return plan({name: Planned(environment(name), CASES, SPECS) for name in names or ("bed",)}, settings)


def plain(settings: Settings) -> Settings:
    asked = "visits" if settings.schedule == "auto" else settings.schedule
    return replace(settings, units=settings.units or 1, schedule=asked, order="file")


def written(tmp_path: Path, settings: Settings, *names: str, edit: Edit | None = None) -> Path:
    """A workflow file, with its cycles edited; one line per value, so that lines tell."""
    file = tmp_path / "w.json"
    whole = planned(settings, *names)
    write_workflow(workflow(whole, whole.items, 0.0), file, pretty=True)
    if edit is not None:
        content = json.loads(file.read_text())
        edit(content["test_sequence"])
        file.write_text(json.dumps(content, indent=1))
    return file


def refusal(file: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_workflow(file)
    return str(caught.value)


def move(old: int, new: int, count: int) -> Edit:
    def edit(sequence: list[Content]) -> None:
        part = [sequence.pop(old) for _ in range(count)]
        sequence[new:new] = part

    return edit


def remove(*indexes: int) -> Edit:
    return lambda sequence: [sequence.pop(index) for index in sorted(indexes, reverse=True)]


def put(index: int, path: str, value: object) -> Edit:
    def edit(sequence: list[Content]) -> None:
        target: Any = sequence[index]
        *parts, last = path.split(".")
        for part in parts:
            target = target[int(part)] if part.isdigit() else target[part]
        target[last] = value

    return edit
