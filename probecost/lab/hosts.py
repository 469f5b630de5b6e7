"""Starts the hosts of a lab: their first processes, the links between them, and the wait for their sshd."""

from __future__ import annotations

import json
import select
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import IO, Any

from probecost.lab.errors import LabError
from probecost.lab.process import ProcessId
from probecost.lab.render import HostSpec
from probecost.lab.requirements import Programs
from probecost.lab.waiting import Deadline, wait_until

HOSTINIT = Path(__file__).with_name("hostinit.py")
ANSWER_S = 0.5


@dataclass
class Starting:
    """A starting host: the pipes to and from its first process. Closing them before ``go`` ends the host."""

    name: str
    log_file: Path
    orders: IO[bytes]
    reports: IO[bytes]
    launcher: subprocess.Popen[bytes]
    first: ProcessId

    @classmethod
    def launch(cls, spec: HostSpec, log_file: Path, programs: Programs, deadline: Deadline) -> Starting:
        """Make the host's namespaces and its first process, which waits for orders."""
        with log_file.open("wb") as log:
            launcher = subprocess.Popen(
                [programs.python3, "-I", str(HOSTINIT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                bufsize=0,
                start_new_session=True,
            )
        assert launcher.stdin is not None
        assert launcher.stdout is not None
        name = spec.hostname
        try:
            launcher.stdin.write(json.dumps(spec.as_dict()).encode() + b"\n")
        except BrokenPipeError:
            raise LabError(f"{name}: cannot start {programs.python3}{_end_of(log_file)}") from None
        word, _, pid = _report(name, log_file, launcher.stdout, deadline).partition(" ")
        if word != "pid":
            raise LabError(f"{name}: unexpected report {word} {pid}")
        launcher.wait()
        return cls(name, log_file, launcher.stdin, launcher.stdout, launcher, ProcessId.of(int(pid)))

    def order(self, text: str) -> None:
        """Send one order."""
        try:
            self.orders.write(f"{text}\n".encode())
        except BrokenPipeError:
            raise LabError(f"{self.name}: its first process has ended{_end_of(self.log_file)}") from None

    def expect(self, report: str, deadline: Deadline) -> None:
        """Wait for one report; ``LabError``: another one comes, or none until the deadline."""
        given = _report(self.name, self.log_file, self.reports, deadline)
        if given != report:
            raise LabError(f"{self.name}: {given.removeprefix('error ')}{_end_of(self.log_file)}")

    def close(self) -> None:
        self.orders.close()
        self.reports.close()


def _report(name: str, log_file: Path, reports: IO[bytes], deadline: Deadline) -> str:
    """The next line of the reports, read byte by byte so that none is lost in a buffer."""
    line = bytearray()
    while not line.endswith(b"\n"):
        if not select.select([reports], [], [], deadline.left_s)[0]:
            raise LabError(f"{name}: no report from its first process in time{_end_of(log_file)}")
        byte = reports.read(1)
        if not byte:
            raise LabError(f"{name}: its first process has ended{_end_of(log_file)}")
        line += byte
    text = line.decode().strip()
    if text.startswith("error "):
        raise LabError(f"{name}: {text.removeprefix('error ')}{_end_of(log_file)}")
    return text


def _end_of(log_file: Path, lines: int = 5) -> str:
    try:
        text = log_file.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return ""
    return "".join(f"\n  {line}" for line in text.splitlines()[-lines:])


def unrecorded_first_processes(log_files: Sequence[Path]) -> list[ProcessId]:
    """First processes of hosts without a record: they write to one of ``log_files``, removed or not.

    They are recognised by that and by being number 1 of a PID namespace below ours, never by a name.
    """
    wanted = {str(path) for path in log_files}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            log = str((folder / "fd" / "2").readlink()).removesuffix(" (deleted)")
            if log in wanted and _is_first_of_namespace(folder):
                found.append(ProcessId.of(int(folder.name)))
        except OSError:  # it has ended meanwhile
            continue
    return found


def _is_first_of_namespace(folder: Path) -> bool:
    for line in (folder / "status").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("NSpid:"):
            numbers = line.split()[1:]
            return len(numbers) > 1 and numbers[-1] == "1"
    return False


def answers_as_ssh(address: IPv4Address, greeting_s: float = ANSWER_S) -> bool:
    """Whether an SSH server greets at port 22 of ``address``, within ``greeting_s`` of the connection."""
    try:
        with socket.create_connection((str(address), 22), timeout=ANSWER_S) as connection:
            connection.settimeout(greeting_s)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def wait_for_ssh(
    name: str, address: IPv4Address, log_file: Path, deadline: Deadline, greeting_s: float = ANSWER_S
) -> None:
    """Wait until the host's (or guest's) sshd greets; ``LabError`` with the end of its log otherwise."""
    if not wait_until(lambda: answers_as_ssh(address, greeting_s), deadline, interval_s=0.01):
        raise LabError(f"{name}: its sshd does not answer at {address}{_end_of(log_file)}")


def run_ip(programs: Programs, commands: str) -> None:
    """Run ``ip -batch``; ``LabError`` with its error output."""
    done = subprocess.run([programs.ip, "-batch", "-"], input=commands, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(
            f"cannot make the links of the lab: {done.stderr.strip()}\n"
            "(the kernel needs veth: try `modprobe veth`; inside a container the lab needs all privileges)"
        )


def machine_networks(programs: Programs) -> list[IPv4Network]:
    """All IPv4 networks in which the machine has an address or to which it has a route."""
    networks = []
    for link in _ip_json(programs, "-4", "addr", "show"):
        for info in link.get("addr_info", []):
            networks.append(IPv4Network(f"{info['local']}/{info['prefixlen']}", strict=False))
    for route in _ip_json(programs, "-4", "route", "show", "table", "all"):
        if route.get("dst", "default") != "default":
            networks.append(IPv4Network(route["dst"], strict=False))
    return networks


def machine_links(programs: Programs) -> set[str]:
    """The names of the machine's interfaces."""
    return {str(link["ifname"]) for link in _ip_json(programs, "link", "show") if "ifname" in link}


def remove_links(programs: Programs, names: Sequence[str]) -> None:
    """Remove the interfaces that still exist."""
    for name in set(names) & machine_links(programs):
        subprocess.run([programs.ip, "link", "del", name], capture_output=True, check=False)


def _ip_json(programs: Programs, *arguments: str) -> list[dict[str, Any]]:
    done = subprocess.run([programs.ip, "-json", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return json.loads(done.stdout or "[]")  # type: ignore[no-any-return]
