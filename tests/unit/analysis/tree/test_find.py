"""Finding perf tests in a results tree, whole and damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers.analysis_tree import CASE, CASE_KEY, CLIENT, ENVIRONMENT, SERVER, Tree, full_tree, netperf

from probecost.analysis.tree.any_tree import find_in_any_tree
from probecost.analysis.tree.find import Found, find_perf_tests
from probecost.analysis.tree.metadata import parse
from probecost.analysis.tree.run import CaseOutcome, read_run


def test_joins_both_nodes(tmp_path: Path) -> None:
    tree = full_tree(tmp_path)
    located = find_perf_tests(tree.root)
    assert located.problems == ()
    assert len(located.records) == 2 * 2 * 6
    record = next(r for r in located.records if r.metadata.perf_test == "pps" and r.metadata.arm == "tool")
    assert record.place.visit.case == CASE
    assert (record.metadata.case_key, record.metadata.environment) == (CASE_KEY, ENVIRONMENT)
    assert record.client_results == tree.node(CLIENT) / record.place.client
    assert record.server_results == tree.node(SERVER) / record.place.server
    assert record.server_monitoring == tree.node(SERVER) / record.place.monitoring
    assert record.tool_visit_dir == tree.node(SERVER) / "ebpf" / CASE.name / "host"


def test_any_folder_above_the_nodes_will_do(tmp_path: Path) -> None:
    tree = full_tree(tmp_path)
    for folder in (tmp_path, tree.root, tree.root / ENVIRONMENT, tree.root / ENVIRONMENT / "iteration_001"):
        assert len(find_perf_tests(folder).records) == 24
    assert len(find_perf_tests(tree.node(CLIENT)).records) == 24


def test_reports_of_an_earlier_analysis_are_not_results(tmp_path: Path) -> None:
    tree = full_tree(tmp_path)
    shutil.copytree(tree.root / ENVIRONMENT, tree.root / "reports" / ENVIRONMENT)
    assert len(find_perf_tests(tree.root).records) == 24


def test_latest_is_not_counted_twice(tmp_path: Path) -> None:
    tree = full_tree(tmp_path)
    (tmp_path / "latest").symlink_to(tree.root.name)
    assert len(find_perf_tests(tmp_path).records) == 24
    assert len(find_perf_tests(tmp_path / "latest").records) == 24


def test_one_damaged_metadata_file_is_replaced_by_the_other_nodes(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    place = tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)])
    (tree.node(CLIENT) / place.metadata).write_text("{broken")
    located = find_perf_tests(tree.root)
    assert len(located.records) == 1
    (problem,) = located.problems
    assert not problem.missing
    assert problem.path == tree.node(CLIENT) / place.metadata
    assert "broken or truncated JSON" in problem.reason


def test_without_any_metadata_the_folder_is_a_problem_of_its_case(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.perf_test("tool", 1, "latency", "udp_rr", client=[netperf(20)])
    place = tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)])
    (tree.node(CLIENT) / place.metadata).write_text("")
    (tree.node(SERVER) / place.metadata).unlink()
    located = find_perf_tests(tree.root)
    assert [record.metadata.conn_type for record in located.records] == ["udp_rr"]
    reasons = {problem.reason: problem for problem in located.problems}
    assert set(reasons) == {
        "metadata: the file is empty",
        "metadata: the file is missing",
        "no usable metadata: what this folder belongs to is unknown",
    }
    assert {problem.where.case_key for problem in located.problems} == {CASE_KEY}
    assert [problem.missing for problem in located.problems].count(True) == 1


def test_swapped_arms_are_noticed(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    place = tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)])
    for node in (CLIENT, SERVER):
        path = tree.node(node) / place.metadata
        path.write_text(path.read_text().replace('"arm": "tool"', '"arm": "baseline"'))
    located = find_perf_tests(tree.root)
    assert located.records == ()
    assert "arm 'baseline'" in located.problems[0].reason
    assert located.problems[0].missing


def test_folder_and_metadata_of_different_perf_tests(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)], **{"error": None})
    place = tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)])
    for node in (CLIENT, SERVER):
        path = tree.node(node) / place.metadata
        path.write_text(path.read_text().replace('"conn_type": "tcp_rr"', '"conn_type": "udp_rr"'))
    located = find_perf_tests(tree.root)
    assert len(located.records) == 1
    assert "the folder's name says otherwise" in located.problems[0].reason


def test_nodes_that_name_different_visits(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    place = tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)])
    path = tree.node(SERVER) / place.metadata
    path.write_text(path.read_text().replace('"unit": 1', '"unit": 2'))
    located = find_perf_tests(tree.root)
    assert located.records == ()
    assert located.problems[0].reason == "the metadata of the nodes name different visits"


def test_metadata_with_missing_and_wrong_entries(tmp_path: Path) -> None:
    for entry, word in (("unit", "unit"), ("arm", "arm"), ("case_key", "case_key"), ("perf_test", "perf_test")):
        tree = Tree(tmp_path / entry)
        place = tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)])
        for node in (CLIENT, SERVER):
            path = tree.node(node) / place.metadata
            document = json.loads(path.read_text())
            document[entry] = ["nonsense"]
            path.write_text(json.dumps(document))
        located = find_perf_tests(tree.root)
        assert located.records == ()
        assert f"lacks {word}" in located.problems[0].reason


def test_environment_and_iteration_come_from_the_path_if_need_be(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    place = tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)])
    for node in (CLIENT, SERVER):
        path = tree.node(node) / place.metadata
        document = {
            key: value
            for key, value in json.loads(path.read_text()).items()
            if key not in ("environment", "iteration", "pair_kind", "visit_id", "options", "facts", "clocks")
        }
        path.write_text(json.dumps(document))
    (record,) = find_perf_tests(tree.root).records
    what = record.metadata
    assert (what.environment, what.iteration, what.pair_kind) == (ENVIRONMENT, 1, "host")
    assert what.visit_id == f"{CASE_KEY}/u001/tool"


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)], schema=2)
    located = find_perf_tests(tree.root)
    assert located.records == ()
    assert "has schema 2" in located.problems[0].reason


def test_a_rewritten_metadata_file_is_read_again(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    place = tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)])
    assert find_perf_tests(tree.root).records[0].metadata.error == ""
    for node in (CLIENT, SERVER):
        path = tree.node(node) / place.metadata
        path.write_text(json.dumps({**json.loads(path.read_text()), "error": "iperf3 hung"}))
    assert find_perf_tests(tree.root).records[0].metadata.error == "iperf3 hung"


def test_the_older_shape_is_read_beside_the_other(tmp_path: Path) -> None:
    old = tmp_path / "iteration_001" / SERVER / "performance-test-results" / "ebpf" / "eth_drop_case_1_tcp_rx_9d5e19"
    folder = old / "host" / "server_results" / "pps" / "multi_2_20261122_213458"
    folder.mkdir(parents=True)
    assert find_perf_tests(tmp_path) == Found((), ())
    (record,) = find_in_any_tree(tmp_path).records
    what = record.metadata
    assert (what.environment, what.iteration, what.arm) == (tmp_path.name, 1, "tool")
    assert (what.case_key, what.parameters) == (
        "host-eth_drop_case_1_tcp_rx",
        {"direction": "rx", "protocol": "tcp"},
    )
    assert (what.perf_test, what.conn_type, what.streams) == ("pps", "multi", 2)
    assert (what.server_node, record.server_results, record.client_files) == (SERVER, folder, [])


def test_nothing_there(tmp_path: Path) -> None:
    assert find_perf_tests(tmp_path).records == ()
    assert find_perf_tests(tmp_path / "absent").problems[0].reason == "there is no such folder"


class TestRunFile:
    def test_by_case_key_and_by_item_id(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.run_file(
            {
                CASE_KEY: {"outcome": "passed"},
                "other/host-null": {
                    "case_key": "host-null",
                    "environment": "other",
                    "outcome": "failed",
                    "message": "why",
                },
            }
        )
        run, problems = read_run(tree.root)
        assert problems == ()
        assert run.outcome("lab", 1, CASE_KEY) == CaseOutcome(CASE_KEY, "", 0, "passed", "")
        assert run.outcome("other", 2, "host-null") == CaseOutcome("host-null", "other", 0, "failed", "why")
        assert run.outcome("lab", 1, "host-null") is None
        assert run.options == {"perf_tests": "latency", "seed": "7", "units": "1"}

    def test_absent_is_no_problem_and_damaged_is_one(self, tmp_path: Path) -> None:
        assert read_run(tmp_path)[1] == ()
        (tmp_path / "run.json").write_text('{"argv": [1, ')
        run, problems = read_run(tmp_path)
        assert run.argv == ()
        assert "broken or truncated JSON" in problems[0].reason

    def test_wrong_types(self, tmp_path: Path) -> None:
        content = {"argv": "x", "cases": {"a": 1}, "options": [], "started_ns": "now", "notes": 3}
        (tmp_path / "run.json").write_text(json.dumps(content))
        run, _ = read_run(tmp_path)
        assert (run.argv, run.options, run.started_ns, run.notes) == ((), {}, None, ())
        assert run.cases == (CaseOutcome("a", "", 0, "", ""),)

    def test_each_iteration_has_an_outcome(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        entry = {"case_key": "host-null", "environment": "lab"}
        cases = {f"host-null-iteration_00{n}": {**entry, "iteration": n, "outcome": f"o{n}"} for n in (1, 2)}
        tree.run_file(cases)
        run, _ = read_run(tree.root)
        found = [run.outcome("lab", iteration, "host-null") for iteration in (1, 2, 3)]
        assert [outcome and outcome.outcome for outcome in found] == ["o1", "o2", None]


@pytest.mark.parametrize(("offered", "read"), [(5e9, 5e9), (None, None), ("all", None), (0, None), (-1, None)])
def test_the_offered_rate_is_a_number_above_0_or_none(tmp_path: Path, offered: object, read: float | None) -> None:
    tree = Tree(tmp_path)
    tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)], offered_rate=offered)
    (record,) = find_perf_tests(tree.root).records
    assert record.metadata.offered_rate == read


def test_the_line_is_the_fastest_interface_that_says_its_speed(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    speeds = [{"name": "lo", "speed_mbps": 99_000}, {"name": "a", "speed_mbps": 1000}, {"name": "b", "speed_mbps": 10}]
    facts = {
        SERVER: {"interfaces": [*speeds, {"name": "c", "speed_mbps": -1}]},
        CLIENT: {"interfaces": [{"name": "d"}]},
    }
    tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)], facts=facts)
    (record,) = find_perf_tests(tree.root).records
    assert record.metadata.facts[SERVER].line_bps == 1e9
    assert record.metadata.facts[CLIENT].line_bps is None


def test_copies_are_told_apart_by_all_but_their_node(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    place = tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)])
    for node, unit in ((CLIENT, 1), (SERVER, 2)):
        path = tree.node(node) / place.metadata
        path.write_text(json.dumps(json.loads(path.read_text()) | {"unit": unit}, indent=1))
    assert find_perf_tests(tree.root).records == ()
    (problem,) = [problem for problem in find_perf_tests(tree.root).problems if problem.missing]
    assert "different visits" in problem.reason


def test_a_copy_that_differs_in_its_node_alone_is_the_same_metadata() -> None:
    document = {"schema": 1, "arm": "tool", "unit": 1, "case_key": "k", "perf_test": "pps", "conn_type": "single"}
    first, second = (parse(json.dumps({"node": node, **document}, indent=1)) for node in ("a", "b"))
    other = parse(json.dumps({"node": "a", **document, "unit": 2}, indent=1))
    assert first is second
    assert (first.unit, other.unit) == (1, 2)
