"""Figures of the framework itself, printed and never asserted: ``make bench`` (needs root: it brings a lab up).

- generating, listing and collecting 10,000 cases: seconds and memory, and the ratio to a bare pytest that collects as
  many items (the reference);
- memory of the controller and time per case after 100 and after 1,000 cases of one run, without hosts;
- share of the wall time of a case in which traffic is measured, at 3 and 10 seconds per perf test, against the share
  that a loop of bare generators reaches in the same minute (the reference);
- SSH round trips per perf test;
- the supervisor's CPU time while it watches a tool, per core;
- time from Ctrl-C, and from SIGKILL, until both nodes are as they were;
- a workflow of 10,000 cycles written and read back, against plain JSON;
- false positives of the verdicts' interval on simulated beds, against methods that must fail there;
- size of a page of 100 cases; seconds until a page of 1,000 cases is open in Chromium, and to filter it;
- half-width x sqrt(minutes) of the plan that a run chooses, against visits of 2, 5 and 10 s (the reference);
- analysing results of 1,000 cases in 3 iterations, made of one case that was just measured: seconds and memory of all
  processes, and the time per case against 100 and 3,000 cases;
- wall time of 1, 2 and 4 test pairs that share no node with ``-n auto``, against one after the other (the reference);
- wall time of discovering the four nodes of lab-vm, against the same facts asked by one ssh command after the other.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import false_verdicts, many_cases, many_results, memory, page_size, parallel
from bench.schedules import print_schedules
from bench.workflow import print_workflow_figures
from probecost.config.environment import Case, Environment
from probecost.config.folder import load_cases, load_environment, load_minimal
from probecost.discovery.full import ssh_hosts
from probecost.discovery.survey import survey, uuids_by_host
from probecost.lab import control, state
from probecost.lab.places import Place
from probecost.measure.bed import Bed, MeasureOptions
from probecost.measure.case import CaseRun
from probecost.measure.visit_record import PerfTestRun, VisitRecord
from probecost.plan.perf_tests import select_perf_tests
from probecost.plan.visits import visits
from probecost.remote.facts import collect
from probecost.remote.questions import Questions
from probecost.remote.supervisor.processes import stat_of
from probecost.results.layout import TOOL, RunTree

PROJECT = Path(__file__).resolve().parents[1]
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass
class Shares:
    """Seconds of one case: all of it, traffic, and the tool's own start-up and end."""

    wall_s: float
    traffic_s: float
    tool_s: float
    round_trips: list[int]

    @property
    def percent(self) -> float:
        return 100 * self.traffic_s / (self.wall_s - self.tool_s)


def traffic_s(visits: list[VisitRecord]) -> float:
    return sum((test.end_ns - test.start_ns) / 1e9 for visit in visits for test in visit.perf_tests)


def measure_shares(environment: Environment, case: Case, duration_s: float, results: Path) -> Shares:
    specs = select_perf_tests(environment.perf_tests, (), duration_s)
    options = MeasureOptions(perf_tests=specs, seed=1)
    bed = Bed.open(environment, [case], RunTree.create(results, time.time_ns()), 1, options)
    trips: list[int] = []

    @contextlib.contextmanager
    def around(_: PerfTestRun) -> Iterator[None]:
        before = sum(node.round_trips for node in bed.nodes.values())
        yield
        trips.append(sum(node.round_trips for node in bed.nodes.values()) - before)

    try:
        bed.prepare_tool(case.tool_id, [case])
        run = CaseRun(bed, case)
        start = time.monotonic()
        run.measure(visits(case, 1, 1), around)
        run.fetch()
        wall_s = time.monotonic() - start
    finally:
        bed.close()
    return Shares(wall_s, traffic_s(run.visits), sum(_tool_s(visit) for visit in run.visits), trips)


def _tool_s(visit: VisitRecord) -> float:
    """The part of a tool visit before its first and after its last perf test: start, attach, stop."""
    if visit.arm != TOOL or not visit.perf_tests:
        return 0.0
    return (visit.ended_ns - visit.started_ns) / 1e9 - (
        (visit.perf_tests[-1].end_ns - visit.perf_tests[0].start_ns) / 1e9
    )


def reference_percent(config_dir: Path, environment: Environment, duration_s: int) -> float:
    """A shell loop on the client host, with servers that run all the time: what the generators alone reach."""
    server = environment.pairs["host"].server.test_ip
    ssh = ["ssh", "-F", str(config_dir / "lab/ssh_config")]
    serve = f"""
        iperf3 -s -B {server} -p 5001 >/dev/null 2>&1 & first=$!
        netserver -D -L {server} -p 12865 >/dev/null & second=$!
        read -r end; kill $first $second; wait"""
    load = f"""
        for i in 1 2 3; do
            iperf3 -c {server} -p 5001 -t {duration_s} -J >/dev/null
            netperf -H {server} -p 12865 -t TCP_RR -l {duration_s} >/dev/null
        done"""
    with subprocess.Popen([*ssh, "host-server", serve], stdin=subprocess.PIPE) as servers:
        time.sleep(1)
        start = time.monotonic()
        subprocess.run([*ssh, "host-client", load], check=True, stdin=subprocess.DEVNULL)
        wall_s = time.monotonic() - start
        servers.communicate(b"end\n", timeout=10)
    return 100 * 6 * duration_s / wall_s


