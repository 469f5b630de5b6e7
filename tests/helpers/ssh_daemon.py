"""Real sshd processes on ports of the loopback, with keys and files of their own, apart from the machine's."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from helpers.ports import free_port

_STARTS_S = 10


def make_key(file: Path, *options: str) -> str:
    """A key without a passphrase; returns the public half: type and base64."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", *options, "-f", file], check=True, timeout=30
    )
    return " ".join(file.with_name(f"{file.name}.pub").read_text().split()[:2])


@dataclass(frozen=True)
class Daemon:
    """A running sshd: where it listens and the host key it offers."""

    port: int
    host_key: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def start_daemon(folder: Path, authorized: str, *lines: str) -> Daemon:
    """An sshd that lets the running user in by the key ``authorized``; ``lines`` go to its configuration."""
    folder.mkdir(parents=True)
    host_key = make_key(folder / "host_key")
    (folder / "authorized").write_text(authorized + "\n")
    port = free_port()
    config = [
        *lines,
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder}/host_key",
        f"AuthorizedKeysFile {folder}/authorized",
        *("PidFile none", "StrictModes no", "UsePAM no", "PermitRootLogin yes", "PasswordAuthentication no"),
        *("KbdInteractiveAuthentication no", "MaxStartups 100"),
    ]
    (folder / "sshd_config").write_text("\n".join([*config, ""]))
    command = ["/usr/sbin/sshd", "-D", "-e", "-f", f"{folder}/sshd_config"]
    if os.getuid() == 0:  # only root's daemon needs a folder below /run; it has one that nobody else sees
        private = 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", private, "sh", *command]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    daemon = Daemon(port, host_key, process)
    deadline = time.monotonic() + _STARTS_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return daemon
        time.sleep(0.05)
    daemon.stop()
    raise RuntimeError((folder / "log").read_text())
