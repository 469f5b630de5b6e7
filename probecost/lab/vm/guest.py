"""Texts of a guest: QEMU's command line, its boot files, and its setup by the host. Nothing here does I/O.

The kernel starts ``/init``, which mounts the usual file systems, loads the drivers, runs the script that the host hands
over through QEMU's firmware configuration (name, addresses, keys), and becomes busybox's init, which keeps sshd.
"""

from __future__ import annotations

import hashlib
import stat

from probecost.lab.addresses import GuestAddresses, HostAddresses, LabAddresses
from probecost.lab.render import HOME, NSSWITCH, PAM, SUDOERS, USER, WORKDIR, Keys, sshd_config
from probecost.lab.vm import cpio
from probecost.lab.vm.names import GUEST_MANAGEMENT_INTERFACE, GUEST_TEST_INTERFACE, GuestNames

# Programs of a guest, with Debian's packages. Its shell is not busybox, which prefers its own ip to the real one.
PROGRAMS = {
    "busybox": "busybox-static",
    "ethtool": "ethtool",
    "ip": "iproute2",
    "iperf3": "iperf3",
    "netperf": "netperf",
    "netserver": "netperf",
    "python3": "python3",
    "sh": "dash",
    "sshd": "openssh-server",
    "sudo": "sudo",
}
MEMORY_MB = 256
TRANSLATED_MB = 128  # QEMU would keep up to a gigabyte of translated code
UID = 1000
SETUP = "opt/probecost/setup"  # as QEMU's firmware configuration calls it
IMAGE_FOLDER = "/run/probecost/image"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

INIT = f"""\
#!/bin/sh
export PATH={PATH}
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs -o nosuid devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o nosuid,noexec,ptmxmode=0666,mode=620,gid=5 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs /dev/shm
mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs /run
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs /tmp
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
mount -t tracefs -o nosuid,nodev,noexec,mode=700 tracefs /sys/kernel/tracing
mount -t bpf -o nosuid,nodev,noexec,mode=700 bpf /sys/fs/bpf
for file in /proc/self/fd:fd /proc/self/fd/0:stdin /proc/self/fd/1:stdout /proc/self/fd/2:stderr; do
    ln -s "${{file%:*}}" "/dev/${{file#*:}}"
done
for module in /lib/modules/*.ko; do insmod "$module"; done
mkdir -m 755 /run/sshd
ip link set lo up
. /sys/firmware/qemu_fw_cfg/by_name/{SETUP}/raw
exec /bin/busybox init
"""
INITTAB = f"""\
::respawn:/usr/bin/env PATH={PATH} LANG=C.UTF-8 /usr/sbin/sshd -D -e
"""
PASSWD = f"""\
root:x:0:0:root:/root:/bin/sh
sshd:x:100:65534::/run/sshd:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
{USER}:x:{UID}:{UID}::{HOME}:/bin/sh
"""
GROUP = f"root:x:0:\ntty:x:5:\nnogroup:x:65534:\n{USER}:x:{UID}:\n"
SHADOW = f"root:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n{USER}:*:19000:0:99999:7:::\n"


def root_files() -> list[cpio.Entry]:
    """Our own files in a guest's root file system: no file of any machine, nothing of a particular guest."""
    own = [cpio.Entry(path, stat.S_IFDIR | mode, uid=UID, gid=UID) for path, mode in ((HOME, 0o755), (WORKDIR, 0o755))]
    own.append(cpio.Entry(f"{HOME}/.ssh", stat.S_IFDIR | 0o700, uid=UID, gid=UID))
    empty = ("/dev", "/proc", "/sys", "/run", "/var/log", "/var/empty")
    return [
        *own,
        *(cpio.folder(path) for path in empty),
        cpio.folder("/tmp", 0o1777),
        cpio.folder("/root", 0o700),
        cpio.link("/var/run", "/run"),
        cpio.link("/var/tmp", "/tmp"),
        cpio.Entry("/dev/console", stat.S_IFCHR | 0o600, device=(5, 1)),
        cpio.Entry("/dev/null", stat.S_IFCHR | 0o666, device=(1, 3)),
        cpio.file("/init", INIT, 0o755),
        cpio.file("/etc/inittab", INITTAB),
        cpio.file("/etc/passwd", PASSWD),
        cpio.file("/etc/group", GROUP),
        cpio.file("/etc/shadow", SHADOW, 0o600),
        cpio.file("/etc/nsswitch.conf", NSSWITCH),
        cpio.file("/etc/sudoers", SUDOERS, 0o440),
        *(cpio.file(f"/etc/pam.d/{name}", PAM) for name in ("sudo", "sudo-i", "other")),
    ]


