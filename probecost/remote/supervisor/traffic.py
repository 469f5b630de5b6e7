"""Texts for traffic control and XDP of interfaces, and the programs in them."""

import hashlib
import struct
from typing import Dict, List, Optional, Tuple

from . import rtnetlink
from .rtnetlink import Attributes, TrafficControl

INGRESS, EGRESS = 0xFFFFFFF2, 0xFFFFFFF3
_KIND, _OPTIONS, _BPF_ID, _BPF_NAME, _XDP, _NAME = 1, 2, 11, 7, 43, 3
#: The modes in which an XDP program can be attached: name, and the flag that names it to the kernel.
_XDP_MODES: Dict[int, Tuple[str, int]] = {4: ("", 0), 5: ("driver", 4), 6: ("generic", 2), 7: ("hardware", 8)}
_PLACES = {INGRESS: "ingress", EGRESS: "egress", 0xFFFFFFFF: "root", 0xFFFFFFF1: "ingress"}


def kind(one: TrafficControl) -> str:
    return one.attributes.get(_KIND, b"").rstrip(b"\0").decode("ascii", "replace")


def place(one: TrafficControl) -> str:
    """The hook of a qdisc or filter: ``ingress``, ``egress``, ``root`` or a class."""
    return _PLACES.get(one.parent, "parent %x:%x" % (one.parent >> 16, one.parent & 0xFFFF))


def options_hash(one: TrafficControl) -> str:
    return hashlib.sha1(one.attributes.get(_OPTIONS, b"")).hexdigest()[:6]


def program_of(one: TrafficControl) -> Optional[int]:
    """The id of the program of a BPF filter."""
    inside = _options(one)
    return int(struct.unpack("=I", inside[_BPF_ID])[0]) if _BPF_ID in inside else None


def label_of(one: TrafficControl) -> str:
    """The name of a BPF filter from its attachment: with tc, object file and section."""
    return _options(one).get(_BPF_NAME, b"").rstrip(b"\0").decode("utf-8", "replace")


def _options(one: TrafficControl) -> Attributes:
    return rtnetlink.attributes(one.attributes.get(_OPTIONS, b"")) if kind(one) == "bpf" else {}


def name_of(attributes: Attributes) -> str:
    return attributes.get(_NAME, b"").rstrip(b"\0").decode("utf-8", "replace")


def xdp_programs(attributes: Attributes) -> List[Tuple[int, str, int]]:
    """Programs attached to the interface with these attributes: program, mode, and flag of the mode."""
    inside = rtnetlink.attributes(attributes.get(_XDP, b""))
    return [
        (int(struct.unpack_from("=I", inside[key])[0]),) + mode
        for key, mode in sorted(_XDP_MODES.items())
        if key in inside
    ]


def filters(index: int, parents: List[int]) -> List[TrafficControl]:
    """The filters below these parents; none for a qdisc that takes none."""
    found: List[TrafficControl] = []
    for parent in parents:
        try:
            found += [one for one in rtnetlink.filters(index, parent) if one.handle]
        except OSError:
            continue
    return found
