"""The doctor on real nodes: all well, and each thing that can be missing, found in one go and without traffic."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bed_access import PROJECT, LabBed

pytestmark = pytest.mark.usefixtures("clean")


@dataclass(frozen=True)
class Answer:
    """What the doctor said: its exit code, and the checks of each node by their names."""

    code: int
    nodes: dict[str, dict[str, dict[str, Any]]]
    output: str

    def problems(self) -> dict[str, list[str]]:
        """The checks that found a problem, by node."""
        found = {
            node: [name for name, check in checks.items() if check["state"] == "problem"]
            for node, checks in self.nodes.items()
        }
        return {node: names for node, names in found.items() if names}

    def text(self, node: str, check: str) -> str:
        return "; ".join(f"{item['what']}: {item['remedy']}" for item in self.nodes[node][check]["problems"])


@pytest.fixture
def doctor(bed: LabBed) -> Callable[..., Answer]:
    def ask(*environments: str) -> Answer:
        command = [
            sys.executable,
            "-m",
            "probecost",
            "doctor",
            "--config-dir",
            str(bed.config_dir),
            "--format",
            "json",
        ]
        for name in environments or ("site",):
            command += ["--env", name]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout, done.stderr
        first = json.loads(done.stdout)["environments"][0]
        nodes = {node: {check["name"]: check for check in checks} for node, checks in first["nodes"].items()}
        return Answer(done.returncode, nodes, done.stdout)

    return ask


@contextmanager
def changed(file: Path, old: str, new: str) -> Iterator[None]:
    """A file with another text in it for a while."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    try:
        yield
    finally:
        file.write_text(text)


@contextmanager
def stopped(bed: LabBed, host: str) -> Iterator[None]:
    """A host whose sshd does not answer."""
    (listener,) = [pid for pid, command in bed.commands(host).items() if "sshd" in command and "-D" in command]
    os.kill(listener, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(listener, signal.SIGCONT)


def test_all_well(doctor: Callable[..., Answer]) -> None:
    answer = doctor()
    assert answer.problems() == {}, answer.output
    assert answer.code == 0
    for node in ("host-server", "host-client"):
        assert {check["state"] for check in answer.nodes[node].values()} == {"ok"}, answer.output


def test_a_dead_host_does_not_hide_what_the_other_lacks(bed: LabBed, doctor: Callable[..., Answer]) -> None:
    with stopped(bed, "host-client"), bed.hidden("host-server", "netserver"):
        answer = doctor()
    assert answer.code == 1
    assert answer.problems() == {"host-server": ["programs"], "host-client": ["ssh"]}, answer.output
    assert "netserver is not installed: apt-get install netperf" in answer.text("host-server", "programs")
    assert "does not answer" in answer.text("host-client", "ssh")
    assert answer.nodes["host-client"]["ports"]["state"] == "not checked"


def test_no_sudo_and_no_python(bed: LabBed, doctor: Callable[..., Answer]) -> None:
    python = changed(
        bed.config_dir / "site/site-full.yaml", "python_interpreter: python3", "python_interpreter: python9"
    )
    with bed.hidden("host-client", "sudo"):
        answer = doctor()
        assert answer.problems() == {"host-client": ["sudo"]}, answer.output
    with python:
        answer = doctor()
    assert answer.problems() == {"host-server": ["python"], "host-client": ["python"]}, answer.output
    assert "python9 is missing" in answer.text("host-server", "python")


def test_a_workdir_and_a_test_address_that_are_wrong(bed: LabBed, doctor: Callable[..., Answer]) -> None:
    full = bed.config_dir / "site/site-full.yaml"
    address = json.loads(_as_json(full))["environments"]["host"]["server"]["test_ip"]
    with (
        changed(full, "workdir: /home/probe/work", "workdir: /etc/passwd/work"),
        changed(full, f"test_ip: {address}\n", "test_ip: 203.0.113.9\n"),
    ):
        answer = doctor()
    assert answer.code == 1
    assert answer.problems() == {"host-server": ["workdir", "test address"], "host-client": ["workdir"]}, answer.output
    assert "/etc/passwd is not a directory" in answer.text("host-server", "workdir")
    assert "203.0.113.9 is not on this node" in answer.text("host-server", "test address")


def test_a_host_key_that_is_not_known(bed: LabBed, doctor: Callable[..., Answer]) -> None:
    known = next(path for path in bed.folder.rglob("known_hosts"))
    text = known.read_text()
    known.write_text("")
    try:
        answer = doctor()
    finally:
        known.write_text(text)
    assert answer.problems() == {"host-server": ["host key"], "host-client": ["host key"]}, answer.output
    assert f" >> {known}; or run once with --ssh-accept-new" in answer.text("host-server", "host key")


def test_a_configuration_with_mistakes_is_4(bed: LabBed, doctor: Callable[..., Answer]) -> None:
    with changed(bed.config_dir / "site/minimal-input.yaml", "role: host", "role: hots"):
        answer = doctor("site", "lab")
    assert answer.code == 4
    assert "expected 'host' or 'vm' (did you mean 'host'?)" in answer.output
    assert '"environment": "lab"' in answer.output


def _as_json(file: Path) -> str:
    import yaml

    return json.dumps(yaml.safe_load(file.read_text()))