def setup_script(
    guest: GuestAddresses,
    addresses: LabAddresses,
    *,
    instance: str,
    keys: Keys,
    openssh_version: tuple[int, int],
) -> str:
    """The identity of a guest, as a shell script that its ``/init`` runs."""
    machine_id = hashlib.sha256(f"{instance}/{guest.name}".encode()).hexdigest()[:32]
    names = [f"{node.management_ip} {node.name}" for node in addresses.nodes if node.name != guest.name]
    private, public = keys.hosts[guest.name]
    login = f"{HOME}/.ssh/authorized_keys"
    config = sshd_config(str(guest.management_ip), openssh_version)
    parts = [
        _written("/etc/hostname", f"{guest.name}\n"),
        "hostname -F /etc/hostname\n",
        _written("/etc/hosts", "\n".join(["127.0.0.1 localhost", f"127.0.1.1 {guest.name}", *names]) + "\n"),
        _written("/etc/machine-id", f"{machine_id}\n"),
        "mkdir -p /etc/ssh\n",
        "umask 077\n",
        _written("/etc/ssh/ssh_host_ed25519_key", private),
        _written(login, keys.login_public),
        f"chown {UID}:{UID} {login}\n",
        "umask 022\n",
        _written("/etc/ssh/ssh_host_ed25519_key.pub", public),
        _written("/etc/ssh/sshd_config", config.replace("LoginGraceTime 20", "LoginGraceTime 120")),
        f"ip addr add {guest.management_ip}/{addresses.management_prefix} dev {GUEST_MANAGEMENT_INTERFACE}\n",
        f"ip addr add {guest.test_ip}/{addresses.test_prefix} dev {GUEST_TEST_INTERFACE}\n",
        f"ip link set {GUEST_MANAGEMENT_INTERFACE} up\n",
        f"ip link set {GUEST_TEST_INTERFACE} up\n",
        f"ip route add default via {guest.gateway_ip}\n",
    ]
    return "".join(parts)


def _written(path: str, text: str) -> str:
    return f"cat > {path} <<'probecost-end'\n{text}probecost-end\n"


def setup_file(guest: GuestAddresses) -> str:
    """Path of the guest's script on the host; it holds a private key."""
    return f"/etc/probecost-lab/{guest.name}.setup"


def pid_file(guest: GuestAddresses) -> str:
    """Path of QEMU's PID file on the host."""
    return f"/run/probecost/{guest.name}.pid"


def console_file(guest: GuestAddresses) -> str:
    """Path on the host of the output of the guest's kernel and its ``/init``."""
    return f"/var/log/{guest.name}-console.log"


def host_commands(guest: GuestAddresses, addresses: LabAddresses, names: GuestNames) -> list[tuple[str, ...]]:
    """The host's commands for the guest's management link: a separate tap, and routing to it."""
    tap = names.management_tap
    return [
        ("ip", "tuntap", "add", tap, "mode", "tap"),
        ("ip", "addr", "add", f"{guest.gateway_ip}/{addresses.management_prefix}", "dev", tap),
        ("ip", "link", "set", tap, "up"),
        ("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"),
    ]


def machine_routes(addresses: LabAddresses) -> list[str]:
    """``ip -batch`` commands for the machine: the way to each guest's management address leads through its host."""
    hosts: dict[str, HostAddresses] = {host.name: host for host in addresses.hosts}
    return [
        f"route add {guest.management_ip}/32 via {hosts[guest.host].management_ip} dev {hosts[guest.host].machine_link}"
        for guest in addresses.guests
    ]


def qemu_command(qemu: str, guest: GuestAddresses, names: GuestNames, kernel: str, root_fs: str) -> tuple[str, ...]:
    """QEMU in the background, ready when it returns, with arguments like libvirt's where it matters.

    The first card in the order of slots is the management card, the second one has the test address and no offloads.
    """
    plain = "csum=off,gso=off,guest_csum=off,host_tso4=off,guest_tso4=off,mrg_rxbuf=off"
    cards: list[str] = []
    taps = (("management", names.management_tap, names.management_mac), ("test", names.test_tap, names.test_mac))
    for slot, (card, tap, mac) in enumerate(taps, 3):
        cards += ["-netdev", f"tap,id={card},ifname={tap},script=no,downscript=no,vhost=off"]
        cards += ["-device", f"virtio-net-pci,netdev={card},mac={mac},addr={slot:#x},romfile=,{plain}"]
    console = "console=ttyS0 quiet panic=-1 net.ifnames=0 mitigations=off random.trust_cpu=on tsc=reliable"
    return (
        qemu,
        *("-name", f"guest={guest.name}"),
        *("-uuid", names.uuid),
        *("-machine", "pc"),
        *("-accel", f"tcg,thread=multi,tb-size={TRANSLATED_MB}"),
        *("-cpu", "max"),
        *("-m", str(MEMORY_MB)),
        *("-smp", "1"),
        *("-nodefaults", "-no-user-config"),
        *("-display", "none"),
        *("-serial", f"file:{console_file(guest)}"),
        *("-kernel", f"{IMAGE_FOLDER}/{kernel}"),
        *("-initrd", f"{IMAGE_FOLDER}/{root_fs}"),
        *("-append", console),
        *("-fw_cfg", f"name={SETUP},file={setup_file(guest)}"),
        *cards,
        *("-device", "virtio-rng-pci,addr=0x5"),
        *("-daemonize", "-pidfile", pid_file(guest)),
    )
