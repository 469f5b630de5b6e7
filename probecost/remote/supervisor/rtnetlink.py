"""The kernel's tables of links, addresses and traffic control, by netlink: in microseconds, without a process."""

import os
import socket
import struct
from typing import Dict, Iterator, List, NamedTuple, Tuple

_DONE, _ERROR = 3, 2
_NEW_ADDRESS, _GET_LINK, _GET_ADDRESS, _GET_QDISC, _GET_FILTER = 20, 18, 22, 38, 46
_NEW_LINK, _NEW_QDISC, _NEW_FILTER = 16, 36, 44
_REQUEST, _DUMP = 1, 0x300
_HEADER, _LINK_BODY, _ADDRESS_BODY, _TC_BODY = "=LHHLL", "=BxHiII", "=BBBBI", "=BxxxiIII"
_TYPE_MASK = 0x3FFF

Attributes = Dict[int, bytes]
#: ``info`` holds priority and protocol of a filter; both handles are those that ``tc`` shows.
TrafficControl = NamedTuple(
    "TrafficControl", [("handle", int), ("parent", int), ("info", int), ("attributes", Attributes)]
)


def attributes(data: bytes) -> Attributes:
    """The attributes in ``data`` by type; the last one of a type counts."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind & _TYPE_MASK] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def link(index: int) -> Attributes:
    """All attributes of one interface. ``OSError``: there is none."""
    body = struct.pack("=BxHiII", 0, 0, index, 0, 0)
    for kind, data in _ask(_GET_LINK, 0, body):
        if kind == _NEW_LINK:
            return attributes(data[struct.calcsize(_LINK_BODY) :])
    return {}


def interface_of(address: str) -> str:
    """The interface that has the address; empty where none does."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    wanted = socket.inet_pton(family, address)
    for kind, data in _ask(_GET_ADDRESS, _DUMP, struct.pack(_ADDRESS_BODY, family, 0, 0, 0, 0)):
        if kind == _NEW_ADDRESS:
            own = attributes(data[struct.calcsize(_ADDRESS_BODY) :])
            if own.get(2, own.get(1)) == wanted:  # IFA_LOCAL, IFA_ADDRESS
                return socket.if_indextoname(struct.unpack_from(_ADDRESS_BODY, data)[4])
    return ""


def qdiscs(index: int) -> List[TrafficControl]:
    return _traffic_control(_GET_QDISC, _NEW_QDISC, index, 0)


def filters(index: int, parent: int) -> List[TrafficControl]:
    return _traffic_control(_GET_FILTER, _NEW_FILTER, index, parent)


def _traffic_control(verb: int, answer: int, index: int, parent: int) -> List[TrafficControl]:
    """Older kernels answer for all interfaces."""
    found = []
    for kind, data in _ask(verb, _DUMP, struct.pack(_TC_BODY, 0, index, 0, parent, 0)):
        if kind == answer:
            _, there, handle, above, info = struct.unpack_from(_TC_BODY, data)
            if there == index:
                found.append(TrafficControl(handle, above, info, attributes(data[struct.calcsize(_TC_BODY) :])))
    return found


def _ask(verb: int, flags: int, body: bytes) -> Iterator[Tuple[int, bytes]]:
    """Send one request; type and body of each message of the answer."""
    size = struct.calcsize(_HEADER)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as channel:
        channel.settimeout(1.0)
        channel.send(struct.pack(_HEADER, size + len(body), verb, _REQUEST | flags, 1, 0) + body)
        while True:
            data = channel.recv(1 << 17)
            while len(data) >= size:
                length, kind = struct.unpack_from(_HEADER, data)[:2]
                message, data = data[size:length], data[(length + 3) & ~3 :]
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    number = -struct.unpack_from("=i", message)[0]
                    raise OSError(number, os.strerror(number))
                yield kind, message
            if not flags & _DUMP:
                return
