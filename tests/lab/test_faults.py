"""What goes wrong on real nodes: a clear word, the next case runs, and the nodes are as they were."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bed_access import HOSTS, PROJECT, SOME_TRAFFIC, WORKDIR, LabBed, Run, until

SHORT = ("--env", "site", "--perf-tests", "latency:tcp_rr", "--duration", "1")
LONG = ("--env", "site", *SOME_TRAFFIC, "--duration", "60")
GOOD = "sudo sleep 1000"
Start = Callable[..., Run]
Cases = Callable[..., None]

pytestmark = pytest.mark.usefixtures("clean")


class TestTools:
    def outcome(self, run: Run) -> dict[str, dict[str, str]]:
        cases: dict[str, dict[str, str]] = json.loads((run.tree / "run.json").read_text())["cases"]
        return cases

    def failing(self, start: Start, cases: Cases, **bad: Any) -> Run:
        """Run the bad tool and, after it, a good one; the good one passes."""
        cases(**bad, good=GOOD)
        run = start(*SHORT)
        assert run.wait() == 1, run.output
        assert "1 passed" in run.output, run.output
        assert "1 failed" in run.output, run.output
        return run

    def test_one_that_exits_at_once(self, run: Start, cases: Cases) -> None:
        done = self.failing(run, cases, bad={"command": "echo 'no such probe' >&2; exit 3", "attaches": "bpf"})
        assert "node host-server: bad ended at once with exit code 3; it said: no such probe" in done.output

    def test_one_that_never_attaches(self, run: Start, cases: Cases) -> None:
        done = self.failing(run, cases, bad={"command": GOOD, "attaches": "bpf", "ready_timeout": 1})
        assert "bad did not attach within 1 s (it loaded no BPF program: say attaches: none if" in done.output

    def test_one_that_dies_in_the_middle(self, run: Start, cases: Cases) -> None:
        done = self.failing(run, cases, bad="sleep 1; echo killed by a bug >&2; exit 7")
        assert "bad died during the visit with exit code 7; it said: killed by a bug" in done.output

    def test_one_that_ignores_signals(self, run: Start, cases: Cases) -> None:
        cases(stubborn="sudo sh -c 'trap \"\" INT TERM; while :; do sleep 1; done'", good=GOOD)
        done = run(*SHORT)
        assert done.wait() == 0, done.output
        assert "2 passed" in done.output

    def test_one_that_floods_its_log(self, run: Start, cases: Cases) -> None:
        done = self.failing(run, cases, bad={"command": "yes", "log_cap_bytes": 1_000_000})
        assert "its log reached the cap of 1000000 bytes" in done.output

    def test_one_that_leaves_a_daemon(self, bed: LabBed, run: Start, cases: Cases) -> None:
        script = "import os,time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); time.sleep(600)"
        cases(daemon=f"sudo python3 -c {shlex.quote(script)}; sudo sleep 1000")
        done = run(*SHORT)
        assert done.wait() == 0, done.output


class TestPrerequisites:
    def test_everything_missing_on_all_nodes_is_listed_at_once(self, bed: LabBed, run: Start, cases: Cases) -> None:
        cases(good=GOOD, other="sudo no-such-tool --flag")
        with bed.hidden("host-server", "netserver"), bed.hidden("host-client", "iperf3"):
            done = run(*SHORT)
            assert done.wait() != 0
        assert "host-server: netserver is not installed - apt-get install netperf" in done.output
        assert "host-server: no-such-tool is not installed" in done.output
        assert "host-client: iperf3 is not installed - apt-get install iperf3" in done.output

    def test_a_node_without_sudo(self, bed: LabBed, run: Start, cases: Cases) -> None:
        cases(good=GOOD)
        with (
            bed.hidden("host-server", "sudo"),
            bed.hidden("host-server", "iperf3"),
            bed.hidden("host-client", "netperf"),
        ):
            done = run(*SHORT)
            assert done.wait() != 0
        assert "host-server: sudo is" in done.output
        assert "host-server: iperf3 is not installed" in done.output
        assert "host-client: netperf is not installed" in done.output

    def test_a_node_without_python(self, bed: LabBed, run: Start, cases: Cases) -> None:
        cases(good=GOOD)
        with bed.hidden("host-client", "python3"):
            done = run(*SHORT)
            assert done.wait() != 0
        assert "host-client: python3 " in done.output

    def test_a_node_that_does_not_answer(self, bed: LabBed, run: Start, cases: Cases) -> None:
        cases(good=GOOD)
        bed.run("host-client", "ip link set eth0 down")
        start = time.monotonic()
        try:
            done = run(*SHORT)
            assert done.wait() != 0
        finally:
            bed.run("host-client", "ip link set eth0 up")
        assert time.monotonic() - start < 20
        assert "node host-client: " in done.output
        assert "does not answer" in done.output


class TestSsh:
    @pytest.fixture
    def ssh_config(self, bed: LabBed) -> Any:
        """Changes the environment's ssh configuration for one test."""
        file = bed.config_dir / "site" / "ssh_config"
        original = file.read_text()
        yield lambda old, new: file.write_text(original.replace(old, new))
        file.write_text(original)

    def test_an_unknown_host_key_is_refused_unless_told_otherwise(
        self, bed: LabBed, run: Start, cases: Cases, ssh_config: Any
    ) -> None:
        cases(good=GOOD)
        empty = bed.config_dir / "site" / "nobody_known"
        ssh_config(str(bed.folder / "known_hosts"), str(empty))
        refused = run(*SHORT)
        assert refused.wait() != 0
        assert "the host key of" in refused.output
        assert "--ssh-accept-new" in refused.output
        accepted = run(*SHORT, "--ssh-accept-new")
        assert accepted.wait() == 0, accepted.output
        assert len(empty.read_text().splitlines()) == 2
        assert run(*SHORT).wait() == 0
        empty.unlink()

    def test_a_wrong_key(self, bed: LabBed, run: Start, cases: Cases, ssh_config: Any, tmp_path: Any) -> None:
        cases(good=GOOD)
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
        ssh_config(str(bed.folder / "id_ed25519"), str(tmp_path / "other"))
        done = run(*SHORT)
        assert done.wait() != 0
        assert "refused every key offered" in done.output
        assert all(host in done.output for host in HOSTS)


