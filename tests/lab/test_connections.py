"""The SSH layer against real daemons: jump hosts, a connection that is cut, and copies that must not be lost."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bed_access import HOSTS, WORKDIR, LabBed, Run
from test_faults import bed_kill

from probecost.config.environment import Environment, SshHost
from probecost.config.folder import load_cases, load_environment
from probecost.deadline import Deadline
from probecost.errors import ConnectionLostError, NodeBusyError, UnreachableError
from probecost.measure.bed import Bed, MeasureOptions
from probecost.measure.case import CaseRun
from probecost.plan.perf_tests import select_perf_tests
from probecost.plan.visits import visits
from probecost.remote.lease import Holder
from probecost.remote.messages import ClientSpec
from probecost.remote.node import Node
from probecost.remote.ssh_config import read_ssh_config
from probecost.results.layout import RunTree

R = "performance-test-results"
pytestmark = pytest.mark.usefixtures("clean")


@pytest.fixture
def environment(bed: LabBed) -> Environment:
    return load_environment(bed.config_dir / "site")


@pytest.fixture
def node(environment: Environment) -> Iterator[Node]:
    node = Node(environment.nodes["host-server"], read_ssh_config(environment.ssh_config), python="python3")
    node.open()
    yield node
    node.close()


def cut(bed: LabBed, host: str) -> None:
    """End the SSH session on the host, as an administrator would."""
    for pid, command in bed.commands(host).items():
        if command.startswith("sshd: probe@"):
            bed_kill(pid)


def test_a_cut_connection_is_made_anew_once(bed: LabBed, node: Node) -> None:
    cut(bed, "host-server")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with contextlib.suppress(ConnectionLostError):
            node.revive()
            assert node.facts()["hostname"]
            return
    pytest.fail("the node did not come back")


def test_the_next_case_after_a_cut_has_its_tool_again(bed: LabBed, environment: Environment, tmp_path: Path) -> None:
    first, second = [c for c in load_cases(bed.config_dir / "site", environment) if c.tool_id == "eth_drop"][:2]
    specs = select_perf_tests(environment.perf_tests, ("latency:tcp_rr",), 1)
    tree = RunTree.create(tmp_path, time.time_ns())
    opened = Bed.open(environment, [first, second], tree, 1, MeasureOptions(perf_tests=specs))
    try:
        opened.prepare_tool("eth_drop", [first, second])
        for case in (first, second):
            run = CaseRun(opened, case)
            run.measure(visits(case, 1, 0), lambda _: contextlib.nullcontext())
            run.fetch()
            assert [visit.error for visit in run.visits] == [None, None]
            cut(bed, "host-server")
            time.sleep(1)
    finally:
        opened.close()


def test_a_cut_in_the_middle_names_the_node_and_ends_what_ran(bed: LabBed, node: Node) -> None:
    client = ClientSpec("0", ("sleep", "60"), f"{R}/x/out", f"{R}/x/err")
    timer = threading.Timer(1.0, cut, (bed, "host-server"))
    timer.start()
    with pytest.raises(ConnectionLostError, match="node host-server: run_clients: "):
        node.run_clients([client], 30, "127.0.0.1", f"{R}/x")
    timer.join()
    deadline = time.monotonic() + 8
    while any(command.startswith("sleep 60") for command in bed.commands("host-server").values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    bed.run("host-server", f"rm -rf {WORKDIR}/{R}")


def test_a_node_behind_a_jump_host(bed: LabBed, environment: Environment, tmp_path: Path) -> None:
    """The far node is the jump host itself, seen from there: the second connection goes through the first."""
    there = environment.nodes["host-server"]
    config = tmp_path / "ssh_config"
    config.write_text(
        f"Host gate\n    HostName {there.host}\n"  # by a name: ssh refuses to jump from an address to the same one
        f"Host far\n    HostName {there.host}\n    ProxyJump {there.user}@gate:22\n"
        + (bed.folder / "ssh_config").read_text()
        + f"\nHost *\n    IdentityFile {bed.folder}/id_ed25519\n    UserKnownHostsFile {bed.folder}/known_hosts\n"
    )
    far = Node(replace(there, name="far-node", host="far"), read_ssh_config(config), python="python3")
    far.open()
    try:
        daemons = [c for c in bed.commands("host-server").values() if c.startswith("sshd: probe")]
        connections = [c for c in daemons if "[priv]" not in c]
        assert len(connections) == 2
        assert far.facts()["hostname"] == "host-server"
    finally:
        far.close()


def test_two_names_of_one_machine_are_one_run(bed: LabBed, environment: Environment) -> None:
    """A machine that is in two pairs under two names is opened twice, and is still nobody else's."""
    there, config = environment.nodes["host-server"], read_ssh_config(environment.ssh_config)
    ours, theirs = Holder("run-1", "alice", "laptop", "a"), Holder("run-2", "bob", "server", "b")
    first = Node(there, config, python="python3", holder=ours)
    second = Node(replace(there, name="alias", workdir=f"{WORKDIR}/2"), config, python="python3", holder=ours)
    stranger = Node(replace(there, name="mine"), config, python="python3", holder=theirs)
    try:
        first.open()
        second.open()
        first.close()
        with pytest.raises(NodeBusyError, match="node mine: in use by run run-1 of alice@laptop"):
            stranger.open()
        assert second.facts()["hostname"] == "host-server"
        second.close()
        stranger.open()
    finally:
        for node in (first, second, stranger):
            node.close()
    assert bed.run("host-server", "ls /run/probecost.lease 2>/dev/null || true") == ""


def test_a_port_where_nobody_listens_is_told_at_once(environment: Environment) -> None:
    there = environment.nodes["host-server"]
    host = SshHost("silent", there.host, there.workdir, there.user, 2)
    start = time.monotonic()
    with pytest.raises(UnreachableError, match=r"node silent: probe@[\d.]+:2 does not answer"):
        Node(host, read_ssh_config(environment.ssh_config), python="python3").open(Deadline.after(10))
    assert time.monotonic() - start < 5


def test_a_full_disk_here_leaves_the_results_there(bed: LabBed, tmp_path: Path) -> None:
    results = tmp_path / "small"
    results.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "none", str(results)], check=True)
    try:
        command = (
            "--env",
            "site",
            "-k",
            "null",
            "--duration",
            "1",
            "--perf-tests",
            "throughput,latency",
            "--seed",
            "1",
        )
        run = Run.start(bed, results, *command, log=tmp_path / "pytest.log")
        assert run.wait() == 1, run.output
        assert "No space left on device" in run.output
        assert "still there" in run.output
        for host in HOSTS:
            assert "ebpf" in bed.run(host, f"ls {WORKDIR}/{R}")
    finally:
        subprocess.run(["umount", str(results)], check=True)
        for host in HOSTS:
            bed.run(host, f"rm -rf {WORKDIR}/{R}")
