"""Verdicts of a run from its measurements: pairing, gates, families."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import exp

import pytest

from analysis.compare import MetricId
from analysis.measurements import Measurement
from analysis.metadata import PerfTestMetadata
from analysis.statistics.verdict import Word
from analysis.verdicts import CaseName, MetricVerdict, verdicts
from probecost.layout import ARMS, BASELINE, TOOL

LATENCY = MetricId("latency", "tcp_rr", "mean_us")
WIGGLE = (0.000, 0.011, -0.008, 0.004, -0.012, 0.007, -0.003, 0.009, 0.002, -0.006, 0.005, -0.001)


def row(
    arm: str, unit: int, value: float, *, case: str = "host-a", iteration: int = 1, **changes: object
) -> Measurement:
    measurement = Measurement(
        "run", "lab", "host", iteration, case, f"{case}/u{unit:03d}/{arm}", unit, unit, arm, None, False,
        "latency", "tcp_rr", "mean_us", value, "us", None, None, "",
    )  # fmt: skip
    return replace(measurement, **changes)  # type: ignore[arg-type]


def record(arm: str, unit: int, *, case: str = "host-a", **changes: object) -> PerfTestMetadata:
    what = PerfTestMetadata(
        run_id="run", probecost="", environment="lab", iteration=1, pair_kind="host", case_key=case, case_id=1,
        case_name="", tool_id=case.removeprefix("host-"), category="", parameters={}, command="", visit_id="",
        unit=unit, pair=unit, arm=arm, order=None, shared_baseline=False, perf_test="latency", conn_type="tcp_rr",
        duration_s=None, streams=1, planned_units=(), start_ns=None, end_ns=None, server_node="", client_node="",
        tool_node="", clocks={}, facts={}, tool=None, options={}, void_reason="", error="",
    )  # fmt: skip
    return replace(what, **changes)  # type: ignore[arg-type]


def units(effect: float, n: int, *, case: str = "host-a", iteration: int = 1) -> Iterator[Measurement]:
    """Latencies of ``n`` units whose tool costs ``effect`` (natural log)."""
    for at in range(n):
        yield row(BASELINE, at + 1, 20.0, case=case, iteration=iteration)
        yield row(TOOL, at + 1, 20.0 * exp(effect + WIGGLE[at % len(WIGGLE)]), case=case, iteration=iteration)


def records(n: int, *, case: str = "host-a") -> list[PerfTestMetadata]:
    return [record(arm, at + 1, case=case) for at in range(n) for arm in ARMS]


def only(found: Sequence[MetricVerdict]) -> MetricVerdict:
    assert len(found) == 1
    return found[0]


def test_a_clear_cost_is_an_overhead() -> None:
    found = only(verdicts(records(8), units(0.2, 8), [CaseName("lab", "host-a")]))
    assert found.verdict.word is Word.OVERHEAD
    assert found.cost is not None
    assert found.cost.estimate_pct == pytest.approx(22.1, abs=0.5)
    assert (found.tool, found.pair_kind, found.metric, found.is_primary) == ("a", "host", LATENCY, True)
    assert (found.n_units, found.family_m, found.p_adjusted) == (8, 1, 2**-7)


def test_nothing_is_negligible() -> None:
    assert only(verdicts(records(8), units(0.0, 8), [])).verdict.word is Word.NEGLIGIBLE


def test_a_rate_that_rises_is_no_overhead() -> None:
    faster = [
        replace(each, perf_test="throughput", conn_type="single", metric="received_bps", unit="bit/s")
        for each in units(0.2, 8)
    ]
    assert only(verdicts(records(8), faster, [])).verdict.word is Word.SPEED_UP


def test_units_of_all_iterations_count() -> None:
    both = [*units(0.2, 4), *units(0.2, 4, iteration=2)]
    assert only(verdicts(records(8), both, [])).n_units == 8


def test_incomplete_units_void_rows_and_shared_baselines_take_no_part() -> None:
    rows = [
        *units(0.2, 8),
        row(TOOL, 9, 90.0),
        row(BASELINE, 10, 20.0),
        row(TOOL, 10, 90.0, void_reason="failed: netperf"),
        row(BASELINE, 9, 1.0, shared_baseline=True),
    ]
    assert only(verdicts(records(10), rows, [])).n_units == 8


def test_a_case_without_a_complete_unit_says_so() -> None:
    found = only(verdicts(records(1), [row(TOOL, 1, 20.0)], []))
    assert (found.verdict.word, found.verdict.reason) == (Word.NONE, "no unit has both arms")
    assert found.estimate is None


def test_cases_that_were_planned_and_not_measured_make_the_family_larger() -> None:
    planned = [CaseName("lab", f"host-{name}") for name in "abcdefgh"]
    found = only(verdicts(records(8), units(0.2, 8), planned))
    assert found.family_m == 8
    assert found.p_adjusted == 8 * 2**-7
    assert found.verdict.word is Word.INCONCLUSIVE  # 0.0625: eight units are too few for eight tests


def test_other_metrics_are_a_family_of_their_own() -> None:
    rows = [*units(0.2, 8), *(replace(each, metric="p99_us") for each in units(0.2, 8))]
    found = {each.metric.metric: each for each in verdicts(records(8), rows, [])}
    assert found["mean_us"].is_primary
    assert not found["p99_us"].is_primary
    assert (found["mean_us"].family_m, found["p99_us"].family_m) == (1, 1)


def test_counts_get_no_verdict() -> None:
    lost = [replace(each, metric="lost_share", unit="share") for each in units(0.2, 8)]
    assert verdicts(records(8), lost, []) == ()


def test_a_zero_is_data_without_a_ratio() -> None:
    rows = [replace(each, value=0.0) if (each.arm, each.unit_index) == (TOOL, 3) else each for each in units(0.2, 9)]
    found = only(verdicts(records(9), rows, []))
    assert found.verdict.word is Word.INVALID
    assert found.verdict.reason == "no ratio can be formed in 1 of 9 pairs: unit 3 (tool 0)"
    assert found.p_adjusted is None


def test_voids_that_prefer_an_arm_are_a_gate() -> None:
    lopsided = [
        *records(12),
        *(record(BASELINE, unit) for unit in range(13, 21)),
        *(record(TOOL, unit, error="netperf: lost") for unit in range(13, 21)),
    ]
    found = only(verdicts(lopsided, units(0.2, 12), []))
    assert found.verdict.word is Word.INVALID
    assert found.verdict.reason.startswith("void visits prefer an arm: 0 of the baseline, 8 of the tool")
    assert (found.n_void_baseline, found.n_void_tool) == (0, 8)


def test_voids_of_both_arms_are_none() -> None:
    even = [*records(8), *(record(arm, unit, void_reason="foreign load") for arm in ARMS for unit in range(9, 13))]
    found = only(verdicts(even, units(0.2, 8), []))
    assert found.verdict.word is Word.OVERHEAD
    assert (found.n_void_baseline, found.n_void_tool) == (4, 4)


def test_arms_that_were_swapped_are_never_an_overhead() -> None:
    swapped = [replace(each, arm=TOOL if each.arm == BASELINE else BASELINE) for each in units(0.2, 8)]
    assert only(verdicts(records(8), swapped, [])).verdict.word is Word.SPEED_UP
