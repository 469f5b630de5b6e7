"""A tree that is whole, ways to break it, and what ``validate`` says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from helpers.analysis_tree import (
    CLIENT,
    SERVER,
    Tree,
    full_tree,
    load_counters,
    stat,
)

from probecost.analysis.check.completeness import CaseValidation, Validation, validate
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import study_run
from probecost.analysis.tree.problem import Kind
from probecost.results import layout


def whole_tree(folder: Path) -> Tree:
    """Two units, six perf tests, all that a run leaves: the node's counters of each perf test too."""
    tree = full_tree(folder)
    add_counters(tree)
    return tree


def add_counters(tree: Tree) -> None:
    for file in tree.root.rglob("metadata_*.json"):
        what = json.loads(file.read_text())
        if what["tool"] is not None:
            rewrite(file, tool={**what["tool"], "outcome": "ready"})
        monitoring = file.parent / layout.MONITORING
        monitoring.mkdir(exist_ok=True)
        for name, text in ((layout.COUNTERS_FILE, load_counters(1.0)), (layout.STAT_FILE, stat((0, 0), (50, 50)))):
            if not (monitoring / name).exists():
                (monitoring / name).write_text(text)


def rewrite(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def validated(tree: Tree) -> Validation:
    return validate(study_run(tree.root, Settings()))


def only(found: Validation) -> CaseValidation:
    (case,) = found.cases
    return case


def told(found: Validation, kind: Kind) -> list[str]:
    problems = (*(problem for case in found.cases for problem in case.problems), *found.problems)
    return [problem.text(found.root) for problem in problems if problem.kind.in_check is kind]


def one(tree: Tree, pattern: str, node: str = CLIENT) -> Path:
    """The first file below the node's tree."""
    return sorted(tree.node(node).glob(pattern))[0]


def delete_output(tree: Tree) -> None:
    one(tree, "ebpf/*/host/latency/tcp_rr_*/client_results/*.txt").unlink()


def leave_half_a_file(tree: Tree) -> None:
    (tree.root / "lab" / ".x.json.part").write_text("{")


def too_many_cpus(tree: Tree) -> None:
    file = one(tree, "ebpf/*/host/ebpf_monitoring/tool_cpu_usage_*", SERVER)
    file.write_text(file.read_text().replace(" 5.00\n", " 500.00\n"))
