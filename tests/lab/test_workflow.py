"""A workflow on a real bed: what it says is what the hosts saw, in that order, and again in each iteration."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bed_access import HOSTS, LabBed, Run, until

Start = Callable[..., Run]
SHORT = ("--duration", "1", "--perf-tests", "latency:tcp_rr")

pytestmark = pytest.mark.usefixtures("clean")


def metadata(run: Run) -> list[dict[str, Any]]:
    """What the client recorded of each visit, in the order in which they were made."""
    files = run.tree.glob("site/*/host-client/**/metadata_*.json")
    return sorted((json.loads(file.read_text()) for file in files), key=lambda found: found["visit_start_ns"])


def written(run: Start, file: Path, *options: str) -> list[dict[str, Any]]:
    """The cycles of a dry run."""
    dry = run("--env", "site", "--collect-only", "--workflow-out", str(file), *options)
    assert dry.wait() == 0, dry.output
    cycles: list[dict[str, Any]] = json.loads(file.read_text())["test_sequence"]
    return cycles


def place(cycle: dict[str, Any]) -> tuple[int, str, str, int, str | None]:
    case = cycle["ebpf_case"]
    arm = "baseline" if case is None else "tool"
    return cycle["iteration"], cycle["case_key"] or "", arm, cycle["unit"], case and case["command"]


def place_made(found: dict[str, Any]) -> tuple[int, str, str, int, str | None]:
    return found["iteration"], found["case_key"], found["arm"], found["unit"], found["command"]


def test_what_it_says_is_what_runs(run: Start, tmp_path: Path) -> None:
    file, output = tmp_path / "workflow.json", tmp_path / "workflow-results.json"
    cycles = written(run, file, *SHORT, "-k", "null or (eth_drop and rx_protocol_tcp)", "--units", "2", "--seed", "3")
    assert len(cycles) == 2 * 2 * 2
    done = run(f"--workflow={file}", f"--output={output}")
    assert done.wait() == 0, done.output
    made = metadata(done)
    assert [place_made(found) for found in made] == [place(cycle) for cycle in cycles]
    assert {found["duration_s"] for found in made} == {1.0}
    results = json.loads(output.read_text())
    assert [cycle["cycle_id"] for cycle in results["cycles"]] == [cycle["cycle_id"] for cycle in cycles]
    assert results["summary"] == {"completed": 8}
    for cycle in results["cycles"]:
        assert {path.split("/")[2] for path in cycle["paths"]} == set(HOSTS)
        assert all((done.tree / path).exists() for path in cycle["paths"])
    for cycle in cycles:
        assert len(list(done.tree.glob(cycle["result_path"]))) == len(HOSTS)


def plugin(tmp_path: Path, after_each_item: str) -> tuple[str, ...]:
    """Options for a plugin that runs some lines after each item, torn down and all, and before the next."""
    lines = [
        "import json",
        "from pathlib import Path",
        "from bed_access import HOSTS, LabBed, until",
        "def pytest_runtest_logfinish(nodeid, location):",
        *(f"    {line}" for line in after_each_item.splitlines()),
    ]
    (tmp_path / "between_items.py").write_text("\n".join(lines) + "\n")
    return "-p", "between_items", "-o", f"pythonpath={tmp_path} {Path(__file__).parent} {Path(__file__).parents[1]}"


def test_iterations_leave_nothing_for_the_next(bed: LabBed, run: Start, tmp_path: Path) -> None:
    log = tmp_path / "between.log"
    look = (
        f"bed = LabBed(Path({str(bed.config_dir)!r}))\n"
        "until(lambda: not any(bed.inventory().files.values()), 15)\n"
        f"with Path({str(log)!r}).open('a') as out:\n"
        "    out.write(json.dumps([nodeid.split('[')[-1], bed.inventory().files]) + '\\n')\n"
    )
    done = run(
        *("--env", "site", *SHORT, "-k", "null", "--iterations", "2", "--baseline", "shared"),
        *plugin(tmp_path, look),
    )
    assert done.wait() == 0, done.output
    nothing: dict[str, list[str]] = {host: [] for host in HOSTS}
    name, files = json.loads(log.read_text().splitlines()[0])
    assert (name, files) == ("host-null-iteration_001]", nothing)
    assert [place_made(found)[:3] for found in metadata(done)] == [
        (iteration, key, arm) for iteration in (1, 2) for key, arm in (("", "baseline"), ("host-null", "tool"))
    ]
    for iteration in (1, 2):
        assert list((done.tree / "reports" / "site").glob(f"*_latency_iteration_00{iteration}.csv"))
    assert "host-null-iteration_002" in done.output


def test_an_iteration_that_cannot_begin_does_not_stop_the_next(bed: LabBed, run: Start, tmp_path: Path) -> None:
    """netperf is missing on one host, and is installed while the run goes on with its second iteration."""
    output, failed, repaired = tmp_path / "out.json", tmp_path / "failed", tmp_path / "repaired"
    wait = f"Path({str(failed)!r}).touch()\nuntil(Path({str(repaired)!r}).exists, 60)"
    with bed.hidden("host-client", "netperf"):
        done = run(
            *("--env", "site", *SHORT, "-k", "null", "--iterations", "2", f"--output={output}"),
            *plugin(tmp_path, wait),
        )
        assert until(lambda: failed.exists() or done.process.poll() is not None, 60), done.output
    repaired.touch()
    assert done.wait() == 1, done.output
    cycles = json.loads(output.read_text())["cycles"]
    assert [(cycle["iteration"], cycle["status"]) for cycle in cycles] == [
        (1, "not run"),
        (1, "not run"),
        (2, "completed"),
        (2, "completed"),
    ]
    assert "netperf is not installed" in cycles[0]["error"]


def test_an_interrupted_one_says_what_was_made_and_what_was_cut(run: Start, tmp_path: Path) -> None:
    """The second visit of the only unit is cut: the first was made to its end, and is of no use alone."""
    file, output = tmp_path / "workflow.json", tmp_path / "out.json"
    options = ("--duration", "1", "--perf-tests", "throughput:single,latency:tcp_rr", "-k", "null")
    written(run, file, *options)
    marker = tmp_path / "second"
    (tmp_path / "marking.py").write_text(
        "from pathlib import Path\n"
        "import time\n"
        "seen = []\n"
        "def pytest_probecost_perf_test_init(perf_test):\n"
        "    if perf_test.arm not in seen:\n"
        "        seen.append(perf_test.arm)\n"
        "    if len(seen) == 2:\n"
        f"        Path({str(marker)!r}).touch()\n"
        "        time.sleep(60)\n"
    )
    done = run(f"--workflow={file}", f"--output={output}", "-p", "marking", "-o", f"pythonpath={tmp_path}")
    assert until(lambda: marker.exists() or done.process.poll() is not None, 60), done.output
    done.interrupt(signal.SIGINT)
    assert done.wait() == 2, done.output
    results = json.loads(output.read_text())
    assert results["status"] == "interrupted"
    assert [cycle["status"] for cycle in results["cycles"]] == ["void", "interrupted"]
    assert results["cycles"][0]["paths"]
