"""Analysing results of 1,000 cases in 3 iterations: seconds and memory, and the time per case at other sizes.

The tree is made of one case that a run measured, its first unit, over and over: raw files are hard links, the
metadata are written anew for each case. ``python -m bench.many_results RUN`` takes the case of that run with the most
perf tests; ``make bench`` takes what it measured itself. No root and no network.

The reference, for the sake of other machines, is one process that reads and decodes the same metadata, counters and
results with the standard library, and does nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from probecost.analysis.tree.find import find_perf_tests
from probecost.analysis.tree.record import PerfTestFiles
from probecost.results.layout import (
    BASELINE,
    CLIENT_RESULTS,
    RUN_FILE,
    SERVER_RESULTS,
    TREE,
    CaseFolder,
    PerfTestFolder,
    RunTree,
    VisitFolder,
    timestamp,
)

PROJECT = Path(__file__).resolve().parents[1]
ITERATIONS = 3
SIZES = (100, 1000, 3000)
AIM_CASES, AIM_S, AIM_MB = 1000, 15.0, 500.0
LIMIT_S = 600.0


@dataclass(frozen=True)
class Cost:
    """Wall time of an analysis, and the most memory that its processes held together (shared pages once).

    ``reference_s``: wall time of the reference.
    """

    cases: int
    seconds: float
    megabytes: float
    reference_s: float


def template(run: Path) -> list[PerfTestFiles]:
    """The first unit of the case with the most perf tests; ``ValueError``: there is none with both arms."""
    units: dict[str, list[PerfTestFiles]] = {}
    for record in find_perf_tests(run.resolve()).records:
        what = record.metadata
        if what.unit == 1 and what.case_key and not record.place.is_switched and not what.unusable:
            units.setdefault(what.case_key, []).append(record)
    whole = [unit for unit in units.values() if len({record.metadata.arm for record in unit}) == 2]
    if not whole:
        raise ValueError(f"{run}: holds no case with a baseline visit and a tool visit in its first unit")
    return max(whole, key=len)


def build(unit: Sequence[PerfTestFiles], root: Path, cases: int, iterations: int = ITERATIONS) -> None:
    """A run of so many cases below ``root``."""
    run = RunTree(root)
    outcomes = {}
    for iteration in range(1, iterations + 1):
        for number in range(1, cases + 1):
            for record in unit:
                for node, folder in record.folders.items():
                    tree = run.node(record.metadata.environment, iteration, node) / TREE
                    _perf_test(record, folder, tree, number, iteration)
            _tool_logs(unit, run, number, iteration)
            key = _key(unit[0], number)
            outcomes[f"{key}-{iteration}"] = {
                "case_key": key,
                "environment": unit[0].metadata.environment,
                "iteration": iteration,
                "outcome": "passed",
            }
    document = {"schema": 1, "run_id": root.name, "ended_ns": 1, "options": {"units": 1}, "cases": outcomes}
    (root / RUN_FILE).write_text(json.dumps(document))


def _key(record: PerfTestFiles, number: int) -> str:
    return f"{record.metadata.case_key}-{number}"


def _visit(record: PerfTestFiles, number: int) -> VisitFolder:
    case = record.place.visit.case
    return VisitFolder(record.place.visit.pair_kind, case and CaseFolder(case.tool_id, number, case.hash))


def _perf_test(record: PerfTestFiles, source: Path, tree: Path, number: int, iteration: int) -> None:
    """One perf test's folder on one node. Baselines of all cases lie side by side: an hour keeps them apart."""
    start_ns = record.metadata.start_ns or 0
    ts = timestamp(start_ns + number * timedelta(hours=1) // timedelta(microseconds=1) * 1000)
    place = PerfTestFolder(_visit(record, number), record.place.perf_type, record.place.conn_type, ts)
    target = tree / place.path
    for name_of_folder, _, names in os.walk(source):
        folder = Path(name_of_folder)
        (target / folder.relative_to(source)).mkdir(parents=True)
        for name in names:
            if name != record.place.metadata.name:
                (target / folder.relative_to(source) / name).hardlink_to(folder / name)
    document = json.loads((source / record.place.metadata.name).read_text())
    document |= {
        "iteration": iteration,
        "case_key": _key(record, number),
        "case_id": number,
        "visit_id": f"{_key(record, number)}/u001/{record.metadata.arm}",
        "planned_units": [1],
        "options": {**document["options"], "units": 1},
        "facts": _on_machines_of_its_own(record, document.get("facts") or {}, f"{iteration}-{number}"),
    }
    (tree / place.metadata).write_text(json.dumps(document, indent=1))


def _on_machines_of_its_own(record: PerfTestFiles, facts: dict[str, Any], boot: str) -> dict[str, Any]:
    """All cases have the times of the real one; on the same machines they would void each other."""
    what = record.metadata
    nodes = dict.fromkeys([what.server_node, what.client_node, what.tool_node])
    return {node: {**facts.get(node, {}), "boot_id": boot} for node in nodes}


def _tool_logs(unit: Sequence[PerfTestFiles], run: RunTree, number: int, iteration: int) -> None:
    """The monitor logs and outputs of the tool, beside its perf tests."""
    record = next(record for record in unit if record.metadata.arm != BASELINE)
    node = record.metadata.tool_node
    target = run.node(record.metadata.environment, iteration, node) / TREE / _visit(record, number).path
    for file in _logs(record.tool_visit_dir):
        link = target / file.relative_to(record.tool_visit_dir)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.hardlink_to(file)


def _logs(folder: Path) -> Iterator[Path]:
    for pattern in ("ebpf_*.log", "ebpf_monitoring/*.log"):
        yield from sorted(folder.glob(pattern))


def analyse(root: Path, cases: int) -> Cost:
    """What the command costs that a user types; ``RuntimeError`` when it fails."""
    command = [sys.executable, "-m", "probecost", "analyze", "--iteration-path", str(root)]
    start = time.monotonic()
    highest_kb = 0
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        ) as process,
    ):
        while process.poll() is None:
            highest_kb = max(highest_kb, sum(_memory_kb(pid) for pid in _family(process.pid)))
            if time.monotonic() - start > LIMIT_S:
                process.kill()
            time.sleep(0.05)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"exit code {process.returncode}: {errors.read()[-500:].decode()}")
    seconds = time.monotonic() - start
    return Cost(cases, seconds, highest_kb / 1024, reference_s(root))


