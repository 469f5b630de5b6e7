"""Asking for one case again and again while the tree grows: the same answers, without reading the others' files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.analysis_tree import CASE, CASE_KEY, CLIENT, ENVIRONMENT, SERVER, Tree, netperf

from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.progress import case_progress
from probecost.analysis.study.run import study_case
from probecost.analysis.tree import find as locate_module
from probecost.analysis.tree.cache import Seen
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


def ask(tree: Tree, key: str, seen: Seen | None = None) -> tuple[object, object]:
    progress = case_progress(tree.root, CaseId(ENVIRONMENT, 1, key), Settings(), seen=seen)
    study = study_case(tree.root, CaseId(ENVIRONMENT, 1, key), Settings(), seen=seen)
    return progress, study and replace(study.study, folders=())


def test_the_answers_are_those_of_a_first_look(tree: Tree) -> None:
    seen = Seen()
    for number in (3, 4, 5):
        for key, case in ((CASE_KEY, CASE), (OTHER_KEY, OTHER)):
            unit(tree, number, key, case)
            assert ask(tree, key, seen) == ask(tree, key)


def test_what_others_have_is_not_read_again(tree: Tree, read: list[str]) -> None:
    seen = Seen()
    ask(tree, CASE_KEY, seen)
    assert set(read) == {CASE_KEY, OTHER_KEY}
    read.clear()
    ask(tree, CASE_KEY, seen)
    assert read == []
    ask(tree, OTHER_KEY, seen)
    assert read == [OTHER_KEY] * 8  # two units, two arms, two nodes
    read.clear()
    unit(tree, 3, OTHER_KEY, OTHER)
    ask(tree, OTHER_KEY, seen)
    assert read == [OTHER_KEY] * 4


def test_only_the_metadata_of_the_case_at_hand_stay_in_memory(tree: Tree, read: list[str]) -> None:
    seen = Seen()
    ask(tree, CASE_KEY, seen)
    ask(tree, OTHER_KEY, seen)
    read.clear()
    ask(tree, CASE_KEY, seen)
    assert read == [CASE_KEY] * 8


def test_metadata_that_are_written_again_are_read_again(tree: Tree) -> None:
    seen = Seen()
    ask(tree, CASE_KEY, seen)
    for file in tree.root.glob(f"**/{CASE.name}/**/metadata_*.json"):
        file.write_text(json.dumps({**json.loads(file.read_text()), "void_reason": "made again", "superseded": True}))
    progress, _ = ask(tree, CASE_KEY, seen)
    assert progress == case_progress(tree.root, CaseId(ENVIRONMENT, 1, CASE_KEY), Settings())
    assert case_progress(tree.root, CaseId(ENVIRONMENT, 1, CASE_KEY), Settings(), seen=seen).usable == {
        "latency:tcp_rr": 0
    }


def test_a_folder_of_two_cases(tree: Tree) -> None:
    """The pair kind is no part of the folder's name: the second case comes into a folder that is known."""
    seen = Seen()
    ask(tree, CASE_KEY, seen)
    ask(tree, OTHER_KEY, seen)
    for arm in ARMS:
        tree.perf_test(
            *(arm, 1, "latency", "tcp_rr"), client=[netperf(100.0)], case_key="vm-eth_drop", case=CASE, pair_kind="vm"
        )
    progress, _ = ask(tree, "vm-eth_drop", seen)
    assert progress == case_progress(tree.root, CaseId(ENVIRONMENT, 1, "vm-eth_drop"), Settings())
    assert case_progress(tree.root, CaseId(ENVIRONMENT, 1, "vm-eth_drop"), Settings(), seen=seen).usable == {
        "latency:tcp_rr": 1
    }


def test_shared_baselines_are_everybodys(tmp_path: Path) -> None:
    tree, seen = Tree(tmp_path, units=1), Seen()
    tree.perf_test(BASELINE, 1, "latency", "tcp_rr", client=[netperf(100.0)], shared=True)
    for key, case in ((CASE_KEY, CASE), (OTHER_KEY, OTHER)):
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(120.0)], shared=True, case_key=key, case=case)
        assert ask(tree, key, seen) == ask(tree, key)


def test_a_damaged_file_is_told_each_time(tree: Tree) -> None:
    seen = Seen()
    seen.begin(CASE_KEY)
    for node in (SERVER, CLIENT):
        for file in tree.node(node).glob(f"ebpf/{OTHER.name}/**/metadata_*.json"):
            file.write_text("{")
    folder = tree.root / ENVIRONMENT / ITERATION
    assert find_perf_tests(folder, seen=seen).problems == find_perf_tests(folder, seen=seen).problems != ()


def test_what_the_run_planned_is_read_once(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.run_file({"host-a": {"case_key": CASE_KEY}})
    seen = Seen()
    before = seen.run(tree.root)
    tree.run_file({})
    assert seen.run(tree.root) is before
    assert [case.case_key for case in before.cases] == [CASE_KEY]
