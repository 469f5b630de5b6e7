"""How ``pytest -n`` deals out the lab tests: each worker has beds of its own, and the tests on one bed run in turn.

Most tests go to whatever worker is free next. Groups are for tests that share what takes long to make, and for those
that a flood of packets on another bed would disturb: one kernel serves all of them.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

# By the beginnings of test ids in this folder. They are dealt out first, in this order.
GROUPS = {
    "guests": (
        "test_lab_vm_bed.py",
        "test_discovery.py",
        "test_hostile_nodes.py::test_a_clock",
        "test_reboots.py::test_a_guest",
    ),
    "verdicts": ("test_verdicts.py",),
    "packets": ("test_pipeline.py::TestReports", "test_lab_tools.py"),
    "two beds": ("test_parallel.py",),
}
# Tests of no group: long ones come next, short ones at the end, so that all workers are done at the same time.
LONG = ("test_versions.py", "test_switched_flows.py", "test_chaos.py")
SHORT = ("test_doctor.py", "test_fetch_verb.py", "test_lab_automatic.py", "test_lab_life.py", "test_lab_bed.py")


def group_of(test: str) -> str:
    """The group of a test, by its id; the id itself for a test that may run anywhere.

    >>> group_of("tests/lab/test_parallel.py::test_a_worker_that_is_killed")
    'two beds'
    >>> group_of("tests/lab/test_gates.py::test_a")
    'tests/lab/test_gates.py::test_a'
    """
    return next((group for group, starts in GROUPS.items() if _begins(test, starts)), test)


def rank_of(test: str) -> int:
    """Where a test comes in the order in which they are dealt out."""
    group = group_of(test)
    if group in GROUPS:
        return list(GROUPS).index(group)
    return len(GROUPS) + (0 if _begins(test, LONG) else 2 if _begins(test, SHORT) else 1)


def _begins(test: str, starts: tuple[str, ...]) -> bool:
    return test.rpartition("tests/lab/")[2].startswith(starts)


class BedScheduling(LoadScopeScheduling):
    """Deals out tests group by group."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
