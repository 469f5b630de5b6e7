import math

import pytest

from probecost.config.perf_specs import perf_specs
from probecost.errors import ConfigError
from probecost.plan.perf_tests import select_perf_tests

ALL = perf_specs(None)


def selected(*names: str) -> list[str]:
    return [spec.name for spec in select_perf_tests(ALL, names)]


def test_without_names_all() -> None:
    assert select_perf_tests(ALL) == ALL


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["latency"], ["latency:tcp_rr", "latency:udp_rr"]),
        (["pps:multi", "throughput:single"], ["throughput:single", "pps:multi"]),
        (["latency, pps:single"], ["latency:tcp_rr", "latency:udp_rr", "pps:single"]),
        (["latency", "latency:tcp_rr"], ["latency:tcp_rr", "latency:udp_rr"]),
    ],
)
def test_names_select_in_the_order_of_the_environment(names: list[str], expected: list[str]) -> None:
    assert selected(*names) == expected


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        selected("latncy", "pps:tcp_rr", "pps")
    assert caught.value.problems == (
        "unknown perf test 'latncy' (did you mean 'latency'?)",
        "unknown perf test 'pps:tcp_rr'",
    )
    assert "throughput, throughput:single, throughput:multi, latency" in caught.value.hint


def test_a_duration_for_all() -> None:
    assert {spec.duration_s for spec in select_perf_tests(ALL, ["pps"], 1.5)} == {1.5}


@pytest.mark.parametrize("duration_s", [0, -1, math.nan, math.inf])
def test_a_duration_must_be_above_0(duration_s: float) -> None:
    with pytest.raises(ConfigError, match="above 0"):
        select_perf_tests(ALL, [], duration_s)
