"""A node that reboots in the middle of a run: what was measured then is measured again, and the report says so."""

from __future__ import annotations

import json

import pytest
from fake_project import Project
from workflow_project import made_visits

from fixtures.reboots import POLL_S, gone_nodes
from probecost.errors import (
    ConnectionLostError,
    Gathered,
    NodeRebootedError,
    RemoteError,
    TransferError,
    UnreachableError,
)

TOLD = "host-server has rebooted: unit 1 of host-a-rx was measured again"
CUT = "latency:tcp_rr tool host-a-rx"
REBOOTED = {"keep metadata": True, "rebooted": ["host-server"]}


def fetch_error(cause: Exception) -> TransferError:
    error = TransferError("a", "results not fetched")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "names"),
    [
        (ConnectionLostError("a", "cut"), ("a",)),
        (UnreachableError("a", "no answer"), ("a",)),
        (NodeRebootedError("a", "anew"), ("a",)),
        (Gathered("visit", [ConnectionLostError("b", "cut"), RemoteError("a", "no")]), ("b",)),
        (Gathered("visit", [Gathered("x", [UnreachableError("b", "")]), UnreachableError("b", "")]), ("b",)),
        (fetch_error(ConnectionLostError("a", "cut")), ("a",)),
        (fetch_error(RemoteError("a", "no such folder")), ()),
        (TransferError("a", "5 files were sent and 4 arrived"), ()),
        (RemoteError("a", "no answer in time"), ()),
        (ValueError("bug"), ()),
    ],
)
def test_whom_an_error_says_to_be_gone(error: Exception, names: tuple[str, ...]) -> None:
    assert gone_nodes(error) == names


@pytest.fixture
def bed(project: Project) -> Project:
    project.add_environment(cases=["a rx", "b rx"])
    return project


def test_a_case_is_measured_again(bed: Project) -> None:
    bed.fail({**REBOOTED, CUT: "lost once"})
    result = bed.run("--seed", "4", "--junitxml", "junit.xml")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.OK
    assert bed.log.count("open bed 2") == 2
    assert bed.log.count(CUT) == 2
    again = bed.log[bed.log.index("rebooted? host-server") :]
    assert again[:5] == ["rebooted? host-server", "stop host-a-rx", "fetch host-a-rx", "close bed", "open bed 2"]
    assert [key for _, key in made_visits(bed)].count("host-b-rx") == 2
    assert bed.run_json["reboots"] == [TOLD]
    assert bed.run_json["notes"] == []
    assert bed.run_json["exit_status"] == 0
    result.stdout.fnmatch_lines([TOLD, "*= probecost =*", TOLD])
    assert f'name="measured_again" value="{TOLD}"' in (bed.path / "junit.xml").read_text()


def test_what_there_was_of_it_counts_for_nothing(bed: Project) -> None:
    bed.fail({**REBOOTED, CUT: "lost once"})
    bed.run("--units", "3", "--seed", "4")
    found = [json.loads(file.read_text()) for file in sorted(bed.tree.glob("bed/*/host-server/**/metadata_*.json"))]
    of_case = [content for content in found if content["case_key"] == "host-a-rx"]
    void = [content for content in of_case if content["void_reason"]]
    assert {(content["void_reason"], content["superseded"], content["unit"]) for content in void} == {(TOLD, True, 1)}
    assert sorted((one["unit"], one["arm"]) for one in of_case if not one["void_reason"]) == [
        (unit, arm) for unit in (1, 2, 3) for arm in ("baseline", "tool")
    ]
    results = json.loads((bed.tree / "workflow-results.json").read_text())
    assert results["summary"] == {"completed": 12}


def test_a_reboot_while_a_tool_is_prepared(bed: Project) -> None:
    bed.fail({**REBOOTED, "prepare bed a 1": "lost once"})
    bed.run().assert_outcomes(passed=2)
    assert bed.run_json["reboots"] == ["host-server has rebooted: a on the host pair of bed was prepared again"]
    assert bed.log.count("open bed 2") == 2


def test_it_is_waited_for(bed: Project) -> None:
    bed.fail({**REBOOTED, CUT: "lost once", "rebooted? host-server": "lost once", "fetch host-a-rx": "lost once"})
    result = bed.run("--wait-for-reboot", "1m")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["waiting up to 1 min 00 s for host-server; Ctrl-C ends it"])
    assert bed.log.count(f"sleep {POLL_S:g}") == 1


