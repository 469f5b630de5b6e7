import pytest

from probecost.config.environment import Case, PerfTestSpec
from probecost.plan.visits import (
    Schedule,
    SwitchPlan,
    VisitPlan,
    order_of_arms,
    order_of_segments,
    spell,
    visit_duration_s,
    visits,
)
from probecost.results import layout

CASE = Case("bed", "host-x", 1, "x", "x", "x", "c", "host", (), "abc123", 10.0)


def test_the_order_is_a_coin_flip_that_comes_out_the_same_each_time() -> None:
    orders = [order_of_arms(7, "host-x", unit) for unit in range(1, 401)]
    assert orders == [order_of_arms(7, "host-x", unit) for unit in range(1, 401)]
    assert 150 < orders.count((layout.BASELINE, layout.TOOL)) < 250
    assert {frozenset(order) for order in orders} == {frozenset(layout.ARMS)}


def test_seed_and_case_decide_too() -> None:
    orders = {(seed, key): [order_of_arms(seed, key, unit) for unit in range(64)] for seed in (1, 2) for key in "ab"}
    assert len({tuple(order) for order in orders.values()}) == 4


def test_known_flips_stay_what_they_are() -> None:
    assert [order_of_arms(0, "host-null", unit)[0] for unit in range(1, 9)] == (
        ["tool", "baseline", "baseline", "baseline", "tool", "baseline", "tool", "tool"]
    )


def test_a_pair_per_unit() -> None:
    plan = visits(CASE, 3, seed=5)
    assert [(visit.unit, visit.pair, visit.order) for visit in plan] == [
        (1, 1, 1), (1, 1, 2), (2, 2, 1), (2, 2, 2), (3, 3, 1), (3, 3, 2)
    ]  # fmt: skip
    assert [visit.arm for visit in plan[2:4]] == list(order_of_arms(5, "host-x", 2))


def test_each_iteration_flips_anew() -> None:
    orders = [[order_of_arms(7, "host-x", unit, iteration) for unit in range(64)] for iteration in (1, 2, 3)]
    assert orders[0] == [order_of_arms(7, "host-x", unit) for unit in range(64)]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert [visit.arm for visit in visits(CASE, 1, seed=7, iteration=2)] == list(order_of_arms(7, "host-x", 1, 2))


def test_a_shared_baseline_comes_before_the_tool_visits() -> None:
    assert visits(CASE, 2, seed=5, baseline="shared") == (
        VisitPlan(1, 1, layout.BASELINE, 1, shared=True),
        VisitPlan(1, 1, layout.TOOL, 1),
        VisitPlan(2, 2, layout.TOOL, 1),
    )


def test_switched_flows_come_after_one_pair_of_visits() -> None:
    plan = visits(CASE, 3, seed=5, schedule="switched")
    assert plan[:2] == visits(CASE, 1, seed=5)
    assert plan[2:] == tuple(VisitPlan(unit, unit, layout.SWITCHED, 1) for unit in (1, 2, 3))


def test_each_pair_of_segments_has_a_coin_of_its_own() -> None:
    orders = order_of_segments(7, "host-x", 1, "latency:tcp_rr", 400)
    assert orders == order_of_segments(7, "host-x", 1, "latency:tcp_rr", 400)
    assert orders[:10] == order_of_segments(7, "host-x", 1, "latency:tcp_rr", 10)
    assert 150 < orders.count((layout.BASELINE, layout.TOOL)) < 250
    others = [
        order_of_segments(*where, 64) for where in ((7, "host-x", 2, "latency:tcp_rr"), (7, "host-x", 1, "pps:single"))
    ]
    assert orders[:64] != others[0] != others[1] != orders[:64]


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.4, "12 s"), (200, "3 min 20 s"), (3600, "1 h 00 min"), (3899, "1 h 04 min")]
)
def test_durations_are_spelled(seconds: float, text: str) -> None:
    assert spell(seconds) == text


def test_the_estimate_grows_with_traffic_and_the_tool() -> None:
    tests = [PerfTestSpec("latency", "tcp_rr", 9.5), PerfTestSpec("latency", "udp_rr", 9.5)]
    assert visit_duration_s(layout.BASELINE, tests) == 20
    assert visit_duration_s(layout.TOOL, tests) == 23
    assert visit_duration_s(layout.SWITCHED, tests) == 20
    longer = SwitchPlan(0.5, (("latency:tcp_rr", 4.5), ("latency:udp_rr", 5.5)))
    assert visit_duration_s(layout.SWITCHED, tests, longer) == 11
    assert visit_duration_s(layout.BASELINE, tests, longer) == 20


@pytest.mark.parametrize("schedule", ["visits", "switched"])
def test_reserves_stand_behind_what_is_planned(schedule: Schedule) -> None:
    plan = visits(CASE, 8, seed=5, schedule=schedule, reserves=2)
    planned, spare = [v for v in plan if not v.reserve], [v for v in plan if v.reserve]
    assert planned == list(visits(CASE, 8, seed=5, schedule=schedule))
    assert [visit.unit for visit in spare] == ([9, 9, 10, 10] if schedule == "visits" else [9, 10, 2, 2])
    assert plan == (*planned, *spare)
