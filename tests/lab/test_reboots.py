"""A node that reboots in the middle of a run: it comes back as another boot, and the run goes on with it.

The lab's hosts can only say that they did; a guest really does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from bed_access import HOSTS, SOME_TRAFFIC, LabBed, Run, until
from test_connections import cut
from vm_access import VmBed

BOOT_ID = "/proc/sys/kernel/random/boot_id"
OTHER = "11111111-2222-3333-4444-555555555555"
GOOD = "sudo sleep 1000"

pytestmark = pytest.mark.usefixtures("clean")


@contextmanager
def rebooted(bed: LabBed) -> Iterator[None]:
    """The lab's hosts share a kernel: all of them are another boot from here on, and the server's sessions are cut."""
    try:
        for host in HOSTS:
            bed.run(host, f"echo {OTHER} >/run/boot_id; mount --bind /run/boot_id {BOOT_ID}")
        cut(bed, "host-server")
        yield
    finally:
        for host in HOSTS:
            bed.run(host, f"umount {BOOT_ID} || true; rm -f /run/boot_id")


def test_what_was_being_measured_is_measured_again(
    bed: LabBed, run: Callable[..., Run], cases: Callable[..., None]
) -> None:
    cases(first=GOOD, second=GOOD)
    options = ("--env", "site", *SOME_TRAFFIC, "--duration", "5", "--wait-for-reboot", "30s")
    started = run(*options)
    started.wait_for("host-client", "iperf3 -c")
    with rebooted(bed):
        started.wait()
    said = "host-server has rebooted: unit 1 of host-first was measured again"
    assert started.output.count(said) == 2, started.output
    content = json.loads((started.tree / "run.json").read_text())
    assert (content["reboots"], content["notes"]) == ([said], [])
    assert said in (started.tree / "reports" / "overview.md").read_text()
    found = [json.loads(file.read_text()) for file in started.tree.glob("site/*/host-client/**/metadata_*.json")]
    seen = {
        (one["case_key"], one["facts"]["host-server"]["boot_id"] == OTHER, one["void_reason"], one["error"])
        for one in found
    }
    assert {one for one in seen if one[1]} == {("host-first", True, None, None), ("host-second", True, None, None)}
    assert {one[2] for one in seen if not one[1]} == {said}


def test_a_reboot_between_two_cases(bed: LabBed, run: Callable[..., Run], cases: Callable[..., None]) -> None:
    """Nobody talks to the node meanwhile: it is seen when the next case begins."""
    cases(first=GOOD, second=GOOD)
    hook = bed.config_dir / "pause.py"
    hook.write_text(
        "import pathlib, time\n\n"
        "def pytest_probecost_case_init(case):\n"
        "    here = pathlib.Path(__file__).parent\n"
        "    if case.key != 'host-second': return\n"
        "    (here / 'between').touch()\n"
        "    while not (here / 'go').exists(): time.sleep(0.05)\n"
    )
    options = ("--env", "site", "--perf-tests", "latency:tcp_rr", "--duration", "1", "--wait-for-reboot", "30s")
    started = run(*options, "-p", "pause", f"--override-ini=pythonpath={bed.config_dir}")
    assert until((bed.config_dir / "between").exists, 30), started.output
    with rebooted(bed):
        (bed.config_dir / "go").touch()
        started.wait()
    assert "host-server has rebooted: unit 1 of host-second was measured again" in started.output


def test_a_guest_that_reboots_under_traffic(vm_bed: VmBed, vm_run: Callable[..., Run]) -> None:
    """Its kernel starts anew, below the same QEMU process; its clock, its files and our supervisor are gone."""
    before = vm_bed.says("vm-client", f"cat {BOOT_ID}")
    options = ("-k", "tap_traffic", "--perf-tests", "latency:tcp_rr", "--duration", "5", "--wait-for-reboot", "90s")
    started = vm_run(*options)
    processes = "cat /proc/[0-9]*/comm 2>/dev/null || true"
    assert until(lambda: "netperf" in vm_bed.says("vm-client", processes).split(), 90), started.output
    vm_bed.ssh("vm-client", "sudo sh -c '(sleep 0.5; echo b >/proc/sysrq-trigger) >/dev/null 2>&1 &'")
    started.wait(300)
    after = vm_bed.says("vm-client", f"cat {BOOT_ID}")
    assert after != before
    said = "vm-client has rebooted: unit 1 of vm-tap_traffic-protocol_tcp was measured again"
    assert said in started.output
    found = [json.loads(file.read_text()) for file in started.tree.glob("*/*/vm-server/**/metadata_*.json")]
    used = [(one["facts"]["vm-client"]["boot_id"], one["arm"]) for one in found if not one["void_reason"]]
    assert sorted(used) == [(after, "baseline"), (after, "tool")]
