"""``probecost cleanup`` on hosts full of other people's programs: ours go, theirs do not notice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from bed_access import HOSTS, PROJECT, SOME_TRAFFIC, WORKDIR, LabBed, Run, until

from bench.chaos.hosts import Hosts, end
from probecost.config.folder import load_cases, load_environment
from probecost.plan.visits import visits
from probecost.results.layout import TOOL

Start = Callable[..., Run]
CASE = "host-eth_drop-rx_protocol_tcp"
TRAFFIC = (
    *("--env", "site", "-k", "eth_drop and rx_protocol_tcp"),
    *SOME_TRAFFIC,
    *("--schedule", "visits", "--duration"),
)
STRANGERS = {
    "host-server": (
        "iperf3 -s -p 5201",
        "netserver -D -p 12865",
        "bpftrace -e 'tracepoint:skb:kfree_skb { @ = count(); }'",
        "sh -c 'trap \"\" TERM; while :; do sleep 1; done'",
        "python3 -c 'import sys,time;time.sleep(600)' probecost",
    ),
    "host-client": ("iperf3 -s -p 5201", "netserver -D -p 12865", "sudo sleep 600"),
}

pytestmark = pytest.mark.usefixtures("clean")


@pytest.fixture
def strangers(bed: LabBed) -> Iterator[dict[str, dict[int, str]]]:
    """What runs on the hosts that is not ours, by host; ended at the end of the test."""
    before = {host: set(bed.pids(host)) for host in HOSTS}
    for host, commands in STRANGERS.items():
        started = "\n".join(f"setsid {command} >/dev/null 2>&1 </dev/null &" for command in commands)
        bed.run(host, f"{started}\nsleep 0.5")
    assert until(lambda: any(c.startswith("bpftrace ") for c in bed.commands("host-server").values()), 10)
    theirs = {
        host: {pid: text for pid, text in bed.commands(host).items() if pid not in before[host]} for host in HOSTS
    }
    lasting = {
        host: {pid: text for pid, text in found.items() if not text.startswith("sleep 1")}
        for host, found in theirs.items()
    }
    yield lasting
    for host in HOSTS:
        end([pid for pid in bed.pids(host) if pid not in before[host]])


def cleanup(bed: LabBed, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "probecost",
        "cleanup",
        "--env",
        "site",
        "--config-dir",
        str(bed.config_dir),
    ]
    return subprocess.run(
        [*command, *options], cwd=PROJECT, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def left_running(bed: LabBed) -> set[int]:
    """Tool and generators of ours."""
    starts = ("bpftrace lab/tools/", "iperf3 -s -1", "iperf3 -c")
    return {pid for host in HOSTS for pid, text in bed.commands(host).items() if text.startswith(starts)}


def tool_first(bed: LabBed) -> tuple[str, str]:
    """Options with which the tool's visit is the first one."""
    folder = bed.config_dir / "site"
    (case,) = [case for case in load_cases(folder, load_environment(folder)) if case.key == CASE]
    seed = next(seed for seed in range(100) if visits(case, 1, seed)[0].arm == TOOL)
    return "--seed", str(seed)


def all_there(bed: LabBed, theirs: dict[str, dict[int, str]]) -> bool:
    return all(theirs[host].items() <= bed.commands(host).items() for host in HOSTS)


def kill_without_a_trace(bed: LabBed, run: Run) -> None:
    """The controller, then watchdog and supervisor of both hosts at the same moment: nobody is left to clear up."""
    hosts = Hosts(bed.config_dir)
    run.wait_for("host-server", "bpftrace lab/")
    run.wait_for("host-client", "iperf3 -c")
    both = {host: (hosts.watchdogs(host), hosts.supervisors(host)) for host in HOSTS}
    run.interrupt(signal.SIGSTOP)
    for watchdogs, supervisors in both.values():
        end(supervisors, signal.SIGSTOP)
        end(watchdogs)
        end(supervisors)
    run.interrupt(signal.SIGKILL)
    run.wait()


class TestLeftBehind:
    def test_ours_are_listed_then_ended_and_theirs_live_on(
        self, bed: LabBed, run: Start, strangers: dict[str, dict[int, str]]
    ) -> None:
        hosts = Hosts(bed.config_dir)
        before = hosts.inventories()
        kill_without_a_trace(bed, run(*TRAFFIC, "600", *tool_first(bed)))
        ours = left_running(bed)
        listed = cleanup(bed)
        assert listed.returncode == 1
        assert "--yes ends and removes it" in listed.stdout
        for text in ("bpftrace lab/tools/", "iperf3 -s -1", "iperf3 -c", "placed file ", "cgroup ", "lease of "):
            assert text in listed.stdout, listed.stdout
        assert "results that were not fetched: /home/probe/work/performance-test-results" in listed.stdout
        assert len(ours) == 3
        assert left_running(bed) == ours, "listing ends nothing"
        done = cleanup(bed, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert left_running(bed) == set()
        assert all_there(bed, strangers)

        def came() -> list[str]:
            lines = [line for host in HOSTS for line in before[host].changes_to(hosts.inventory(host))]
            return [line for line in lines if line.startswith("+") and not line.endswith(" sleep 1")]

        assert until(lambda: not came(), 10), came()
        for host in HOSTS:
            assert bed.run(host, f"find {WORKDIR} -mindepth 1") == ""
        again = cleanup(bed)
        assert again.returncode == 0, again.stdout
        assert again.stdout == "host-server: nothing is left\nhost-client: nothing is left\n"

    def test_the_run_that_goes_on_is_not_touched(self, bed: LabBed, run: Start) -> None:
        """It uses the tool's file that the dead one placed; what still runs of that one is ended beside it."""
        hosts = Hosts(bed.config_dir)
        kill_without_a_trace(bed, run(*TRAFFIC, "600", *tool_first(bed)))
        left = left_running(bed)
        going_on = run(*TRAFFIC, "3")
        assert until(lambda: all(hosts.supervisors(host) for host in HOSTS), 30), going_on.output
        done = cleanup(bed, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"in use by run {going_on.tree.name} of " in done.stdout
        assert "placed file" not in done.stdout
        assert not left & left_running(bed)
        going_on.wait()
        results = json.loads((going_on.tree / "workflow-results.json").read_text())
        assert [cycle["status"] for cycle in results["cycles"]] == ["completed"] * 2, going_on.output
        assert cleanup(bed, "--yes").returncode == 0


def test_a_node_that_does_not_answer_is_told(bed: LabBed) -> None:
    bed.run("host-client", "ip link set eth0 down")
    try:
        done = cleanup(bed, "--yes")
    finally:
        bed.run("host-client", "ip link set eth0 up")
    assert done.returncode == 1
    assert "host-server: nothing is left" in done.stdout
    assert "host-client: not looked at: node host-client: " in done.stdout
