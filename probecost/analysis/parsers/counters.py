"""Parses ``counters.json``: differences of a node's counters over a perf test, and its set-up at both ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probecost.analysis.parsers.json_fields import child, parse_object, whole, words
from probecost.analysis.parsers.text import ParseError


@dataclass(frozen=True, slots=True)
class InterfaceDelta:
    """Received and dropped packets of one interface in the perf test; ``None``: unknown, or a new interface."""

    rx_packets: int | None
    rx_dropped: int | None


@dataclass(frozen=True, slots=True)
class CpuDelta:
    """CPU time in user mode: of the machine, of its virtual machines, of our cgroups by name (empty: unknown)."""

    user_usec: int
    carriers_user_usec: int
    own_user_usec: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CountersDelta:
    """Differences of the kernel's counters between ``start_ns`` and ``end_ns`` (node clock, Unix ns).

    ``interface``: the interface of the tested path, ``tested``: its counters, ``None`` if unknown. ``setup_start``,
    ``setup_end``: its MTU, qdiscs, XDP program and so on.
    ``new_programs``, ``gone_programs``: ids of BPF programs. Files of older versions hold only the counters.
    """

    start_ns: int | None
    end_ns: int | None
    udp_in_datagrams: int
    udp_rcvbuf_errors: int | None
    interface: str
    tested: InterfaceDelta | None
    boot_id: str
    cpu: CpuDelta | None
    setup_start: Mapping[str, str]
    setup_end: Mapping[str, str]
    new_programs: tuple[int, ...]
    gone_programs: tuple[int, ...]

    @property
    def seconds(self) -> float:
        """Length of the window; 0 if unknown."""
        return (self.end_ns - self.start_ns) / 1e9 if self.end_ns is not None and self.start_ns is not None else 0.0


def parse(text: str) -> CountersDelta:
    """Parse the differences. Raises ``ParseError`` if an end is missing or a counter ran backwards."""
    document = parse_object(text)
    start, end = child(document, "start"), child(document, "end")
    for name, side in (("start", start), ("end", end)):
        if not side:
            raise ParseError(f"has no counters of the {name}")
    udp = child(start, "udp"), child(end, "udp")
    received = _delta(udp, "InDatagrams")
    if received is None:
        raise ParseError("has no UDP InDatagrams at both ends")
    interface, setup = words(document, "interface"), _texts(child(start, "setup"))
    return CountersDelta(
        start_ns=whole(start, "time_ns"),
        end_ns=whole(end, "time_ns"),
        udp_in_datagrams=received,
        udp_rcvbuf_errors=_delta(udp, "RcvbufErrors"),
        interface=interface,
        tested=_tested(child(child(start, "net_dev"), interface), child(child(end, "net_dev"), interface)),
        boot_id=words(document, "boot_id"),
        cpu=_cpu(child(start, "cpu"), child(end, "cpu")),
        setup_start=setup,
        setup_end=setup if child(end, "setup") == child(start, "setup") else _texts(child(end, "setup")),
        new_programs=_without(end, start),
        gone_programs=_without(start, end),
    )


def _cpu(start: Mapping[str, object], end: Mapping[str, object]) -> CpuDelta | None:
    """CPU time, ``None`` if not recorded. A cgroup that came in between counts in full, one that went does not."""
    user_usec = _or_none((start, end), "user_usec")
    if user_usec is None:
        return None
    own = child(start, "own_user_usec"), child(end, "own_user_usec")
    used = {name: (whole(own[1], name) or 0) - (whole(own[0], name) or 0) for name in own[1]}
    machines = (whole(end, "carriers_user_usec") or 0) - (whole(start, "carriers_user_usec") or 0)
    return CpuDelta(user_usec, max(0, machines), used)


def _texts(values: Mapping[str, object]) -> Mapping[str, str]:
    return {key: words(values, key) for key in values}


def _without(first: Mapping[str, object], second: Mapping[str, object]) -> tuple[int, ...]:
    """The programs of ``first`` that are not in ``second``; none if one of the ends has no list."""
    lists = first.get("programs"), second.get("programs")
    if not isinstance(lists[0], list) or not isinstance(lists[1], list):
        return ()
    return tuple(sorted(number for number in lists[0] if isinstance(number, int) and number not in lists[1]))


def _delta(sides: tuple[Mapping[str, object], Mapping[str, object]], key: str) -> int | None:
    first, last = whole(sides[0], key), whole(sides[1], key)
    if first is None or last is None:
        return None
    if last < first:
        raise ParseError(f"{key} ran backwards, from {first} to {last}: the ends are swapped or the node restarted")
    return last - first


def _tested(start: Mapping[str, object], end: Mapping[str, object]) -> InterfaceDelta | None:
    if not start or not end:
        return None
    sides = start, end
    return InterfaceDelta(_or_none(sides, "rx_packets"), _or_none(sides, "rx_dropped"))


def _or_none(sides: tuple[Mapping[str, object], Mapping[str, object]], key: str) -> int | None:
    """Like ``_delta``, but ``None`` for a counter that was reset in between."""
    try:
        return _delta(sides, key)
    except ParseError:
        return None
