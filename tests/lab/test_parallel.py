"""``-n`` on two real beds: both are measured at the same time, and neither is touched by a second run."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bed_access import PROJECT, LabBed, Run, until
from own_lab import OwnLab

SHORT = ("--env", "one", "--env", "two", "--perf-tests", "latency:tcp_rr", "--duration", "1", "--order", "file")

# Both beds are this machine: each is foreign load to the other, which is none of the matter here.
_PLUGIN = """
from types import SimpleNamespace

import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_probecost_case_results():
    return SimpleNamespace(figures={}, problems=[])
"""


@pytest.fixture(scope="module")
def beds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LabBed, LabBed]]:
    """Two labs, and the environments ``one`` and ``two`` on their hosts in the configuration of the first."""
    folder = tmp_path_factory.mktemp("beds")
    labs = [OwnLab(folder / name) for name in ("first", "second")]
    config_dir = labs[0].config_dir
    try:
        for lab, name in zip(labs, ("one", "two"), strict=True):
            lab.up()
            shutil.copytree(lab.config_dir / "lab", config_dir / name)
            minimal = config_dir / name / "minimal-input.yaml"
            minimal.write_text(minimal.read_text().replace('environment: "lab"', f'environment: "{name}"'))
            command = [sys.executable, "-m", "probecost", "bootstrap", "--minimal-input", str(minimal)]
            subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
            write_cases(config_dir / name, name)
        yield LabBed(config_dir), LabBed(labs[1].config_dir)
    finally:
        for lab in labs:
            lab.down()


def write_cases(folder: Path, name: str) -> None:
    """Two sleeping tools, so that nothing but the bed decides."""
    listed = [
        {
            "id": number,
            "name": tool,
            "command": "sudo sleep 1000",
            "script": f"{tool}.sh",
            "category": "test",
            "environment": "host",
            "parameters": {},
            "duration": 1,
            "attaches": "none",
        }
        for number, tool in enumerate(("first", "second"), 1)
    ]
    document = {"metadata": {"environment": name, "total_cases": len(listed)}, "test_cases": listed}
    (folder / f"{name}-cases.json").write_text(json.dumps(document))


@pytest.fixture
def start(beds: tuple[LabBed, LabBed], tmp_path: Path) -> Iterator[Callable[..., Run]]:
    (tmp_path / "judge.py").write_text(_PLUGIN)
    started: list[Run] = []
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))

    def begin(*options: str) -> Run:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", path)
            started.append(Run.start(beds[0], tmp_path / f"results-{len(started)}", "-p", "judge", *options))
        return started[-1]

    before = [bed.inventory() for bed in beds]
    yield begin
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
    for bed, was in zip(beds, before, strict=True):
        assert until(lambda bed=bed, was=was: bed.inventory().processes == was.processes, 15), bed.inventory()


def visits(run: Run) -> dict[str, list[tuple[int, int]]]:
    """By environment, when its visits began and ended."""
    found: dict[str, list[tuple[int, int]]] = {}
    for file in run.tree.glob("*/iteration_001/host-client/**/metadata_*.json"):
        content = json.loads(file.read_text())
        found.setdefault(content["environment"], []).append((content["visit_start_ns"], content["visit_end_ns"]))
    return {name: sorted(spans) for name, spans in found.items()}


def test_both_at_the_same_time_with_one_report(start: Callable[..., Run]) -> None:
    run = start(*SHORT, "-n", "auto")
    assert run.wait(180) == 0, run.output
    assert "2 groups of test pairs that share no node: 2 workers" in run.output
    assert "Audit: 8 visits on 4 machines, never two at the same time on one." in run.output
    found = visits(run)
    assert {name: len(spans) for name, spans in found.items()} == {"one": 4, "two": 4}
    assert found["one"][0][0] < found["two"][-1][1]
    assert found["two"][0][0] < found["one"][-1][1]
    assert (run.tree / "reports" / "verdicts.csv").exists()
    assert {case["outcome"] for case in json.loads((run.tree / "run.json").read_text())["cases"].values()} == {"passed"}


def test_a_second_run_is_told_and_one_that_waits_comes_after(
    beds: tuple[LabBed, LabBed], start: Callable[..., Run]
) -> None:
    first = start(*SHORT, "-n", "2", "--duration", "6")  # longer than the others take to begin
    first.wait_for("host-server", "netserver")
    second = start("--env", "one", *SHORT[4:])
    third = start("--env", "one", *SHORT[4:], "--wait-for-nodes", "2m")
    assert second.wait(60) == 1, second.output
    assert f"in use by run {first.tree.name}" in second.output
    assert first.wait(180) == 0, first.output
    assert third.wait(120) == 0, third.output
    waits = rf"one waits, for up to (2 min 00|1 min 5\d) s: node host-(server|client): in use by run {first.tree.name}"
    assert re.search(waits, third.output), third.output
    assert max(end for _, end in visits(first)["one"]) < min(begin for begin, _ in visits(third)["one"])


def test_a_worker_that_is_killed(start: Callable[..., Run]) -> None:
    """Its case fails; the next one of its group waits until the nodes are clear, and is measured."""
    run = start(*SHORT, "-n", "2", "--duration", "2")
    run.wait_for("host-server", "netserver")
    children = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children").read_text().split()
    workers = [pid for pid in children if "exec(eval(" in Path(f"/proc/{pid}/cmdline").read_text()]
    assert len(workers) == 2
    os.kill(int(workers[0]), signal.SIGKILL)
    assert run.wait(180) == 1, run.output
    outcomes = [case["outcome"] for case in json.loads((run.tree / "run.json").read_text())["cases"].values()]
    assert sorted(outcomes) == ["error", *["passed"] * 3], run.output
