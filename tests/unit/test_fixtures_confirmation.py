"""A tool that seems to make the network faster, through pytest: fresh units are made at once, and judge it alone."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from fake_project import Project
from workflow_project import again

UNITS = ("--units", "8", "--schedule", "visits")
PLANNED = [number for number in range(1, 9) for _ in range(2)]
FRESH = [number for number in range(11, 19) for _ in range(2)]

#: Stands in for the engine's files: TCP RR is 20 us without the tool, and with it as us.json says of the case. A unit
#: of ``us["break"]`` is left with Ctrl-C before its second visit.
_MEASURED = """
import json
import pathlib
from analysis_tree import SECOND_NS, Tree, netperf
from probecost.layout import CaseFolder

TREES = []
WIGGLE_US = (0.0, 0.2, 0.1, -0.2, -0.1, 0.15, 0.05, -0.05)

def pytest_probecost_run_init(run):
    tree = Tree(run.tree.root.parent, environment="bed")
    tree.root = run.tree.root
    tree.now_ns += 2 * SECOND_NS * len(list(tree.root.glob("**/metadata_*.json")))
    TREES.append(tree)

def pytest_probecost_perf_test_post(perf_test):
    tree, case, unit, spec = TREES[-1], perf_test.case, perf_test.unit, perf_test.spec
    said = json.loads(pathlib.Path("us.json").read_text())
    tool_us, fresh_us = said[case.key]
    us = (fresh_us if unit > 10 else tool_us) + WIGGLE_US[unit % 8] if perf_test.arm == "tool" else 20
    begin_ns = tree.now_ns
    tree.perf_test(
        perf_test.arm, unit, spec.perf_type, spec.conn_type, client=[netperf(us)], case_key=case.key,
        case=CaseFolder(case.tool_id, case.id, case.hash), confirmation=unit > 10, planned_units=list(range(1, 9)),
        visit_start_ns=begin_ns, visit_end_ns=begin_ns + SECOND_NS,
    )
    with pathlib.Path("made.log").open("a") as file:
        file.write(f"{case.key} {unit}\\n")
    if unit == said.get("break"):
        pathlib.Path("us.json").write_text(json.dumps({**said, "break": 0}))
        raise KeyboardInterrupt
"""


def says(project: Project, **us: object) -> None:
    (project.path / "us.json").write_text(json.dumps({key.replace("_", "-"): value for key, value in us.items()}))


@pytest.fixture
def bed(project: Project) -> Project:
    project.add_environment(cases=["fast rx", "slow rx"])
    project.use_analysis()
    project.add_conftest(_MEASURED)
    return project


def made(project: Project, key: str) -> list[int]:
    """The units of the visits that were made of a case, in order."""
    lines = [line.split() for line in (project.path / "made.log").read_text().splitlines()]
    return [int(unit) for case, unit in lines if case == key]


def verdict(tree: Path, key: str) -> dict[str, str]:
    with (tree / "reports" / "verdicts.csv").open(newline="") as file:
        (found,) = (row for row in csv.DictReader(file) if (row["case_key"], row["primary"]) == (key, "yes"))
    return found


def test_a_speed_up_is_confirmed_by_fresh_units_of_its_case_alone(bed: Project) -> None:
    says(bed, host_fast_rx=(17, 18), host_slow_rx=(23, 23))
    result = bed.run(*UNITS)
    result.assert_outcomes(passed=2)
    assert (made(bed, "host-fast-rx"), made(bed, "host-slow-rx")) == (PLANNED + FRESH, PLANNED)
    result.stdout.fnmatch_lines(
        [
            "host-fast-rx: unit 8 of 8*; TCP RR latency -14.* %*",
            "host-fast-rx: confirmation unit 1 of 8*; TCP RR latency -*",
            "host-fast-rx: confirmation unit 8 of 8*; TCP RR latency -9.* %*",
            "host-fast-rx  TCP RR latency: UNEXPECTED SPEED-UP, confirmed -9.* % [[]*[]] on 8 fresh units*",
        ]
    )
    fast, slow = (verdict(bed.tree, key) for key in ("host-fast-rx", "host-slow-rx"))
    assert (fast["verdict"], fast["n_units"], fast["family_m"]) == ("UNEXPECTED SPEED-UP", "8", "2")
    assert fast["reason"].startswith("confirmed -9.")
    assert slow["verdict"] == "OVERHEAD"
    cycles = json.loads((bed.tree / "workflow-results.json").read_text())["cycles"]
    fresh = {
        tuple(cycle["cycle_id"].split("/")[-3:-1]): cycle["status"] for cycle in cycles if "/c0" in cycle["cycle_id"]
    }
    assert {key: status for (key, _), status in fresh.items()} == {
        "host-fast-rx": "completed",
        "host-slow-rx": "not needed",
    }


def test_one_that_the_fresh_units_do_not_show_is_inconclusive(bed: Project) -> None:
    says(bed, host_fast_rx=(17, 20), host_slow_rx=(23, 23))
    result = bed.run(*UNITS, "-k", "fast")
    result.stdout.fnmatch_lines(["host-fast-rx *INCONCLUSIVE, a speed-up that fresh units did not confirm*"])
    assert verdict(bed.tree, "host-fast-rx")["verdict"] == "INCONCLUSIVE"


def test_a_workflow_makes_them_again(bed: Project) -> None:
    says(bed, host_fast_rx=(17, 18), host_slow_rx=(23, 23))
    bed.run(*UNITS, "-k", "fast", "--collect-only", "--workflow-out", "w.json")
    again(bed).assert_outcomes(passed=1)
    assert made(bed, "host-fast-rx") == PLANNED + FRESH
    assert verdict(bed.tree, "host-fast-rx")["reason"].startswith("confirmed")


class TestResumed:
    @pytest.fixture
    def tree(self, bed: Project) -> Path:
        """Ctrl-C after the first visit of the fresh unit 13; of the second case nothing was made."""
        says(bed, host_fast_rx=(17, 18), host_slow_rx=(23, 23), **{"break": 13})
        return bed.interrupted(*UNITS)

    def resume(self, bed: Project, tree: Path, *options: str) -> pytest.RunResult:
        (bed.path / "made.log").unlink(missing_ok=True)
        return bed.pytester.runpytest_inprocess("--resume", str(tree), *options)

    def test_the_half_unit_is_made_anew_and_the_whole_ones_stay(self, bed: Project, tree: Path) -> None:
        before = verdict(tree, "host-fast-rx")
        assert (before["verdict"], before["family_m"]) == ("UNEXPECTED SPEED-UP", "2")
        assert before["reason"] == "no number before it is confirmed on 8 fresh units; only 2 of 8 were made"
        self.resume(bed, tree).assert_outcomes(passed=2)
        assert made(bed, "host-fast-rx") == FRESH[4:]
        found = verdict(tree, "host-fast-rx")
        assert (found["verdict"], found["n_units"], found["family_m"]) == ("UNEXPECTED SPEED-UP", "8", "2")
        assert found["reason"].startswith("confirmed -9.")
        assert "on 8 fresh units" in found["reason"]

    def test_the_family_is_that_of_the_plan_whatever_is_selected_and_lost(self, bed: Project, tree: Path) -> None:
        (tree / "run.json").write_text('{"run_id": ')
        self.resume(bed, tree, "-k", "fast").assert_outcomes(passed=1, deselected=1)
        assert bed.outcomes == {"host-fast-rx": "passed", "host-slow-rx": "not run"}
        assert verdict(tree, "host-fast-rx")["family_m"] == "2"
