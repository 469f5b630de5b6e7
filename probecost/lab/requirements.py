"""Checks the requirements of a lab on this machine, and reports all missing ones at once."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from probecost.lab.errors import LabError
from probecost.lab.vm.guest import PROGRAMS as GUEST_PROGRAMS

# The hosts see the machine's programs; their users' PATH has no others.
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGES = {
    "ip": "iproute2",
    "sshd": "openssh-server",
    "ssh-keygen": "openssh-client",
    "sudo": "sudo",
    "python3": "python3",
}
# More packages for a bed with guests.
GUEST_PACKAGES = {
    "ovsdb-tool": "openvswitch-common",
    "ovs-vsctl": "openvswitch-common",
    "ovsdb-server": "openvswitch-switch",
    "ovs-vswitchd": "openvswitch-switch",
    "qemu-system-x86_64": "qemu-system-x86",
    "ldd": "libc-bin",
    **GUEST_PROGRAMS,
}
TUN = Path("/dev/net/tun")
NAMESPACES = ("mnt", "net", "pid", "uts", "ipc")


@dataclass(frozen=True)
class Programs:
    """Absolute paths, and OpenSSH's version as (major, minor)."""

    ip: str
    sshd: str
    ssh_keygen: str
    python3: str
    openssh_version: tuple[int, int]


def find_programs(search_path: str = SEARCH_PATH) -> Programs:
    """Find the programs of a lab; ``LabError`` lists all missing ones and the command to install them."""
    found = _find("the lab", PACKAGES, search_path)
    return Programs(
        ip=found["ip"],
        sshd=found["sshd"],
        ssh_keygen=found["ssh-keygen"],
        python3=found["python3"],
        openssh_version=openssh_version(found["sshd"]),
    )


def find_guest_programs(search_path: str = SEARCH_PATH) -> dict[str, str]:
    """Paths of the additional programs of a bed with guests, by name; ``LabError`` as for ``find_programs``."""
    if platform.machine() != "x86_64":
        raise LabError(f"lab-vm emulates an x86-64 PC and takes its programs from this machine: {platform.machine()}")
    return _find("lab-vm", GUEST_PACKAGES, search_path)


def _find(what: str, packages: Mapping[str, str], search_path: str) -> dict[str, str]:
    found = {name: shutil.which(name, path=search_path) for name in packages}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        wanted = " ".join(sorted({packages[name] for name in missing}))
        more = "\n(netperf is in Debian's component non-free; `make setup BED=lab-vm` switches that on)"
        raise LabError(
            f"{what} needs programs that this machine does not have: {', '.join(missing)}\n"
            f"install them: apt-get install --no-install-recommends {wanted}" + (more if "netperf" in missing else "")
        )
    return {name: path for name, path in found.items() if path is not None}


def check_kernel() -> None:
    """Check that this process may make the namespaces of a host; ``LabError`` otherwise."""
    if os.geteuid() != 0:
        raise LabError("the lab is brought up and taken down by root")
    missing = [kind for kind in NAMESPACES if not Path("/proc/self/ns", kind).exists()]
    if missing:
        raise LabError(f"this kernel has no namespaces of these kinds: {', '.join(missing)}")


def check_tun(device: Path = TUN) -> None:
    """Check that taps can be made, for guests and the switch's internal ports; ``LabError`` otherwise."""
    try:
        os.close(os.open(device, os.O_RDWR))
    except OSError as error:
        raise LabError(f"lab-vm needs {device}: {error.strerror} (try `modprobe tun`)") from None


def openssh_version(sshd: str) -> tuple[int, int]:
    """(major, minor) of an OpenSSH daemon, (0, 0) if unknown."""
    answer = subprocess.run([sshd, "-V"], capture_output=True, text=True, check=False)
    return parse_openssh_version(answer.stderr + answer.stdout)


def parse_openssh_version(text: str) -> tuple[int, int]:
    """The first ``OpenSSH_X.Y`` in a text; daemons older than 9.2 print it above their usage."""
    match = re.search(r"OpenSSH_(\d+)\.(\d+)", text)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)
