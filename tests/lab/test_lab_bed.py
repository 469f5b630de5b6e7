"""The lab for real: brought up, used over SSH, taken down, and killed at every point. Needs root."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import control, state
from lab.addresses import addresses_of
from lab.bed import PROJECT
from lab.places import STATE_ROOT, Place
from lab.process import ProcessId
from lab.state import LabState
from lab.waiting import Deadline, wait_until

GONE_S = 10.0


@dataclass(frozen=True)
class Bed:
    """A lab in a configuration folder of its own."""

    config_dir: Path

    @property
    def place(self) -> Place:
        return Place.of("lab", self.config_dir)

    @property
    def recorded(self) -> LabState:
        recorded = state.load(self.place)
        assert recorded is not None
        return recorded

    def up(self) -> str:
        return control.up("lab", self.config_dir)

    def down(self) -> str:
        return control.down("lab", self.config_dir)

    def condition(self) -> str:
        return control.status("lab", self.config_dir).condition

    def ssh(self, host: str, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ssh", "-F", str(self.place.ssh_config()), "-o", "ConnectTimeout=5", host, command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def says(self, host: str, command: str) -> str:
        done = self.ssh(host, command)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@dataclass(frozen=True)
class Traces:
    """What exists of a lab while it is up, to be looked for when it is not."""

    bed: Bed
    processes: frozenset[ProcessId]
    namespaces: frozenset[str]
    links: frozenset[str]

    @classmethod
    def of(cls, bed: Bed) -> Traces:
        own = namespaces_of(os.getpid())
        namespaces = set[str]()
        for first in bed.recorded.hosts.values():
            namespaces |= namespaces_of(first.pid)
        processes = {ProcessId.of(pid) for pid in all_pids() if namespaces_of(pid) & (namespaces - own)}
        if bed.recorded.guard:
            processes.add(bed.recorded.guard)
        links = {host.machine_link for host in addresses_of(bed.recorded.index).hosts}
        return cls(bed, frozenset(processes), frozenset(namespaces - own), frozenset(links))

    def left(self) -> list[str]:
        """Everything that is still there."""
        left = [f"process {process}" for process in self.processes if process.alive]
        left += [f"{pid} in a namespace" for pid in all_pids() if namespaces_of(pid) & self.namespaces]
        left += [f"link {link}" for link in self.links if Path("/sys/class/net", link).exists()]
        left += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if "probecost-lab" in line]
        if self.bed.place.state_dir.exists():
            left.append(str(self.bed.place.state_dir))
        return left

    def assert_gone(self) -> None:
        wait_until(lambda: not self.left(), Deadline.after(GONE_S))
        assert self.left() == []


def all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def namespaces_of(pid: int) -> set[str]:
    kinds = ("net", "mnt", "pid", "uts", "ipc")
    try:
        return {str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in kinds}
    except OSError:
        return set()


@pytest.fixture(autouse=True, scope="module")
def _root() -> None:
    if os.geteuid() != 0:
        pytest.fail("these tests need root: make test uses sudo")


@pytest.fixture
def new_bed(tmp_path: Path) -> Iterator[Callable[[str], Bed]]:
    """Makes beds, none of them up, and takes them all down at the end."""
    beds: list[Bed] = []

    def make(name: str) -> Bed:
        beds.append(Bed(tmp_path / name))
        return beds[-1]

    yield make
    for bed in beds:
        bed.down()


@pytest.fixture
def bed(new_bed: Callable[[str], Bed]) -> Bed:
    return new_bed("config")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """A lab that is up, for tests that leave it as it was."""
    bed = Bed(tmp_path_factory.mktemp("lab") / "config")
    bed.up()
    yield bed
    bed.down()


class TestHosts:
    """What a user of the hosts sees."""

    @pytest.mark.parametrize("host", ["host-server", "host-client"])
    def test_login_user_is_not_root_and_may_become_root(self, running: Bed, host: str) -> None:
        assert running.says(host, "id -un; hostname; sudo -n id -u; sudo -n sudo id -u; pwd; echo $SHELL").split() == [
            "probe",
            host,
            "0",
            "0",
            "/home/probe",
            "/bin/sh",
        ]

    def test_sees_its_own_processes_only(self, running: Bed) -> None:
        commands = running.says("host-server", "ps -e -o args=").splitlines()
        assert len(commands) < 8
        assert not [command for command in commands if "pytest" in command]
        assert running.says("host-server", "cat /proc/1/comm") == "python3"

    def test_sees_its_own_interfaces_only(self, running: Bed) -> None:
        assert running.says("host-server", "ls /sys/class/net").split() == ["eth0", "eth1", "lo"]
        links = json.loads(running.says("host-client", "ip -json link"))
        assert {link["ifname"] for link in links} == {"eth0", "eth1", "lo"}

    def test_has_what_tools_need_of_the_kernel(self, running: Bed) -> None:
        assert "net" in running.says("host-server", "sudo -n ls /sys/kernel/tracing/events").split()
        assert running.says("host-server", "ls -d /sys/kernel/btf/vmlinux")
        inside = running.says("host-server", "ls /sys/fs/cgroup").split()
        assert sorted(inside) == sorted(path.name for path in Path("/sys/fs/cgroup").iterdir())

    def test_cannot_change_the_machine(self, running: Bed) -> None:
        users = Path("/etc/passwd").read_text()
        assert running.ssh("host-server", "sudo -n touch /usr/probecost-was-here").returncode != 0
        running.says("host-server", "sudo -n touch /etc/probecost-was-here /run/probecost-was-here /tmp/x-probecost")
        for folder in ("/usr", "/etc", "/run"):
            assert not Path(folder, "probecost-was-here").exists()
        assert not Path("/tmp/x-probecost").exists()
        assert Path("/etc/passwd").read_text() == users
        assert running.ssh("host-client", "ls /etc/probecost-was-here").returncode != 0
        running.says("host-server", "sudo -n rm /etc/probecost-was-here /run/probecost-was-here /tmp/x-probecost")

    def test_hosts_do_not_have_the_machines_keys(self, running: Bed) -> None:
        assert running.says("host-server", "cd /etc/ssh; ls -d ssh_host_*").split() == [
            "ssh_host_ed25519_key",
            "ssh_host_ed25519_key.pub",
        ]

    def test_sshd_listens_on_the_management_address_only(self, running: Bed) -> None:
        address = addresses_of(running.recorded.index).hosts[0].management_ip
        listening = [line.split()[3] for line in running.says("host-server", "ss -ltnH").splitlines()]
        assert listening == [f"{address}:22"]

    def test_traffic_between_the_test_addresses(self, running: Bed) -> None:
        server = addresses_of(running.recorded.index).hosts[0].test_ip
        running.says("host-server", f"iperf3 -s -1 -D -B {server}")
        assert wait_until(lambda: f"{server}:5201" in running.says("host-server", "ss -ltnH"), Deadline.after(5))
        done = json.loads(running.says("host-client", f"iperf3 -c {server} -t 1 -J"))
        assert done["end"]["sum_received"]["bits_per_second"] > 1e8

    def test_workdir_can_be_filled_without_filling_anything_else(self, running: Bed) -> None:
        full = running.ssh("host-server", "cd work && dd if=/dev/zero of=big bs=1M count=2000")
        assert "No space left" in full.stderr
        assert running.ssh("host-server", "touch ~/.still-room /tmp/still-room").returncode == 0
        running.says("host-server", "rm -f work/big ~/.still-room /tmp/still-room")

    def test_first_process_reaps_orphans(self, running: Bed) -> None:
        orphan = "nohup sh -c '(sleep 0.1 & echo $!)' 2>/dev/null"
        pid = int(running.says("host-server", orphan))
        gone = f"! test -e /proc/{pid}"
        assert wait_until(lambda: running.ssh("host-server", gone).returncode == 0, Deadline.after(5))

    def test_a_terminal_works(self, running: Bed) -> None:
        command = ["ssh", "-tt", "-F", str(running.place.ssh_config()), "host-server", "tty; sudo -n tty"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=20)
        assert re.findall(r"/dev/pts/\d+", done.stdout)

    def test_host_keys_are_known_and_others_refused(self, running: Bed, tmp_path: Path) -> None:
        wrong = tmp_path / "known_hosts"
        lines = running.place.known_hosts().read_text().split("\n")
        first, second = lines[0].split(), lines[1].split()
        wrong.write_text(" ".join([first[0], *second[1:]]) + "\n")
        command = ["ssh", "-F", str(running.place.ssh_config()), "-o", f"UserKnownHostsFile={wrong}"]
        done = subprocess.run([*command, "host-server", "true"], capture_output=True, text=True, check=False)
        assert "HOST IDENTIFICATION HAS CHANGED" in done.stderr

    def test_identity_is_private(self, running: Bed) -> None:
        assert running.place.identity().stat().st_mode & 0o777 == 0o600


class TestUpAndDown:
    """Bringing up and taking down, one after the other."""

    def test_down_leaves_nothing(self, bed: Bed) -> None:
        bed.up()
        user = subprocess.Popen(
            ["ssh", "-F", str(bed.place.ssh_config()), "host-server", "sudo -n sleep 1000"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert wait_until(lambda: "sleep 1000" in bed.says("host-server", "ps -e -o args="), Deadline.after(5))
        traces = Traces.of(bed)
        assert len(traces.processes) >= 7
        assert bed.down() == "lab is down"
        traces.assert_gone()
        assert user.wait(timeout=10) != 0
        assert bed.condition() == "down"
        assert bed.down() == "lab was down already"

    def test_up_twice_is_fine(self, bed: Bed) -> None:
        assert bed.up().startswith("lab is up")
        before = Traces.of(bed)
        assert bed.up().startswith("lab was up already")
        assert Traces.of(bed) == before

    def test_minimal_input_stays_the_same(self, bed: Bed) -> None:
        bed.up()
        file = bed.place.minimal_input()
        before = (file.read_text(), file.stat().st_mtime_ns, bed.place.identity().read_text())
        bed.down()
        bed.up()
        assert (file.read_text(), file.stat().st_mtime_ns, bed.place.identity().read_text()) == before
        assert bed.says("host-server", "hostname") == "host-server"

    def test_two_labs_at_once(self, new_bed: Callable[[str], Bed]) -> None:
        one, other = new_bed("one"), new_bed("other")
        one.up()
        other.up()
        assert one.recorded.index != other.recorded.index
        assert one.says("host-server", "cat /etc/machine-id") != other.says("host-server", "cat /etc/machine-id")
        traces = Traces.of(one)
        one.down()
        traces.assert_gone()
        assert other.says("host-client", "hostname") == "host-client"

    def test_unknown_name(self, tmp_path: Path) -> None:
        with pytest.raises(control.LabError, match="no lab is called 'nonsense'; known: lab"):
            control.up("nonsense", tmp_path)

    def test_command_line(self, bed: Bed) -> None:
        def run(verb: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "lab", verb, "lab", "--config-dir", str(bed.config_dir)]
            return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

        assert run("status").returncode == 3
        assert run("up").returncode == 0
        assert run("status").returncode == 0
        os.kill(bed.recorded.hosts["host-server"].pid, signal.SIGKILL)
        assert wait_until(lambda: run("status").returncode == 4, Deadline.after(5))
        assert run("down").returncode == 0
        assert run("status").returncode == 3


class TestBroken:
    """States that only a crash, or somebody's hand, brings about."""

    def test_killing_the_first_process_ends_the_host(self, bed: Bed) -> None:
        bed.up()
        first = bed.recorded.hosts["host-server"]
        bed.says("host-server", "nohup setsid sleep 1000 >/dev/null 2>&1 &")
        namespaces = namespaces_of(first.pid) - namespaces_of(os.getpid())
        os.kill(first.pid, signal.SIGKILL)

        def gone() -> bool:
            return not first.alive and not any(namespaces_of(pid) & namespaces for pid in all_pids())

        assert wait_until(gone, Deadline.after(GONE_S))
        assert control.status("lab", bed.config_dir).problem == "host-server has ended"
        assert bed.says("host-client", "hostname") == "host-client"
        traces = Traces.of(bed)
        assert bed.up().startswith("lab was broken and is up again")
        assert not [process for process in traces.processes if process.alive]
        assert bed.says("host-server", "hostname") == "host-server"

    def test_missing_files_are_repaired(self, bed: Bed) -> None:
        bed.up()
        bed.place.known_hosts().unlink()
        assert "known_hosts is missing" in control.status("lab", bed.config_dir).problem
        bed.up()
        assert bed.condition() == "up"

    @pytest.mark.parametrize("then", ["up", "down"])
    @pytest.mark.parametrize("loss", ["unreadable record", "no record", "no state folder"])
    def test_a_lost_record_loses_no_host(self, bed: Bed, loss: str, then: str) -> None:
        bed.up()
        traces = Traces.of(bed)
        match loss:
            case "unreadable record":
                bed.place.state_file.write_text("{")
                assert bed.condition() == "broken"
            case "no record":
                bed.place.state_file.unlink()
            case _:
                shutil.rmtree(bed.place.state_dir)
        if then == "up":
            bed.up()
            assert bed.says("host-server", "hostname") == "host-server"
            assert not [process for process in traces.processes if process.alive]
        bed.down()
        traces.assert_gone()

    def test_a_recycled_pid_is_left_alone(self, bed: Bed) -> None:
        bystander = subprocess.Popen(["sleep", "1000"])
        try:
            stranger = ProcessId(bystander.pid, ProcessId.of(bystander.pid).start_ticks - 1)
            bed.place.state_dir.mkdir(parents=True)
            hosts = {"host-server": stranger, "host-client": stranger}
            state.save(bed.place, LabState(str(bed.config_dir), 7, True, hosts, stranger, True))
            assert bed.down() == "lab is down"
            assert bystander.poll() is None
        finally:
            bystander.kill()
            bystander.wait()

    @pytest.mark.parametrize("delay_ms", [30, 80, 120, 160, 200, 240, 280, 320])
    def test_up_killed_on_its_way(self, bed: Bed, delay_ms: int) -> None:
        before = set(all_pids())
        command = [sys.executable, "-m", "lab", "up", "lab", "--config-dir", str(bed.config_dir)]
        up = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
        time.sleep(delay_ms / 1000)  # the moment is the parameter
        up.kill()
        up.wait()
        recorded = state.load(bed.place)
        if recorded is not None and not recorded.complete:  # else it was quicker
            assert wait_until(lambda: not any(p.alive for p in recorded.hosts.values()), Deadline.after(GONE_S))
        if recorded is None or not recorded.complete:

            def gone() -> bool:
                return not any(is_in_host(pid, bed) for pid in set(all_pids()) - before)

            assert wait_until(gone, Deadline.after(GONE_S))
        bed.up()
        assert bed.says("host-server", "hostname") == "host-server"
        traces = Traces.of(bed)
        bed.down()
        traces.assert_gone()


