"""Offered loads as users write them, and what a perf test offers with one."""

from __future__ import annotations

from typing import Any

import pytest

from probecost.config.environment import PerfTestSpec
from probecost.config.offered_rates import bitrate_bps, parse_loads, parse_rate_bps
from probecost.errors import ConfigError
from probecost.results.offered_load import Load


@pytest.mark.parametrize(
    ("text", "value", "unit", "shown", "suffix"),
    [
        ("25%", 25, "%", "25%", "load25"),
        ("12.50%", 12.5, "%", "12.5%", "load12.5"),
        ("100%", 100, "%", "100%", "load100"),
        ("2G", 2e9, "bit/s", "2G", "load2G"),
        ("2000m", 2e9, "bit/s", "2G", "load2G"),
        ("1.5G", 1.5e9, "bit/s", "1.5G", "load1.5G"),
        ("1234.567k", 1234567, "bit/s", "1.234567M", "load1.234567M"),
        ("100KPPS", 1e5, "packets/s", "100kpps", "load100kpps"),
        ("7pps", 7, "packets/s", "7pps", "load7pps"),
    ],
)
def test_a_load_has_one_spelling(text: str, value: float, unit: str, shown: str, suffix: str) -> None:
    load = Load.parse(text)
    assert (load.value, load.unit, str(load), load.suffix) == (value, unit, shown, suffix)
    assert Load.parse(str(load)) == load


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected a percentage such as 25%"),
        ("25", "expected a percentage such as 25%"),  # percent? bit/s?
        ("fast", "expected a percentage such as 25%"),
        ("-5%", "expected a percentage such as 25%"),
        ("1e9", "expected a percentage such as 25%"),
        ("2Gpbs", "expected a percentage such as 25%"),
        ("0%", "up to 100%"),
        ("150%", "up to 100%"),
        ("33.333%", "two decimals"),
        ("0G", "from 1k to 10T bit/s"),
        ("11T", "from 1k to 10T bit/s"),
        ("1.0001k", "whole number"),
        ("0pps", "from 1pps to 10Gpps"),
    ],
)
def test_nonsense_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as caught:
        Load.parse(text)
    assert repr(text) in str(caught.value)


def test_a_list_names_each_load_once() -> None:
    assert [str(load) for load in parse_loads("25%, 50%,2G")] == ["25%", "50%", "2G"]
    with pytest.raises(ValueError, match="'2000M' is the same load as '2G'"):
        parse_loads("2G,2000M")
    with pytest.raises(ValueError, match="not ''"):
        parse_loads("2G,")


def test_a_cap_is_a_bit_rate() -> None:
    assert parse_rate_bps("500M") == 500_000_000
    for text in ("50%", "100kpps", "500", "none"):
        with pytest.raises(ValueError, match="bits per second with their unit"):
            parse_rate_bps(text)


def test_iperf3s_own_bit_rates() -> None:
    assert [bitrate_bps(text) for text in ("1G", "500M/16", "2.5mbps", "100", "0")] == [1e9, 5e8, 2.5e6, 100, None]


@pytest.mark.parametrize(
    ("spec", "offered_bps", "offered_rate", "background_bps"),
    [
        (PerfTestSpec("throughput", "single", 1), None, None, None),
        (PerfTestSpec("throughput", "multi", 1, 2, "2G"), 4e9, 4e9, None),
        (PerfTestSpec("throughput", "multi", 1, 2, load=Load.parse("2G")), 2e9, 2e9, None),
        (PerfTestSpec("throughput", "single", 1, load=Load.parse("25%"), resolved_rate=7e8), 7e8, 7e8, None),
        (PerfTestSpec("throughput", "single", 1, max_rate_bps=500), 500, 500, None),
        (PerfTestSpec("throughput", "single", 1, load=Load.parse("2G"), max_rate_bps=10**9), 1e9, 1e9, None),
        (PerfTestSpec("throughput", "single", 1, load=Load.parse("2G"), max_rate_bps=3 * 10**9), 2e9, 2e9, None),
        (PerfTestSpec("pps", "single", 1, load=Load.parse("100kpps")), 51_200_000, 1e5, None),
        (PerfTestSpec("pps", "single", 1, load=Load.parse("51.2M")), 51_200_000, 1e5, None),
        (PerfTestSpec("pps", "single", 1, load=Load.parse("10%"), resolved_rate=1000), 512_000, 1000, None),
        (PerfTestSpec("pps", "multi", 1, 2, "512k", max_rate_bps=512_000), 512_000, 1000, None),
        (PerfTestSpec("latency", "tcp_rr", 1, max_rate_bps=500), None, None, None),
        (PerfTestSpec("latency", "tcp_rr", 1, load=Load.parse("2G")), 2e9, None, 2e9),
        (PerfTestSpec("latency", "tcp_rr", 1, load=Load.parse("2G"), max_rate_bps=10**9), 1e9, None, 1e9),
    ],
)
def test_what_is_offered_over_all_streams(
    spec: PerfTestSpec, offered_bps: float | None, offered_rate: float | None, background_bps: float | None
) -> None:
    assert (spec.offered_bps, spec.offered_rate, spec.background_bps) == (offered_bps, offered_rate, background_bps)


@pytest.mark.parametrize("more", [{}, {"max_rate_bps": 10**6}])
def test_an_unknown_share_is_never_taken_for_no_limit(more: dict[str, Any]) -> None:
    spec = PerfTestSpec("throughput", "single", 1, load=Load.parse("25%"), **more)
    assert not spec.is_resolved
    with pytest.raises(ConfigError, match="throughput:single-load25: what 25% of its maximum is, is not known"):
        _ = spec.offered_bps
