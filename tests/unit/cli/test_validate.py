"""``probecost validate``: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.analysis_tree import (
    CASE,
    CASE_KEY,
    CLIENT,
)
from helpers.validation_tree import (
    delete_output,
    leave_half_a_file,
    too_many_cpus,
    whole_tree,
)

from probecost.cli.main import main
from probecost.results import layout


def test_the_command_says_what_is_complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = whole_tree(tmp_path)
    assert main(["validate", "--results", str(tree.root)]) == 0
    out = capsys.readouterr().out
    assert f"{CASE_KEY}  1          complete  passed   visits 2 of 2" in out
    assert out.endswith(f"{tree.root}: 1 of 1 case complete and plausible\n")


def test_the_command_says_what_is_wrong_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = whole_tree(tmp_path)
    delete_output(tree)
    too_many_cpus(tree)
    assert main(["validate", "--results", str(tree.root)]) == 1
    out = capsys.readouterr().out
    assert "visits (latency tcp_rr 1 of 2, latency udp_rr 2 of 2," in out
    assert "  missing: unit 1, tool visit, latency tcp_rr: the file is missing (lab/iteration_001/host-client/" in out
    assert "  implausible: unit" not in out
    assert "  implausible: tool visit: the tool used 500 % of a core on a node of 2 CPUs (lab/" in out
    assert out.endswith("0 of 1 case complete and plausible (1 incomplete)\n")


def test_long_lists_are_cut_unless_all_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = whole_tree(tmp_path)
    for file in tree.node(CLIENT).rglob("counters.json"):
        file.unlink()
    assert main(["validate", "--results", str(tree.root)]) == 1
    assert "  missing: 16 more, with --all" in capsys.readouterr().out
    assert main(["validate", "--results", str(tree.root), "--all"]) == 1
    assert capsys.readouterr().out.count("  missing: ") == 24


def test_json_holds_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = whole_tree(tmp_path)
    delete_output(tree)
    leave_half_a_file(tree)
    assert main(["validate", "--results", str(tree.root), "--format", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    (case,) = document["cases"]
    assert document["complete"] is False
    assert (case["case_key"], case["state"], case["iteration"]) == (CASE_KEY, "incomplete", 1)
    assert case["perf_tests"][0] == {
        "perf_test": "latency",
        "conn_type": "tcp_rr",
        "schedule": "visits",
        "n_planned": 2,
        "n_complete": 1,
    }
    problem = next(entry for entry in case["problems"] if entry["kind"] == "missing")
    assert problem["file"].startswith(f"lab/iteration_001/{CLIENT}/{layout.TREE}/ebpf/{CASE.name}/host/latency/")
    assert (problem["arm"], problem["unit"], problem["perf_test"]) == ("tool", 1, "latency")
    assert document["problems"][0]["file"] == "lab/.x.json.part"


@pytest.mark.parametrize("folder", ["", "not-there"])
def test_the_command_refuses_what_is_no_results_tree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    assert main(["validate", "--results", str(tmp_path / folder)]) == 4
    assert str(tmp_path / folder) in capsys.readouterr().err


def test_a_folder_of_runs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole_tree(tmp_path)
    assert main(["validate", "--results", str(tmp_path)]) == 4
    assert "holds runs, and is none itself" in capsys.readouterr().err
