"""overview.md: rows, links, what is missing and why, where it comes from."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from helpers.analysis_tree import CASE_KEY, CLIENT, SERVER, Tree, csv_rows, full_tree, netperf

from probecost.analysis.report.terminal import summary_lines
from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import study_run
from probecost.errors import ConfigError
from probecost.results.layout import CaseFolder


class TestOverview:
    def test_row_facts_and_links(self, tmp_path: Path) -> None:
        overview = write_reports(full_tree(tmp_path).root)
        text = overview.read_text()
        (row,) = [line for line in text.splitlines() if line.startswith(f"| [{CASE_KEY}]")]
        assert [cell.strip() for cell in row.split("|")[2:-1]] == [
            "**25.0 → 33.0, +32.0 % (+20.0 % to +50.0 %)** ⚠",
            "40.0 → 39.0, -2.5 % (-5.0 % to 0.0 %)",
            "19.0 → 18.05, -5.0 % (-5.0 % to -5.0 %)",
            "18.0 → 18.0, 0.0 % (0.0 % to 0.0 %)",
            "**105,000 → 52,500, -50.0 % (-50.0 % to -50.0 %)** ⚠",
            "**180,000 → 99,000, -45.0 % (-50.0 % to -40.0 %)** ⚠",
            "6.0 / 7.0",
            "8.8MB",
            "104B",
            "passed",
        ]
        assert "Units per case: 2. Below 8 units these are estimates without a verdict" in text
        assert "6.1.0-test x86_64" in text
        assert r"2 x Test \| CPU &lt;b&gt;" in text
        assert "`pytest -k 'eth drop' --env lab`" in text
        assert "perf\\_tests latency" in text or "perf_tests latency" in text
        assert "Latency: a positive difference means slower" in text
        assert "## Failures and missing data\n\nNone.\n" in text

    def test_what_was_measured_again_after_a_reboot(self, tmp_path: Path) -> None:
        tree, said = full_tree(tmp_path), "host-server has rebooted: unit 1 of host-a was measured again"
        tree.run_file({}, reboots=[said])
        text = write_reports(tree.root).read_text()
        assert f"Measured again, since a node had rebooted:\n\n- {said}\n" in text.replace("\\", "")

    def test_all_links_lead_to_something(self, tmp_path: Path) -> None:
        overview = write_reports(full_tree(tmp_path).root)
        for page in overview.parent.rglob("*.md"):
            targets = re.findall(r"\]\(([^)]+)\)", page.read_text())
            assert targets
            for target in targets:
                assert (page.parent / unquote(target)).exists(), f"{page}: {target}"

    def test_failed_interrupted_and_never_started_cases(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        tree.run_file(
            {
                CASE_KEY: {"outcome": "failed", "message": "tool died: | exit 1\nmore"},
                "lab/host-null": {
                    "case_key": "host-null",
                    "environment": "lab",
                    "outcome": "error",
                    "message": "no node",
                },
                "elsewhere": {"outcome": "failed", "message": "of an unknown environment"},
                "host-later": {"outcome": "not run"},
            },
            notes=["could not remove a file"],
        )
        text = write_reports(tree.root).read_text()
        assert f"- **{CASE_KEY}** failed: tool died: \\| exit 1 more" in text
        assert "- **host-null** error: no node\n  - the case ended before anything was measured" in text
        assert "- **elsewhere** has no results, failed: of an unknown environment" in text
        assert "2 cases measured in 1 environment, 1 of them with missing data." in text
        assert "| host-null | N/A | N/A |" in text
        assert "- 1 selected case was not run" in text
        assert "- could not remove a file" in text

    def test_a_case_that_failed_before_any_perf_test_has_its_rows(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        null = {
            "case_key": "host-null-rx",
            "environment": "lab",
            "iteration": 1,
            "pair_kind": "host",
            "tool_id": "null",
            "case_id": 2,
            "case_name": "null_rx_protocol_udp",
            "category": "packet-drop",
            "hash": "0a1b2c",
            "parameters": {"protocol": "udp", "direction": "rx"},
            "command": "null.sh",
            "outcome": "error",
            "message": "no node",
        }
        tree.run_file({CASE_KEY: {"outcome": "passed"}, "host-null-rx": null, "later": {**null, "outcome": "not run"}})
        overview = write_reports(tree.root)
        row = csv_rows(overview.parent / "lab" / "packet_drop_latency_iteration_001.csv")[2]
        assert row[:4] == ["null_case_2_0a1b2c", "udp", "rx", "N/A"]
        lines = summary_lines(study_run(tree.root, Settings()).cases)
        assert lines[2].split() == ["host-null-rx", *["N/A"] * 5, "error,", "data", "missing"]
        assert lines[-1].startswith("Units per case: 2.")

    def test_iterations_stand_one_after_the_other(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        for tree.iteration in (1, 2):
            tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)])
            tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(20 + tree.iteration)])
        overview = write_reports(tree.root)
        text = overview.read_text()
        assert "1 case measured in 1 environment and 2 iterations, 0 of 2 measurements" in text
        assert text.index("### Iteration 1") < text.index("+5.0 %") < text.index("### Iteration 2")
        assert text.index("### Iteration 2") < text.index("+10.0 %")
        names = sorted(path.name for path in (overview.parent / "lab").glob("*latency*"))
        assert names == [f"packet_drop_latency_{part}.csv" for part in ("all", "iteration_001", "iteration_002")]
        lines = summary_lines(study_run(tree.root, Settings()).cases)
        assert [line.split()[0] for line in lines[1:3]] == [f"{CASE_KEY}-iteration_00{number}" for number in (1, 2)]

    @pytest.mark.parametrize(("planned", "missing"), [([1, 3], 0), ([1, 2, 3], 1), ("x", 1), ([True, -1, None], 1)])
    def test_units_that_were_not_planned_are_not_missed(self, tmp_path: Path, planned: object, missing: int) -> None:
        tree = Tree(tmp_path, units=3)
        for unit in (1, 3):
            for arm in ("baseline", "tool"):
                tree.perf_test(arm, unit, "latency", "tcp_rr", client=[netperf(20)], planned_units=planned)
        (case,) = study_run(tree.root, Settings()).cases
        assert len({problem.where.unit for problem in case.missing}) == missing

    def test_the_same_bytes_wherever_it_is_written(self, tmp_path: Path) -> None:
        root = full_tree(tmp_path / "results").root
        here = write_reports(root).parent
        there = write_reports(root, tmp_path / "else" / "where").parent
        files = sorted(path.relative_to(here) for path in here.rglob("*") if path.is_file())
        assert files == sorted(path.relative_to(there) for path in there.rglob("*") if path.is_file())
        assert len(files) > 5
        for file in files:
            assert (here / file).read_bytes() == (there / file).read_bytes(), file

    def test_missing_files_are_listed_and_logged(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        tree = full_tree(tmp_path)
        (gone,) = tree.node(SERVER).glob("ebpf/*/host/pps/single_20261122_213520_000/monitoring/counters.json")
        gone.unlink()
        cut = min(tree.node(CLIENT).glob("baseline/host/latency/tcp_rr_*/client_results/latency_tcp_rr.txt"))
        cut.write_text("")
        with caplog.at_level(logging.WARNING):
            overview = write_reports(tree.root)
        text = overview.read_text()
        assert "unit 1, tool visit, pps single: the file is missing" in text
        assert "unit 1, baseline visit, latency tcp_rr: the file is empty" in text
        assert "passed, data missing" in text
        assert "N/A: unit 1, tool visit, pps single: the file is missing (lab/iteration_001/host-server/" in caplog.text
        topic = (overview.parent / "lab" / "packet_drop_overview_iteration_001.md").read_text()
        assert "the file is empty" in topic
        row = csv_rows(overview.parent / "lab" / "packet_drop_latency_iteration_001.csv")[1]
        assert row[3:8] == ["10.0", "36.0", "1000.0", "30.0", "20.0"]

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        overview = write_reports(tmp_path)
        assert "**No case has results.**" in overview.read_text()
        assert [path.name for path in sorted(overview.parent.iterdir())] == [
            "measurements.csv",
            "overview.md",
            "report.html",
            "summary.md",
            "verdicts.csv",
        ]

    def test_whole_runs_are_not_mixed(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path, units=1)
        tree.run_file({})
        (tmp_path / "latest").symlink_to(tree.root.name)
        with pytest.raises(ConfigError, match=f"holds runs, and is none itself: .*{tree.root.name}"):
            write_reports(tmp_path)
        assert not (tmp_path / "reports").exists()
        assert write_reports(tmp_path / "latest").is_file()

    @pytest.mark.parametrize(("tool", "is_explained"), [("null", True), ("eth_drop", False)])
    def test_the_control_is_explained_where_there_is_one(self, tmp_path: Path, tool: str, is_explained: bool) -> None:
        tree = Tree(tmp_path, units=1)
        case = CaseFolder(tool, 1, "aaaaaa")
        for arm in ("baseline", "tool"):
            tree.perf_test(arm, 1, "latency", "tcp_rr", client=[netperf(20)], case=case, case_key=f"host-{tool}")
        text = write_reports(tree.root).read_text()
        assert ("- The tool of the case `null` only sleeps" in text) == is_explained

    def test_two_versions_are_named(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        plain = write_reports(tree.root).read_text()
        tree.run_file({}, options={"versus": "/tmp/[old] tools", "seed": 7})
        text = write_reports(tree.root).read_text()
        told = r"Two versions are compared: baseline is the other one (/tmp/\[old\] tools), tool is"
        assert told in text
        assert "A cost is what the own version costs over the other one" in text
        assert "Two versions" not in plain

    def test_options_without_a_value_mean_all(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path, units=1)
        tree.run_file({}, options={"perf_tests": [], "seed": 7})
        assert "- Options: perf_tests all, seed 7" in write_reports(tree.root).read_text()

    def test_shared_baseline_is_said(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20)], shared=True)
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(22)])
        text = write_reports(tree.root).read_text()
        assert "one shared baseline" in text
        assert "20.0 → 22.0, +10.0 %" in text
        assert "## Failures and missing data\n\nNone.\n" in text
