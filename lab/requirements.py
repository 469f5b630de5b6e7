"""What a machine needs before a lab can be brought up on it: everything that is missing is told at once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

# The hosts see the machine's programs; their users' PATH has no others.
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGES = {
    "ip": "iproute2",
    "sshd": "openssh-server",
    "ssh-keygen": "openssh-client",
    "sudo": "sudo",
    "python3": "python3",
}
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
    """The programs a lab is made with; ``LabError`` lists all that are missing and the command to install them."""
    found = {name: shutil.which(name, path=search_path) for name in PACKAGES}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        packages = " ".join(sorted(PACKAGES[name] for name in missing))
        raise LabError(
            f"the lab needs programs that this machine does not have: {', '.join(missing)}\n"
            f"install them: apt-get install --no-install-recommends {packages}"
        )
    return Programs(
        ip=str(found["ip"]),
        sshd=str(found["sshd"]),
        ssh_keygen=str(found["ssh-keygen"]),
        python3=str(found["python3"]),
        openssh_version=openssh_version(str(found["sshd"])),
    )


def check_kernel() -> None:
    """``LabError`` unless this process may make all the namespaces a host consists of."""
    if os.geteuid() != 0:
        raise LabError("the lab is brought up and taken down by root")
    missing = [kind for kind in NAMESPACES if not Path("/proc/self/ns", kind).exists()]
    if missing:
        raise LabError(f"this kernel has no namespaces of these kinds: {', '.join(missing)}")


def openssh_version(sshd: str) -> tuple[int, int]:
    """(major, minor) of an OpenSSH daemon, (0, 0) when it does not tell."""
    answer = subprocess.run([sshd, "-V"], capture_output=True, text=True, check=False)
    return parse_openssh_version(answer.stderr + answer.stdout)


def parse_openssh_version(text: str) -> tuple[int, int]:
    """The first ``OpenSSH_X.Y`` in a text; daemons older than 9.2 print it above their usage."""
    match = re.search(r"OpenSSH_(\d+)\.(\d+)", text)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)