def test_addresses_that_come_late_are_waited_for_too(bed: Project) -> None:
    bed.add_conftest(
        "import fake_engine, json\n\n"
        "def pytest_probecost_perf_test_init(perf_test):\n"
        "    faults = json.loads(fake_engine.FAULTS.read_text())\n"
        f"    if {CUT!r} in faults: faults['open bed 2'] = 'lost once'\n"
        "    fake_engine.FAULTS.write_text(json.dumps(faults))\n"
    )
    bed.fail({**REBOOTED, CUT: "lost once"})
    bed.run().assert_outcomes(passed=2)
    assert bed.log.count("open bed 2") == 3


def test_one_that_stays_away_costs_its_time_once(bed: Project) -> None:
    bed.fail({**REBOOTED, CUT: "lost", "latency:tcp_rr tool host-b-rx": "lost", "rebooted? host-server": "lost"})
    result = bed.run("--wait-for-reboot", "20s")
    result.assert_outcomes(failed=2)
    assert bed.log.count(f"sleep {POLL_S:g}") == 20 / POLL_S
    assert "node host-server: the connection was cut" in bed.run_json["cases"]["host-a-rx"]["message"]
    assert bed.run_json["reboots"] == []


def test_without_patience_there_is_one_look(bed: Project) -> None:
    bed.fail({**REBOOTED, CUT: "lost", "rebooted? host-server": "lost"})
    bed.run("--wait-for-reboot", "0").assert_outcomes(failed=1, passed=1)
    assert bed.log.count("rebooted? host-server") == 1
    assert not [line for line in bed.log if line.startswith("sleep")]


def test_a_cut_is_no_reboot(bed: Project) -> None:
    """It may be what the tool did."""
    bed.fail({"keep metadata": True, CUT: "lost once"})
    bed.run().assert_outcomes(failed=1, passed=1)
    assert bed.log.count("open bed 2") == 1
    assert bed.run_json["reboots"] == []


def test_a_tool_that_makes_a_node_reboot_fails(bed: Project) -> None:
    bed.fail({**REBOOTED, CUT: "lost"})
    bed.run("--units", "3").assert_outcomes(failed=1, passed=1)
    assert bed.log.count(CUT) == 2


def test_other_errors_are_not_asked_about(bed: Project) -> None:
    bed.fail({**REBOOTED, CUT: "the tool died"})
    bed.run().assert_outcomes(failed=1, passed=1)
    assert not [line for line in bed.log if line.startswith("rebooted?")]


def test_a_node_that_lacks_something_afterwards(bed: Project) -> None:
    bed.add_conftest(
        "import fake_engine, json\n\n"
        "def pytest_probecost_perf_test_init(perf_test):\n"
        "    faults = json.loads(fake_engine.FAULTS.read_text()) | {'open bed 1': 'host-server lacks 198.51.100.1'}\n"
        "    fake_engine.FAULTS.write_text(json.dumps(faults))\n"
    )
    bed.fail({**REBOOTED, CUT: "lost once"})
    result = bed.run("--wait-for-reboot", "10s", "-k", "host-a")
    result.assert_outcomes(failed=1)
    assert "host-server lacks 198.51.100.1" in bed.run_json["cases"]["host-a-rx"]["message"]
    assert bed.run_json["reboots"] == []
    result.stdout.fnmatch_lines(["host-server has rebooted: everything is connected anew"])


@pytest.mark.parametrize("value", ["soon", "-1", "5"])
def test_patience_is_a_duration(bed: Project, value: str) -> None:
    result = bed.run(f"--wait-for-reboot={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*argument --wait-for-reboot: expected a duration*"])


def test_a_reboot_of_an_earlier_session_is_still_told(bed: Project) -> None:
    bed.fail({**REBOOTED, CUT: "lost once", "latency:tcp_rr baseline host-b-rx": "ctrl-c"})
    tree = bed.interrupted()
    bed.fail({"keep metadata": True})
    bed.pytester.runpytest_inprocess("--resume", str(tree)).assert_outcomes(passed=1, deselected=1)
    assert bed.run_json["reboots"] == [TOLD]


def test_ctrl_c_ends_the_wait(bed: Project) -> None:
    bed.fail({**REBOOTED, CUT: "lost", "rebooted? host-server": "lost", f"sleep {POLL_S:g}": "ctrl-c"})
    bed.interrupted("--wait-for-reboot", "1m")
    assert "hurry" in bed.log  # what is still to be done on nodes shares one deadline
    assert bed.outcomes == {"host-a-rx": "interrupted", "host-b-rx": "not run"}
