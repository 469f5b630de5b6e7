"""Parses iperf3's JSON (``-J``), versions 3.1 to 3.19, of one client or server process.

Up to 3.6 a UDP test has one ``end.sum``; later versions add ``end.sum_sent`` and ``end.sum_received``. The server's
``end.sum`` of newer versions has 0 bytes, its ``sum_received`` the true number. Absent or NaN rates are computed from
bytes and seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from probecost.analysis.parsers.json_fields import child, number, parse_object, whole, words
from probecost.analysis.parsers.ranges import OutOfRangeError, not_negative, rest
from probecost.analysis.parsers.text import ParseError

MIN_STALL_INTERVAL_S = 0.5
MIN_SHARE_WITH_ERROR = 0.95
_ENDS_TEST = re.compile(r"interrupt|terminat|abort|closed|reset|refused|unable|timed? ?out|failed|broken|busy", re.I)


@dataclass(frozen=True)
class Notes:
    """Remarks for the reader of a result. ``doubts``: impossible figures, which are left out."""

    remarks: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClientResult:
    """Result of one sending client. ``received_*`` are the server's figures, which the client gets at the end.

    ``write_bytes``: bytes of each write, a datagram with UDP.
    """

    version: str
    protocol: str
    asked_s: float | None
    measured_s: float
    sent_bps: float
    received_bps: float | None
    retransmits: int | None
    write_bytes: int | None
    sent_packets: int | None
    received_packets: int | None
    stalled_intervals: int
    intervals: int
    notes: Notes


@dataclass(frozen=True)
class ServerResult:
    """Result of one receiving server; ``received_packets`` is ``None`` for TCP."""

    version: str
    protocol: str
    measured_s: float
    received_bps: float
    received_packets: int | None
    notes: Notes


def parse_client(text: str) -> ClientResult:
    """Parse the result of a client. Raises ``ParseError`` with iperf3's own error, if it reports one."""
    document = _finished(text)
    end = child(document, "end")
    test = child(child(document, "start"), "test_start")
    protocol = _protocol(test, end)
    sent = child(end, "sum_sent") or child(end, "sum")
    seconds, sent_bps = _seconds(sent), _rate(sent)
    if seconds is None or sent_bps is None:
        raise ParseError("iperf3 ended without a summary of what was sent")
    stalled, intervals = _stalls(document)
    is_udp = protocol == "UDP"
    checked = _Checked()
    received_packets = checked.or_none(lambda: _received_packets(end)) if is_udp else None
    remarks = _remarks(document, seconds, number(test, "duration"))
    return ClientResult(
        version=words(child(document, "start"), "version"),
        protocol=protocol,
        asked_s=number(test, "duration"),
        measured_s=seconds,
        sent_bps=sent_bps,
        received_bps=_received_bps(end, test, received_packets) if is_udp else _rate(child(end, "sum_received")),
        retransmits=checked.or_none(lambda: _count(sent, "retransmits")),
        write_bytes=whole(test, "blksize"),
        sent_packets=checked.or_none(lambda: _count(sent, "packets")) if is_udp else None,
        received_packets=received_packets,
        stalled_intervals=stalled,
        intervals=intervals,
        notes=Notes(remarks, tuple(checked.doubts)),
    )


def parse_server(text: str) -> ServerResult:
    """Parse the result of a server with one test (``-s -1``). Raises ``ParseError`` like ``parse_client``."""
    document = _finished(text)
    end = child(document, "end")
    test = child(child(document, "start"), "test_start")
    protocol = _protocol(test, end)
    received = child(end, "sum_received") or child(end, "sum")
    seconds, received_bps = _seconds(received), _rate(received)
    if seconds is None or received_bps is None:
        raise ParseError("iperf3 ended without a summary of what was received")
    checked = _Checked()
    remarks = _remarks(document, seconds, number(test, "duration"))
    return ServerResult(
        version=words(child(document, "start"), "version"),
        protocol=protocol,
        measured_s=seconds,
        received_bps=received_bps,
        received_packets=checked.or_none(lambda: _received_packets(end)) if protocol == "UDP" else None,
        notes=Notes(remarks, tuple(checked.doubts)),
    )


class _Checked:
    """Takes figures that may be out of range: those are left out, with a doubt."""

    def __init__(self) -> None:
        self.doubts: list[str] = []

    def or_none(self, read: Callable[[], int | None]) -> int | None:
        try:
            return read()
        except OutOfRangeError as error:
            self.doubts.append(str(error))
            return None


def _finished(text: str) -> Mapping[str, object]:
    document = parse_object(text)
    error = document.get("error")
    if error and (not child(document, "end") or _ENDS_TEST.search(str(error))):
        raise ParseError(f"iperf3 reports an error: {error}")
    if not child(document, "end"):
        raise ParseError("iperf3 reports no end: it was stopped in the middle, or its output is incomplete")
    return document


def _remarks(document: Mapping[str, object], measured_s: float, asked_s: float | None) -> tuple[str, ...]:
    """Version 3.1 reports datagrams out of order as an error; the result counts if the test ran to its end."""
    error = document.get("error")
    if error and asked_s and measured_s < MIN_SHARE_WITH_ERROR * asked_s:
        raise ParseError(f"iperf3 reports an error: {error}")
    return (f"iperf3 reports: {error}",) if error else ()


def _protocol(test: Mapping[str, object], end: Mapping[str, object]) -> str:
    declared = words(test, "protocol").upper()
    return declared or ("UDP" if "packets" in child(end, "sum") else "TCP")


def _seconds(summary: Mapping[str, object]) -> float | None:
    seconds = number(summary, "seconds")
    if seconds is None:
        start, end = number(summary, "start"), number(summary, "end")
        seconds = end - start if start is not None and end is not None else None
    return seconds if seconds is not None and seconds > 0 else None


def _rate(summary: Mapping[str, object]) -> float | None:
    rate = number(summary, "bits_per_second")
    if rate is None:
        size_bytes, seconds = number(summary, "bytes"), _seconds(summary)
        rate = size_bytes * 8 / seconds if size_bytes is not None and seconds else None
    return rate if rate is not None and rate >= 0 else None


def _received_bps(end: Mapping[str, object], test: Mapping[str, object], packets: int | None) -> float | None:
    """Of UDP: as the server reported, else by the datagrams that arrived."""
    received = child(end, "sum_received")
    if received:
        return _rate(received)
    block_bytes, seconds = number(test, "blksize"), _seconds(child(end, "sum"))
    return packets * block_bytes * 8 / seconds if packets is not None and block_bytes and seconds else None


def _received_packets(end: Mapping[str, object]) -> int | None:
    summary = child(end, "sum_received")
    if "packets" not in summary:
        summary = child(end, "sum")
    packets, lost = whole(summary, "packets"), whole(summary, "lost_packets")
    return received_of(lost, packets) if packets is not None and lost is not None else None


def received_of(lost: int, packets: int) -> int:
    """Datagrams that arrived; versions that count one out of order twice can have less than none lost."""
    return rest(lost, packets, "datagrams lost of those sent")


def _count(summary: Mapping[str, object], key: str) -> int | None:
    value = whole(summary, key)
    return None if value is None else not_negative(value, key)


def _stalls(document: Mapping[str, object]) -> tuple[int, int]:
    """The number of intervals of at least half a second that carried nothing, and of all such intervals."""
    entries = document.get("intervals")
    sums = [child(entry, "sum") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    full = [summary for summary in sums if (_seconds(summary) or 0) >= MIN_STALL_INTERVAL_S]
    return sum(1 for summary in full if number(summary, "bytes") == 0), len(full)
