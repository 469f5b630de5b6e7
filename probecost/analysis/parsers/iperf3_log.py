"""Parses the text output of an iperf3 server (older trees), versions 3.1 to 3.19; output of ``-J`` is JSON.

The summary follows a line of ``- - -``. Its receiver's line counts, ``[SUM]`` for several streams. UDP summaries of 3.1
lack the word ``receiver``. ``lost/total`` counts all datagrams of the sender.
"""

from __future__ import annotations

import re

from probecost.analysis.parsers import iperf3
from probecost.analysis.parsers.iperf3 import ServerResult
from probecost.analysis.parsers.text import ParseError

_SUMMARY = re.compile(r"\s*(?:- ){5,}-?\s*$")
_LINE = re.compile(
    r"\[\s*(?P<id>SUM|\d+)\](?:\[\S*\])?\s+(?P<from>[\d.]+)\s*-\s*(?P<to>[\d.]+)\s+sec"
    r"\s+[\d.]+ [KMGT]?Bytes\s+(?P<rate>[\d.]+) (?P<scale>[KMGT]?)bits/sec(?P<rest>.*)"
)
_DATAGRAMS = re.compile(r"(?P<lost>-?\d+)/(?P<total>\d+)\s*\(")
_SCALES = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_END_OF_TEST = ("-----", "iperf3:")


def parse_server(text: str) -> ServerResult:
    """Parse the one test of the server. Raises ``ParseError`` for none, for several, and for a broken summary."""
    if text.lstrip().startswith("{"):
        return iperf3.parse_server(text)
    found = [result for block in _summaries(text) if (result := _result(block)) is not None]
    if len(found) > 1:
        raise ParseError(f"holds the results of {len(found)} tests: which one belongs here is unknown")
    if not found:
        error = next((line for line in reversed(text.splitlines()) if line.startswith("iperf3: error")), "")
        raise ParseError(error.strip()[:200] or "the server's log ends without a summary of what was received")
    return found[0]


def _summaries(text: str) -> list[list[str]]:
    """The lines of each summary."""
    blocks: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        if _SUMMARY.match(line):
            # The same line divides intervals of several streams: only the last part is the summary.
            if inside:
                blocks.pop()
            blocks.append([])
            inside = True
        elif line.startswith(_END_OF_TEST):
            inside = False
        elif inside:
            blocks[-1].append(line)
    return blocks


def _result(lines: list[str]) -> ServerResult | None:
    matches = [match for line in lines if (match := _LINE.search(line))]
    said = [match for match in matches if "receiver" in match["rest"]]
    received = said or [
        match for match in matches if _DATAGRAMS.search(match["rest"]) and "sender" not in match["rest"]
    ]
    whole = [match for match in received if match["id"] == "SUM"]
    received = whole or received
    seconds = max((float(match["to"]) - float(match["from"]) for match in received), default=0.0)
    if seconds <= 0:
        return None
    datagrams = [match for line in received if (match := _DATAGRAMS.search(line["rest"]))]
    return ServerResult(
        version="",
        protocol="UDP" if datagrams else "TCP",
        measured_s=seconds,
        received_bps=sum(float(match["rate"]) * _SCALES[match["scale"]] for match in received),
        received_packets=sum(int(m["total"]) - int(m["lost"]) for m in datagrams) if datagrams else None,
    )
