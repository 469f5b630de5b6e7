"""The order of a run: iterations, environments, test pairs, tools, cases, visits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.plan_workflows import (
    CASES,
    KEYS,
    SPECS,
    environment,
    planned,
)

from probecost.errors import ConfigError
from probecost.plan.plan import Planned, by_name, cycles, plan
from probecost.plan.settings import Settings


class TestSequence:
    def test_iteration_environment_pair_tool_case(self) -> None:
        found = planned(Settings(iterations=2), "one", "two").items
        assert [item.case.key for item in found] == KEYS * 4
        assert [item.id for item in found[3:5]] == ["one:vm-a-rx-iteration_001", "two:host-b-rx-iteration_001"]
        assert [item.turn.iteration for item in found] == [1] * 8 + [2] * 8

    def test_ids_hold_no_more_than_they_must(self) -> None:
        assert [item.id for item in planned(Settings()).items] == KEYS
        assert planned(Settings(), "one", "two").items[0].id == "one:host-b-rx"
        assert planned(Settings(iterations=2)).items[0].id == "host-b-rx-iteration_001"

    def test_cycles_are_all_visits_in_a_row(self) -> None:
        items = planned(Settings(units=3)).items
        found = list(cycles([*items, *items]))
        assert [cycle.visit for cycle in found] == [visit for item in items for visit in item.visits]
        assert len({cycle.id for cycle in found}) == 24

    def test_a_shared_baseline_is_there_once_per_turn_and_pair(self) -> None:
        found = list(cycles(planned(Settings(units=2, baseline="shared", iterations=2)).items))
        shared = [cycle.id for cycle in found if cycle.visit.shared]
        assert shared == [f"bed/iteration_00{n}/{kind}/shared/baseline" for n in (1, 2) for kind in ("host", "vm")]
        assert len(found) == 2 * (2 + 4 * 2)

    def test_switched_flows_come_after_one_pair_of_visits(self) -> None:
        found = list(cycles(planned(Settings(units=2, schedule="switched")).items))
        assert [cycle.id.split("/", 3)[3] for cycle in found[:4]] == [
            "u001/tool" if found[0].visit.arm == "tool" else "u001/baseline",
            "u001/baseline" if found[0].visit.arm == "tool" else "u001/tool",
            "u001/switched",
            "u002/switched",
        ]
        assert len(found) == 4 * (2 + 2)

    def test_flows_are_not_switched_where_nothing_counts_them(self) -> None:
        blind = environment(variables={"vm": {"VM_INTERFACE": ""}})
        settings = Settings(schedule="switched")
        with pytest.raises(ConfigError, match="bed: the server's interface on the vm pair is not known") as caught:
            plan({"bed": Planned(blind, CASES, SPECS)}, settings)
        assert "--schedule visits" in str(caught.value)
        hosts_only = tuple(case for case in CASES if case.pair_kind == "host")
        assert plan({"bed": Planned(blind, hosts_only, SPECS)}, settings).items

    def test_two_environments_of_one_name(self) -> None:
        one = Planned(environment(), CASES, SPECS)
        with pytest.raises(ConfigError, match="both declare the environment 'bed'"):
            by_name([one, replace(one, environment=environment(folder=Path("elsewhere")))])
