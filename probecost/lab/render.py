"""Texts of all files inside the hosts of a lab, and of its network. Nothing here does I/O."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from probecost.lab.addresses import HostAddresses, LabAddresses

USER = "probe"
HOME = f"/home/{USER}"
WORKDIR = f"{HOME}/work"
WORKDIR_SIZE = "512m"
FIRST_FREE_UID = 1000
MANAGEMENT_INTERFACE = "eth0"
TEST_INTERFACE = "eth1"


@dataclass(frozen=True)
class File:
    """A file of a host; ``mode`` as in chmod."""

    path: str
    text: str
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class Folder:
    """A folder of a host, on its own file system if ``tmpfs`` has mount options."""

    path: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    tmpfs: str = ""


@dataclass(frozen=True)
class Bind:
    """A folder of the machine that a host sees, read-only, even inside the host's own file systems."""

    source: str
    target: str


@dataclass(frozen=True)
class HostSpec:
    """Input of ``probecost.lab.hostinit``. Files that match ``remove`` are removed before anything is written.

    ``commands`` run one after the other when the network is there; the first failure ends the host.
    """

    hostname: str
    stage: str
    remove: tuple[str, ...]
    folders: tuple[Folder, ...]
    files: tuple[File, ...]
    network: str
    sshd: tuple[str, ...]
    binds: tuple[Bind, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()

    def as_dict(self) -> dict[str, object]:
        """The spec as plain data, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Accounts:
    """The account files of a machine, as text."""

    passwd: str
    group: str
    shadow: str


def free_uid(accounts: Accounts) -> int:
    """The first unused number for a user and a group, from 1000."""
    lines = [line.split(":") for line in (accounts.passwd + accounts.group).splitlines()]
    used = {fields[2] for fields in lines if len(fields) > 2}
    uid = FIRST_FREE_UID
    while str(uid) in used:
        uid += 1
    return uid


def with_user(accounts: Accounts, uid: int) -> Accounts:
    """The accounts with the login user added (or replaced): no password, a plain shell."""

    def others(text: str) -> str:
        return "".join(f"{line}\n" for line in text.splitlines() if not line.startswith(f"{USER}:"))

    return Accounts(
        passwd=others(accounts.passwd) + f"{USER}:x:{uid}:{uid}::{HOME}:/bin/sh\n",
        group=others(accounts.group) + f"{USER}:x:{uid}:\n",
        shadow=others(accounts.shadow) + f"{USER}:*:19000:0:99999:7:::\n",
    )


SUDOERS = f"""\
Defaults env_reset
Defaults mail_badpass
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Defaults use_pty
root ALL=(ALL:ALL) ALL
{USER} ALL=(ALL:ALL) NOPASSWD: ALL
"""

# Nothing asks for a password, and no session module may wait for a daemon that a host does not have.
PAM = """\
auth required pam_permit.so
account required pam_permit.so
password required pam_deny.so
session required pam_permit.so
"""

NSSWITCH = """\
passwd: files
group: files
shadow: files
hosts: files
"""


def sshd_config(address: str, openssh_version: tuple[int, int]) -> str:
    """Configuration of a host's sshd, which listens on the management address only."""
    lines = [
        f"ListenAddress {address}:22",
        "HostKey /etc/ssh/ssh_host_ed25519_key",
        "PidFile /run/sshd.pid",
        "PermitRootLogin no",
        f"AllowUsers {USER}",
        "PubkeyAuthentication yes",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "AuthorizedKeysFile .ssh/authorized_keys",
        "UsePAM no",
        "UseDNS no",
        "PrintMotd no",
        "PrintLastLog no",
        "X11Forwarding no",
        "MaxSessions 64",
        "MaxStartups 64:30:128",
        "LoginGraceTime 20",
        "AcceptEnv LANG LC_*",
        "Subsystem sftp internal-sftp",
    ]
    if openssh_version >= (9, 8):  # a wrong key, as in tests, must not lock the right one out
        lines.append("PerSourcePenalties no")
    return "\n".join(lines) + "\n"


def hosts_file(name: str, addresses: LabAddresses) -> str:
    """``/etc/hosts`` of the host ``name``: itself, and the management addresses of the other nodes."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback", f"127.0.1.1 {name}"]
    lines += [f"{host.management_ip} {host.name}" for host in addresses.nodes if host.name != name]
    return "\n".join(lines) + "\n"


def host_network(host: HostAddresses, addresses: LabAddresses) -> str:
    """``ip -batch`` commands that configure a host from inside; with a guest, the test address is on a switch."""
    lines = [
        "link set lo up",
        f"addr add {host.management_ip}/{addresses.management_prefix} dev {MANAGEMENT_INTERFACE}",
        f"link set {MANAGEMENT_INTERFACE} up",
    ]
    if not addresses.guests:
        lines += [
            f"addr add {host.test_ip}/{addresses.test_prefix} dev {TEST_INTERFACE}",
            f"link set {TEST_INTERFACE} up",
        ]
    return "\n".join(lines) + "\n"


def machine_network(addresses: LabAddresses, pids: dict[str, int]) -> str:
    """``ip -batch`` commands, run on the machine, that make all links. ``pids`` are the hosts' first processes.

    A link vanishes with the network namespace of either end, so nothing has to be undone after a crash.
    """
    server, client = addresses.hosts
    lines = []
    for host in addresses.hosts:
        link = host.machine_link
        lines += [
            f"link add {link} type veth peer name {MANAGEMENT_INTERFACE} netns {pids[host.name]}",
            f"link set {link} addrgenmode none",
            f"addr add {host.machine_ip}/{addresses.management_prefix} dev {link}",
            f"link set {link} up",
        ]
    lines.append(
        f"link add {TEST_INTERFACE} netns {pids[server.name]} type veth"
        f" peer name {TEST_INTERFACE} netns {pids[client.name]}"
    )
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Keys:
    """Host keys by host or guest (private, public) and the public key of the login user, in OpenSSH's formats."""

    hosts: dict[str, tuple[str, str]]
    login_public: str


def host_spec(
    host: HostAddresses,
    addresses: LabAddresses,
    *,
    instance: str,
    stage: Path,
    accounts: Accounts,
    keys: Keys,
    sshd: str,
    openssh_version: tuple[int, int],
) -> HostSpec:
    """The specification of one host. ``accounts`` are the machine's, ``sshd`` the path of the daemon."""
    uid = free_uid(accounts)
    own = with_user(accounts, uid)
    private, public = keys.hosts[host.name]
    machine_id = hashlib.sha256(f"{instance}/{host.name}".encode()).hexdigest()[:32]
    size = f"mode=755,size={WORKDIR_SIZE}"
    return HostSpec(
        hostname=host.name,
        stage=str(stage),
        remove=("/etc/ssh/ssh_host_*", "/etc/sudoers.d/*"),
        folders=(
            Folder("/run/sshd"),
            Folder("/run/lock", 0o1777),
            Folder(HOME, 0o755, uid, uid),
            Folder(f"{HOME}/.ssh", 0o700, uid, uid),
            Folder(WORKDIR, 0o755, uid, uid, size),
        ),
        files=(
            File("/etc/hostname", f"{host.name}\n"),
            File("/etc/hosts", hosts_file(host.name, addresses)),
            File("/etc/machine-id", f"{machine_id}\n", 0o444),
            File("/etc/nsswitch.conf", NSSWITCH),
            File("/etc/passwd", own.passwd),
            File("/etc/group", own.group),
            File("/etc/shadow", own.shadow, 0o600),
            File("/etc/sudoers", SUDOERS, 0o440),
            File("/etc/pam.d/sudo", PAM),
            File("/etc/pam.d/sudo-i", PAM),
            File("/etc/ssh/ssh_host_ed25519_key", private, 0o600),
            File("/etc/ssh/ssh_host_ed25519_key.pub", public),
            File("/etc/ssh/sshd_config", sshd_config(str(host.management_ip), openssh_version)),
            File(f"{HOME}/.ssh/authorized_keys", keys.login_public, 0o600, uid, uid),
        ),
        network=host_network(host, addresses),
        sshd=(sshd, "-D", "-e", "-f", "/etc/ssh/sshd_config"),
    )
