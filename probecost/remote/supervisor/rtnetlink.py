"""Reads and changes links, addresses and traffic control by netlink: in microseconds, without a process."""

import os
import socket
import struct
from typing import Dict, Iterator, List, NamedTuple, Set, Tuple

_DONE, _ERROR = 3, 2
_NEW_ADDRESS, _GET_LINK, _GET_ADDRESS, _GET_QDISC, _GET_FILTER = 20, 18, 22, 38, 46
_NEW_LINK, _NEW_QDISC, _NEW_FILTER = 16, 36, 44
_SET_LINK, _DELETE_QDISC, _DELETE_FILTER = 19, 37, 45
_REQUEST, _ACKNOWLEDGE, _DUMP = 1, 4, 0x300
_HEADER, _LINK_BODY, _ADDRESS_BODY, _TC_BODY = "=LHHLL", "=BxHiII", "=BBBBI", "=BxxxiIII"
_TYPE_MASK, _NESTED = 0x3FFF, 0x8000
_KIND, _XDP, _XDP_FD, _XDP_FLAGS = 1, 43, 1, 3

Attributes = Dict[int, bytes]
#: ``index`` is the interface's; ``info`` holds priority and protocol of a filter; the handles are as in ``tc``.
TrafficControl = NamedTuple(
    "TrafficControl",
    [("index", int), ("handle", int), ("parent", int), ("info", int), ("attributes", Attributes)],
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
    """All attributes of one interface. ``OSError``: it does not exist."""
    body = struct.pack(_LINK_BODY, 0, 0, index, 0, 0)
    for kind, data in _ask(_GET_LINK, 0, body):
        if kind == _NEW_LINK:
            return attributes(data[struct.calcsize(_LINK_BODY) :])
    return {}


def links() -> Dict[int, Attributes]:
    """The attributes of all interfaces of this network namespace by index."""
    body = struct.pack(_LINK_BODY, 0, 0, 0, 0, 0)
    answers = (data for kind, data in _ask(_GET_LINK, _DUMP, body) if kind == _NEW_LINK)
    return {
        struct.unpack_from(_LINK_BODY, data)[2]: attributes(data[struct.calcsize(_LINK_BODY) :]) for data in answers
    }


def interface_of(address: str) -> str:
    """The interface with the address; empty if there is none."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    wanted = socket.inet_pton(family, address)
    for kind, data in _ask(_GET_ADDRESS, _DUMP, struct.pack(_ADDRESS_BODY, family, 0, 0, 0, 0)):
        if kind == _NEW_ADDRESS:
            own = attributes(data[struct.calcsize(_ADDRESS_BODY) :])
            if own.get(2, own.get(1)) == wanted:  # IFA_LOCAL, IFA_ADDRESS
                return socket.if_indextoname(struct.unpack_from(_ADDRESS_BODY, data)[4])
    return ""


def with_addresses() -> Set[str]:
    """Names of the interfaces with an IPv4 address."""
    answers = _ask(_GET_ADDRESS, _DUMP, struct.pack(_ADDRESS_BODY, socket.AF_INET, 0, 0, 0, 0))
    indices = {struct.unpack_from(_ADDRESS_BODY, data)[4] for kind, data in answers if kind == _NEW_ADDRESS}
    return {socket.if_indextoname(index) for index in indices}


def qdiscs(index: int = 0) -> List[TrafficControl]:
    """Qdiscs of one interface; of all if ``index`` is 0."""
    return _traffic_control(_GET_QDISC, _NEW_QDISC, index, 0)


def filters(index: int, parent: int) -> List[TrafficControl]:
    return _traffic_control(_GET_FILTER, _NEW_FILTER, index, parent)


def _traffic_control(verb: int, answer: int, index: int, parent: int) -> List[TrafficControl]:
    """Entries of one interface; older kernels answer for all, so the answer is filtered."""
    found = []
    for kind, data in _ask(verb, _DUMP, struct.pack(_TC_BODY, 0, index, 0, parent, 0)):
        if kind == answer:
            _, there, handle, above, info = struct.unpack_from(_TC_BODY, data)
            if index in (0, there):
                found.append(TrafficControl(there, handle, above, info, attributes(data[struct.calcsize(_TC_BODY) :])))
    return found


def delete_qdisc(one: TrafficControl) -> None:
    """Delete a qdisc; the kernel replaces a root qdisc by its default. ``OSError``: it fails, or the qdisc has gone."""
    _do(_DELETE_QDISC, struct.pack(_TC_BODY, 0, one.index, one.handle, one.parent, 0))


def delete_filter(one: TrafficControl) -> None:
    """Delete a filter. ``OSError``: it cannot be deleted, or has gone."""
    body = struct.pack(_TC_BODY, 0, one.index, one.handle, one.parent, one.info)
    _do(_DELETE_FILTER, body + _attribute(_KIND, one.attributes.get(_KIND, b"")))


def clear_xdp(index: int, flags: int) -> None:
    """Detach the XDP program of an interface; ``flags`` are of the mode in which it was attached. ``OSError``."""
    inside = _attribute(_XDP_FD, struct.pack("=i", -1)) + _attribute(_XDP_FLAGS, struct.pack("=I", flags))
    _do(_SET_LINK, struct.pack(_LINK_BODY, 0, 0, index, 0, 0) + _attribute(_XDP | _NESTED, inside))


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _do(verb: int, body: bytes) -> None:
    for _ in _ask(verb, _ACKNOWLEDGE, body):
        pass


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
                    if number == 0:
                        return  # an acknowledgement
                    raise OSError(number, os.strerror(number))
                yield kind, message
            if not flags & _DUMP:
                return
