"""Parses the text output of an iperf3 server (older trees), versions 3.1 to 3.19; output of ``-J`` is JSON.

The summary follows a line of ``- - -``. Its receiver's line counts, ``[SUM]`` for several streams. UDP summaries of 3.1
lack the word ``receiver``. ``lost/total`` counts all datagrams of the sender.
"""

from __future__ import annotations

import re
from dataclasses import replace

from probecost.analysis.parsers import iperf3
from probecost.analysis.parsers.iperf3 import Notes, ServerResult, received_of
from probecost.analysis.parsers.ranges import OutOfRangeError
from probecost.analysis.parsers.text import ParseError

_SUMMARY = re.compile(r"\s*(?:- ){5,}-?\s*$")
_LINE = re.compile(
    r"\[\s*(?P<id>SUM|\d+)\](?:\[\S*\])?\s+(?P<from>[\d.]+)\s*-\s*(?P<to>[\d.]+)\s+sec"
    r"\s+[\d.]+ [KMGT]?Bytes\s+(?P<rate>[\d.]+) (?P<scale>[KMGT]?)bits/sec(?P<rest>.*)"
)
_DATAGRAMS = re.compile(r"(?P<lost>-?\d+)/(?P<total>\d+)\s*\(")
MIN_SHARE_OF_TEST = 0.9  # an interval is no summary
_SCALES = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_END_OF_TEST = re.compile(r"-----|iperf3: (?:error|interrupt)")


def parse_server(text: str) -> ServerResult:
    """Parse the one test of the server. Raises ``ParseError`` for none, for several, and for a broken summary."""
    if text.lstrip().startswith("{"):
        return iperf3.parse_server(text)
    found = [result for lines in _tests(text) if (result := _result(lines)) is not None]
    if len(found) > 1:
        raise ParseError(f"holds the results of {len(found)} tests: which one belongs here is unknown")
    if not found:
        error = next((line for line in reversed(text.splitlines()) if line.startswith("iperf3: error")), "")
        raise ParseError(error.strip()[:200] or "the server's log ends without a summary of what was received")
    remarks = _remarks(text)
    return replace(found[0], notes=replace(found[0].notes, remarks=remarks)) if remarks else found[0]


def _remarks(text: str) -> tuple[str, ...]:
    """Messages between the lines of a result, for instance of datagrams out of order; the first of them."""
    lines = [line for line in text.splitlines() if line.startswith("iperf3:") and not _END_OF_TEST.match(line)]
    more = f" ({len(lines)} lines like it)" if len(lines) > 1 else ""
    return (f"{lines[0][:200]}{more}",) if lines else ()


def _tests(text: str) -> list[list[str]]:
    """The lines of each test of the server; lines before the first test belong to it."""
    tests: list[list[str]] = [[]]
    for line in text.splitlines():
        if _END_OF_TEST.match(line):
            tests.append([])
        else:
            tests[-1].append(line)
    return tests


def _received(lines: list[str]) -> list[re.Match[str]]:
    """The lines of a test's summary with the received data, one for each stream or one for all of them.

    Empty where a stream is missing or comes twice. Intervals of several streams are divided by the same line of
    dashes: only the lines after the last one are the summary; the line of an interval does not span the test.
    """
    dividers = [at for at, line in enumerate(lines) if _SUMMARY.match(line)]
    found = [(at, match) for at, line in enumerate(lines) if (match := _LINE.search(line))]
    if not dividers or not found:
        return []
    streams = {match["id"] for _, match in found} - {"SUM"}
    end_s = MIN_SHARE_OF_TEST * max(float(match["to"]) for _, match in found)
    whole = [match for at, match in found if at > dividers[-1] and float(match["from"]) == 0]
    whole = [match for match in whole if float(match["to"]) >= end_s]
    said = [match for match in whole if "receiver" in match["rest"]]
    received = said or [match for match in whole if _DATAGRAMS.search(match["rest"]) and "sender" not in match["rest"]]
    sums = [match for match in received if match["id"] == "SUM"]
    if sums:
        return sums[:1] if len({match.group() for match in sums}) == 1 else []
    return received if sorted(match["id"] for match in received) == sorted(streams) else []


def _result(lines: list[str]) -> ServerResult | None:
    received = _received(lines)
    seconds = max((float(match["to"]) - float(match["from"]) for match in received), default=0.0)
    if seconds <= 0:
        return None
    datagrams = [match for line in received if (match := _DATAGRAMS.search(line["rest"]))]
    packets: int | None = None
    doubts: tuple[str, ...] = ()
    try:
        packets = sum(received_of(int(m["lost"]), int(m["total"])) for m in datagrams) if datagrams else None
    except OutOfRangeError as error:
        doubts = (str(error),)
    return ServerResult(
        version="",
        protocol="UDP" if datagrams else "TCP",
        measured_s=seconds,
        received_bps=sum(float(match["rate"]) * _SCALES[match["scale"]] for match in received),
        received_packets=packets,
        notes=Notes(doubts=doubts),
    )
