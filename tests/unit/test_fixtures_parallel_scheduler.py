"""The scheduler alone: what each worker is told to run, and when it is told that there is no more."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fixtures.parallel.scheduler import GroupScheduling


class FakeWorker:
    def __init__(self) -> None:
        self.shutting_down = False
        self.given: list[int] = []

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        assert not self.shutting_down
        self.given += indices

    def shutdown(self) -> None:
        self.shutting_down = True


IDS = ["a1", "b1", "a2", "b2", "a3", "c1"]
GROUPS = [["a1", "a2", "a3"], ["b1", "b2"], ["c1"]]


class Table:
    """A schedule over ``GROUPS`` with its workers; ``ids`` of what a worker was given so far."""

    def __init__(self, workers: int, groups: Sequence[Sequence[str]] = GROUPS) -> None:
        self.schedule = GroupScheduling(groups, workers)
        self.workers = [self.join() for _ in range(workers)]
        self.schedule.schedule()

    def join(self) -> FakeWorker:
        worker = FakeWorker()
        self.schedule.add_node(worker)
        self.schedule.add_node_collection(worker, IDS)
        return worker

    def ids(self, worker: FakeWorker) -> list[str]:
        return [IDS[index] for index in worker.given]

    def done(self, worker: FakeWorker, node_id: str) -> None:
        self.schedule.mark_test_complete(worker, IDS.index(node_id))


def test_a_group_stays_on_one_worker_in_its_order() -> None:
    table = Table(3)
    assert [table.ids(worker) for worker in table.workers] == GROUPS
    assert [worker.shutting_down for worker in table.workers] == [False, False, True]  # its last item needs that


def test_the_next_group_comes_before_the_last_item() -> None:
    table = Table(2)
    first, second = table.workers
    assert (table.ids(first), table.ids(second)) == (["a1", "a2", "a3"], ["b1", "b2"])
    table.done(first, "a1")
    assert table.ids(first) == ["a1", "a2", "a3"]
    table.done(second, "b1")
    assert table.ids(second) == ["b1", "b2", "c1"]
    assert not second.shutting_down
    table.done(second, "b2")
    assert second.shutting_down
    assert not table.schedule.tests_finished
    table.done(first, "a2")
    assert first.shutting_down
    assert table.schedule.tests_finished
    assert table.schedule.has_pending


def test_groups_of_one_item() -> None:
    table = Table(1, [["a1"], ["b1"], ["c1"]])
    (worker,) = table.workers
    assert table.ids(worker) == ["a1", "b1"]
    table.done(worker, "a1")
    assert table.ids(worker) == ["a1", "b1", "c1"]


def test_nothing_begins_before_all_are_there() -> None:
    schedule = GroupScheduling(GROUPS, 2)
    worker = FakeWorker()
    schedule.add_node(worker)
    schedule.add_node_collection(worker, IDS)
    assert not schedule.collection_is_completed
    assert not schedule.tests_finished


def test_a_worker_that_dies_loses_one_item() -> None:
    table = Table(2)
    first, second = table.workers
    table.done(first, "a1")
    assert table.schedule.remove_node(first) == "a2"
    assert table.schedule.waiting == (("a3",), ("c1",))
    table.done(second, "b1")
    assert table.ids(second) == ["b1", "b2", "c1"]  # what was begun by the first is for the one in its place
    heir = table.join()
    table.schedule.schedule()
    assert table.ids(heir) == ["a3"]
    assert heir.shutting_down


def test_a_worker_that_dies_at_its_last_item() -> None:
    table = Table(1, [["a1"]])
    assert table.schedule.remove_node(table.workers[0]) == "a1"
    heir = table.join()
    table.schedule.schedule()
    assert heir.given == []
    assert heir.shutting_down


def test_a_worker_that_has_done_all() -> None:
    table = Table(1, [["a1"]])
    table.done(table.workers[0], "a1")
    assert table.schedule.remove_node(table.workers[0]) is None
    assert table.schedule.nodes == []
    assert not table.schedule.has_pending


def test_stealing_is_not_done() -> None:
    table = Table(1)
    with pytest.raises(NotImplementedError):
        table.schedule.mark_test_pending("a1")
