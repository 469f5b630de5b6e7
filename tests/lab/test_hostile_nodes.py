"""Nodes that print, refuse, dawdle or mean harm: measured all the same, or a clear word that names node and step."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bed_access import WORKDIR, LabBed, Run, until
from test_faults import bed_signal
from vm_access import VmBed

from probecost.config.folder import load_environment
from probecost.errors import SupervisorError, UnreachableError
from probecost.lab import state
from probecost.lab.hosts import answers_as_ssh
from probecost.lab.places import Place
from probecost.remote.node import Node
from probecost.remote.ssh_config import read_ssh_config

SHORT = ("--env", "site", "--perf-tests", "latency:tcp_rr", "--duration", "1")
GOOD = "sudo sleep 1000"
SERVER, CLIENT = "host-server", "host-client"
HOME = "/home/probe"
NOISE = r"printf 'Welcome to <b>\033[31mhost\033[0m</b>\nno end of line'; echo complaint >&2"
Start = Callable[..., Run]
Cases = Callable[..., None]

pytestmark = pytest.mark.usefixtures("clean")


@contextmanager
def changed(bed: LabBed, host: str, file: str, change: str) -> Iterator[None]:
    """A file of the host, changed by a shell script that knows it as ``$f``, and as it was afterwards."""
    bed.run(host, f"f={file}; cp -p $f $f.before 2>/dev/null || : > $f.none; {change}")
    try:
        yield
    finally:
        bed.run(host, f"f={file}; [ -e $f.none ] && rm -f $f $f.none || cat $f.before > $f; rm -f $f.before")


def login_shell(bed: LabBed, host: str, shell: str) -> Any:
    return changed(bed, host, "/etc/passwd", f"sed -i 's#^\\(probe:.*:\\)[^:]*$#\\1{shell}#' $f")


def start_up_file(bed: LabBed, host: str, name: str, text: str) -> Any:
    return changed(bed, host, f"{HOME}/{name}", f"cat > $f <<'END'\n{text}\nEND\nchmod 644 $f")


@contextmanager
def banner(bed: LabBed, host: str) -> Iterator[None]:
    """A host whose sshd greets before the login."""
    recorded = state.load(Place.of("lab", bed.config_dir))
    assert recorded is not None
    address = load_environment(bed.config_dir / "site").nodes[host].host

    def reload() -> None:
        bed.run(host, "kill -HUP $(cat /run/sshd.pid)")
        assert until(lambda: answers_as_ssh(address), 5)  # type: ignore[arg-type]

    with changed(bed, host, "/etc/ssh/sshd_config", "echo 'Banner /etc/hosts' >> $f"):
        reload()
        yield
    reload()


def results(run: Run, folder: str) -> list[str]:
    """Names of the files that were brought home; whether they count is decided by what else this machine does."""
    return sorted(path.name for path in run.tree.glob(f"site/iteration_001/*/performance-test-results/{folder}/*"))


@pytest.fixture
def node(bed: LabBed) -> Iterator[Callable[[str], Node]]:
    """A node, not open yet."""
    environment = load_environment(bed.config_dir / "site")
    made: list[Node] = []

    def make(name: str) -> Node:
        made.append(Node(environment.nodes[name], read_ssh_config(environment.ssh_config), python="python3"))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_noise_a_banner_and_a_slow_login_do_no_harm(bed: LabBed, run: Start, cases: Cases) -> None:
    """5 s per login on one node; on the other a start-up file of which nothing may reach reports or terminal."""
    cases(good=GOOD)
    with (
        login_shell(bed, SERVER, "/bin/bash"),
        login_shell(bed, CLIENT, "/bin/bash"),
        start_up_file(bed, SERVER, ".bashrc", "sleep 5"),
        start_up_file(bed, CLIENT, ".bashrc", NOISE),
        banner(bed, CLIENT),
    ):
        done = run(*SHORT)
        done.wait()
    assert results(done, "ebpf/good_*/host/latency/tcp_rr_*/client_results"), done.output
    assert "node host-" not in done.output
    assert "Welcome" not in done.output
    assert "complaint" not in done.output


@pytest.mark.parametrize(("shell", "rc"), [("tcsh", ".cshrc"), ("fish", ".config/fish/config.fish")])
def test_a_login_shell_that_is_not_posix(bed: LabBed, node: Callable[[str], Node], shell: str, rc: str) -> None:
    program = shutil.which(shell)
    assert program is not None, f"{shell} is not installed: make test installs it"
    bed.run(CLIENT, f"mkdir -p {HOME}/.config/fish && chown -R probe {HOME}/.config")
    with login_shell(bed, CLIENT, program), start_up_file(bed, CLIENT, rc, "echo hello from $HOME"):
        one = node(CLIENT)
        one.open()
        assert one.facts()["hostname"] == CLIENT
        one.close()
        lacks = replace_python(one).open_and_check(["iperf3", "no-such-program"], [])
    assert lacks.programs == ("no-such-program",)
    assert lacks.supervisor is not None
    assert "no-python is missing: install Python" in lacks.supervisor


def replace_python(one: Node) -> Node:
    return Node(replace(one.host), one._config, python="no-python")


@pytest.mark.parametrize(
    ("shell", "rc", "told"),
    [
        ("/usr/sbin/nologin", "", "exit code 1; the login shell printed: This account is currently not available"),
        ("/bin/bash", "yes noise", "unexpected output .* its login shell must print nothing"),
        ("/bin/bash", "cat > /dev/null", "nothing came from its supervisor: .* start-up file .* waits for input"),
    ],
    ids=["nologin", "endless", "waiting"],
)
def test_a_login_that_leads_nowhere_is_told(
    bed: LabBed, node: Callable[[str], Node], monkeypatch: pytest.MonkeyPatch, shell: str, rc: str, told: str
) -> None:
    monkeypatch.setattr("probecost.remote.link.START_S", 3.0)
    with login_shell(bed, CLIENT, shell), start_up_file(bed, CLIENT, ".bashrc", rc):
        began = time.monotonic()
        with pytest.raises((SupervisorError, UnreachableError), match=f"node {CLIENT}: .*{told}"):
            node(CLIENT).open()
        assert time.monotonic() - began < 10


def test_sudo_that_asks_for_a_password_is_told_for_its_node(bed: LabBed, run: Start, cases: Cases) -> None:
    cases(good=GOOD)
    with (
        changed(bed, CLIENT, "/etc/sudoers", "sed -i 's/NOPASSWD: //' $f"),
        login_shell(bed, CLIENT, "/bin/bash"),
        start_up_file(bed, CLIENT, ".bashrc", f"{NOISE}; export LANG=de_DE.UTF-8"),
    ):
        done = run(*SHORT)
        assert done.wait() == 1, done.output
    assert f"{CLIENT}: sudo asks for a password: allow it without one (NOPASSWD) for the login user" in done.output
    assert f"{SERVER}: " not in done.output


def test_a_node_that_stops_answering_in_the_middle(bed: LabBed, run: Start, cases: Cases) -> None:
    """It is told, and what the other node measured is brought home."""
    cases(good=GOOD)
    done = run(
        "--env", "site", "--perf-tests", "latency:tcp_rr,throughput:single", "--max-rate", "100M", "--duration", "3"
    )
    done.wait_for(CLIENT, "netperf")
    done.wait_for(CLIENT, "iperf3")
    for pid, command in bed.commands(CLIENT).items():
        if command.startswith("python3 -c import sys"):
            bed_signal(pid, signal.SIGSTOP)

    def gone() -> bool:
        """sudo stops with its child: all go on, until the last one has ended."""
        left = [pid for pid, command in bed.commands(CLIENT).items() if "sys.stdin.buffer.read" in command]
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        return not left

    try:
        assert done.wait(60) == 1, done.output
    finally:
        assert until(gone, 15)
    assert re.search(f"node {CLIENT}: .*no sign of life for 8 s", done.output), done.output
    assert "counters.json" in results(done, "*/host/*/*/monitoring"), done.output


def test_a_clock_ten_years_off(vm_bed: VmBed, vm_run: Start) -> None:
    """Of a guest, which has a clock of its own: offset and figures are right, and so is the time of each perf test."""
    away_s = 10 * 365 * 86400
    began_ns = time.time_ns()
    vm_bed.says("vm-client", f'sudo date -s "@$(($(date +%s) + {away_s}))"')
    try:
        done = vm_run("-k", "tap_traffic", "--perf-tests", "latency:tcp_rr", "--duration", "2")
        assert done.wait(180) == 0, done.output
    finally:
        vm_bed.says("vm-client", f'sudo date -s "@{time.time():.0f}"')
    found = [json.loads(file.read_text()) for file in done.tree.glob("*/*/vm-client/**/metadata_*.json")]
    assert sorted(one["arm"] for one in found) == ["baseline", "tool"]
    for one in found:
        offset_ns = one["clocks"]["vm-client"]["offset_ns"]
        assert abs(offset_ns / 1e9 - away_s) < 5
        assert began_ns < one["start_ns"] - offset_ns < one["end_ns"] - offset_ns < time.time_ns()
    with (done.tree / "reports" / "verdicts.csv").open(newline="") as file:
        (latency,) = (row for row in csv.DictReader(file) if row["metric"] == "mean_us")
    assert (latency["n_units"], latency["n_void_baseline"], latency["n_void_tool"]) == ("1", "0", "0")
    assert latency["estimate_pct"]


HOSTILE = r"""
for d in performance-test-results/*/*/host/latency/*/ performance-test-results/*/*/latency/*/; do
  [ -d "$d" ] && ln -sf /etc/passwd "$d/client_results/latency_tcp_rr.link" && ln -sfn / "$d/root"
  [ -p "$d/pipe" ] || mkfifo "$d/pipe"
done
printf '\033]0;owned\007<script>alert(1)</script>\n=cmd()\n' >&2
"""


def test_what_a_tool_says_and_leaves_cannot_harm_who_reads_it(
    bed: LabBed, run: Start, cases: Cases, tmp_path: Path
) -> None:
    cases(
        loud="printf '\\033]0;owned\\007<script>alert(1)</script>\\n=cmd()\\n' >&2; exit 3",
        planting=f"sleep 1; while :; do {HOSTILE} sleep 0.3; done 2>/dev/null",
    )
    page, junit = tmp_path / "page.html", tmp_path / "junit.xml"
    done = run(*SHORT, f"--html={page}", "--self-contained-html", f"--junitxml={junit}", "--color=no")
    assert done.wait() == 1, done.output
    assert "loud ended at once with exit code 3; it said: " in done.output
    texts = [done.output, junit.read_text(), page.read_text()]
    texts += [path.read_text() for path in (done.tree / "reports").rglob("*") if path.suffix in (".md", ".csv")]
    assert not [text for text in texts if "\x1b" in text or "\x07" in text]
    assert not [text for text in texts[1:] if "<script>alert" in text]
    assert not [path for path in done.tree.rglob("*") if path.is_symlink() or path.is_fifo()]
    assert bed.run(SERVER, f"ls {WORKDIR}") == ""
    assert results(done, "ebpf/planting_*/host/latency/tcp_rr_*/client_results"), done.output
