"""The parsers of raw files, on outputs recorded from the real programs and on forms of other versions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.analysis_tree import counters as counters_text
from helpers.analysis_tree import tcp_client

from probecost.analysis.parsers import counters, iperf3, monitors, netperf
from probecost.analysis.parsers.json_fields import parse_object
from probecost.analysis.parsers.text import ParseError

SAMPLES = Path(__file__).parents[1] / "samples"


def sample(name: str) -> str:
    return (SAMPLES / name).read_text()


class TestIperf3:
    def test_tcp_client(self) -> None:
        result = iperf3.parse_client(sample("iperf3_3_12_client_tcp.json"))
        assert result.version == "iperf 3.12"
        assert (result.protocol, result.asked_s, result.measured_s) == ("TCP", 1, 1.000275)
        assert result.sent_bps == pytest.approx(29572196605.93)
        assert result.received_bps == pytest.approx(29570600232.52)
        assert (result.retransmits, result.sent_packets, result.received_packets) == (0, None, None)
        assert (result.stalled_intervals, result.intervals) == (0, 1)

    def test_tcp_server(self) -> None:
        result = iperf3.parse_server(sample("iperf3_3_12_server_tcp.json"))
        assert (result.protocol, result.measured_s, result.received_packets) == ("TCP", 1.000329, None)
        assert result.received_bps == pytest.approx(29570600232.52)

    def test_udp_client_counts_what_it_sent(self) -> None:
        result = iperf3.parse_client(sample("iperf3_3_12_client_udp.json"))
        assert (result.protocol, result.measured_s) == ("UDP", 1.000041)
        assert (result.sent_packets, result.received_packets) == (218540, 218540 - 1566)

    def test_udp_server_whose_own_sum_says_0_bytes(self) -> None:
        result = iperf3.parse_server(sample("iperf3_3_12_server_udp.json"))
        assert result.received_packets == 218540 - 1566
        assert result.received_bps == pytest.approx(111079135.77)

    def test_refused_connection_is_iperf3s_own_reason(self) -> None:
        with pytest.raises(ParseError, match="unable to connect to server: Connection refused"):
            iperf3.parse_client(sample("iperf3_3_12_client_refused.json"))

    def test_udp_client_of_3_1_has_one_sum(self) -> None:
        total = {"start": 0, "end": 2, "seconds": 2, "bytes": 64000, "bits_per_second": 256000.0}
        document = {
            "start": {"version": "iperf 3.1.7", "test_start": {"protocol": "UDP", "blksize": 64, "duration": 2}},
            "intervals": [],
            "end": {"streams": [], "sum": {**total, "jitter_ms": 0.1, "lost_packets": 100, "packets": 1000}},
        }
        result = iperf3.parse_client(json.dumps(document))
        assert (result.sent_packets, result.received_packets, result.measured_s) == (1000, 900, 2)
        assert result.sent_bps == 256000
        assert result.received_bps == 900 * 64 * 8 / 2

    def test_rate_that_is_nan_comes_from_the_bytes(self) -> None:
        text = tcp_client(8e9, 8e9).replace('"bits_per_second": 8000000000.0', '"bits_per_second": null')
        assert iperf3.parse_client(text).sent_bps == 8e9

    def test_stalls_are_counted_and_short_last_intervals_are_not(self) -> None:
        document = json.loads(tcp_client(8e9, 8e9, seconds=3.0))
        zero = {"sum": {"seconds": 1.0, "bytes": 0}}
        full, last = {"sum": {"seconds": 1.0, "bytes": 9}}, {"sum": {"seconds": 0.001, "bytes": 0}}
        document["intervals"] = [zero, full, zero, last]
        result = iperf3.parse_client(json.dumps(document))
        assert (result.stalled_intervals, result.intervals) == (2, 3)

    def test_warnings_around_the_json_are_passed_over(self) -> None:
        text = "warning: this system does not seem to support IPv6\n" + tcp_client(1e9, 1e9) + "\niperf3: done\n"
        assert iperf3.parse_client(text).sent_bps == 1e9

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "no JSON"),
            ("iperf3: error - unable to send", "no JSON"),
            (tcp_client(1e9, 1e9)[:-20], "truncated"),
            (tcp_client(1e9, 1e9) + tcp_client(2e9, 2e9), "more than one"),
            ('{"start": {}, "intervals": []}', "no end"),
            ('{"end": {"sum_sent": {"seconds": 0, "bytes": 5}}}', "without a summary of"),
            ('{"end": {"sum_sent": {"seconds": 1, "bytes": "many"}}}', "without a summary of"),
            ('{"end": {"sum_sent": {"seconds": 1e999, "bytes": 5}}}', "without a summary of"),
            ('{"end": [1, 2]}', "no end"),
            ("{" * 100_000, "truncated"),
            ('{"end":' + "[" * 100_000, "truncated"),
        ],
    )
    def test_unusable(self, text: str, reason: str) -> None:
        for parse in (iperf3.parse_client, iperf3.parse_server):
            with pytest.raises(ParseError, match=reason):
                parse(text)


class TestNetperf:
    def test_with_percentiles(self) -> None:
        result = netperf.parse(sample("netperf_2_7_tcp_rr.txt"))
        assert result == netperf.LatencyResult(20.95, 15, 863, 20, 22, 35, 47618.807, 1.00)

    def test_udp(self) -> None:
        assert netperf.parse(sample("netperf_2_7_udp_rr.txt")).mean_us == 19.80

    def test_without_percentiles(self) -> None:
        text = (
            "MIGRATED TCP REQUEST/RESPONSE TEST from 0.0.0.0 (0.0.0.0) port 0 AF_INET to 10.0.0.1 () port 0 AF_INET\n"
            "Minimum Latency Microseconds,Mean Latency Microseconds,Maximum Latency Microseconds\n"
            "17,21.85,1866\n"
        )
        assert netperf.parse(text) == netperf.LatencyResult(21.85, 17, 1866)

    def test_columns_are_found_by_title(self) -> None:
        text = "Maximum Latency Microseconds,Mean Latency Microseconds\n1866,21.85\n"
        assert netperf.parse(text) == netperf.LatencyResult(21.85, max_us=1866)

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            ("863,20.95,15,20,22,35", "contradict"),
            ("15,20.95,863,35,22,20", "not in order"),
            ("15,20.95", "2 values under 6 titles"),
            ("15,-nan,863,20,22,35", "no usable number"),
            ("15,0.00,863,20,22,35", "no transaction"),
            ("15,-3,863,20,22,35", "no usable number"),
        ],
    )
    def test_swapped_and_damaged_values_are_noticed(self, values: str, reason: str) -> None:
        titles = sample("netperf_2_7_tcp_rr.txt").splitlines()[1].rsplit(",", 2)[0]
        with pytest.raises(ParseError, match=reason):
            netperf.parse(f"MIGRATED\n{titles}\n{values}\n")

    def test_titles_without_values(self) -> None:
        with pytest.raises(ParseError, match="no values"):
            netperf.parse("\n".join(sample("netperf_2_7_tcp_rr.txt").splitlines()[:2]))

    def test_its_error_is_the_reason(self) -> None:
        with pytest.raises(ParseError, match="establish_control could not"):
            netperf.parse("establish_control could not establish the control connection\n")


class TestMonitors:
    def test_cpu(self) -> None:
        series = monitors.parse_cpu("# header\n2026-11-22 21:35:43.268 12.5\n2026-11-22 21:35:44.300 0\n")
        assert [sample.cpu_percent_of_core for sample in series.samples] == [12.5, 0]
        assert series.samples[0].time_ns == 1795383343_268_000_000
        assert series.damaged_lines == 0

    def test_memory(self) -> None:
        series = monitors.parse_memory("2026-11-22 21:35:43.268 2500 1292 0.01\n")
        assert series.samples == (monitors.MemorySample(1795383343_268_000_000, 2500, 1292, 0.01),)

    def test_logsize_with_nanoseconds_and_a_human_column(self) -> None:
        series = monitors.parse_logsize("2026-11-22 21:35:43.268884459 1147465 1.1MB\n")
        assert series.samples == (monitors.LogSizeSample(1795383343_268_884_459, 1147465),)

    def test_damaged_lines_are_counted_and_samples_sorted(self) -> None:
        text = (
            "2026-11-22 21:35:44.000 2\n2026-11-22 21:35:43.000 1\n2026-11-22 21:35:45.000\nnonsense\n"
            "2026-99-22 21:35:45.000 3\n2026-11-22 21:35:46.000 -1\n2026-11-22 21:35:46.000 nan\n2026-11-"
        )
        series = monitors.parse_cpu(text)
        assert [sample.cpu_percent_of_core for sample in series.samples] == [1, 2]
        assert series.damaged_lines == 6

    def test_no_sample(self) -> None:
        with pytest.raises(ParseError, match="no sample"):
            monitors.parse_cpu("# header only\n")


class TestCounters:
    def test_differences(self) -> None:
        delta = counters.parse(counters_text(100_000, rcvbuf_errors=4))
        assert (delta.udp_in_datagrams, delta.udp_rcvbuf_errors, delta.seconds) == (100_000, 4, 1.0)
        assert delta.tested is None  # which interface that is was not recorded

    def test_the_tested_interface(self) -> None:
        document = json.loads(counters_text(100_000)) | {"interface": "eth0"}
        assert counters.parse(json.dumps(document)).tested == counters.InterfaceDelta(100_000, 0)
        document["end"]["net_dev"]["eth0"] = {"rx_packets": 7, "tx_packets": 1}
        made_anew = counters.parse(json.dumps(document))
        assert made_anew.tested == counters.InterfaceDelta(None, None)
        assert made_anew.udp_in_datagrams == 100_000
        del document["end"]["net_dev"]["eth0"]
        assert counters.parse(json.dumps(document)).tested is None

    def test_the_set_up_at_both_ends(self) -> None:
        document = json.loads(counters_text(100_000))
        document["start"]["setup"] = {"MTU": 1500, "XDP": "none"}
        document["end"]["setup"] = {"MTU": 1500, "XDP": "none"}
        same = counters.parse(json.dumps(document))
        assert (same.setup_start, same.setup_end) == ({"MTU": "1500", "XDP": "none"},) * 2
        document["end"]["setup"]["MTU"] = 1400
        assert counters.parse(json.dumps(document)).setup_end == {"MTU": "1400", "XDP": "none"}

    def test_swapped_ends_are_noticed(self) -> None:
        document = json.loads(counters_text(100_000))
        document["start"], document["end"] = document["end"], document["start"]
        with pytest.raises(ParseError, match="ran backwards"):
            counters.parse(json.dumps(document))

    @pytest.mark.parametrize(
        "text", ["{}", "[]", '{"start": {"udp": {}}, "end": {"udp": {}}}', '{"start": 1, "end": 2}']
    )
    def test_unusable(self, text: str) -> None:
        with pytest.raises(ParseError):
            counters.parse(text)


def test_more_than_one_object_is_refused() -> None:
    with pytest.raises(ParseError, match="more than one"):
        parse_object('{"a": 1}\n{"a": 2}')
