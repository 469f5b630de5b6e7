"""The hosts of a lab, used over SSH. Needs root."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from bed_access import PROJECT
from own_lab import OwnLab

from probecost.lab.addresses import addresses_of
from probecost.lab.waiting import Deadline, wait_until


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnLab]:
    """A lab that is up, for tests that leave it as it was."""
    own = OwnLab(tmp_path_factory.mktemp("lab") / "config")
    own.up()
    yield own
    own.down()


def lasting(cgroups: list[str]) -> list[str]:
    """Without those of runs, which come and go on all labs of a machine."""
    return sorted(name for name in cgroups if not name.startswith("probecost-"))


class TestHosts:
    """What a user of the hosts sees."""

    @pytest.mark.parametrize("host", ["host-server", "host-client"])
    def test_login_user_is_not_root_and_may_become_root(self, running: OwnLab, host: str) -> None:
        assert running.says(host, "id -un; hostname; sudo -n id -u; sudo -n sudo id -u; pwd; echo $SHELL").split() == [
            "probe",
            host,
            "0",
            "0",
            "/home/probe",
            "/bin/sh",
        ]

    def test_sees_its_own_processes_only(self, running: OwnLab) -> None:
        commands = running.says("host-server", "ps -e -o args=").splitlines()
        assert len(commands) < 8
        assert not [command for command in commands if "pytest" in command]
        assert running.says("host-server", "cat /proc/1/comm") == "python3"

    def test_sees_its_own_interfaces_only(self, running: OwnLab) -> None:
        assert running.says("host-server", "ls /sys/class/net").split() == ["eth0", "eth1", "lo"]
        links = json.loads(running.says("host-client", "ip -json link"))
        assert {link["ifname"] for link in links} == {"eth0", "eth1", "lo"}

    def test_has_what_tools_need_of_the_kernel(self, running: OwnLab) -> None:
        assert "net" in running.says("host-server", "sudo -n ls /sys/kernel/tracing/events").split()
        assert running.says("host-server", "ls -d /sys/kernel/btf/vmlinux")
        inside = running.says("host-server", "ls /sys/fs/cgroup").split()
        names = [path.name for path in Path("/sys/fs/cgroup").iterdir()]
        assert lasting(inside) == lasting(names)

    def test_cannot_change_the_machine(self, running: OwnLab) -> None:
        users = Path("/etc/passwd").read_text()
        assert running.ssh("host-server", "sudo -n touch /usr/probecost-was-here").returncode != 0
        running.says("host-server", "sudo -n touch /etc/probecost-was-here /run/probecost-was-here /tmp/x-probecost")
        for folder in ("/usr", "/etc", "/run"):
            assert not Path(folder, "probecost-was-here").exists()
        assert not Path("/tmp/x-probecost").exists()
        assert Path("/etc/passwd").read_text() == users
        assert running.ssh("host-client", "ls /etc/probecost-was-here").returncode != 0
        running.says("host-server", "sudo -n rm /etc/probecost-was-here /run/probecost-was-here /tmp/x-probecost")

    def test_hosts_do_not_have_the_machines_keys(self, running: OwnLab) -> None:
        assert running.says("host-server", "cd /etc/ssh; ls -d ssh_host_*").split() == [
            "ssh_host_ed25519_key",
            "ssh_host_ed25519_key.pub",
        ]

    def test_sshd_listens_on_the_management_address_only(self, running: OwnLab) -> None:
        address = addresses_of(running.recorded.index).hosts[0].management_ip
        listening = [line.split()[3] for line in running.says("host-server", "ss -ltnH").splitlines()]
        assert listening == [f"{address}:22"]

    def test_traffic_between_the_test_addresses(self, running: OwnLab) -> None:
        server = addresses_of(running.recorded.index).hosts[0].test_ip
        running.says("host-server", f"iperf3 -s -1 -D -B {server}")
        assert wait_until(lambda: f"{server}:5201" in running.says("host-server", "ss -ltnH"), Deadline.after(5))
        done = json.loads(running.says("host-client", f"iperf3 -c {server} -t 1 -J"))
        assert done["end"]["sum_received"]["bits_per_second"] > 1e8

    def test_workdir_can_be_filled_without_filling_anything_else(self, running: OwnLab) -> None:
        full = running.ssh("host-server", "cd work && dd if=/dev/zero of=big bs=1M count=2000")
        assert "No space left" in full.stderr
        assert running.ssh("host-server", "touch ~/.still-room /tmp/still-room").returncode == 0
        running.says("host-server", "rm -f work/big ~/.still-room /tmp/still-room")

    def test_first_process_reaps_orphans(self, running: OwnLab) -> None:
        orphan = "nohup sh -c '(sleep 0.1 & echo $!)' 2>/dev/null"
        pid = int(running.says("host-server", orphan))
        gone = f"! test -e /proc/{pid}"
        assert wait_until(lambda: running.ssh("host-server", gone).returncode == 0, Deadline.after(5))

    def test_a_terminal_works(self, running: OwnLab) -> None:
        command = ["ssh", "-tt", "-F", str(running.place.ssh_config()), "host-server", "tty; sudo -n tty"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=20)
        assert re.findall(r"/dev/pts/\d+", done.stdout)

    def test_host_keys_are_known_and_others_refused(self, running: OwnLab, tmp_path: Path) -> None:
        wrong = tmp_path / "known_hosts"
        lines = running.place.known_hosts().read_text().split("\n")
        first, second = lines[0].split(), lines[1].split()
        wrong.write_text(" ".join([first[0], *second[1:]]) + "\n")
        command = ["ssh", "-F", str(running.place.ssh_config()), "-o", f"UserKnownHostsFile={wrong}"]
        done = subprocess.run([*command, "host-server", "true"], capture_output=True, text=True, check=False)
        assert "HOST IDENTIFICATION HAS CHANGED" in done.stderr

    def test_identity_is_private(self, running: OwnLab) -> None:
        assert running.place.identity().stat().st_mode & 0o777 == 0o600


def test_a_user_with_sudo_can_do_all_of_it(own: OwnLab) -> None:
    """As the login user of a host: a lab inside the lab, which needs no package, so that its folder is enough."""
    own.up()
    if own.ssh("host-server", "python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'").returncode:
        pytest.skip("the hosts' own Python is older than 3.11")
    packed = subprocess.run(
        ["tar", "-C", str(PROJECT), "-c", "probecost/__init__.py", "probecost/lab"], capture_output=True, check=True
    ).stdout
    command = ["ssh", "-F", str(own.place.ssh_config()), "host-server", "tar -C work -x"]
    subprocess.run(command, input=packed, check=True)
    script = (
        "from pathlib import Path; from probecost.lab import control; folder = Path('config')\n"
        "with control.acquire('lab', folder): print(control.status('lab', folder).condition)\n"
        "print(control.status('lab', folder).condition)"
    )
    assert own.says("host-server", f'cd work && python3 -B -c "{script}"').split() == ["up", "down"]
    written = own.says("host-server", "cd work/config/lab && stat -c '%U %a %n' *").splitlines()
    assert written == [
        "probe 600 id_ed25519",
        "probe 644 known_hosts",
        "probe 644 minimal-input.yaml",
        "probe 644 ssh_config",
    ]
    own.says("host-server", "sudo -n rm /etc/sudoers")
    script = "from pathlib import Path; from probecost.lab import control; control.up('lab', Path('config'))"
    refused = own.ssh("host-server", f'cd work && python3 -B -c "{script}"')
    assert "the lab needs root: run this as root, or allow sudo without a password" in refused.stderr