def reference_s(root: Path) -> float:
    """How long reading and decoding takes alone."""
    start = time.monotonic()
    for name_of_folder, _, names in os.walk(root):
        folder = Path(name_of_folder)
        of_generators = folder.name in (CLIENT_RESULTS, SERVER_RESULTS)
        for name in names:
            if of_generators or name.endswith(".json"):
                text = (folder / name).read_text(errors="replace")
                if text.startswith("{"):
                    json.loads(text)
    return time.monotonic() - start


def _family(pid: int) -> Iterator[int]:
    """The process and all below it."""
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _memory_kb(pid: int) -> int:
    """The proportional set size: what several processes share is counted once."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def measure(run: Path, sizes: Sequence[int] = SIZES) -> list[Cost]:
    """Build and analyse a tree of each size, one after the other; beside ``run``, for the sake of hard links."""
    unit = template(run)
    found = []
    for cases in sizes:
        place = Path(tempfile.mkdtemp(prefix=".bench-", dir=run.resolve().parent))
        try:
            build(unit, place / "run", cases)
            found.append(analyse(place / "run", cases))
        finally:
            shutil.rmtree(place)
    return found


def lines(costs: Sequence[Cost]) -> list[str]:
    """The figures as they are printed."""
    found = [
        f"analysis of many cases in {ITERATIONS} iterations "
        f"(aim for {AIM_CASES} cases: under {AIM_S:g} s and {AIM_MB:g} MB)"
    ]
    for cost in costs:
        each_ms = cost.seconds / cost.cases / ITERATIONS * 1000
        ratio = cost.seconds / cost.cases / (costs[0].seconds / costs[0].cases)
        found.append(
            f"  {cost.cases:5} cases: {cost.seconds:5.1f} s, {cost.megabytes:4.0f} MB, {each_ms:.2f} ms per case and "
            f"iteration, ratio to {costs[0].cases} cases {ratio:.2f}; ratio to reading and decoding alone "
            f"({cost.reference_s:.1f} s) {cost.seconds / cost.reference_s:.2f}"
        )
    return found


def main(arguments: Sequence[str]) -> int:
    """``RUN [CASES...]``."""
    if not arguments:
        sys.stderr.write(f"{__doc__}\nusage: many_results.py RUN [CASES...]\n")
        return 4
    sizes = [int(text) for text in arguments[1:]] or SIZES
    sys.stdout.write("\n".join(lines(measure(Path(arguments[0]), sizes))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
