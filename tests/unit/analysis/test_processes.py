"""Several processes give what one gives: the same results in the same order, errors too, and reports byte for byte."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from helpers.analysis_tree import Tree, netperf

from probecost.analysis import processes
from probecost.analysis.processes import WORTHWHILE, each, in_its_own_process
from probecost.analysis.report.write import write_reports


@pytest.mark.parametrize("count", [0, 1, WORTHWHILE])
@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_items(count: int, jobs: int) -> None:
    assert list(each(lambda item: item * 2, range(count), jobs)) == list(range(0, 2 * count, 2))


def test_what_the_function_raises_is_raised_here() -> None:
    def fail(item: int) -> int:
        if item == WORTHWHILE - 1:
            raise ValueError(f"item {item}")
        return item

    with pytest.raises(ValueError, match=f"item {WORTHWHILE - 1}"):
        list(each(fail, range(WORTHWHILE), 2))
    assert list(each(abs, range(-WORTHWHILE, 0), 2)) == list(range(WORTHWHILE, 0, -1))


def test_the_search_for_cycles_goes_on_afterwards() -> None:
    def fail() -> None:
        with in_its_own_process() as jobs:
            assert jobs == len(os.sched_getaffinity(0))
            raise OSError("full")

    assert gc.isenabled()
    with pytest.raises(OSError, match="full"):
        fail()
    assert gc.isenabled()


def test_reports_are_the_same_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Tree(tmp_path / "run", units=4)
    for unit in range(1, 5):
        for arm, mean_us in (("baseline", 20.0), ("tool", 24.0 + 0.2 * unit)):
            made.perf_test(arm, unit, "latency", "tcp_rr", client=[netperf(mean_us)])
            made.perf_test(arm, unit, "latency", "udp_rr", client=[netperf(mean_us) if unit != 2 else "broken"])
    made.run_file()
    monkeypatch.setattr(processes, "WORTHWHILE", 1)
    contents = []
    for jobs in (1, 2):
        folder = tmp_path / "reports" / str(jobs)
        write_reports(made.root, folder, jobs=jobs)
        contents.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    assert contents[0] == contents[1]
    assert any(b"broken" in content or b"udp_rr" in content for content in contents[0].values())