def host_pids(config_dir: Path, host: str) -> set[int]:
    recorded = state.load(Place.of("lab", config_dir))
    assert recorded is not None
    namespace = Path(f"/proc/{recorded.hosts[host].pid}/ns/pid").readlink()
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "ns/pid").readlink() == namespace:
                found.add(int(process.name))
    return found


def supervisor_cpu_percent(config_dir: Path, environment: Environment, case: Case, results: Path) -> float:
    """CPU of the supervisor while one tool is watched through a long perf test, in percent of one core."""
    specs = select_perf_tests(environment.perf_tests, ("latency:tcp_rr",), 15)
    bed = Bed.open(environment, [case], RunTree.create(results, time.time_ns()), 1, MeasureOptions(perf_tests=specs))
    percents: list[float] = []

    @contextlib.contextmanager
    def around(run: PerfTestRun) -> Iterator[None]:
        before, start = _python_ticks(config_dir), time.monotonic()
        yield
        if run.arm == TOOL:
            percents.append(100 * (_python_ticks(config_dir) - before) * TICK_S / (time.monotonic() - start))

    try:
        bed.prepare_tool(case.tool_id, [case])
        run = CaseRun(bed, case)
        run.measure(visits(case, 1, 1), around)
        run.fetch()
    finally:
        bed.close()
    return percents[0]


def _python_ticks(config_dir: Path) -> int:
    """CPU ticks of the watchdog and the supervisor on the server host."""
    stats = [stat_of(pid) for pid in host_pids(config_dir, "host-server")]
    own = [stat for stat in stats if stat is not None and stat.comm.startswith("python3") and stat.ppid != 0]
    return sum(_own_ticks(stat.pid) for stat in own)


