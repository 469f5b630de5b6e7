"""A workflow of 10,000 cycles written and read back, against plain JSON of the same content in the same run."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from probecost.config.environment import Case, Environment, PairSide, PerfTestSpec, SshHost, TestPair
from probecost.plan.plan import Plan, Planned, plan
from probecost.plan.settings import Settings
from probecost.plan.workflow.read import read_workflow
from probecost.plan.workflow.write import workflow, write_workflow

CASES = 5_000  # with a paired baseline and one unit, two cycles each
ROUNDS = 3
_TOOLS = 100


def bench_plan() -> Plan:
    """One environment with ``CASES`` cases of ``_TOOLS`` tools and six perf tests."""
    nodes = {name: SshHost(name, "192.0.2.1", "/tmp/w") for name in ("host-server", "host-client")}
    server, client = (PairSide(name, f"198.51.100.{number}", "eth0", name) for number, name in enumerate(nodes, 1))
    specs = (
        *(PerfTestSpec("throughput", conn, 10.0) for conn in ("single", "multi")),
        *(PerfTestSpec("latency", conn, 10.0) for conn in ("tcp_rr", "udp_rr")),
        *(PerfTestSpec("pps", conn, 10.0, target_bitrate="1G") for conn in ("single", "multi")),
    )
    environment = Environment(
        name="bench",
        folder=Path("config/bench"),
        nodes=nodes,
        ssh_config=None,
        pairs={"host": TestPair("host", server, client)},
        perf_tests=specs,
        tools_dir="tools",
        local_tools_dir=None,
        python_interpreter="python3",
        port_range=(20000, 29999),
    )
    cases = tuple(_case(number) for number in range(CASES))
    return plan({"bench": Planned(environment, cases, specs)}, Settings())


def _case(number: int) -> Case:
    tool, parameter = f"tool_{number % _TOOLS:03d}", f"{number // _TOOLS}"
    command = (
        f"sudo -n bpftrace tools/packet-drop/{tool}.bt --src-ip 198.51.100.2 --dst-ip 198.51.100.1 --n {parameter}"
    )
    key, name = f"host-{tool}-rx_n_{parameter}", f"{tool}_rx_n_{parameter}"
    parameters = (("direction", "rx"), ("n", parameter))
    return Case("bench", key, number + 1, name, command, tool, "packet-drop", "host", parameters, "0a1b2c", 10.0)


def _best_s(step: Callable[[], object]) -> float:
    """The shortest of a few rounds, in seconds: what it takes when nobody else is on the machine."""
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        step()
        found.append(time.perf_counter() - start)
    return min(found)


def print_workflow_figures(say: Callable[[str], None]) -> None:
    """Written: from the plan to the file. Read: from the file to the items, every check included."""
    whole = bench_plan()
    with tempfile.TemporaryDirectory() as folder:
        file, plain = Path(folder) / "workflow.json", Path(folder) / "plain.json"
        write_s = _best_s(lambda: write_workflow(workflow(whole, whole.items, 0.0), file))
        read_s = _best_s(lambda: read_workflow(file))
        content = json.loads(file.read_text())

        def dump() -> None:
            with plain.open("w") as out:
                json.dump(content, out)

        def load() -> None:
            with plain.open() as source:
                json.load(source)

        dump_s, load_s = _best_s(dump), _best_s(load)
        cycles, size_mb = len(content["test_sequence"]), file.stat().st_size / 1e6
    say(
        f"workflow of {cycles} cycles ({size_mb:.1f} MB): written in {write_s:.2f} s, read in {read_s:.2f} s, together "
        f"{write_s + read_s:.2f} s (aim: under 2 s); json.dump {dump_s:.2f} s, json.load {load_s:.2f} s, "
        f"ratio {(write_s + read_s) / (dump_s + load_s):.2f}"
    )
