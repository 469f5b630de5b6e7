#!/usr/bin/env python3
"""Burns a chosen time per packet inside the kernel and counts it: a tool with a known cost.

    dose.py --ns 1000 --interface eth1

A BPF program runs for every packet that a tracepoint sees. It reads the kernel's clock again and again until ``--ns``
nanoseconds have passed, and counts its runs and the nanoseconds between its first and its last reading. At its end
(SIGINT, SIGTERM) it prints its true cost in one line:

    dose ns=1000 runs=50211 burned_ns=51616908 mean_ns=1028.0 received=25105 elapsed_s=1.204113

``elapsed_s`` is the time attached, ``received`` the packets that the interface received in it (by default all
interfaces of this network namespace): in request and response, runs over packets are runs per transaction. ``mean_ns``
is a little above ``--ns``: the loop ends at the first reading past it. A loop that waits for the clock needs no
calibration, and if the CPU slows down or a hypervisor takes it away, the lost time is in the count, as it is in the
packet's latency. A dose of 0 is the same program with a loop that ends at once: the cost of attaching alone, the same
for all doses.

``--interface`` is compared with the name that the tracepoint records. If several network namespaces share a kernel,
interfaces of that name in all of them count: between the lab's two hosts a request and its reply are two runs.

``--statistics`` lets the kernel time the program as well and adds its mean (``kernel_mean_ns``); that costs time itself
and is for calibration only. Needs root, tracefs and Linux 5.3 (bounded loops).
"""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # runs as root in a folder that its owner will want to remove

import argparse
import os
import signal
import struct
import time
from dataclasses import dataclass
from typing import Sequence

import bpf_kernel
from bpf_assembler import (
    Helper,
    Line,
    Register,
    add,
    assemble,
    bit_and,
    call,
    jump_if_at_least,
    jump_if_equal,
    jump_if_less,
    jump_if_not_equal,
    leave,
    load,
    map_address,
    move,
    store,
    subtract,
    wide,
)

MAX_NS = 20_000
LEAST_NS_PER_READING = 5  # no machine reads its clock faster, with a call and a comparison around it
NAME_BYTES = 16  # IFNAMSIZ
ENDINGS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
R0, R1, R2, R3, R6, R7, R8, R9, FP = (
    Register.R0,
    Register.R1,
    Register.R2,
    Register.R3,
    Register.R6,
    Register.R7,
    Register.R8,
    Register.R9,
    Register.FP,
)


@dataclass(frozen=True)
class Options:
    """Options of the command line: ``ns`` per run; ``interface`` is empty if all count."""

    ns: int
    interface: str
    point: str
    statistics: bool


def parse_options(arguments: Sequence[str]) -> Options:
    """Parse the command line; a mistake ends the program with code 2 and the reason."""
    parser = argparse.ArgumentParser(prog="dose.py", description="Burn a chosen time per packet inside the kernel.")
    parser.add_argument("--ns", type=_dose, required=True, help=f"nanoseconds per packet, 0 to {MAX_NS}")
    parser.add_argument("--interface", type=_interface, help="only packets of this one (default: all)")
    parser.add_argument(
        "--point", type=_point, default="net:netif_receive_skb", help="tracepoint (default: %(default)s)"
    )
    parser.add_argument("--statistics", action="store_true", help="also the kernel's own timing: for calibration")
    found = parser.parse_args(arguments)
    return Options(found.ns, found.interface or "", found.point, found.statistics)