class TestGenerators:
    def test_somebody_elses_servers_live_on(self, bed: LabBed, run: Start, cases: Cases) -> None:
        cases(good=GOOD)
        strangers = "for p in 5201 5202 5203; do setsid iperf3 -s -p $p >/dev/null 2>&1 & done; sleep 0.5"
        bed.run("host-server", strangers)
        theirs = [pid for pid, command in bed.commands("host-server").items() if command.startswith("iperf3 -s -p 520")]
        try:
            assert len(theirs) == 3
            done = run("--env", "site", "--duration", "1", "--perf-tests", "throughput,latency:tcp_rr")
            assert done.wait() == 0, done.output
            assert set(theirs) <= set(bed.commands("host-server"))
        finally:
            for pid in theirs:
                bed_kill(pid)

    def test_a_client_that_is_killed(self, bed: LabBed, run: Start, cases: Cases) -> None:
        cases(good=GOOD)
        started = run(*LONG)
        bed_kill(started.wait_for("host-client", "iperf3 -c"))
        assert started.wait() == 1
        assert "iperf3 client failed with exit code -9" in started.output

    def test_a_server_that_is_killed(self, bed: LabBed, run: Start, cases: Cases) -> None:
        cases(good=GOOD)
        started = run(*LONG)
        started.wait_for("host-client", "iperf3 -c")
        bed_kill(bed.find("host-server", "iperf3 -s"))
        assert started.wait() == 1
        assert "iperf3 server failed with exit code -9" in started.output

    def test_a_client_that_hangs(self, bed: LabBed, run: Start, cases: Cases) -> None:
        cases(good=GOOD)
        started = run("--env", "site", "--duration", "2", "--perf-tests", "latency:tcp_rr")
        bed_signal(started.wait_for("host-client", "netperf -H"), signal.SIGSTOP)
        assert started.wait() == 1
        assert "netperf client hung: not done 12 s after its start" in started.output


class TestTwoRuns:
    def test_the_second_one_is_told_and_the_first_is_not_disturbed(
        self, bed: LabBed, run: Start, cases: Cases, tmp_path: Path
    ) -> None:
        """The first one's second visit begins when the others have been told, however long that takes."""
        cases(good=GOOD)
        told = tmp_path / "told"
        (tmp_path / "patient.py").write_text(
            "import pathlib, time\n\n"
            "seen = []\n\n"
            "def pytest_probecost_perf_test_init(perf_test):\n"
            "    seen.append(perf_test.arm)\n"
            f"    while len(seen) == 2 and not pathlib.Path({str(told)!r}).exists(): time.sleep(0.05)\n"
        )
        patient = ("-p", "patient", f"--override-ini=pythonpath={tmp_path}")
        first = run("--env", "site", *SOME_TRAFFIC, "--duration", "5", *patient)
        first.wait_for("host-client", "iperf3 -c")
        second = run(*SHORT)
        assert second.wait() != 0
        assert first.process.poll() is None, first.output
        assert "node host-server: in use by run " in second.output
        assert "node host-client: in use by run " in second.output
        minimal = str(bed.config_dir / "site" / "minimal-input.yaml")
        asking = [sys.executable, "-m", "probecost", "bootstrap", "--dry-run", "--minimal-input", minimal]
        asked = subprocess.run(asking, cwd=PROJECT, check=False, capture_output=True, text=True)
        assert "in use by" not in asked.stdout + asked.stderr
        told.touch()
        first.wait()  # in a lab the second run is foreign load on the same machine, and may have voided its figures
        (tree, *_) = sorted(first.results_dir.glob("2*"))  # "latest" is the second one
        results = json.loads((tree / "workflow-results.json").read_text())
        assert [cycle["status"] for cycle in results["cycles"]] == ["completed"] * 2, first.output
        assert run(*SHORT).wait() == 0


