"""Folders of perf tests at a load: names and back."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from probecost.results.layout import CaseFolder, PerfTestFolder, VisitFolder
from probecost.results.names import PerfTestName
from probecost.results.offered_load import Load

TS = "20261122_213458_123"


@pytest.mark.parametrize("text", ["25%", "12.5%", "2G", "1.234567M", "10T", "64k", "100kpps", "1.5Mpps", "7pps"])
@pytest.mark.parametrize(("perf_type", "base"), [("throughput", "multi"), ("latency", "tcp_rr")])
@pytest.mark.parametrize("is_switched", [False, True])
def test_there_and_back(text: str, perf_type: str, base: str, is_switched: bool) -> None:
    suffix = Load.parse(text).suffix
    conn_type = PerfTestName(perf_type, base, suffix).conn_type
    place = PerfTestFolder(VisitFolder("vm", CaseFolder("x_y", 3, "0a1b2c")), perf_type, conn_type, TS, is_switched)
    assert place.path.name == f"{base}-{suffix}_{TS}"
    assert PerfTestFolder.parse(place.path) == place
    assert place.name == PerfTestName(perf_type, base, suffix) == PerfTestName.parse(str(place.name))
    assert str(Load.of_suffix(suffix)) == str(Load.parse(text))


@pytest.mark.parametrize("name", ["single-load", "single-loadx", "single-load5Q", "single-load2G-load2G", "single-2G"])
def test_what_is_no_load(name: str) -> None:
    assert PerfTestFolder.parse(PurePosixPath("baseline/host/throughput", f"{name}_{TS}")) is None
    assert PerfTestName.of("throughput", name) == PerfTestName("throughput", name, "")


def test_files_have_their_plain_names() -> None:
    def names(perf_type: str, conn_type: str) -> list[str]:
        place = VisitFolder("host").perf_test(perf_type, conn_type, TS)
        return [place.stream_file(5201), place.stream_files]

    assert names("throughput", "single-load25") == ["throughput_single_tcp.json", "throughput_single_*"]
    assert names("pps", "multi-load2G") == ["pps_multi_udp_port_5201.txt", "pps_multi_*"]
    assert names("latency", "tcp_rr-load2G") == ["latency_tcp_rr.txt", "latency_tcp_rr_*"]
