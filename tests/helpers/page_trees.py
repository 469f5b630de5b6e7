"""Results trees for tests of the page: judged cases of known costs, and one in which every text is hostile."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from helpers.analysis_tree import CASE_KEY, SECOND_NS, Tree, netperf

from probecost.results.layout import CaseFolder

WIGGLE_US = (0.0, 0.2, 0.1, -0.2, -0.1, 0.15, 0.05, -0.05)
BASELINE_US = 20.0
FIRST_FRESH = 11
#: What may stand in a name, a command or a log, and must never be markup.
HOSTILE = '</script><img src=x onerror="document.title=1"><!-- & \u2028 \x1b[31m \'"'
NO_COST, NULL, EXPENSIVE = "host-quiet", "host-null", "host-packet_print"
COSTS_US: Mapping[str, float] = {NULL: 0.0, EXPENSIVE: 10.0, NO_COST: 0.1}


def judged_tree(
    results_dir: Path, costs_us: Mapping[str, float] = COSTS_US, *, units: int = 8, environment: str = "lab"
) -> Tree:
    """TCP RR round trips of 20 us, and what each case costs more; the tool of ``host-x`` is ``x``."""
    tree = Tree(results_dir, units=units, environment=environment)
    for number, (key, cost_us) in enumerate(costs_us.items(), 1):
        case = CaseFolder(key.removeprefix("host-"), number, f"{number:06x}")
        for unit in range(1, units + 1):
            slow_us = BASELINE_US + cost_us + WIGGLE_US[(unit - 1) % len(WIGGLE_US)]
            for arm, mean_us in (("baseline", BASELINE_US), ("tool", slow_us)):
                tree.perf_test(arm, unit, "latency", "tcp_rr", client=[netperf(mean_us)], case=case, case_key=key)
    tree.run_file({key: {"outcome": "passed", "message": ""} for key in costs_us})
    return tree


def speed_up_tree(
    results_dir: Path, tool_us: float, fresh_us: float | None, *, made: int = 8, **changes: object
) -> Tree:
    """Eight units, and fresh ones 11 to 18; 20 us without the tool. ``changes``: of the last fresh one."""
    tree = Tree(results_dir, units=8)
    planned = {"planned_units": list(range(1, 9))}
    for number in range(1, 9):
        latency_unit(tree, number, tool_us, **planned)
    for number in range(FIRST_FRESH, FIRST_FRESH + made) if fresh_us is not None else ():
        last = changes if number == FIRST_FRESH + made - 1 else {}
        latency_unit(tree, number, fresh_us or 0.0, confirmation=True, **planned, **last)
    tree.run_file({CASE_KEY: {"outcome": "passed", "message": ""}})
    return tree


def latency_unit(tree: Tree, number: int, tool_us: float, **metadata: object) -> None:
    for arm, us in (("baseline", BASELINE_US), ("tool", tool_us + WIGGLE_US[number % len(WIGGLE_US)])):
        tree.perf_test(arm, number, "latency", "tcp_rr", client=[netperf(us)], **metadata)


def hostile_tree(results_dir: Path) -> Tree:
    """One case whose names, command, message, node and reasons are ``HOSTILE``."""
    tree = Tree(results_dir, units=2)
    case = CaseFolder("evil", 1, "abcdef")
    facts = {"kernel": HOSTILE, "cpu_model": HOSTILE, "interfaces": [{"name": HOSTILE}]}
    texts = {
        "tool_id": HOSTILE,
        "case_name": HOSTILE,
        "category": HOSTILE,
        "parameters": {"protocol": HOSTILE, "direction": HOSTILE},
        "facts": {"host-server": facts, "host-client": facts},
    }
    for unit in (1, 2):
        for arm, mean_us in (("baseline", 20.0), ("tool", 30.0)):
            more = {"void_reason": HOSTILE} if unit == 2 and arm == "tool" else {}
            command = HOSTILE if arm == "tool" else None
            tree.perf_test(
                arm,
                unit,
                "latency",
                "tcp_rr",
                client=[netperf(mean_us)],
                case=case,
                case_key=HOSTILE,
                command=command,
                **texts,
                **more,
            )
    message = {"outcome": "failed", "message": HOSTILE}
    tree.run_file({HOSTILE: message}, argv=["-k", HOSTILE], notes=[HOSTILE], options={"seed": HOSTILE})
    tree.now_ns += SECOND_NS
    return tree
