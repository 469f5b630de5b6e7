"""Verdicts of a run from its measurements: pairing, gates, families."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import exp, log
from typing import Any

import pytest

from probecost.analysis.judge.family import RunPlan
from probecost.analysis.judge.verdicts import MetricVerdict, verdicts
from probecost.analysis.parsers.segments import Segment
from probecost.analysis.settings.settings import Settings
from probecost.analysis.statistics.looks import LOOKS
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.tree.metadata import NodeFacts, PerfTestMetadata
from probecost.analysis.values.measurement import Measurement
from probecost.results.layout import ARMS, BASELINE, TOOL
from probecost.results.names import CaseName, metric_id

LATENCY = metric_id("latency", "tcp_rr", "mean_us")
WIGGLE = (0.000, 0.011, -0.008, 0.004, -0.012, 0.007, -0.003, 0.009, 0.002, -0.006, 0.005, -0.001)


def row(arm: str, unit: int, value: float, *, void_reason: str = "", **metadata: Any) -> Measurement:
    return Measurement(record(arm, unit, **metadata), "mean_us", value, void_reason)


def changed(each: Measurement, **metadata: Any) -> Measurement:
    """The same value of a perf test with other metadata."""
    return replace(each, what=replace(each.what, **metadata))


def in_a_flow(each: Measurement) -> Measurement:
    """The same value in the first pair of a flow of that unit."""
    return replace(each, segment=Segment(1, 1, each.arm, 0, 0, 0.0, {}))


def record(arm: str, unit: int, *, case: str = "host-a", **changes: Any) -> PerfTestMetadata:
    what = PerfTestMetadata(
        run_id="run", probecost="", environment="lab", iteration=1, pair_kind="host", case_key=case, case_id=1,
        case_name="", tool_id=case.removeprefix("host-"), category="", parameters={}, command="",
        visit_id=f"{case}/u{unit:03d}/{arm}",
        unit=unit, pair=unit, arm=arm, order=None, shared_baseline=False, perf_test="latency", conn_type="tcp_rr",
        duration_s=None, streams=1, planned_units=(), start_ns=None, end_ns=None, server_node="", client_node="",
        tool_node="", clocks={}, facts={}, tool=None, options={}, void_reason="", error="",
    )  # fmt: skip
    return replace(what, **changes)


def units(effect: float, n: int, *, case: str = "host-a", iteration: int = 1) -> Iterator[Measurement]:
    """Latencies of ``n`` units whose tool costs ``effect`` (natural log)."""
    for at in range(n):
        yield row(BASELINE, at + 1, 20.0, case=case, iteration=iteration)
        yield row(TOOL, at + 1, 20.0 * exp(effect + WIGGLE[at % len(WIGGLE)]), case=case, iteration=iteration)


def records(n: int, *, case: str = "host-a", **changes: Any) -> list[PerfTestMetadata]:
    return [record(arm, at + 1, case=case, **changes) for at in range(n) for arm in ARMS]


def only(found: Sequence[MetricVerdict]) -> MetricVerdict:
    assert len(found) == 1
    return found[0]


def test_a_clear_cost_is_an_overhead() -> None:
    found = only(verdicts(records(8), units(0.2, 8), RunPlan([CaseName("lab", "host-a")]), Settings()))
    assert found.verdict.word is Word.OVERHEAD
    assert found.cost is not None
    assert found.cost.estimate_pct == pytest.approx(22.1, abs=0.5)
    assert (found.tool, found.pair_kind, found.metric, found.is_primary) == ("a", "host", LATENCY, True)
    assert (found.n_units, found.family_m, found.p_adjusted) == (8, 1, 2**-7)


def test_nothing_is_negligible() -> None:
    assert only(verdicts(records(8), units(0.0, 8), RunPlan(), Settings())).verdict.word is Word.NEGLIGIBLE


def test_a_rate_that_rises_is_no_overhead() -> None:
    faster = [
        replace(changed(each, perf_test="throughput", conn_type="single"), metric="received_bps")
        for each in units(0.2, 8)
    ]
    assert only(verdicts(records(8), faster, RunPlan(), Settings())).verdict.word is Word.SPEED_UP


def test_units_of_all_iterations_count() -> None:
    both = [*units(0.2, 4), *units(0.2, 4, iteration=2)]
    assert only(verdicts(records(8), both, RunPlan(), Settings())).n_units == 8


def test_incomplete_units_void_rows_and_shared_baselines_take_no_part() -> None:
    rows = [
        *units(0.2, 8),
        row(TOOL, 9, 90.0),
        row(BASELINE, 10, 20.0),
        row(TOOL, 10, 90.0, void_reason="failed: netperf"),
        row(BASELINE, 9, 1.0, shared_baseline=True),
    ]
    assert only(verdicts(records(10), rows, RunPlan(), Settings())).n_units == 8


def test_a_case_without_a_complete_unit_says_so() -> None:
    found = only(verdicts(records(1), [row(TOOL, 1, 20.0)], RunPlan(), Settings()))
    assert (found.verdict.word, found.verdict.reason) == (Word.NONE, "no unit has both arms")
    assert found.estimate is None


def test_cases_that_were_planned_and_not_measured_make_the_family_larger() -> None:
    planned = [CaseName("lab", f"host-{name}") for name in "abcdefgh"]
    found = only(verdicts(records(8), units(0.2, 8), RunPlan(planned), Settings()))
    assert found.family_m == 8
    assert found.p_adjusted == 8 * 2**-7
    assert found.verdict.word is Word.INCONCLUSIVE  # 0.0625: eight units are too few for eight tests


def test_other_metrics_are_a_family_of_their_own() -> None:
    rows = [*units(0.2, 8), *(replace(each, metric="p99_us") for each in units(0.2, 8))]
    found = {each.metric.metric: each for each in verdicts(records(8), rows, RunPlan(), Settings())}
    assert found["mean_us"].is_primary
    assert not found["p99_us"].is_primary
    assert (found["mean_us"].family_m, found["p99_us"].family_m) == (1, 1)


def test_counts_get_no_verdict() -> None:
    lost = [replace(each, metric="lost_share") for each in units(0.2, 8)]
    assert verdicts(records(8), lost, RunPlan(), Settings()) == ()


def test_a_zero_is_data_without_a_ratio() -> None:
    rows = [replace(each, value=0.0) if (each.arm, each.unit_index) == (TOOL, 3) else each for each in units(0.2, 9)]
    found = only(verdicts(records(9), rows, RunPlan(), Settings()))
    assert found.verdict.word is Word.INVALID
    assert found.verdict.reason == "no ratio can be formed in 1 of 9 pairs: unit 3 (tool 0)"
    assert found.p_adjusted is None


def test_voids_that_prefer_an_arm_are_a_gate() -> None:
    lopsided = [
        *records(12),
        *(record(BASELINE, unit) for unit in range(13, 21)),
        *(record(TOOL, unit, error="netperf: lost") for unit in range(13, 21)),
    ]
    found = only(verdicts(lopsided, units(0.2, 12), RunPlan(), Settings()))
    assert found.verdict.word is Word.INVALID
    assert found.verdict.reason.startswith("void visits prefer an arm: 0 of the baseline, 8 of the tool")
    assert (found.n_void_baseline, found.n_void_tool) == (0, 8)


def test_voids_of_both_arms_are_none() -> None:
    even = [*records(8), *(record(arm, unit, void_reason="foreign load") for arm in ARMS for unit in range(9, 13))]
    found = only(verdicts(even, units(0.2, 8), RunPlan(), Settings()))
    assert found.verdict.word is Word.OVERHEAD
    assert (found.n_void_baseline, found.n_void_tool) == (4, 4)


def test_arms_that_were_swapped_are_never_an_overhead() -> None:
    swapped = [changed(each, arm=TOOL if each.arm == BASELINE else BASELINE) for each in units(0.2, 8)]
    assert only(verdicts(records(8), swapped, RunPlan(), Settings())).verdict.word is Word.SPEED_UP


def test_units_beyond_the_last_look_are_not_used() -> None:
    eight = [*units(0.2, 8), *(each for each in units(5.0, 11) if each.unit_index > 8)]
    found = only(verdicts(records(11), eight, RunPlan([], rule=LOOKS), Settings()))
    assert (found.n_units, found.n_unused, found.verdict.word) == (8, 3, Word.OVERHEAD)
    assert found.verdict.reason.endswith("; 8 of 11 units used: the others lie beyond the last look")
    assert found.estimate is not None
    assert found.estimate.level == pytest.approx(1 - 0.008)
    assert found.cost is not None
    assert found.cost.high_pct < 25
    assert only(verdicts(records(11), eight, RunPlan(), Settings())).n_units == 11  # a fixed plan uses all


def test_a_claim_at_a_look_needs_that_looks_alpha() -> None:
    planned = [CaseName("lab", f"host-{name}") for name in "ab"]
    first = only(verdicts(records(8), units(0.2, 8), RunPlan(planned, rule=LOOKS), Settings()))
    assert (first.p_adjusted, first.verdict.word) == (2 * 2**-7, Word.INCONCLUSIVE)  # enough for .05, not for .008
    second = only(verdicts(records(12), units(0.2, 12), RunPlan(planned, rule=LOOKS), Settings()))
    assert (second.p_adjusted, second.verdict.word) == (2 * 2**-11, Word.OVERHEAD)


def test_fewer_units_than_the_first_look_give_no_verdict() -> None:
    found = only(verdicts(records(7), units(0.2, 7), RunPlan([], rule=LOOKS), Settings()))
    assert (found.verdict.word, found.n_units, found.n_unused) == (Word.NONE, 7, 0)


def test_the_plan_chooses_what_is_primary() -> None:
    rows = [*units(0.2, 8), *(replace(each, metric="p99_us") for each in units(0.2, 8))]
    chosen = {"latency:tcp_rr": "p99_us", "throughput:single-load50": "cpu_s_per_gb", "pps:single": None}
    found = {each.metric.metric: each for each in verdicts(records(8), rows, RunPlan([], primary=chosen), Settings())}
    assert found["p99_us"].is_primary
    assert not found["mean_us"].is_primary
    assert found["p99_us"].family_m == 2  # throughput was planned, and never measured


def test_a_perf_test_without_a_primary_metric_is_not_in_the_family() -> None:
    both = [*records(8), *records(8, perf_test="pps", conn_type="single")]
    assert only(verdicts(both, units(0.2, 8), RunPlan(), Settings())).family_m == 2
    assert only(verdicts(both, units(0.2, 8), RunPlan([], primary={"pps:single": None}), Settings())).family_m == 1


def test_a_perf_test_that_is_new_has_no_primary_metric_and_breaks_nothing() -> None:
    new = {"perf_test": "quic", "conn_type": "single-load50"}
    rows = [changed(each, **new) for each in units(0.2, 8)]
    found = only(verdicts(records(8, **new), rows, RunPlan(), Settings()))
    assert (found.is_primary, found.verdict.word) == (False, Word.OVERHEAD)


THROUGHPUT = {"perf_test": "throughput", "conn_type": "single-load50"}


def loaded(rate_effect: float, cpu_effect: float) -> list[Measurement]:
    """Rates around 20 bit/s and CPU time per byte, of the same eight units."""
    found = []
    for metric, effect in (("received_bps", rate_effect), ("cpu_s_per_gb", cpu_effect)):
        for each in units(effect, 8):
            value = 20 + (each.value - 20) * (0.1 if metric == "received_bps" else 1)
            found.append(replace(changed(each, **THROUGHPUT), metric=metric, value=value))
    return found


def words(found: Sequence[MetricVerdict]) -> dict[str, Word]:
    return {each.metric.metric: each.verdict.word for each in found}


def test_a_rate_at_the_offered_load_is_masked() -> None:
    found = verdicts(records(8, **THROUGHPUT, offered_rate=20.2), loaded(0.0, 0.2), RunPlan(), Settings())
    assert words(found) == {"received_bps": Word.MASKED, "cpu_s_per_gb": Word.OVERHEAD}
    (rate,) = (each for each in found if each.metric.metric == "received_bps")
    assert rate.verdict.reason.startswith("at 99 % of the offered load, CPU per byte 22.")


def test_a_rate_at_the_speed_of_the_line_is_masked() -> None:
    facts = {"server": NodeFacts("", "", "", "", "", None, "", "", "", (), line_bps=20.2)}
    found = verdicts(
        records(8, **THROUGHPUT, server_node="server", facts=facts), loaded(0.0, 0.2), RunPlan(), Settings()
    )
    assert words(found)["received_bps"] is Word.MASKED


@pytest.mark.parametrize(
    ("offered", "cpu_effect"),
    [(None, 0.2), (21.0, 0.2), (20.2, 0.0), (20.2, -0.2)],
    ids=["unknown", "below it", "CPU the same", "CPU less"],
)
def test_a_rate_is_masked_only_at_a_known_limit_with_more_cpu(offered: float | None, cpu_effect: float) -> None:
    found = verdicts(records(8, **THROUGHPUT, offered_rate=offered), loaded(0.0, cpu_effect), RunPlan(), Settings())
    assert words(found)["received_bps"] is Word.NEGLIGIBLE


def test_the_cpu_of_another_connection_type_masks_nothing() -> None:
    rows = [changed(each, conn_type="multi") if each.metric == "cpu_s_per_gb" else each for each in loaded(0.0, 0.2)]
    found = verdicts(records(8, **THROUGHPUT, offered_rate=20.2), rows, RunPlan(), Settings())
    assert words(found)["received_bps"] is Word.NEGLIGIBLE


def test_an_order_effect_is_told_with_the_verdict() -> None:
    rows = []
    for at, wiggle in enumerate(WIGGLE[:8]):
        tool_first = at in (0, 3, 4, 6)
        cost = 20.0 * exp((0.3 if tool_first else 0.1) + wiggle / 10)
        rows += [row(BASELINE, at + 1, 20.0, order=1 + tool_first), row(TOOL, at + 1, cost, order=2 - tool_first)]
    found = only(verdicts(records(8), rows, RunPlan(), Settings()))
    assert found.carry_over.order_effect == pytest.approx(0.2, abs=0.01)
    assert "order effect: +22" in found.verdict.reason
    assert found.verdict.word is Word.OVERHEAD  # a remark, and no gate


def test_the_times_of_the_arms_say_the_order_where_they_are_known() -> None:
    rows = [
        changed(each, start_ns=2 * each.unit_index + ((each.arm == TOOL) == (each.unit_index % 2 == 0)), order=1)
        for each in units(0.2, 8)
    ]
    even = [log(each.value / 20) for each in rows if each.arm == TOOL and each.unit_index % 2 == 0]
    odd = [log(each.value / 20) for each in rows if each.arm == TOOL and each.unit_index % 2 == 1]
    found = only(verdicts(records(8), rows, RunPlan(), Settings()))
    assert found.carry_over.order_effect == pytest.approx((sum(odd) - sum(even)) / 4)
    assert only(verdicts(records(8), units(0.2, 8), RunPlan(), Settings())).carry_over.order_effect is None
