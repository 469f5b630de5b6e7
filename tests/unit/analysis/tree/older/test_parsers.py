"""What older trees hold beside JSON of iperf3 and CSV of netperf: pidstat, timing logs, text of the servers."""

from __future__ import annotations

import pytest

from probecost.analysis.parsers import iperf3_log, netperf_classic
from probecost.analysis.parsers.monitors import CpuSample, MemorySample, parse_time_ns
from probecost.analysis.parsers.text import ParseError
from probecost.analysis.tree.older import pidstat, timing

_H = "# Time UID PID %usr %system %guest %wait %CPU CPU VSZ RSS %MEM Command"
_WITHOUT_WAIT = "# Time UID PID %usr %system %guest %CPU CPU VSZ RSS %MEM Command"
_SUMMARY = "- - - - - - - - - - - - - - - -"


def _at(time: str, date: str = "2026-11-22") -> int:
    return parse_time_ns(date, time)


@pytest.mark.parametrize(
    ("lines", "first"),
    [
        ((_H, "21:35:45 0 9 1.00 2.00 0.00 0.50 3.00 0 2500 1292 0.01 tool"), _at("21:35:45")),
        ((_WITHOUT_WAIT, "21:35:45 0 9 1.00 2.00 0.00 3.00 0 2500 1292 0.01 tool"), _at("21:35:45")),
        ((_H, "09:35:45 PM 0 9 1.00 2.00 0.00 0.50 3.00 0 2500 1292 0.01 tool"), _at("21:35:45")),
        ((_H, "09:35:45 0 9 1.00 2.00 0.00 0.50 3.00 0 2500 1292 0.01 tool"), _at("21:35:45")),
        ((_H, f"{_at('21:35:45') // 10**9} 0 9 1.00 2.00 0.00 0.50 3.00 0 2500 1292 0.01 tool"), _at("21:35:45")),
        ((_H, "00:00:05 0 9 1.00 2.00 0.00 0.50 3.00 0 2500 1292 0.01 tool"), _at("00:00:05", "2026-11-23")),
    ],
    ids=["24h", "no %wait", "PM", "12h without PM", "epoch", "after midnight"],
)
def test_pidstat_forms(lines: tuple[str, ...], first: int) -> None:
    found = pidstat.parse("\n".join(lines), _at("21:35:43"))
    assert found.cpu.samples == (CpuSample(first, 3.0),)
    assert found.memory.samples == (MemorySample(first, 2500, 1292, 0.01),)


def test_pidstat_tells_the_time_zone() -> None:
    epoch_s = _at("13:35:43") // 10**9
    text = f"# START_DATETIME: 2026-11-22 21:35:43.096  START_EPOCH: {epoch_s}\n{_H}\n"
    found = pidstat.parse(f"{text}21:35:45 0 9 1.00 2.00 0.00 0.50 3.00 0 2500 1292 0.01 tool\n")
    assert found.utc_offset_ns == 8 * 3600 * 10**9
    assert found.cpu.samples[0].time_ns == _at("13:35:45")


def test_pidstat_without_a_day_and_without_a_sample() -> None:
    row = "21:35:45 0 9 1.00 2.00 0.00 0.50 3.00 0 2500 1292 0.01 tool"
    with pytest.raises(ParseError, match="belong to no day"):
        pidstat.parse(f"{_H}\n{row}")
    with pytest.raises(ParseError, match="1 damaged"):
        pidstat.parse(f"{_H}\n{row[:20]}", _at("21:35:43"))


@pytest.mark.parametrize("keys", [("Start", "End"), ("Actual_Launch", "Test_End")])
def test_timing(keys: tuple[str, str]) -> None:
    text = f"Test: x\nProcess_Start: 2026-11-22 21:00:00.000\n{keys[0]}: 2026-11-22 21:00:01.5\n"
    found = timing.parse(f"{text}{keys[1]}: 2026-11-22 21:00:04.000\n")
    assert (found.start_ns, found.end_ns) == (_at("21:00:01.5"), _at("21:00:04"))
    with pytest.raises(ParseError, match="no end"):
        timing.parse(text)


def test_server_log_counts_what_was_received() -> None:
    text = (
        f"[  5]   0.00-2.00   sec  1.00 GBytes  9.00 Gbits/sec\n{_SUMMARY}\n"
        "[  5]   0.00-2.00   sec  1.00 GBytes  9.90 Gbits/sec    0   sender\n"
        "[  5]   0.00-2.00   sec  1.00 GBytes  8.50 Gbits/sec        receiver\n"
    )
    assert iperf3_log.parse_server(text).received_bps == 8.5e9
    with pytest.raises(ParseError, match="2 tests"):
        iperf3_log.parse_server(f"{text}-----------\n{text}")
    with pytest.raises(ParseError, match="without a summary"):
        iperf3_log.parse_server(text[:40])


def test_server_log_of_udp() -> None:
    text = f"{_SUMMARY}\n[  5]   0.00-2.00   sec  1.00 MBytes  4.00 Mbits/sec  0.01 ms  25/1000 (2.5%)\n"
    found = iperf3_log.parse_server(text)
    assert (found.protocol, found.received_packets) == ("UDP", 975)


def test_classic_netperf() -> None:
    text = (
        "Local /Remote\nSocket Size   Request  Resp.   Elapsed  Trans.\nSend   Recv   Size     Size    Time     Rate\n"
    )
    assert netperf_classic.is_classic(text)
    assert netperf_classic.parse(f"{text}\n16384  131072 1  1  10.00  20000.00\n16384 131072\n").mean_us == 50.0
    for values in ("", "16384 131072 1 1 10.00 nan", "16384 131072 1 1 10.00 0"):
        with pytest.raises(ParseError):
            netperf_classic.parse(text + values)
