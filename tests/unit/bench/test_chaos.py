"""What a chaos session says: its table, and which units were whole and stayed so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.chaos.faults import FAULTS
from bench.chaos.hosts import NAMES
from bench.chaos.rounds import Outcome
from bench.chaos.table import lines
from bench.chaos.units import changed, whole_units


def add(run: Path, unit: int, arm: str, host: str, **changes: object) -> Path:
    file = run / "site" / "iteration_001" / host / "performance-test-results" / arm / "latency" / "tcp_rr_1"
    file.mkdir(parents=True, exist_ok=True)
    metadata = {"unit": unit, "arm": arm, "visit_end_ns": 1, "error": None, "void_reason": ""} | changes
    path = file / f"metadata_{unit}.json"
    path.write_text(json.dumps(metadata))
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for unit in (1, 2):
        for arm in ("baseline", "tool"):
            for host in NAMES:
                add(tmp_path, unit, arm, host)
    return tmp_path


class TestUnits:
    def test_whole_is_what_ended_well_in_both_arms_on_both_nodes(self, run: Path) -> None:
        assert sorted(whole_units(run)) == [1, 2]
        add(run, 2, "tool", NAMES[1], error="cut")
        assert sorted(whole_units(run)) == [1]

    @pytest.mark.parametrize("changes", [{"visit_end_ns": 0}, {"void_reason": "half"}])
    def test_what_is_void_or_has_not_ended_is_not(self, run: Path, changes: dict[str, object]) -> None:
        add(run, 1, "baseline", NAMES[0], **changes)
        assert sorted(whole_units(run)) == [2]

    def test_a_file_that_is_being_written_is_not(self, run: Path) -> None:
        add(run, 1, "baseline", NAMES[0]).write_text('{"unit": 1, "ar')
        assert sorted(whole_units(run)) == [2]

    def test_one_that_was_measured_again_is_told(self, run: Path) -> None:
        before = whole_units(run)
        assert changed(before, whole_units(run)) == []
        add(run, 3, "tool", NAMES[0])
        assert changed(before, whole_units(run)) == []
        add(run, 2, "tool", NAMES[0], visit_end_ns=2)
        assert changed(before, whole_units(run)) == [2]


class TestTable:
    def test_a_row_per_fault_then_per_moment(self) -> None:
        outcomes = [
            Outcome("link cut", "host-client", "between", 9.0, False, 1),
            Outcome("link cut", "host-client", "traffic without", 12.0, False, 2, ("left behind: + leases: /run/x",)),
            Outcome("link cut", "host-server", "between", None, False, 0, ("not clean",)),
            Outcome("tool killed", "host-server", "between", 0.5, True, 3),
        ]
        told = [line.split() for line in lines(outcomes)]
        assert told[1] == ["link", "cut", "all", "3", "0", "10.5", "12.0", "3", "2"]
        assert told[2] == ["tool", "killed", "all", "1", "1", "0.5", "0.5", "3", "0"]
        assert told[3] == ["link", "cut", "between", "2", "0", "9.0", "9.0", "1", "1"]
        assert told[6] == ["2", "of", "4", "rounds", "failed"]
        assert " ".join(told[7]) == "link cut (host-client, traffic without): left behind: + leases: /run/x"

    def test_without_a_round_there_is_only_the_head(self) -> None:
        assert len(list(lines([]))) == 2


def test_every_fault_has_a_name_of_its_own_and_a_host_to_strike() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert all(set(fault.hosts) <= set(NAMES) and fault.hosts for fault in FAULTS)