def _own_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def time_to_clean(config_dir: Path, results: Path, number: signal.Signals) -> tuple[float, float]:
    """Seconds from the signal until pytest has ended, and until both hosts run what they ran before."""
    before = {host: host_pids(config_dir, host) for host in ("host-server", "host-client")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--env", "lab"]
    command += ["--units", "1", "--null-case", "selected"]
    command += [f"--config-dir={config_dir}", f"--results-dir={results}", "-k", "packet_print and rx_protocol_tcp"]
    command += ["--duration", "20", "--perf-tests", "throughput:single", "--seed", "1"]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        _wait_for_traffic(config_dir, process)
        start = time.monotonic()
        process.send_signal(number)
        process.wait(30)
        ended_s = time.monotonic() - start
    while any(host_pids(config_dir, host) - pids for host, pids in before.items()):
        if time.monotonic() - start > 30:
            raise RuntimeError("the hosts are not clean after 30 s")
        time.sleep(0.02)
    return ended_s, time.monotonic() - start


def _wait_for_traffic(config_dir: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the client host sends with a tool attached: the second visit, by the seed."""
    for _ in range(1200):
        stats = [stat_of(pid) for host in ("host-server", "host-client") for pid in host_pids(config_dir, host)]
        running = {stat.comm for stat in stats if stat is not None and stat.state != "Z"}
        if {"iperf3", "bpftrace"} <= running:
            return
        if process.poll() is not None:
            raise RuntimeError(f"pytest ended with {process.returncode} before there was traffic")
        time.sleep(0.05)
    raise RuntimeError("no traffic with a tool attached within a minute")


#: What discovery asks a node, as commands that a user would type.
SINGLE_COMMANDS = {
    "vm": ("uname -r", "python3 --version", "iperf3 --version", "netperf -V", "ip -o addr"),
    "host": (
        *("uname -r", "python3 --version", "iperf3 --version", "netperf -V", "ip -o addr", "ip -o link"),
        *(f"sudo -n ovs-vsctl --format=json list {table}" for table in ("Bridge", "Port", "Interface")),
        "grep -lz -e -uuid /proc/[0-9]*/cmdline",
        "sudo -n sh -c 'grep -h iff: /proc/[0-9]*/fdinfo/*'",
        "grep -h vhost- /proc/[0-9]*/task/*/comm",
    ),
}


def discovery_s(config_dir: Path) -> tuple[float, float]:
    """Seconds that discovery of the nodes of lab-vm takes, and the sum of single commands; the better of two each."""
    minimal = load_minimal(config_dir / "lab-vm/minimal-input.yaml").file
    hosts = list(ssh_hosts(minimal).values())
    questions = Questions(hosts, config_dir / "lab-vm/ssh_config", uuids_by_host(minimal))
    ssh = ["ssh", "-F", str(config_dir / "lab-vm/ssh_config")]

    def together() -> None:
        found = survey(minimal, minimal.nodes, collect(questions))
        if found.problems:
            raise RuntimeError("\n".join(found.problems))

    def one_by_one() -> None:
        for name, node in minimal.nodes.items():
            for command in SINGLE_COMMANDS[node.role]:
                done = subprocess.run([*ssh, name, command], check=False, stdin=subprocess.DEVNULL, capture_output=True)
                if done.returncode == 255:
                    raise RuntimeError(f"{name}: {command}: {done.stderr.decode()}")

    return best_s(together), best_s(one_by_one)


def best_s(act: Callable[[], None]) -> float:
    taken = []
    for _ in range(2):
        start = time.monotonic()
        act()
        taken.append(time.monotonic() - start)
    return min(taken)


def measure_one_case(config_dir: Path, results: Path) -> None:
    """A case with all perf tests, of which ``many_results`` makes its trees."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--env", "lab", "--schedule", "visits"]
    command += ["--units", "1", "--duration", "1", "--null-case", "selected", "--seed", "1"]
    command += [f"--config-dir={config_dir}", f"--results-dir={results}", "-k", "packet_print and rx_protocol_tcp"]
    subprocess.run(command, cwd=PROJECT, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def print_discovery() -> None:
    with tempfile.TemporaryDirectory() as folder:
        config_dir = Path(folder) / "config"
        say(control.up("lab-vm", config_dir))
        try:
            whole_s, single_s = discovery_s(config_dir)
        finally:
            say(control.down("lab-vm", config_dir))
    count = 2 * sum(map(len, SINGLE_COMMANDS.values()))
    say(
        f"discovery of the four nodes of lab-vm: {whole_s:.1f} s; {count} single ssh commands: {single_s:.1f} s; "
        f"ratio {whole_s / single_s:.2f}"
    )


def main() -> None:
    for line in (*many_cases.lines(many_cases.measure()), *memory.lines(memory.measure())):
        say(line)
    say()
    print_workflow_figures(say)
    for line in false_verdicts.lines():
        say(line)
    say()
    for line in page_size.lines():
        say(line)
    say()
    for line in parallel.lines([parallel.measure(pairs) for pairs in parallel.PAIRS]):
        say(line)
    say()
    print_discovery()
    with tempfile.TemporaryDirectory() as folder:
        config_dir, results = Path(folder) / "config", Path(folder) / "results"
        say(control.up("lab", config_dir))
        try:
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "probecost",
                    "bootstrap",
                    "--minimal-input",
                    f"{config_dir}/lab/minimal-input.yaml",
                ],
                cwd=PROJECT,
                check=True,
                stdout=subprocess.DEVNULL,
            )
            environment = load_environment(config_dir / "lab")
            cases = {case.key: case for case in load_cases(config_dir / "lab", environment)}
            print_figures(config_dir, environment, cases["host-eth_drop-rx_protocol_tcp"], results)
            measure_one_case(config_dir, results / "one-case")
        finally:
            say(control.down("lab", config_dir))
        for line in many_results.lines(many_results.measure(results / "one-case" / "latest")):
            say(line)
        say()
        print_schedules(results, say)


def print_figures(config_dir: Path, environment: Environment, case: Case, results: Path) -> None:
    say("\nshare of a case's wall time in which traffic is measured (tool start and stop not counted, shown beside)")
    for duration_s, aim in ((3, 85), (10, 95)):
        shares = measure_shares(environment, case, duration_s, results)
        bare = reference_percent(config_dir, environment, duration_s)
        say(
            f"  {duration_s:2} s perf tests: {shares.percent:5.1f} % (aim {aim} %), bare generators {bare:5.1f} %, "
            f"ratio {shares.percent / bare:.3f}; tool start and stop {shares.tool_s:.1f} s of {shares.wall_s:.1f} s"
        )
    trips = shares.round_trips
    say(f"SSH round trips per perf test: {min(trips)} to {max(trips)} (aim: 3 or fewer)")
    percent = supervisor_cpu_percent(config_dir, environment, case, results)
    say(f"CPU of watchdog and supervisor while they watch a tool: {percent:.2f} % of a core (aim: under 0.5 %)")
    for number in (signal.SIGINT, signal.SIGKILL):
        ended_s, clean_s = time_to_clean(config_dir, results, number)
        say(f"{number.name}: pytest ended after {ended_s:.1f} s, both nodes clean after {clean_s:.1f} s")


if __name__ == "__main__":
    main()
