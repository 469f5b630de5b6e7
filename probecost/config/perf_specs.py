"""From ``performance_tests`` of a configuration file to perf tests, in the order in which they run."""

from __future__ import annotations

from probecost.config.environment import PerfTestSpec
from probecost.config.schema import LatencyTests, PerformanceTests, PerfTest, StreamTests
from probecost.results.metrics import ConnType, PerfType

DEFAULT_DURATION_S = 10.0
DEFAULT_STREAMS = 2  # generators of a multi test without a number
DEFAULT_PPS_BITRATE = "1G"  # without a limit iperf3 sends UDP at 1 Mbit/s
DEFAULT_PORT_RANGE = (20000, 29999)

_STREAMS: tuple[tuple[ConnType, str], ...] = (("single", "single_stream"), ("multi", "multi_stream"))
_LATENCY: tuple[tuple[ConnType, str], ...] = (("tcp_rr", "tcp_rr"), ("udp_rr", "udp_rr"))


def perf_specs(
    tests: PerformanceTests | None, default_duration_s: float = DEFAULT_DURATION_S
) -> tuple[PerfTestSpec, ...]:
    """The perf tests of ``tests``: throughput single and multi, latency tcp_rr and udp_rr, pps single and multi.

    An absent section is not run; without ``performance_tests``, or without any section, all are. A duration is taken
    from the test, else from its section, else ``default_duration_s``.
    """
    if tests is None or not (tests.throughput or tests.latency or tests.pps):
        tests = PerformanceTests(throughput=StreamTests(), latency=LatencyTests(), pps=StreamTests())
    return (
        *_specs("throughput", tests.throughput, default_duration_s),
        *_specs("latency", tests.latency, default_duration_s),
        *_specs("pps", tests.pps, default_duration_s),
    )


def _specs(
    perf_type: PerfType, section: StreamTests | LatencyTests | None, default_duration_s: float
) -> list[PerfTestSpec]:
    if section is None:
        return []
    kinds = _LATENCY if isinstance(section, LatencyTests) else _STREAMS
    written: list[tuple[ConnType, PerfTest | None]] = [(conn_type, getattr(section, key)) for conn_type, key in kinds]
    if all(test is None for _, test in written):
        written = [(conn_type, PerfTest()) for conn_type, _ in written]
    limit = section.target_bw if isinstance(section, StreamTests) else None
    fallback = DEFAULT_PPS_BITRATE if perf_type == "pps" else None
    return [
        PerfTestSpec(
            perf_type,
            conn_type,
            duration_s=test.duration or section.duration or default_duration_s,
            streams=(test.streams or DEFAULT_STREAMS) if conn_type == "multi" else 1,
            target_bitrate=test.target_bw or limit or fallback,
        )
        for conn_type, test in written
        if test is not None
    ]
