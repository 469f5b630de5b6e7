"""Perf tests at loads: which there are, what a share is on each pair, and how a workflow carries them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.plan_workflows import CASES, SPECS, environment, plain, refusal

from probecost.config.environment import PairKind, PerfTestSpec
from probecost.config.offered_rates import parse_loads
from probecost.errors import ConfigError
from probecost.plan.offered_loads import (
    Maximum,
    asked_perf_tests,
    at_loads,
    resolve_loads,
    resolved,
    specs_of_pair,
    uncalibrated,
)
from probecost.plan.plan import Planned, plan
from probecost.plan.settings import Settings
from probecost.plan.workflow.changes import changes
from probecost.plan.workflow.read import Workflow, read_workflow
from probecost.plan.workflow.write import workflow, write_workflow
from probecost.results.offered_load import Load

PPS = PerfTestSpec("pps", "single", 1.0, target_bitrate="1G")
MAXIMA = {
    ("host", "throughput:single"): 10e9,
    ("host", "throughput:multi"): 20e9,
    ("vm", "throughput:single"): 4e9,
    ("vm", "throughput:multi"): 5e9,
}


def planned(settings: Settings, most: Maximum = uncalibrated) -> Planned:
    bed = environment()
    return resolved(Planned(bed, CASES, asked_perf_tests(bed, settings)), most)


def maximum(kind: PairKind, name: str) -> float | None:
    return MAXIMA.get((kind, name))


def names(specs: tuple[PerfTestSpec, ...], loads: str) -> list[str]:
    return [spec.name for spec in at_loads(specs, parse_loads(loads))]


def write(tmp_path: Path, settings: Settings) -> Path:
    whole = plan({"bed": planned(settings, maximum)}, plain(settings))
    file = tmp_path / "w.json"
    write_workflow(workflow(whole, whole.items, 0.0), file, pretty=True)
    return file


def edited(file: Path, **values: Any) -> Path:
    """With the first perf test of every cycle changed."""
    content = json.loads(file.read_text())
    for cycle in content["test_sequence"]:
        cycle["test_cycle"]["performance_tests"][0]["configs"][0].update(values)
    file.write_text(json.dumps(content, indent=1))
    return file


def test_without_a_load_nothing_changes() -> None:
    assert at_loads(SPECS, ()) == SPECS
    assert planned(Settings()).perf_tests == SPECS


def test_each_perf_test_at_each_load() -> None:
    assert names((SPECS[0], SPECS[2], PPS), "25%,2G,100%,100kpps") == [
        "throughput:single-load25",
        "throughput:single-load2G",
        "throughput:single",
        "latency:tcp_rr-load25",
        "latency:tcp_rr-load2G",
        "latency:tcp_rr",
        "pps:single-load25",
        "pps:single-load2G",
        "pps:single",
        "pps:single-load100kpps",
    ]


def test_a_load_replaces_the_configured_limit() -> None:
    (spec,) = at_loads([PPS], [Load.parse("100kpps")])
    assert spec.offered_rate == 100_000


@pytest.mark.parametrize(
    ("specs", "loads", "problem"),
    [
        (SPECS[2:], "100kpps", "--load 100kpps: latency:tcp_rr sends no counted packets"),
        (SPECS[2:], "25%,100kpps", "--load 100kpps: no perf test of pps is selected"),
        ((*SPECS[2:], PPS), "100kpps", "--load 100kpps: latency:tcp_rr sends no counted packets"),
    ],
)
def test_packets_are_a_load_of_pps_alone(specs: tuple[PerfTestSpec, ...], loads: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        names(specs, loads)
    assert caught.value.problems == (problem,)


def test_a_share_is_one_of_the_pairs_own_maximum() -> None:
    specs = resolve_loads(at_loads(SPECS, parse_loads("25%")), "bed", ("host", "vm"), maximum)
    rates = {(spec.pair_kind, spec.name): spec.offered_bps for spec in specs}
    assert rates == {
        ("host", "throughput:single-load25"): 2.5e9,
        ("vm", "throughput:single-load25"): 1e9,
        ("host", "throughput:multi-load25"): 5e9,
        ("vm", "throughput:multi-load25"): 1.25e9,
        ("host", "latency:tcp_rr-load25"): 2.5e9,
        ("vm", "latency:tcp_rr-load25"): 1e9,
    }
    assert [spec.name for spec in specs_of_pair(specs, "vm")] == [spec.name for spec in specs[::2]]
    assert resolve_loads(specs, "bed", ("host", "vm"), lambda kind, name: None) == specs  # once is enough


def test_maxima_that_are_not_known_are_all_named() -> None:
    specs = at_loads((SPECS[0], PPS), parse_loads("25%,2G,100%"))
    with pytest.raises(ConfigError) as caught:
        resolve_loads(specs, "bed", ("host", "vm"), lambda kind, name: 1e9 if name == "throughput:single" else None)
    assert caught.value.problems == (
        "bed, host pair, pps:single-load25: the maximum of pps:single is not known",
        "bed, vm pair, pps:single-load25: the maximum of pps:single is not known",
    )
    assert "To calibrate: pytest --env bed -k null --calibration always" in caught.value.hint


@pytest.mark.parametrize("most", [0.0, -1.0, float("nan"), float("inf")])
def test_a_maximum_that_is_none(most: float) -> None:
    with pytest.raises(ConfigError, match="is not known"):
        resolve_loads(at_loads(SPECS[:1], parse_loads("25%")), "bed", ("host",), lambda kind, name: most)


def test_the_cap_is_on_all_of_them() -> None:
    found = planned(Settings(loads=parse_loads("50%,100%"), max_rate_bps=10**9), maximum)
    assert {spec.offered_bps for spec in found.perf_tests if spec.background_bps or spec.offered_rate} == {1e9}


def test_switched_flows_refuse_latency_at_a_load() -> None:
    settings = Settings(schedule="switched", loads=parse_loads("2G"))
    with pytest.raises(ConfigError, match="latency:tcp_rr-load2G: latency at a load cannot be measured in switched"):
        plan({"bed": planned(settings)}, settings)


class TestWorkflow:
    SETTINGS = Settings(loads=parse_loads("25%,2G,100%"), max_rate_bps=3 * 10**9)

    def read(self, tmp_path: Path) -> Workflow:
        return read_workflow(write(tmp_path, self.SETTINGS))

    def test_it_is_executed_again_exactly(self, tmp_path: Path) -> None:
        found = self.read(tmp_path)
        assert found.settings == plain(self.SETTINGS)
        assert found.perf_tests["bed"] == planned(self.SETTINGS, maximum).perf_tests

    def test_each_pair_has_its_own_rates(self, tmp_path: Path) -> None:
        rates: dict[str, set[float]] = {}
        for cycle in json.loads(write(tmp_path, self.SETTINGS).read_text())["test_sequence"]:
            config = cycle["test_cycle"]["performance_tests"][0]["configs"][0]
            assert (config["conn_type"], config["load"]) == ("single", "25%")
            rates.setdefault(cycle["pair_kind"], set()).add(config["resolved_rate"])
        assert rates == {"host": {2.5e9}, "vm": {1e9}}

    def test_what_is_not_resolved_yet_stays_so(self, tmp_path: Path) -> None:
        found = read_workflow(edited(write(tmp_path, self.SETTINGS), resolved_rate=None))
        assert [spec.name for spec in found.perf_tests["bed"] if not spec.is_resolved] == ["throughput:single-load25"]

    def test_an_older_one_has_no_loads(self, tmp_path: Path) -> None:
        file = write(tmp_path, Settings())
        content = json.loads(file.read_text())
        for key in ("load", "max_rate"):
            del content["metadata"]["options"][key]
        for cycle in content["test_sequence"]:
            for tests in cycle["test_cycle"]["performance_tests"]:
                for config in tests["configs"]:
                    for key in ("load", "resolved_rate", "max_rate"):
                        del config[key]
        file.write_text(json.dumps(content))
        found = read_workflow(file)
        assert (found.settings, found.perf_tests["bed"]) == (plain(Settings()), SPECS)

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ({"load": "25", "resolved_rate": None}, "expected a percentage such as 25%"),
            ({"load": "100%"}, "100% is the plain perf test"),
            ({"load": "2G"}, "only a load in percent is resolved"),
            ({"load": "100kpps", "resolved_rate": None}, "packets per second are a load of pps only"),
            ({"resolved_rate": 0}, "resolved_rate"),
            ({"max_rate": 0}, "max_rate"),
        ],
    )
    def test_edits_that_make_no_sense(self, tmp_path: Path, values: dict[str, Any], expected: str) -> None:
        assert expected in refusal(edited(write(tmp_path, self.SETTINGS), **values))

    def test_two_rates_on_one_pair(self, tmp_path: Path) -> None:
        file = write(tmp_path, self.SETTINGS)
        content = json.loads(file.read_text())
        content["test_sequence"][3]["test_cycle"]["performance_tests"][0]["configs"][0]["resolved_rate"] = 7
        file.write_text(json.dumps(content, indent=1))
        assert "all cycles of an environment make the same perf tests" in refusal(file)

    def test_a_new_calibration_is_no_change_of_the_environment(self, tmp_path: Path) -> None:
        assert changes(self.read(tmp_path), {"bed": Planned(environment(), CASES, SPECS)}) == []
