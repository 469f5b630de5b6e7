#!/usr/bin/env python3
"""A tool that attaches one thing, lives until it is asked to end, and leaves it behind.

leaves.py filter|xdp|pin|cgroup|qdisc|sysctl|probe|nothing
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "probecost/lab/tools/control"
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOOLS))

import bpf_kernel  # noqa: E402
from bpf_assembler import Helper, Register, add, assemble, call, jump_if_less, leave, move  # noqa: E402

BPF_FS = Path("/sys/fs/bpf")
CGROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
PASS = {bpf_kernel.TRAFFIC_CONTROL: 0, bpf_kernel.XDP: 2, bpf_kernel.CGROUP_SOCKET_BUFFER: 1, bpf_kernel.TRACEPOINT: 0}
READINGS = 200  # of the clock, for each packet


def slow(kind: int) -> bpf_kernel.LoadedProgram:
    """A program that takes some microseconds and lets every packet pass."""
    loop = [move(Register.R6, 0), "again", call(Helper.KTIME_GET_NS), add(Register.R6, 1)]
    lines = [*loop, jump_if_less(Register.R6, READINGS, "again"), move(Register.R0, PASS[kind]), leave()]
    return bpf_kernel.load_program("left", assemble(lines), kind)


def by_pin(kind: int, command: str) -> None:
    """Attach a program by a command of iproute2, in which ``PIN`` stands for its name."""
    with tempfile.TemporaryDirectory(dir=BPF_FS) as folder:
        path = Path(folder, "program")
        bpf_kernel.pin(slow(kind), path)
        run(*(str(path) if word == "PIN" else word for word in command.split()))
        path.unlink()


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def filter_() -> None:
    run("tc", "qdisc", "add", "dev", "eth1", "clsact")
    by_pin(bpf_kernel.TRAFFIC_CONTROL, "tc filter add dev eth1 ingress bpf da object-pinned PIN")


def xdp() -> None:
    by_pin(bpf_kernel.XDP, "ip link set dev eth1 xdpgeneric pinned PIN")


def pin() -> None:
    bpf_kernel.pin(slow(bpf_kernel.TRACEPOINT), BPF_FS / "left")


def cgroup() -> bpf_kernel.LoadedProgram:
    """In that of the run: all that it starts on this node is in it."""
    own = Path("/proc/self/cgroup").read_text().split("0::/", 1)[1].splitlines()[0]
    folder = next(place / own for place in CGROUPS if (place / own / "cgroup.procs").exists()).parent
    program = slow(bpf_kernel.CGROUP_SOCKET_BUFFER)
    bpf_kernel.attach_to_cgroup(program, folder)
    return program


def qdisc() -> None:
    run(*["tc", "qdisc", "replace", "dev", "eth1", "root", "pfifo", "limit", "1000"])


def sysctl() -> None:
    Path("/proc/sys/net/ipv4/tcp_timestamps").write_text("0")


def probe() -> None:
    place = next(place for place in bpf_kernel.TRACEFS if (place / "uprobe_events").exists())
    descriptor = os.open(place / "uprobe_events", os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, f"p:left/behind_{os.getpid()} /bin/true:0x1000\n".encode())
    os.close(descriptor)


def main() -> None:
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    what = {"filter": filter_, "xdp": xdp, "pin": pin, "cgroup": cgroup, "qdisc": qdisc, "sysctl": sysctl}
    held = {**what, "probe": probe, "nothing": lambda: None}[sys.argv[1]]()
    signal.sigwait(signals)
    del held


if __name__ == "__main__":
    main()
