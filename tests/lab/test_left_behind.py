"""What a tool leaves attached fails its case by its name, and is gone before anything else is measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from bed_access import HOSTS, WORKDIR, LabBed, Run, until

from probecost.results.layout import TREE

Start = Callable[..., Run]
Cases = Callable[..., None]
LEAVES = Path(__file__).with_name("leaves.py")
#: What is left, and how it is named.
NAMED = {
    "filter": "tc filter eth1 ingress pref 49152 handle 1: program:[*fsobj] left (sched_cls, ",
    "xdp": "XDP eth1 generic: left (xdp, ",
    "pin": "pin /sys/fs/bpf/left: program of left (tracepoint, ",
    "cgroup": "cgroup /sys/fs/cgroup",
    "qdisc": "qdisc eth1 root: pfifo ",
    "sysctl": "sysctl net.ipv4.tcp_timestamps: 0 (was: 1)",
    "probe": "probe event left/behind_",
}
STATE = (
    "tc qdisc show dev eth1; tc filter show dev eth1 ingress 2>/dev/null; ip link show dev eth1; ls -R /sys/fs/bpf; "
    "cat /proc/sys/net/ipv4/tcp_timestamps; cat /sys/kernel/tracing/uprobe_events 2>/dev/null; true"
)
ONCE = ("--duration", "1", "--perf-tests", "latency:tcp_rr", "--null-case", "selected", "--order", "file")

pytestmark = pytest.mark.usefixtures("clean")


def known(bed: LabBed) -> dict[str, str]:
    """What this kernel has of it."""
    has_probes = bed.run("host-server", "test -e /sys/kernel/tracing/uprobe_events && echo yes || true")
    return {what: name for what, name in NAMED.items() if what != "probe" or has_probes}


def command(what: str) -> dict[str, str]:
    attaches = "none" if what in ("qdisc", "sysctl", "probe", "nothing") else "bpf"
    return {"command": f"sudo -n python3 {LEAVES} {what}", "attaches": attaches}


def test_each_fails_its_case_and_the_next_one_has_a_clean_bed(
    bed: LabBed, run: Start, cases: Cases, tmp_path: Path
) -> None:
    before = bed.run("host-server", STATE)
    names = known(bed)
    cases(**{case: command(each) for what in names for case, each in ((what, what), (f"after_{what}", "nothing"))})
    settings = tmp_path / "busy.yaml"
    settings.write_text("foreign_cpu_limit_pct: 10000\n")
    done = run("--env", "site", "--units", "1", "--schedule", "visits", *ONCE, "--analysis-config", str(settings))
    assert done.wait(240) == 1, done.output
    outcomes = {one["case_name"]: one for one in json.loads((done.tree / "run.json").read_text())["cases"].values()}
    for what, name in names.items():
        assert outcomes[what]["outcome"] == "failed", what
        assert f"{what} ended and did not leave the node as it was: " in outcomes[what]["message"]
        assert name in outcomes[what]["message"]
        assert outcomes[f"after_{what}"]["outcome"] == "passed", outcomes[f"after_{what}"]["message"]
    assert "STILL THERE" not in done.output
    assert "NEGLIGIBLE" not in done.output
    assert bed.run("host-server", STATE) == before


def test_a_bed_that_changes_meanwhile_is_refused(bed: LabBed, run: Start, cases: Cases) -> None:
    """Somebody sets something else up while no tool runs: it stays, and no visit is made with it."""
    cases(first="sudo sleep 1000", second="sudo sleep 1000")
    done = run("--env", "site", "--units", "4", "--schedule", "visits", *ONCE, "--duration", "8")

    def is_in_baseline() -> bool:
        has_traffic = any(command.startswith("netperf") for command in bed.commands("host-client").values())
        return has_traffic and not any("sleep 1000" in command for command in bed.commands("host-server").values())

    assert until(is_in_baseline, 40), done.output
    bed.run("host-server", "tc qdisc replace dev eth1 root pfifo limit 1000")
    try:
        assert done.wait(120) == 1, done.output
    finally:
        bed.run("host-server", "tc qdisc del dev eth1 root")
    assert "it is not as it was when the run began: qdisc eth1 root: pfifo" in done.output
    assert "(was: noqueue" in done.output
    outcomes = json.loads((done.tree / "run.json").read_text())["cases"].values()
    assert [one["outcome"] for one in outcomes] == ["failed", "failed"]


def test_a_run_that_is_killed_leaves_nothing_of_its_tool(bed: LabBed, run: Start, cases: Cases) -> None:
    before = bed.run("host-server", STATE)
    cases(filter=command("filter"))
    done = run("--env", "site", "--units", "2", "--schedule", "visits", *ONCE, "--duration", "20")
    assert until(lambda: "program:[*fsobj]" in bed.run("host-server", STATE), 60), done.output
    done.process.kill()
    assert until(lambda: bed.run("host-server", STATE) == before, 30), bed.run("host-server", STATE)
    for host in HOSTS:  # the results of its unfinished case
        bed.run(host, f"rm -rf {WORKDIR}/{TREE}")
