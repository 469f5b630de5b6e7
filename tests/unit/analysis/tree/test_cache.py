"""Asking for one case again and again while the tree grows: the same answers, without reading the others' files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.analysis_tree import CASE, CASE_KEY, CLIENT, ENVIRONMENT, SERVER, Tree, netperf

from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.live import LiveRun
from probecost.analysis.tree import find as locate_module
from probecost.analysis.tree.cache import TreeCache
from probecost.analysis.tree.find import find_perf_tests
from probecost.results.layout import ARMS, BASELINE, CaseFolder
from probecost.results.names import CaseId

OTHER_KEY, OTHER = "host-eth_drop-tx", CaseFolder("eth_drop", 2, "0a1b2c")
ITERATION = "iteration_001"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Two cases of two units."""
    tree = Tree(tmp_path, units=2)
    for key, case in ((CASE_KEY, CASE), (OTHER_KEY, OTHER)):
        for number in (1, 2):
            unit(tree, number, key, case)
    return tree


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Case keys of the metadata files that were read, in order."""
    found: list[str] = []
    real = locate_module.metadata.parse

    def parse(text: str) -> object:
        parsed = real(text)
        found.append(parsed.case_key)
        return parsed

    monkeypatch.setattr(locate_module.metadata, "parse", parse)
    return found


def unit(tree: Tree, number: int, key: str = CASE_KEY, case: CaseFolder = CASE) -> None:
    for arm in ARMS:
        mean_us = 100.0 if arm == BASELINE else 110.0 + number
        tree.perf_test(arm, number, "latency", "tcp_rr", client=[netperf(mean_us)], case_key=key, case=case)


def ask(tree: Tree, key: str, live: LiveRun | None = None) -> tuple[object, object]:
    live = live or LiveRun(Settings())
    progress = live.progress(tree.root, CaseId(ENVIRONMENT, 1, key))
    study = live.results(tree.root, CaseId(ENVIRONMENT, 1, key))
    return progress, study and replace(study.study, folders=())


def test_the_answers_are_those_of_a_first_look(tree: Tree) -> None:
    live = LiveRun(Settings())
    for number in (3, 4, 5):
        for key, case in ((CASE_KEY, CASE), (OTHER_KEY, OTHER)):
            unit(tree, number, key, case)
            assert ask(tree, key, live) == ask(tree, key)


def test_what_others_have_is_not_read_again(tree: Tree, read: list[str]) -> None:
    live = LiveRun(Settings())
    ask(tree, CASE_KEY, live)
    assert set(read) == {CASE_KEY, OTHER_KEY}
    read.clear()
    ask(tree, CASE_KEY, live)
    assert read == []
    ask(tree, OTHER_KEY, live)
    assert read == [OTHER_KEY] * 8  # two units, two arms, two nodes
    read.clear()
    unit(tree, 3, OTHER_KEY, OTHER)
    ask(tree, OTHER_KEY, live)
    assert read == [OTHER_KEY] * 4


def test_only_the_metadata_of_the_case_at_hand_stay_in_memory(tree: Tree, read: list[str]) -> None:
    live = LiveRun(Settings())
    ask(tree, CASE_KEY, live)
    ask(tree, OTHER_KEY, live)
    read.clear()
    ask(tree, CASE_KEY, live)
    assert read == [CASE_KEY] * 8


def test_metadata_that_are_written_again_are_read_again(tree: Tree) -> None:
    live = LiveRun(Settings())
    ask(tree, CASE_KEY, live)
    for file in tree.root.glob(f"**/{CASE.name}/**/metadata_*.json"):
        file.write_text(json.dumps({**json.loads(file.read_text()), "void_reason": "made again", "superseded": True}))
    progress, _ = ask(tree, CASE_KEY, live)
    assert progress == LiveRun(Settings()).progress(tree.root, CaseId(ENVIRONMENT, 1, CASE_KEY))
    assert live.progress(tree.root, CaseId(ENVIRONMENT, 1, CASE_KEY)).usable == {"latency:tcp_rr": 0}


def test_a_folder_of_two_cases(tree: Tree) -> None:
    """The pair kind is no part of the folder's name: the second case comes into a folder that is known."""
    live = LiveRun(Settings())
    ask(tree, CASE_KEY, live)
    ask(tree, OTHER_KEY, live)
    for arm in ARMS:
        tree.perf_test(
            *(arm, 1, "latency", "tcp_rr"), client=[netperf(100.0)], case_key="vm-eth_drop", case=CASE, pair_kind="vm"
        )
    progress, _ = ask(tree, "vm-eth_drop", live)
    assert progress == LiveRun(Settings()).progress(tree.root, CaseId(ENVIRONMENT, 1, "vm-eth_drop"))
    assert live.progress(tree.root, CaseId(ENVIRONMENT, 1, "vm-eth_drop")).usable == {"latency:tcp_rr": 1}


def test_shared_baselines_are_everybodys(tmp_path: Path) -> None:
    tree, live = Tree(tmp_path, units=1), LiveRun(Settings())
    tree.perf_test(BASELINE, 1, "latency", "tcp_rr", client=[netperf(100.0)], shared=True)
    for key, case in ((CASE_KEY, CASE), (OTHER_KEY, OTHER)):
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(120.0)], shared=True, case_key=key, case=case)
        assert ask(tree, key, live) == ask(tree, key)


def test_a_damaged_file_is_told_each_time(tree: Tree) -> None:
    cache = TreeCache()
    cache.begin(CASE_KEY)
    for node in (SERVER, CLIENT):
        for file in tree.node(node).glob(f"ebpf/{OTHER.name}/**/metadata_*.json"):
            file.write_text("{")
    folder = tree.root / ENVIRONMENT / ITERATION
    assert find_perf_tests(folder, cache=cache).problems == find_perf_tests(folder, cache=cache).problems != ()


def test_what_the_run_planned_is_read_once(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.run_file({"host-a": {"case_key": CASE_KEY}})
    cache = TreeCache()
    before = cache.run(tree.root)
    tree.run_file({})
    assert cache.run(tree.root) is before
    assert [case.case_key for case in before.cases] == [CASE_KEY]
