"""Messages beside a result, figures that cannot be, and damaged lines: reported, or without effect on a figure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers.damage import REPEATABLE, damaged
from hypothesis import given
from hypothesis import strategies as st

from probecost.analysis.parsers import iperf3, iperf3_log, monitors, netperf, netperf_classic, segments, stat
from probecost.analysis.parsers.json_fields import parse_object
from probecost.analysis.parsers.ranges import OutOfRangeError, rest
from probecost.analysis.parsers.text import ParseError

DIVIDER = "- - - - - - - - - - - - -"
NOISE = "iperf3: OUT OF ORDER - incoming packet = 7 and received packet = 9 AND SP = 5"
TITLES = "[ ID] Interval           Transfer     Bandwidth       Jitter    Lost/Total Datagrams"


def udp(span: str, lost: int, total: int, name: str = "SUM") -> str:
    rate = "32.0" if name == "SUM" else "16.0"
    return f"[{name:>3}]   {span}   sec  2.00 KBytes  {rate} Kbits/sec  0.010 ms  {lost}/{total} (1%)  "


SERVER_3_1 = [
    "Server listening on 5201",
    TITLES,
    *(udp("0.00-1.00", 1, 50, name) for name in ("5", "6")),
    udp("0.00-1.00", 2, 100),
    NOISE,
    DIVIDER,
    *(udp("1.00-2.00", 2, 60, name) for name in ("5", "6")),
    NOISE,
    udp("1.00-2.00", 4, 120),
    DIVIDER,
    TITLES,
    *(udp("0.00-2.02", 3, 110, name) for name in ("5", "6")),
    NOISE,
    udp("0.00-2.02", 6, 220),
    "-----------------------------------------------------------",
]


def test_a_server_of_3_1_with_two_streams_and_datagrams_out_of_order() -> None:
    found = iperf3_log.parse_server("\n".join(SERVER_3_1))
    assert (found.measured_s, found.received_packets) == (2.02, 214)
    assert found.notes.remarks == (f"{NOISE} (3 lines like it)",)


def client(**changes: Any) -> dict[str, Any]:
    end = {"sum": {"seconds": 2.0, "bytes": 500000, "packets": 1000, "lost_packets": 4, **changes}}
    return {
        "start": {"version": "iperf 3.1", "test_start": {"protocol": "UDP", "duration": 2}},
        "intervals": [],
        "end": end,
    }


def test_a_complete_result_counts_although_3_1_calls_a_remark_an_error() -> None:
    found = iperf3.parse_client(json.dumps(client() | {"error": "OUT OF ORDER - incoming packet = 7"}))
    assert (found.sent_packets, found.received_packets) == (1000, 996)
    assert found.notes.remarks == ("iperf3 reports: OUT OF ORDER - incoming packet = 7",)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, "interrupt - the client has terminated"),
        ({}, "control socket has closed unexpectedly"),
        ({"seconds": 1.0}, "OUT OF ORDER - incoming packet = 7"),
    ],
)
def test_an_error_that_ended_the_test_costs_it(changes: dict[str, Any], error: str) -> None:
    with pytest.raises(ParseError, match=f"iperf3 reports an error: {error}"):
        iperf3.parse_client(json.dumps(client(**changes) | {"error": error}))


@pytest.mark.parametrize("between", ["", "\n", "\nwarning: {x}\n", "\n[a] {b} c {\n"])
def test_the_same_result_printed_twice_is_one(between: str) -> None:
    text = json.dumps(client())
    assert parse_object(text + between + text) == client()
    assert parse_object(f"warning {{at}} start\n{text}") == client()
    with pytest.raises(ParseError, match="more than one"):
        parse_object(text + between + json.dumps(client(packets=999)))
    with pytest.raises(ParseError, match="more than one"):
        parse_object(f"{text}\n{text[:50]}")


@pytest.mark.parametrize("lost", [1800, -1800])
def test_more_lost_than_sent_is_no_figure(lost: int) -> None:
    found = iperf3.parse_client(json.dumps(client(lost_packets=lost)))
    assert (found.sent_packets, found.received_packets) == (1000, None)
    assert found.notes.doubts == (f"datagrams lost of those sent: {lost} of 1000 cannot be",)
    text = "\n".join(line.replace("6/220", f"{lost}/220") for line in SERVER_3_1)
    server = iperf3_log.parse_server(text)
    assert server.received_packets is None
    assert server.notes.doubts == (f"datagrams lost of those sent: {lost} of 220 cannot be",)


def test_fewer_lost_than_none_is_how_3_1_counts_datagrams_out_of_order() -> None:
    assert iperf3.parse_client(json.dumps(client(lost_packets=-3))).received_packets == 1003


def test_negative_counts_are_no_figures() -> None:
    found = iperf3.parse_client(json.dumps(client(packets=-1, retransmits=-2)))
    assert (found.sent_packets, found.received_packets, found.retransmits) == (None, None, None)
    assert len(found.notes.doubts) == 3


def test_cpus_are_not_idle_for_longer_than_it_took() -> None:
    text = "# 1000000000\ncpu 0 0 0 100 0\ncpu0 0 0 0 100 0\n# 2000000000\ncpu 0 0 0 400 0\ncpu0 0 0 0 400 0\n"
    with pytest.raises(OutOfRangeError, match="idle seconds of all CPUs: 3 of 1 cannot be"):
        stat.parse(text)


@REPEATABLE
@given(st.integers(), st.integers())
def test_a_rest_is_never_negative_nor_more_than_twice_the_whole(part: int, whole: int) -> None:
    try:
        assert 0 <= rest(part, whole, "x of y") <= 2 * whole
    except OutOfRangeError:
        assert whole < 0 or abs(part) > whole


@REPEATABLE
@given(damaged(SERVER_3_1))
def test_a_damaged_log_of_a_server_has_the_same_result_or_none(text: str) -> None:
    true = iperf3_log.parse_server("\n".join(SERVER_3_1))
    try:
        found = iperf3_log.parse_server(text)
    except ParseError:
        return
    assert (found.measured_s, found.received_packets, found.received_bps) == (
        true.measured_s,
        true.received_packets,
        true.received_bps,
    )


NETPERF = [
    "MIGRATED TCP REQUEST/RESPONSE TEST from 0.0.0.0 () port 0 AF_INET to 192.0.2.1 () port 0 AF_INET",
    "Minimum Latency Microseconds,Mean Latency Microseconds,Maximum Latency Microseconds,Transaction Rate Tran/s",
    "20,31.25,410,31900.5",
]


@REPEATABLE
@given(damaged(NETPERF, is_cut=False))
def test_damaged_output_of_netperf_has_the_same_figures_or_none(text: str) -> None:
    try:
        found = netperf.parse(text)
    except ParseError:
        return
    assert found == netperf.parse("\n".join(NETPERF))


CLIENT = json.dumps(client(), indent=1).splitlines()


@REPEATABLE
@given(damaged(CLIENT))
def test_a_damaged_result_of_a_client_has_the_same_figures_or_none(text: str) -> None:
    true = iperf3.parse_client("\n".join(CLIENT))
    try:
        found = iperf3.parse_client(text)
    except ParseError:
        return
    assert found.received_packets in (true.received_packets, None)
    assert found.sent_packets in (true.sent_packets, None)


SEGMENTS = [
    "segment,pair,arm,start_ns,end_ns,elapsed_ns,rx_packets_start,rx_packets_end",
    *(
        f"{n},{n // 2},{'tool' if n % 2 else 'baseline'},{n}000000000,{n + 1}000000000,1000000000,{n}00,{n + 1}50"
        for n in range(6)
    ),
]


@REPEATABLE
@given(damaged(SEGMENTS, is_cut=False))
def test_damaged_segments_are_a_part_of_the_true_ones_or_none(text: str) -> None:
    true = segments.parse("\n".join(SEGMENTS))
    try:
        found = segments.parse(text)
    except ParseError:
        return
    assert set(map(repr, found)) <= set(map(repr, true))


@pytest.mark.parametrize(
    ("line", "reason"), [(SEGMENTS[3], "segment 2 is there twice"), (SEGMENTS[3] + ",7", "more values than")]
)
def test_a_segment_that_comes_twice_or_is_shifted(line: str, reason: str) -> None:
    with pytest.raises(ParseError, match=f"line 8 is damaged: .*{reason}"):
        segments.parse("\n".join([*SEGMENTS, line]))


CLASSIC = [
    "Local /Remote",
    "Socket Size   Request  Resp.   Elapsed  Trans.",
    "Send   Recv   Size     Size    Time     Rate",
    "bytes  Bytes  bytes    bytes   secs.    per sec",
    "",
    "16384  131072 1        1       10.00    31900.00",
    "16384  131072",
]


@REPEATABLE
@given(damaged(CLASSIC, is_cut=False))
def test_a_damaged_classic_table_has_the_same_figures_or_none(text: str) -> None:
    try:
        found = netperf_classic.parse(text)
    except ParseError:
        return
    assert found == netperf_classic.parse("\n".join(CLASSIC))


MONITORED = ["# time cpu", *(f"2026-03-14 15:08:0{n}.250 {n}.50" for n in range(8))]


@REPEATABLE
@given(damaged(MONITORED, is_cut=False))
def test_damaged_samples_of_a_monitor_are_a_part_of_the_true_ones(text: str) -> None:
    true = monitors.parse_cpu("\n".join(MONITORED))
    try:
        found = monitors.parse_cpu(text)
    except ParseError:
        return
    assert set(found.samples) <= set(true.samples)
    assert [sample.time_ns for sample in found.samples] == sorted(sample.time_ns for sample in found.samples)
