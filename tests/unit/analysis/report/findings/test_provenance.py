"""Where reports come from: every report says it, and the command that stands there writes the same bytes again."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from helpers.analysis_tree import RUN_ID, Tree, full_tree, netperf

from probecost.analysis.report.findings.provenance import Fact, provenance
from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import Settings, load_settings
from probecost.analysis.study.run import study_run
from probecost.analysis.study.selection import EVERYTHING, Request
from probecost.cli.main import main

NODE = "Kernel 6.1.0-test x86_64, CPU 2 x Test | CPU <b>, Memory 4.0GB, iperf3 3.12, netperf 2.7.0, Interfaces eth0"


def facts(root: Path, request: Request = EVERYTHING) -> dict[str, str]:
    return {fact.name: fact.text for fact in provenance(study_run(root, Settings()), Settings(), request).all_facts()}


def test_facts_of_a_run(tmp_path: Path) -> None:
    root = full_tree(tmp_path).root
    found = facts(root)
    assert found["Run"] == RUN_ID
    assert found["Command"] == "pytest -k 'eth drop' --env lab"
    assert (found["Seed"], found["probecost"], found["Exit status"]) == ("7", "0.1.0", "0")
    assert found["Started"] == "2026-11-22 21:35:00 UTC, ended 2026-11-22 21:35:48 UTC"
    assert found["Options"] == "perf_tests latency, seed 7, units 2"
    assert found["Settings of the analysis"].startswith("the defaults; margin 3 %, foreign CPU up to 10 %, thresholds ")
    assert found["Environment"] == "lab"
    assert found["Node host-server"].startswith(NODE)
    assert found["Raw results"] == str(root)
    assert found["The same reports again"] == f"probecost analyze --iteration-path {root}"
    assert "Shown" not in found


def test_a_tree_without_a_run_file_says_what_its_perf_tests_say(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)])
    found = facts(tree.root)
    assert (found["Run"], found["Seed"], found["probecost"]) == (RUN_ID, "7", "0.1.0")
    assert (found["Command"], found["Options"]) == ("not recorded", "not recorded")


def test_a_tree_that_says_nothing(tmp_path: Path) -> None:
    found = facts(tmp_path)
    assert (found["Run"], found["Seed"], found["probecost"]) == (tmp_path.name, "not recorded", "not recorded")


def test_machines_that_nothing_tells_of(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20)], facts={})
    page = write_reports(tree.root).parent / "lab" / "packet_drop_overview_iteration_001.md"
    assert "- Environment: lab\n  - machines: not recorded\n" in page.read_text()


def test_a_part_is_told_as_one(tmp_path: Path) -> None:
    found = facts(full_tree(tmp_path).root, Request(("net", "drops"), 2))
    assert found["Shown"] == "topics net, drops, iteration 2; verdicts are those of the whole run"
    assert found["The same reports again"].endswith(" --topic net --topic drops --iteration 2")


def test_only_commands_are_commands(tmp_path: Path) -> None:
    origin = provenance(study_run(full_tree(tmp_path).root, Settings()), Settings())
    assert [fact.name for fact in origin.all_facts() if fact.is_command] == ["Command", "The same reports again"]
    assert Fact("Run", RUN_ID) in origin.facts


def test_every_page_says_it(tmp_path: Path) -> None:
    reports = write_reports(full_tree(tmp_path).root).parent
    pages = sorted(reports.rglob("*.md"))
    assert len(pages) == 3
    for page in pages:
        text = page.read_text()
        assert f"- Run: {RUN_ID}\n- Command: `pytest -k 'eth drop' --env lab`\n- Seed: 7\n" in text
        assert "- The same reports again: `probecost analyze --iteration-path " in text
    text = pages[0].read_text()
    assert "\n- Environment: lab\n  - host-client: Kernel 6.1.0-test x86_64, CPU 2 x Test \\| CPU &lt;b&gt;" in text


@pytest.mark.parametrize("more", [[], ["--topic", "drops", "--iteration", "1", "--format", "xlsx"]])
def test_the_command_writes_the_same_bytes_again(tmp_path: Path, more: list[str]) -> None:
    root = full_tree(tmp_path / "a run's results").root
    config = tmp_path / "my settings.yaml"
    config.write_text("topics: {packet-drop: drops}\nmargin_pct: 2\n")
    assert main(["analyze", "--iteration-path", str(root), "--config", str(config), *more]) == 0
    reports = root / "reports"
    first = {path: path.read_bytes() for path in reports.rglob("*") if path.is_file()}
    assert len(first) == (10 if not more else 11)
    again = provenance(
        study_run(root, Settings()), load_settings(config), Request(("drops",), 1, ("xlsx",)) if more else Request()
    ).again
    assert again in (reports / "overview.md").read_text()
    for path in first:
        path.unlink()
    program, *arguments = shlex.split(again)
    assert program == "probecost"
    assert main(arguments) == 0
    assert {path: path.read_bytes() for path in reports.rglob("*") if path.is_file()} == first