def _dose(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_NS:
        raise argparse.ArgumentTypeError(f"expected whole nanoseconds from 0 to {MAX_NS}, found {text!r}")
    return int(text)


def _interface(text: str) -> str:
    if not 0 < len(text.encode()) < NAME_BYTES or "," in text:
        raise argparse.ArgumentTypeError(f"expected the name of one interface, up to 15 bytes, found {text!r}")
    return text


def _point(text: str) -> str:
    if len(parts := text.split(":")) != 2 or not all(part.isidentifier() for part in parts):
        raise argparse.ArgumentTypeError(f"expected CATEGORY:EVENT, such as net:netif_receive_skb, found {text!r}")
    return text


def program(ns: int, counters: int, interface: str = "", name_at: int = 0) -> list[Line]:
    """The BPF program. ``counters``: descriptor of the map with runs and nanoseconds, in this order.

    ``name_at``: offset in the record of the location of the interface's name; unused without ``interface``.
    """
    return [
        move(R6, R1),
        *(_only_of(interface, name_at) if interface else ()),
        call(Helper.KTIME_GET_NS),
        move(R7, R0),  # began
        move(R8, 0),  # readings: the kernel wants to see that the loop ends
        "burn",
        call(Helper.KTIME_GET_NS),
        subtract(R0, R7),
        add(R8, 1),
        jump_if_at_least(R8, ns // LEAST_NS_PER_READING + 1, "burned"),
        jump_if_less(R0, ns, "burn"),
        "burned",
        move(R9, R0),
        store(FP, -4, 0, size=4),  # the key of the map's only entry
        map_address(R1, counters),
        move(R2, FP),
        add(R2, -4),
        call(Helper.MAP_LOOKUP),
        jump_if_equal(R0, 0, "end"),
        load(R1, R0, 0, size=8),
        add(R1, 1),
        store(R0, 0, R1, size=8),
        load(R1, R0, 8, size=8),
        add(R1, R9),
        store(R0, 8, R1, size=8),
        "end",
        move(R0, 0),
        leave(),
    ]


def _only_of(interface: str, name_at: int) -> list[Line]:
    """Leave the program unless the record's name is ``interface``: copied to the stack, compared 8 bytes at a time."""
    first, second = struct.unpack("<QQ", interface.encode().ljust(NAME_BYTES, b"\0"))
    return [
        store(FP, -16, 0, size=8),
        store(FP, -8, 0, size=8),
        load(R3, R6, name_at, size=4),
        bit_and(R3, 0xFFFF),  # the low half is where the text is in the record, the other its length
        add(R3, R6),
        move(R1, FP),
        add(R1, -16),
        move(R2, NAME_BYTES),
        call(Helper.PROBE_READ_STR),
        load(R1, FP, -16, size=8),
        wide(R2, first),
        jump_if_not_equal(R1, R2, "end"),
        load(R1, FP, -8, size=8),
        wide(R2, second),
        jump_if_not_equal(R1, R2, "end"),
    ]


def run(options: Options) -> str:
    """Attach, wait for the signal to end, detach; return the line with the true cost. ``KernelError``: it cannot."""
    point = bpf_kernel.tracepoint(options.point)
    if options.interface and "name" not in point.texts:
        raise bpf_kernel.KernelError(f"{point.name} does not record an interface's name: leave --interface out")
    counters = bpf_kernel.PerCpuCounters(2)
    name_at = point.texts.get("name", 0)
    code = assemble(program(options.ns, counters.descriptor, options.interface, name_at))
    loaded = bpf_kernel.load_program("dose", code)
    if options.statistics:
        bpf_kernel.enable_statistics()
    attached = bpf_kernel.attach(loaded, point)
    began, received = time.monotonic(), bpf_kernel.received_packets(options.interface)
    signal.sigwait(ENDINGS)
    elapsed_s, received = time.monotonic() - began, bpf_kernel.received_packets(options.interface) - received
    os.close(attached)
    runs, burned_ns = counters.sums()
    line = f"dose ns={options.ns} runs={runs} burned_ns={burned_ns} mean_ns={burned_ns / max(1, runs):.1f}"
    line += f" received={received} elapsed_s={elapsed_s:.6f}"
    if options.statistics:
        kernel_runs, kernel_ns = loaded.statistics()
        line += f" kernel_mean_ns={kernel_ns / max(1, kernel_runs):.1f}"
    return line


def main(arguments: Sequence[str]) -> int:
    """Run the tool; return 0, or 1 with the reason on stderr."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)  # waited for, never delivered: also one that comes early
    options = parse_options(arguments)
    try:
        line = run(options)
    except bpf_kernel.KernelError as error:
        sys.stderr.write(f"dose.py: {error}\n")
        return 1
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