class TestDisk:
    def test_a_full_disk(self, bed: LabBed, run: Start, cases: Cases) -> None:
        cases(good=GOOD)
        bed.run("host-server", f"dd if=/dev/zero of={WORKDIR}/ballast bs=1M 2>/dev/null || true")
        try:
            done = run(*SHORT)
            assert done.wait() == 1, done.output
        finally:
            bed.run("host-server", f"rm {WORKDIR}/ballast")
        assert "node host-server" in done.output
        assert "no space left on" in done.output.lower()


class TestEndings:
    """SIGINT, SIGTERM and SIGKILL while traffic flows."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupted_run_tears_down_and_keeps_what_it_measured(
        self, bed: LabBed, run: Start, cases: Cases, number: signal.Signals
    ) -> None:
        cases(good=GOOD)
        started = run(*LONG)
        started.wait_for("host-client", "iperf3 -c")
        before = time.monotonic()
        started.interrupt(number)
        assert until(lambda: not ours_run(bed), 10)
        assert time.monotonic() - before < 10
        assert started.wait(20) == 2, started.output
        assert (started.tree / "reports" / "overview.md").exists()

    @pytest.mark.parametrize("moment", ["connecting", "tool starts", "traffic flows", "tool stops"])
    def test_a_killed_run_leaves_nothing_within_15_seconds(
        self, bed: LabBed, run: Start, cases: Cases, clean: Callable[[], None], moment: str
    ) -> None:
        cases(stubborn="sudo sh -c 'trap \"\" INT TERM; while :; do sleep 1; done'")
        started = run(*(SHORT if moment.startswith("tool") else LONG), "--seed", "1")
        match moment:
            case "connecting":
                started.wait_for("host-server", "python3 -c import sys;exec")
            case "tool starts":
                started.wait_for("host-server", "sudo sh -c trap", 90)
            case "traffic flows":
                started.wait_for("host-client", "iperf3 -c")
            case "tool stops":
                started.wait_for("host-server", "sudo sh -c trap")
                time.sleep(2.5)
        started.interrupt(signal.SIGKILL)
        started.wait()
        for host in HOSTS:
            bed.run(host, "true")
        clean_without_results(bed, clean)

    @pytest.mark.parametrize("interrupted", [False, True], ids=["left alone", "Ctrl-C"])
    def test_a_network_that_is_cut_is_noticed_on_both_sides(
        self, bed: LabBed, run: Start, cases: Cases, clean: Callable[[], None], interrupted: bool
    ) -> None:
        """Packets vanish without a word. The run ends by itself, long before its 60 s of traffic would be over."""
        cases(good=GOOD)
        started = run(*LONG)
        started.wait_for("host-client", "iperf3 -c")
        bed.run("host-client", "ip link set eth0 down")
        try:
            start = time.monotonic()
            if interrupted:
                started.interrupt(signal.SIGINT)
                assert started.wait(20) == 2, started.output
            else:
                assert started.wait(45) == 1, started.output
                assert "node host-client: run_clients: no sign of life for 8 s" in started.output
            while any(command.startswith("iperf3") for command in bed.commands("host-client").values()):
                assert time.monotonic() - start < 15
                time.sleep(0.1)
        finally:
            bed.run("host-client", "ip link set eth0 up")
        clean_without_results(bed, clean)


def ours_run(bed: LabBed) -> bool:
    """Whether a supervisor, a generator or a tool of a run is on a host."""
    ours = ("sudo", "python3 -c", "iperf3", "netserver", "netperf")
    return any(command.startswith(ours) for host in HOSTS for command in bed.commands(host).values())


def bed_kill(pid: int) -> None:
    bed_signal(pid, signal.SIGKILL)


def bed_signal(pid: int, number: signal.Signals) -> None:
    """Signal a process of a host by the machine's number for it."""
    subprocess.run(["kill", f"-{number.value}", str(pid)], check=True)


def clean_without_results(bed: LabBed, clean: Callable[[], None]) -> None:
    """Results that nobody could fetch stay on the nodes, by design; everything else must go."""
    time.sleep(0.1)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and ours_run(bed):
        time.sleep(0.1)
    for host in HOSTS:
        bed.run(host, f"rm -rf {WORKDIR}/performance-test-results")
    clean()
