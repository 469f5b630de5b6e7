"""``--wait-for-nodes``: a run queues for nodes that another one has, or is told of that one at once."""

from __future__ import annotations

import pytest
from fake_project import Project

from fixtures.waiting import OWN_S, Patience
from probecost.errors import Gathered, NodeBusyError, NodeError, ProbecostError

BUSY = NodeBusyError("n", "in use by run r2 of bob", "r2")


class Attempts:
    """Fails with ``errors`` one after the other, then gives its number; a clock that only sleeping moves."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.count = 0
        self.time_s = 100.0
        self.lines: list[str] = []

    def __call__(self) -> int:
        self.count += 1
        if self._errors:
            raise self._errors.pop(0)
        return self.count

    def sleep(self, seconds: float) -> None:
        self.time_s += seconds

    def patience(self, wait_s: float) -> Patience:
        return Patience(wait_s, "r1", lambda: self.time_s, self.sleep, self.lines.append)


def test_without_it_the_holder_is_named_at_once() -> None:
    attempts = Attempts(BUSY)
    with pytest.raises(NodeBusyError, match="run r2 of bob"):
        attempts.patience(0.0).when_free("bed", attempts)
    assert (attempts.time_s, attempts.lines) == (100.0, [])


def test_it_waits_until_the_node_is_free_and_says_for_whom() -> None:
    attempts = Attempts(BUSY, BUSY, Gathered("nodes", [BUSY, BUSY]))
    assert attempts.patience(3600.0).when_free("bed", attempts) == 4
    (line,) = attempts.lines
    assert line == "probecost: bed waits, for up to 1 h 00 min: node n: in use by run r2 of bob"


def test_another_holder_is_told_too() -> None:
    attempts = Attempts(BUSY, NodeBusyError("n", "in use by run r3", "r3"))
    attempts.patience(3600.0).when_free("bed", attempts)
    assert len(attempts.lines) == 2


def test_the_time_ends() -> None:
    attempts = Attempts(*[BUSY] * 1000)
    with pytest.raises(NodeBusyError):
        attempts.patience(60.0).when_free("bed", attempts)
    assert attempts.time_s == pytest.approx(160.0)


@pytest.mark.parametrize("error", [NodeError("n", "no such host"), Gathered("nodes", [BUSY, NodeError("m", "gone")])])
def test_what_else_is_wrong_is_told_at_once(error: ProbecostError) -> None:
    attempts = Attempts(error)
    with pytest.raises(type(error)):
        attempts.patience(60.0).when_free("bed", attempts)
    assert attempts.time_s == 100.0


def test_an_own_worker_that_died_is_waited_for() -> None:
    own = NodeBusyError("n", "in use by run r1", "r1")
    attempts = Attempts(own, own)
    assert attempts.patience(0.0).when_free("bed", attempts) == 3
    attempts = Attempts(*[own] * 100)
    with pytest.raises(NodeBusyError):
        attempts.patience(0.0).when_free("bed", attempts)
    assert attempts.time_s == pytest.approx(100.0 + OWN_S)


class TestRun:
    def test_refused(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.fail({"open bed 2": "busy: r2 9"})
        result = project.run()
        result.assert_outcomes(errors=2)
        result.stdout.fnmatch_lines(["*host-server: in use by run r2*", "*could not be set up, see host-a-rx*"])
        assert project.log == ["open bed 2"]

    def test_waits_outside_its_time_budget(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.fail({"open bed 2": "busy: r2 3"})
        result = project.run("--wait-for-nodes", "2h", "--time-budget", "1h")
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(["probecost: bed waits, for up to 2 h 00 min: node host-server: in use by run r2"])
        assert project.log.count("open bed 2") == 4
        assert project.run_json["options"]["wait_for_nodes_s"] == 7200

    def test_waits_to_calibrate(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail({"calibrate bed 1": "busy: r2 1"})
        result = project.run("--units", "8", "--wait-for-nodes", "10m")
        result.assert_outcomes(passed=1)
        assert project.log.count("calibrate bed 1") == 2

    def test_not_a_time(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        assert project.run("--wait-for-nodes", "soon").ret == pytest.ExitCode.USAGE_ERROR
