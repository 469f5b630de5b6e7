"""Asking for one case again and again while the tree grows: the same answers, without reading what was read before."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.analysis_tree import CASE, CASE_KEY, CLIENT, ENVIRONMENT, SERVER, Tree, netperf

from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.live import LiveRun
from probecost.analysis.tree.growing import GrowingTree
from probecost.results.layout import ARMS, BASELINE, CaseFolder, iteration_name
from probecost.results.names import CaseId

OTHER_KEY, OTHER = "host-eth_drop-tx", CaseFolder("eth_drop", 2, "0a1b2c")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Two cases of two units."""
    tree = Tree(tmp_path, units=2)
    for key, case in ((CASE_KEY, CASE), (OTHER_KEY, OTHER)):
        for number in (1, 2):
            unit(tree, number, key, case)
    return tree


@pytest.fixture
def live() -> LiveRun:
    return LiveRun(Settings())


def unit(tree: Tree, number: int, key: str = CASE_KEY, case: CaseFolder = CASE) -> None:
    for arm in ARMS:
        mean_us = 100.0 if arm == BASELINE else 110.0 + number
        tree.perf_test(arm, number, "latency", "tcp_rr", client=[netperf(mean_us)], case_key=key, case=case)


def ask(tree: Tree, key: str, live: LiveRun | None = None) -> tuple[object, object]:
    live = live or LiveRun(Settings())
    progress = live.progress(tree.root, CaseId(ENVIRONMENT, 1, key))
    alone = live.results(tree.root, CaseId(ENVIRONMENT, 1, key))
    return progress, alone and (replace(alone.study, folders=()), alone.verdicts)


def damage(tree: Tree, pattern: str) -> None:
    for node in (SERVER, CLIENT):
        for file in tree.node(node).glob(pattern):
            file.write_text("{")


def test_the_answers_are_those_of_a_first_look(tree: Tree, live: LiveRun) -> None:
    for number in (3, 4, 5):
        for key, case in ((CASE_KEY, CASE), (OTHER_KEY, OTHER)):
            unit(tree, number, key, case)
            assert ask(tree, key, live) == ask(tree, key)


def test_raw_files_are_read_once_while_the_case_is_at_hand(tree: Tree, live: LiveRun) -> None:
    progress, _ = ask(tree, CASE_KEY, live)
    damage(tree, "**/latency_*.txt")
    assert ask(tree, CASE_KEY, live)[0] == progress
    ask(tree, OTHER_KEY, live)
    assert live.progress(tree.root, CaseId(ENVIRONMENT, 1, CASE_KEY)).usable == {"latency:tcp_rr": 0}


def test_metadata_that_are_written_again_are_read_again(tree: Tree, live: LiveRun) -> None:
    ask(tree, CASE_KEY, live)
    for file in tree.root.glob(f"**/{CASE.name}/**/metadata_*.json"):
        file.write_text(json.dumps({**json.loads(file.read_text()), "void_reason": "made again", "superseded": True}))
    progress, alone = ask(tree, CASE_KEY, live)
    assert (progress, alone) == ask(tree, CASE_KEY)
    assert live.progress(tree.root, CaseId(ENVIRONMENT, 1, CASE_KEY)).usable == {"latency:tcp_rr": 0}


def test_a_folder_of_two_cases(tree: Tree, live: LiveRun) -> None:
    """The pair kind is no part of the folder's name: the second case comes into a folder that is known."""
    ask(tree, CASE_KEY, live)
    ask(tree, OTHER_KEY, live)
    for arm in ARMS:
        tree.perf_test(
            *(arm, 1, "latency", "tcp_rr"), client=[netperf(100.0)], case_key="vm-eth_drop", case=CASE, pair_kind="vm"
        )
    progress, _ = ask(tree, "vm-eth_drop", live)
    assert progress == ask(tree, "vm-eth_drop")[0]
    assert live.progress(tree.root, CaseId(ENVIRONMENT, 1, "vm-eth_drop")).usable == {"latency:tcp_rr": 1}


def test_shared_baselines_are_everybodys(tmp_path: Path, live: LiveRun) -> None:
    tree = Tree(tmp_path, units=1)
    tree.perf_test(BASELINE, 1, "latency", "tcp_rr", client=[netperf(100.0)], shared=True)
    for key, case in ((CASE_KEY, CASE), (OTHER_KEY, OTHER)):
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(120.0)], shared=True, case_key=key, case=case)
        assert ask(tree, key, live) == ask(tree, key)


def test_a_case_of_which_nothing_is_there(tree: Tree, live: LiveRun) -> None:
    assert live.results(tree.root, CaseId(ENVIRONMENT, 1, "host-nothing")) is None


def test_what_the_run_planned_stays_as_it_was(tree: Tree, live: LiveRun) -> None:
    tree.run_file({"host-a": {"case_key": CASE_KEY, "environment": ENVIRONMENT, "outcome": "running"}})
    _, before = ask(tree, CASE_KEY, live)
    tree.run_file({})
    assert ask(tree, CASE_KEY, live)[1] == before != ask(tree, CASE_KEY)[1]


class TestGrowingTree:
    def test_folders_of_other_cases_are_passed_over(self, tree: Tree) -> None:
        growing, folder = GrowingTree(), tree.root / ENVIRONMENT / iteration_name(1)
        assert len(growing.find(folder, CASE_KEY).records) == 8
        damage(tree, f"ebpf/{OTHER.name}/**/metadata_*.json")
        unit(tree, 3)
        found = growing.find(folder, CASE_KEY)
        assert [record.metadata.case_key for record in found.records] == [CASE_KEY] * 6
        assert found.problems == ()
        assert growing.find(folder, OTHER_KEY).problems != ()

    def test_damage_in_a_folder_of_no_known_case_is_told_each_time(self, tree: Tree) -> None:
        damage(tree, f"ebpf/{OTHER.name}/**/metadata_*.json")
        growing, folder = GrowingTree(), tree.root / ENVIRONMENT / iteration_name(1)
        assert growing.find(folder, CASE_KEY).problems == growing.find(folder, CASE_KEY).problems != ()

    def test_perf_tests_of_other_cases_stay_known(self, tree: Tree) -> None:
        growing, folder = GrowingTree(), tree.root / ENVIRONMENT / iteration_name(1)
        growing.find(folder, CASE_KEY)
        ((pair, tests),) = growing.tests.items()
        assert (pair, [str(test) for test in tests]) == ((ENVIRONMENT, 1, "host"), ["latency:tcp_rr"])