def is_in_host(pid: int, bed: Bed) -> bool:
    """Whether a process is in a mount namespace that holds a file system of this lab."""
    try:
        return str(bed.place.state_dir) in Path(f"/proc/{pid}/mountinfo").read_text()
    except OSError:
        return False


HOLDER = """
import sys, time
from pathlib import Path
from lab import control
hold = control.acquire("lab", Path(sys.argv[1]))
print("holding", flush=True)
time.sleep(1000)
"""


@pytest.fixture
def hold_elsewhere(bed: Bed) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts processes that use the lab until they are killed."""
    holders: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(bed.config_dir)]
        holders.append(subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True))
        assert holders[-1].stdout is not None
        assert holders[-1].stdout.readline() == "holding\n"
        return holders[-1]

    yield start
    for holder in holders:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()


class TestAutomatic:
    """Labs that live as long as they are used."""

    def test_acquire_and_release(self, bed: Bed) -> None:
        hold = control.acquire("lab", bed.config_dir)
        traces = Traces.of(bed)
        assert bed.says("host-server", "hostname") == "host-server"
        hold.release()
        assert traces.left() == []
        hold.release()

    def test_kill_of_the_holder(self, bed: Bed, hold_elsewhere: Callable[[], subprocess.Popen[str]]) -> None:
        holder = hold_elsewhere()
        traces = Traces.of(bed)
        holder.kill()
        traces.assert_gone()

    def test_kill_of_holder_and_guard(self, bed: Bed, hold_elsewhere: Callable[[], subprocess.Popen[str]]) -> None:
        holder = hold_elsewhere()
        traces = Traces.of(bed)
        assert bed.recorded.guard is not None
        os.kill(bed.recorded.guard.pid, signal.SIGKILL)
        holder.kill()
        assert bed.condition() == "up"
        assert bed.down() == "lab is down"
        traces.assert_gone()

    def test_release_without_a_guard(self, bed: Bed) -> None:
        with control.acquire("lab", bed.config_dir):
            traces = Traces.of(bed)
            assert bed.recorded.guard is not None
            os.kill(bed.recorded.guard.pid, signal.SIGKILL)
        traces.assert_gone()

    def test_stays_for_other_users(self, bed: Bed, hold_elsewhere: Callable[[], subprocess.Popen[str]]) -> None:
        holder = hold_elsewhere()
        with control.acquire("lab", bed.config_dir):
            traces = Traces.of(bed)
        assert bed.says("host-server", "hostname") == "host-server"
        holder.kill()
        traces.assert_gone()

    def test_up_makes_it_stay(self, bed: Bed) -> None:
        with control.acquire("lab", bed.config_dir):
            guard = bed.recorded.guard
            assert bed.up().startswith("lab was up already")
        assert guard is not None
        assert wait_until(lambda: not guard.alive, Deadline.after(5))
        assert bed.condition() == "up"
        with control.acquire("lab", bed.config_dir):
            pass
        assert bed.condition() == "up"

    def test_broken_lab_is_repaired_for_its_user(self, bed: Bed) -> None:
        with control.acquire("lab", bed.config_dir):
            os.kill(bed.recorded.hosts["host-client"].pid, signal.SIGKILL)
            with control.acquire("lab", bed.config_dir):
                traces = Traces.of(bed)
                assert bed.says("host-client", "hostname") == "host-client"
        traces.assert_gone()

    def test_state_removed_by_hand(self, bed: Bed, hold_elsewhere: Callable[[], subprocess.Popen[str]]) -> None:
        hold_elsewhere()
        traces = Traces.of(bed)
        time.sleep(0.5)  # a guard that has just started has not looked yet
        bed.place.state_file.unlink()
        bed.place.in_use_file.unlink()
        assert wait_until(lambda: not any(process.alive for process in traces.processes), Deadline.after(GONE_S))
        bed.down()
        traces.assert_gone()

    @pytest.mark.parametrize("delay_ms", [60, 150, 250, 350])
    def test_user_killed_on_the_way_up(self, bed: Bed, delay_ms: int) -> None:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(bed.config_dir)], cwd=PROJECT, stdout=subprocess.DEVNULL
        )
        time.sleep(delay_ms / 1000)  # the moment is the parameter
        holder.kill()
        holder.wait()
        time.sleep(0.5)  # whatever was on its way may come up, and must go by itself
        assert wait_until(lambda: not bed.place.state_dir.exists(), Deadline.after(GONE_S))

    def test_many_users_coming_and_going(self, bed: Bed) -> None:
        script = (
            "import sys\nfrom pathlib import Path\nfrom lab import control\n"
            "for _ in range(4):\n    with control.acquire('lab', Path(sys.argv[1])):\n        pass\n"
        )
        users = [
            subprocess.Popen([sys.executable, "-c", script, str(bed.config_dir)], cwd=PROJECT, stderr=subprocess.PIPE)
            for _ in range(3)
        ]
        answers = [user.communicate(timeout=60) for user in users]
        assert [answer[1] for answer in answers] == [b"", b"", b""]
        assert wait_until(lambda: not bed.place.state_dir.exists(), Deadline.after(GONE_S))


def test_nothing_is_left_of_the_state_folder(tmp_path: Path) -> None:
    bed = Bed(tmp_path / "config")
    bed.up()
    bed.down()
    assert not STATE_ROOT.exists() or any(STATE_ROOT.iterdir())


def test_a_user_with_sudo_can_do_all_of_it(running: Bed) -> None:
    """As the login user of a host: a lab inside the lab, which needs no package, so that its folder is enough."""
    if running.ssh("host-server", "python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'").returncode:
        pytest.skip("the hosts' own Python is older than 3.11")
    packed = subprocess.run(["tar", "-C", str(PROJECT), "-c", "lab"], capture_output=True, check=True).stdout
    command = ["ssh", "-F", str(running.place.ssh_config()), "host-server", "tar -C work -x"]
    subprocess.run(command, input=packed, check=True)
    script = (
        "from pathlib import Path; from lab import control; folder = Path('config')\n"
        "with control.acquire('lab', folder): print(control.status('lab', folder).condition)\n"
        "print(control.status('lab', folder).condition)"
    )
    assert running.says("host-server", f'cd work && python3 -B -c "{script}"').split() == ["up", "down"]
    written = running.says("host-server", "cd work/config/lab && stat -c '%U %a %n' *").splitlines()
    assert written == [
        "probe 600 id_ed25519",
        "probe 644 known_hosts",
        "probe 644 minimal-input.yaml",
        "probe 644 ssh_config",
    ]
    running.says("host-server", "sudo -n rm /etc/sudoers")
    script = "from pathlib import Path; from lab import control; control.up('lab', Path('config'))"
    refused = running.ssh("host-server", f'cd work && python3 -B -c "{script}"')
    assert "the lab needs root: run this as root, or allow sudo without a password" in refused.stderr
