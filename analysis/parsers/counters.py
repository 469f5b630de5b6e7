"""``counters.json``: the node's UDP and interface counters at both ends of a perf test, as differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.problems import ParseError, child, parse_object, whole


@dataclass(frozen=True)
class InterfaceDelta:
    """What one interface counted during the perf test."""

    name: str
    rx_packets: int | None
    tx_packets: int | None
    rx_dropped: int | None
    tx_dropped: int | None


@dataclass(frozen=True)
class CountersDelta:
    """What the node's kernel counted between ``start_ns`` and ``end_ns`` (node clock, Unix ns)."""

    start_ns: int | None
    end_ns: int | None
    udp_in_datagrams: int
    udp_out_datagrams: int | None
    udp_in_errors: int | None
    udp_no_ports: int | None
    udp_rcvbuf_errors: int | None
    udp_sndbuf_errors: int | None
    interfaces: tuple[InterfaceDelta, ...]


def parse(text: str) -> CountersDelta:
    """The differences. Raises ``ParseError`` when an end is missing or a counter ran backwards."""
    document = parse_object(text)
    start, end = child(document, "start"), child(document, "end")
    for name, side in (("start", start), ("end", end)):
        if not side:
            raise ParseError(f"has no counters of the {name}")
    udp = child(start, "udp"), child(end, "udp")
    received = _delta(udp, "InDatagrams")
    if received is None:
        raise ParseError("has no UDP InDatagrams at both ends")
    return CountersDelta(
        start_ns=whole(start, "time_ns"),
        end_ns=whole(end, "time_ns"),
        udp_in_datagrams=received,
        udp_out_datagrams=_delta(udp, "OutDatagrams"),
        udp_in_errors=_delta(udp, "InErrors"),
        udp_no_ports=_delta(udp, "NoPorts"),
        udp_rcvbuf_errors=_delta(udp, "RcvbufErrors"),
        udp_sndbuf_errors=_delta(udp, "SndbufErrors"),
        interfaces=_interfaces(child(start, "net_dev"), child(end, "net_dev")),
    )


def _delta(sides: tuple[Mapping[str, object], Mapping[str, object]], key: str) -> int | None:
    first, last = whole(sides[0], key), whole(sides[1], key)
    if first is None or last is None:
        return None
    if last < first:
        raise ParseError(f"{key} ran backwards, from {first} to {last}: the ends are swapped or the node restarted")
    return last - first


def _interfaces(start: Mapping[str, object], end: Mapping[str, object]) -> tuple[InterfaceDelta, ...]:
    names = sorted(name for name in start if name in end)
    sides = {name: (child(start, name), child(end, name)) for name in names}
    return tuple(
        InterfaceDelta(
            name,
            *(_interface_delta(sides[name], key) for key in ("rx_packets", "tx_packets", "rx_dropped", "tx_dropped")),
        )
        for name in names
    )


def _interface_delta(sides: tuple[Mapping[str, object], Mapping[str, object]], key: str) -> int | None:
    """As ``_delta``; an interface that was taken away and made anew in between has no difference."""
    try:
        return _delta(sides, key)
    except ParseError:
        return None
