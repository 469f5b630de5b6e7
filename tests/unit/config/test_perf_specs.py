import pytest
import yaml

from probecost.config.environment import PerfTestSpec
from probecost.config.perf_specs import perf_specs
from probecost.config.schema import PerformanceTests


def specs(text: str, default_duration_s: float = 10) -> list[tuple[str, float, int, str | None]]:
    found = perf_specs(PerformanceTests.model_validate(yaml.safe_load(text)), default_duration_s)
    return [(spec.name, spec.duration_s, spec.streams, spec.target_bitrate) for spec in found]


def test_without_any_section_all_are_run_in_order() -> None:
    names = ["throughput:single", "throughput:multi", "latency:tcp_rr", "latency:udp_rr", "pps:single", "pps:multi"]
    assert [spec.name for spec in perf_specs(None)] == names
    assert [spec[0] for spec in specs("port_range: [5000, 6000]")] == names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("latency: {duration: 3}", [("latency:tcp_rr", 3, 1, None), ("latency:udp_rr", 3, 1, None)]),
        ("latency: {udp_rr: {}}", [("latency:udp_rr", 10, 1, None)]),
        ("latency: {udp_rr: {duration: 2}, duration: 5}", [("latency:udp_rr", 2, 1, None)]),
        ("throughput: {single_stream: {target_bw: 1G}}", [("throughput:single", 10, 1, "1G")]),
        ("throughput: {multi_stream: {}}", [("throughput:multi", 10, 2, None)]),
        ("pps: {duration: 1, multi_stream: {streams: 4}}", [("pps:multi", 1, 4, "1G")]),
        ("pps: {target_bw: 100M, single_stream: {}}\nthroughput:", [("pps:single", 10, 1, "100M")]),
    ],
)
def test_sections(text: str, expected: list[tuple[str, float, int, str | None]]) -> None:
    assert specs(text) == expected


def test_the_default_duration() -> None:
    assert perf_specs(None, 4)[2] == PerfTestSpec("latency", "tcp_rr", 4)
