"""The set-up of the tested interface, which must be the same in both arms of a pair. No process is started for it."""

import array
import fcntl
import socket
import struct
from typing import Dict, Iterator, Optional, Tuple

from . import rtnetlink, traffic
from .rtnetlink import TrafficControl

_SIOCETHTOOL = 0x8946
_OFFLOADS = (("rx-checksum", 0x14), ("tx-checksum", 0x16), ("sg", 0x18), ("tso", 0x1E), ("gso", 0x23), ("gro", 0x2B))
_FLAGS, _LRO = 0x25, 1 << 15
_MTU, _QUEUE_LENGTH = 4, 13
_SYSCTLS = (
    "kernel.bpf_stats_enabled",
    "net.core.bpf_jit_enable",
    "net.core.busy_poll",
    "net.core.busy_read",
    "net.core.default_qdisc",
    "net.core.dev_weight",
    "net.core.netdev_budget",
    "net.core.netdev_max_backlog",
    "net.core.rmem_default",
    "net.core.rmem_max",
    "net.core.rps_sock_flow_entries",
    "net.core.wmem_default",
    "net.core.wmem_max",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_wmem",
    "net.ipv4.udp_rmem_min",
)


def fingerprint(interface: str) -> Dict[str, str]:
    """MTU, queue length, qdiscs, tc filters, XDP program and offloads of ``interface``, and sysctls, all as text.

    Unknown values are left out; without a known interface (empty), only sysctls are given.
    """
    found = dict(_sysctls())
    try:
        index = socket.if_nametoindex(interface)
    except OSError:
        return found
    for read in (_link(index), _traffic_control(index), _offloads(interface)):
        try:
            found.update(read)
        except (OSError, struct.error):
            continue  # an older kernel, or the interface has just gone
    return found


def _sysctls() -> Iterator[Tuple[str, str]]:
    for name in _SYSCTLS:
        try:
            with open("/proc/sys/" + name.replace(".", "/")) as file:
                yield "sysctl " + name, " ".join(file.read().split())
        except OSError:
            continue


def _link(index: int) -> Iterator[Tuple[str, str]]:
    own = rtnetlink.link(index)
    for name, kind in (("MTU", _MTU), ("txqueuelen", _QUEUE_LENGTH)):
        if kind in own:
            yield name, str(struct.unpack_from("=I", own[kind])[0])
    programs = [
        "program %d%s" % (number, " (%s)" % mode if mode else "") for number, mode, _ in traffic.xdp_programs(own)
    ]
    yield "XDP", ", ".join(programs) or "none"


def _traffic_control(index: int) -> Iterator[Tuple[str, str]]:
    qdiscs = sorted(map(_qdisc, rtnetlink.qdiscs(index)))
    yield "qdisc", ", ".join(qdiscs) or "none"
    if any(name.startswith(("clsact", "ingress")) for name in qdiscs):
        filters = [
            _filter(one) for parent in (traffic.INGRESS, traffic.EGRESS) for one in rtnetlink.filters(index, parent)
        ]
        yield "tc filters", ", ".join(sorted(filters)) or "none"


def _qdisc(one: TrafficControl) -> str:
    return "%s %x: parent %x options %s" % (
        traffic.kind(one),
        one.handle >> 16,
        one.parent,
        traffic.options_hash(one),
    )


def _filter(one: TrafficControl) -> str:
    """A filter without its options, which hold counters; a BPF filter with its program."""
    text = "%s %x parent %x" % (traffic.kind(one), one.info >> 16, one.parent)
    program = traffic.program_of(one)
    return "%s program %d" % (text, program) if program else text


def _offloads(interface: str) -> Iterator[Tuple[str, str]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        for name, command in _OFFLOADS:
            value = _ethtool(channel, interface, command)
            if value is not None:
                yield "offload " + name, "on" if value else "off"
        flags = _ethtool(channel, interface, _FLAGS)
        if flags is not None:
            yield "offload lro", "on" if flags & _LRO else "off"


def _ethtool(channel: socket.socket, interface: str, command: int) -> Optional[int]:
    """The value of one of ethtool's older ``get`` commands; ``None`` if the driver does not support it."""
    value = array.array("B", struct.pack("=II", command, 0))
    request = struct.pack("16sP16x", interface.encode()[:15], value.buffer_info()[0])
    try:
        fcntl.ioctl(channel.fileno(), _SIOCETHTOOL, request)
    except OSError:
        return None
    return int(struct.unpack("=II", value.tobytes())[1])
