"""Parses the folder names of an older tree, which has no metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from probecost.analysis.parsers.monitors import parse_time_ns
from probecost.results.layout import CaseFolder

_CASE = re.compile(r"(?P<tool>.+?)_case_(?P<id>\d+)(?:_(?P<middle>.+?))??(?:_(?P<hash>[0-9a-f]{6}))?")
_TEST = re.compile(r"(?P<conn>[a-z][a-z0-9_]*?)_(?P<ts>\d{8}_\d{6}(?:_\d{3})?)")
_MULTI = re.compile(r"multi(?:_stream)?(?:_(?P<streams>\d+))?")
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)")
_PROTOCOLS = ("tcp", "udp", "icmp", "arp")
_DIRECTIONS = ("rx", "tx")


@dataclass(frozen=True, order=True)
class OlderCase(CaseFolder):
    """A case's folder with optional words in the middle of its name: ``{tool}_case_{id}_tcp_rx_{hash}``."""

    folder: str = ""
    middle: str = ""

    @property
    def name(self) -> str:
        return self.folder

    @property
    def label(self) -> str:
        """The folder's name without its hash."""
        return self.folder.removesuffix(f"_{self.hash}") if self.hash else self.folder

    @property
    def parameters(self) -> Mapping[str, str]:
        words = self.middle.split("_")
        found = {
            "direction": next((word for word in words if word in _DIRECTIONS), ""),
            "protocol": next((word for word in words if word in _PROTOCOLS), ""),
        }
        return {key: value for key, value in found.items() if value}


def parse_case(name: str) -> OlderCase | None:
    """The parts of a case's folder name; ``None`` if it is none.

    >>> parse_case("eth_drop_case_1_tcp_rx_9d5e19").parameters
    {'direction': 'rx', 'protocol': 'tcp'}
    """
    match = _CASE.fullmatch(name)
    if match is None:
        return None
    return OlderCase(match["tool"], int(match["id"]), match["hash"] or "", name, match["middle"] or "")


@dataclass(frozen=True)
class TestName:
    """A perf test's folder name; ``streams`` is ``None`` if it lacks their number."""

    conn_type: str
    streams: int | None
    ts: str


def parse_test(name: str) -> TestName | None:
    """The parts of ``multi_2_20261122_213436``; ``None`` if ``name`` is not a perf test's.

    >>> parse_test("multi_2_20261122_213436")
    TestName(conn_type='multi', streams=2, ts='20261122_213436')
    """
    match = _TEST.fullmatch(name)
    if match is None:
        return None
    multi = _MULTI.fullmatch(match["conn"])
    if multi is None:
        return TestName(match["conn"], 1, match["ts"])
    return TestName("multi", int(multi["streams"]) if multi["streams"] else None, match["ts"])


def stamp_ns(name: str) -> int | None:
    """The first timestamp in a file's name: local time as if it were UTC, Unix ns; ``None`` without one."""
    match = _STAMP.search(name)
    if match is None:
        return None
    try:
        return parse_time_ns("-".join(match.group(1, 2, 3)), ":".join(match.group(4, 5, 6)))
    except ValueError:
        return None
