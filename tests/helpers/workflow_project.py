"""A project whose runs are written down as workflows, and ways to look at what was planned and what was made."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from helpers.fake_project import Project, plain

from probecost.cli.main import main

Workflow = dict[str, Any]


def written(project: Project, *options: str, env: str = "bed") -> Workflow:
    """The workflow of a dry run."""
    result = project.run("--collect-only", "--workflow-out", "w.json", *options, env=env)
    assert result.ret == 0, result.stdout.str()
    content: Workflow = json.loads((project.path / "w.json").read_text())
    return content


def written_by_verb(project: Project, monkeypatch: pytest.MonkeyPatch, *options: str) -> pytest.RunResult:
    """``probecost workflow``, into ``c.json``, and in this process the pytest that it becomes."""
    called: list[str] = []
    monkeypatch.chdir(project.path)
    monkeypatch.setattr(os, "execv", lambda _, arguments: called.extend(arguments))
    assert main(["workflow", "--output", "c.json", *plain(options), *options]) == 0
    assert called[:3] == [sys.executable, "-m", "pytest"]
    return project.pytester.runpytest_inprocess(*called[3:])


def edit(project: Project, change: Callable[[Workflow], None]) -> None:
    """Change the written workflow as a user does with an editor."""
    file = project.path / "w.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content, indent=1))


def again(project: Project, *options: str) -> pytest.RunResult:
    return project.pytester.runpytest_inprocess("--workflow", "w.json", *options)


def planned_visits(content: Workflow) -> list[tuple[str, str]]:
    """Arm and case of each cycle, a shared baseline without a case."""
    arms = {"baseline": "baseline", "ebpf_test": "tool"}
    return [(arms[cycle["cycle_type"]], cycle["case_key"] or "") for cycle in content["test_sequence"]]


def made_visits(project: Project) -> list[tuple[str, str]]:
    """Arm and case of each visit that the engine made, with the first perf test of each."""
    lines = [line.split() for line in project.log if line.startswith("latency:tcp_rr ")]
    return [("baseline", "") if arm == "shared" else (arm, key) for _, arm, key in lines]


def results(project: Project) -> list[tuple[str, str]]:
    content = json.loads((project.tree / "workflow-results.json").read_text())
    return [(cycle["cycle_id"].split("/", 2)[2], cycle["status"]) for cycle in content["cycles"]]
