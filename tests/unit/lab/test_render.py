"""The files of a lab host and the commands of its network, as text."""

from __future__ import annotations

from pathlib import Path

from probecost.lab import render
from probecost.lab.addresses import HOST_NAMES, addresses_of

LAB = addresses_of(1)
SERVER, CLIENT = LAB.hosts
ACCOUNTS = render.Accounts(
    passwd="root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/zsh\nprobe:x:5:5::/:/bin/false\n",
    group="root:x:0:\nann:x:1000:\nwheel:x:1001:\n",
    shadow="root:*:1::::::\nann:$6$x:1::::::\n",
)
KEYS = render.Keys(
    hosts={name: (f"private {name}\n", f"ssh-ed25519 AAAA{name} {name}\n") for name in HOST_NAMES},
    login_public="ssh-ed25519 AAAAlogin me\n",
)


def spec(version: tuple[int, int] = (9, 2)) -> render.HostSpec:
    return render.host_spec(
        SERVER,
        LAB,
        instance="lab-x",
        stage=Path("/run/stage"),
        accounts=ACCOUNTS,
        keys=KEYS,
        sshd="/usr/sbin/sshd",
        openssh_version=version,
    )


def text_of(path: str) -> str:
    return {file.path: file.text for file in spec().files}[path]


class TestAccounts:
    def test_uid_is_free_among_users_and_groups(self) -> None:
        assert render.free_uid(ACCOUNTS) == 1002

    def test_login_user_is_added_once(self) -> None:
        own = render.with_user(ACCOUNTS, 1002)
        assert own.passwd.splitlines()[-1] == "probe:x:1002:1002::/home/probe:/bin/sh"
        assert own.passwd.count("\nprobe:") == 1
        assert own.group.splitlines()[-1] == "probe:x:1002:"
        assert own.shadow.splitlines()[-1].startswith("probe:*:")

    def test_others_stay(self) -> None:
        own = render.with_user(ACCOUNTS, 1002)
        assert own.passwd.startswith("root:x:0:0:root:/root:/bin/bash\nann:")
        assert "ann:$6$x" in own.shadow


class TestHost:
    def test_is_plain_data(self) -> None:
        data = spec().as_dict()
        assert data["hostname"] == "host-server"
        assert data["sshd"] == ("/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/sshd_config")

    def test_secrets_are_private(self) -> None:
        modes = {file.path: file.mode for file in spec().files}
        assert modes["/etc/ssh/ssh_host_ed25519_key"] == 0o600
        assert modes["/etc/shadow"] == 0o600
        assert modes["/etc/sudoers"] == 0o440

    def test_login_user_needs_no_password_for_sudo(self) -> None:
        assert "probe ALL=(ALL:ALL) NOPASSWD: ALL" in text_of("/etc/sudoers").splitlines()

    def test_machine_ids_differ(self) -> None:
        other = render.host_spec(
            CLIENT,
            LAB,
            instance="lab-x",
            stage=Path("/run/stage"),
            accounts=ACCOUNTS,
            keys=KEYS,
            sshd="/usr/sbin/sshd",
            openssh_version=(9, 2),
        )
        ids = {file.text for one in (spec(), other) for file in one.files if file.path == "/etc/machine-id"}
        assert len(ids) == 2
        assert {len(text.strip()) for text in ids} == {32}

    def test_sshd_listens_on_the_management_address_only(self) -> None:
        listen = [line for line in text_of("/etc/ssh/sshd_config").splitlines() if line.startswith("ListenAddress")]
        assert listen == ["ListenAddress 198.18.1.2:22"]

    def test_penalties_are_off_where_sshd_has_them(self) -> None:
        assert "PerSourcePenalties" not in render.sshd_config("198.18.1.2", (9, 7))
        assert "PerSourcePenalties no" in render.sshd_config("198.18.1.2", (10, 0))

    def test_hosts_know_each_other(self) -> None:
        assert text_of("/etc/hosts").splitlines()[-2:] == ["127.0.1.1 host-server", "198.18.1.6 host-client"]


def test_links() -> None:
    lines = render.machine_network(LAB, {"host-server": 11, "host-client": 22}).splitlines()
    assert "link add pcl1s type veth peer name eth0 netns 11" in lines
    assert "link add pcl1c type veth peer name eth0 netns 22" in lines
    assert lines[-1] == "link add eth1 netns 11 type veth peer name eth1 netns 22"
    assert "addr add 198.18.1.129/25 dev eth1" in render.host_network(SERVER, LAB).splitlines()
