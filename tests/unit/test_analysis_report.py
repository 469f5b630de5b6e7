"""The reports: golden tables of a tree whose figures were worked out by hand, and what damaged trees give."""

from __future__ import annotations

import csv
import json
import logging
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from analysis_tree import CASE, CASE_KEY, CLIENT, SERVER, Tree, full_tree, netperf

from analysis.measurements import PRIMARY
from analysis.plugin import summary_lines
from analysis.report import write_reports, write_study
from analysis.report.tables import LATENCY_COLUMNS, PPS_COLUMNS, RESOURCES_COLUMNS, THROUGHPUT_COLUMNS
from analysis.settings import Settings, load_settings
from analysis.study import study_run
from probecost.errors import ConfigError
from probecost.layout import CaseFolder

GOLDEN = {
    "latency": """\
Tool Case,Protocol,Direction,TCP RR Min (us),TCP RR Mean (us),TCP RR Max (us),TCP RR Baseline (us),TCP RR Diff (%),\
UDP RR Min (us),UDP RR Mean (us),UDP RR Max (us),UDP RR Baseline (us),UDP RR Diff (%)
eth_drop_case_1_9d5e19,tcp,rx,10.0,33.0,1000.0,25.0,32.0,10.0,39.0,1000.0,40.0,-2.5
""",
    "throughput": """\
Tool Case,Protocol,Direction,Client Single (Gbps),Client Single Baseline (Gbps),Client Single Diff (%),\
Client Multi (Gbps),Client Multi Baseline (Gbps),Client Multi Diff (%),Server Single (Gbps),\
Server Single Baseline (Gbps),Server Single Diff (%),Server Multi (Gbps),Server Multi Baseline (Gbps),\
Server Multi Diff (%)
eth_drop_case_1_9d5e19,tcp,rx,19.05,20.0,-4.75,18.0,18.0,0.0,18.05,19.0,-5.0,18.0,18.0,0.0
""",
    "pps": """\
Tool Case,Protocol,Direction,Client Single PPS,Client Single Baseline,Client Single Diff (%),Client Multi PPS,\
Client Multi Baseline,Client Multi Diff (%),Server Single PPS,Server Single Baseline,Server Single Diff (%),\
Server Multi PPS,Server Multi Baseline,Server Multi Diff (%)
eth_drop_case_1_9d5e19,tcp,rx,120000,120000,0.0,200000,200000,0.0,52500,105000,-50.0,99000,180000,-45.0
""",
    "resources": """\
Tool Case,Protocol,Direction,PPS Single CPU Avg (%),PPS Single CPU Max (%),PPS Single Mem Max (KB),\
PPS Multi CPU Avg (%),PPS Multi CPU Max (%),PPS Multi Mem Max (KB),TP Single CPU Avg (%),TP Single CPU Max (%),\
TP Single Mem Max (KB),TP Multi CPU Avg (%),TP Multi CPU Max (%),TP Multi Mem Max (KB),Max RSS (KB),Max VSZ (KB),\
Total Samples,Log Size (Bytes),Log Size (Human)
eth_drop_case_1_9d5e19,tcp,rx,6.0,7.0,4002,6.0,7.0,4002,6.0,7.0,4002,6.0,7.0,4002,9000,18000,28,1200,1.2KB
""",
}


def csv_rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


class TestTables:
    @pytest.mark.parametrize("name", sorted(GOLDEN))
    def test_golden(self, tmp_path: Path, name: str) -> None:
        overview = write_reports(full_tree(tmp_path).root)
        path = overview.parent / "lab" / f"packet_drop_{name}_iteration_001.csv"
        assert path.read_text() == GOLDEN[name]

    def test_numbers_of_columns(self) -> None:
        columns = (LATENCY_COLUMNS, THROUGHPUT_COLUMNS, PPS_COLUMNS, RESOURCES_COLUMNS)
        assert [len(names) for names in columns] == [13, 15, 15, 20]

    def test_measurements(self, tmp_path: Path) -> None:
        rows = csv_rows(write_reports(full_tree(tmp_path).root).parent / "measurements.csv")
        assert ",".join(rows[0]) == (
            "run_id,environment,iteration,case_key,visit_id,unit_index,pair_index,arm,order,perf_test,conn_type,"
            "metric,value,unit,start,end,void_reason"
        )
        assert len(rows) == 1 + 4 * (7 + 7 + 3 + 3 + 4 + 4)
        first = dict(zip(rows[0], rows[1], strict=True))
        assert first == {
            "run_id": "20261122_213458_123_ab12",
            "environment": "lab",
            "iteration": "1",
            "case_key": CASE_KEY,
            "visit_id": f"{CASE_KEY}/u001/baseline",
            "unit_index": "1",
            "pair_index": "1",
            "arm": "baseline",
            "order": "1",
            "perf_test": "latency",
            "conn_type": "tcp_rr",
            "metric": "min_us",
            "value": "10",
            "unit": "us",
            "start": "1795383310000000000",
            "end": "1795383311000000000",
            "void_reason": "",
        }

    def test_twice_gives_the_same_bytes(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        first = {path: path.read_bytes() for path in write_reports(tree.root).parent.rglob("*") if path.is_file()}
        second = {path: path.read_bytes() for path in write_reports(tree.root).parent.rglob("*") if path.is_file()}
        assert first == second
        assert len(first) == 4 + 1 + 1 + 1 + 1

    def test_formulas_are_neutralised_and_numbers_are_not(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        parameters = {"protocol": "=HYPERLINK(1)", "direction": "@rx"}
        tree.perf_test("baseline", 1, "latency", "udp_rr", client=[netperf(40)], parameters=parameters)
        tree.perf_test(
            "tool", 1, "latency", "udp_rr", client=[netperf(38)], parameters=parameters, visit_id="-1+1", run_id="+1"
        )
        reports = write_reports(tree.root).parent
        row = csv_rows(reports / "lab" / "packet_drop_latency_iteration_001.csv")[1]
        assert row[:3] == [CASE.name, "'=HYPERLINK(1)", "'@rx"]
        assert row[-1] == "-5.0"
        cells = csv_rows(reports / "measurements.csv")[-1]
        assert (cells[0], cells[4]) == ("'+1", "'-1+1")

    def test_protocol_and_direction_from_the_name(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test(
            "tool", 1, "latency", "udp_rr", client=[netperf(40)], parameters={}, case_name="x_tx_protocol_udp"
        )
        (case,) = study_run(tree.root).cases
        assert (case.protocol, case.direction) == ("udp", "tx")

    def test_case_without_a_tool_visit(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(40)])
        row = csv_rows(write_reports(tree.root).parent / "lab" / "packet_drop_latency_iteration_001.csv")[1]
        assert row == ["eth_drop_case_1", "tcp", "rx", "N/A", "N/A", "N/A", "40.0", *["N/A"] * 6]


class TestTopics:
    def test_category_and_mapping(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(4)], category="system-network/per-formance")
        study = study_run(tree.root)
        plain = write_study(study, tmp_path / "a", Settings({})).parent
        assert (plain / "lab" / "system_network_per_formance_latency_iteration_001.csv").is_file()
        mapped = write_study(study, tmp_path / "b", Settings({"system-network": "net"})).parent
        assert (mapped / "lab" / "net_overview_iteration_001.md").is_file()

    def test_names_lead_nowhere_else(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path / "results")
        tree.perf_test("tool", 1, "latency", "tcp_rr", client=[netperf(4)], category="../../x", environment="../y")
        output = tmp_path / "out" / "deep"
        write_reports(tree.root, output)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "results"]
        assert sorted(path.name for path in output.parent.iterdir()) == ["deep"]

    def test_settings(self, tmp_path: Path) -> None:
        assert load_settings() == Settings({})
        path = tmp_path / "config.yaml"
        path.write_text("topics:\n  a-b: c\n")
        assert load_settings(path) == Settings({"a-b": "c"})
        path.write_text("")
        assert load_settings(path) == Settings({})
        path.write_text("margin_pct: 1.5\n")
        assert load_settings(path) == Settings({}, 1.5)
        for text in (
            "topics: [a]\n",
            "topics: {a: b\n",
            "- a\n",
            "margin_pct: 0\n",
            "margin_pct: yes\n",
            "topic: {}\n",
        ):
            path.write_text(text)
            with pytest.raises(ConfigError, match=r"config\.yaml"):
                load_settings(path)
        with pytest.raises(ConfigError, match="no such file"):
            load_settings(tmp_path / "absent.yaml")


class TestOverview:
    def test_row_facts_and_links(self, tmp_path: Path) -> None:
        overview = write_reports(full_tree(tmp_path).root)
        text = overview.read_text()
        (row,) = [line for line in text.splitlines() if line.startswith(f"| [{CASE_KEY}]")]
        assert [cell.strip() for cell in row.split("|")[2:-1]] == [
            "25.0 → 33.0, +32.0 % (+20.0 % to +50.0 %)",
            "40.0 → 39.0, -2.5 % (-5.0 % to 0.0 %)",
            "19.0 → 18.05, -5.0 % (-5.0 % to -5.0 %)",
            "18.0 → 18.0, 0.0 % (0.0 % to 0.0 %)",
            "105,000 → 52,500, -50.0 % (-50.0 % to -50.0 %)",
            "180,000 → 99,000, -45.0 % (-50.0 % to -40.0 %)",
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
        lines = summary_lines(study_run(tree.root).cases)
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
        assert names == ["packet_drop_latency_iteration_001.csv", "packet_drop_latency_iteration_002.csv"]
        lines = summary_lines(study_run(tree.root).cases)
        assert [line.split()[0] for line in lines[1:3]] == [f"{CASE_KEY}-iteration_00{number}" for number in (1, 2)]

    @pytest.mark.parametrize(("planned", "missing"), [([1, 3], 0), ([1, 2, 3], 1), ("x", 1), ([True, -1, None], 1)])
    def test_units_that_were_not_planned_are_not_missed(self, tmp_path: Path, planned: object, missing: int) -> None:
        tree = Tree(tmp_path, units=3)
        for unit in (1, 3):
            for arm in ("baseline", "tool"):
                tree.perf_test(arm, unit, "latency", "tcp_rr", client=[netperf(20)], planned_units=planned)
        (case,) = study_run(tree.root).cases
        assert len({problem.unit for problem in case.missing}) == missing

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


class TestDamage:
    """Whatever is done to the files, the reports come, and every cell that is lost has a reason."""

    @pytest.mark.parametrize("seed", range(12))
    def test_random_damage(self, tmp_path: Path, seed: int) -> None:
        chance = random.Random(seed)
        tree = full_tree(tmp_path)
        for path in sorted(path for path in tree.root.rglob("*") if path.is_file()):
            content = path.read_bytes()
            match chance.randrange(12):
                case 0:
                    path.unlink()
                case 1:
                    path.write_bytes(b"")
                case 2:
                    path.write_bytes(content[: chance.randrange(len(content))])
                case 3:
                    position = chance.randrange(len(content))
                    path.write_bytes(content[:position] + bytes(chance.randbytes(8)) + content[position:])
                case 4:
                    path.unlink()
                    path.mkdir()
        overview = write_reports(tree.root)
        study = study_run(tree.root)
        assert overview.is_file()
        for case in study.cases:
            for perf_test, metric in PRIMARY.items():
                for conn_type in ("tcp_rr", "udp_rr") if perf_test == "latency" else ("single", "multi"):
                    found = case.get(perf_test, conn_type, metric)
                    if found is None or found.n_units < 2:
                        assert any(
                            p.perf_test in ("", perf_test) and p.conn_type in ("", conn_type) for p in case.missing
                        )

    @pytest.mark.parametrize(
        "text", ["null", "[]", "1", '{"a":' * 5000, '{"unit": 1e400}', '{"schema": "x"}', "\x00" * 50, "{}" * 3]
    )
    def test_strange_json_everywhere(self, tmp_path: Path, text: str) -> None:
        tree = full_tree(tmp_path)
        for path in tree.root.rglob("*.json"):
            path.write_text(text)
        overview = write_reports(tree.root)
        assert "no usable metadata" in overview.read_text()

    @pytest.mark.parametrize("entry", ["nodes", "clocks", "facts", "tool", "options", "parameters", "command", "error"])
    @pytest.mark.parametrize("value", [None, 1, "x", [], [1], {"host-server": 3}, {"host-server": {"interfaces": 5}}])
    def test_strange_metadata_entries(self, tmp_path: Path, entry: str, value: object) -> None:
        tree = Tree(tmp_path)
        for arm in ("baseline", "tool"):
            place = tree.perf_test(arm, 1, "latency", "tcp_rr", client=[netperf(20)])
            for node in (CLIENT, SERVER):
                path = tree.node(node) / place.metadata
                path.write_text(json.dumps({**json.loads(path.read_text()), entry: value}))
        assert CASE_KEY in write_reports(tree.root).read_text()

    def test_a_whole_node_is_missing(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        for path in sorted(tree.node(CLIENT).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        text = write_reports(tree.root).read_text()
        assert "unit 2, tool visit, latency udp_rr: the file is missing (lab/iteration_001/host-client/" in text

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    @pytest.mark.parametrize("mode", [0o000, 0o400])
    def test_unreadable_folders(self, tmp_path: Path, mode: int) -> None:
        tree = full_tree(tmp_path)
        folders = [tree.node(CLIENT), next(tree.node(SERVER).glob("baseline/host/pps/single_*"))]
        folders += [next(tree.node(SERVER).glob("baseline/host/throughput/multi_*/server_results"))]
        for folder in reversed(folders):
            folder.chmod(mode)
        try:
            assert "## Failures and missing data" in write_reports(tree.root).read_text()
        finally:
            for folder in folders:
                folder.chmod(0o755)


class TestCommand:
    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "analysis", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_writes_reports(self, tmp_path: Path) -> None:
        tree = full_tree(tmp_path)
        iteration, output = tree.root / "lab" / "iteration_001", tmp_path / "out"
        ended = self.run("--iteration-path", iteration, "--output-dir", output)
        assert (ended.returncode, ended.stdout.strip()) == (0, str(output / "overview.md"))
        assert (output / "lab" / "packet_drop_pps_iteration_001.csv").read_text() == GOLDEN["pps"]

    def test_usage_errors(self, tmp_path: Path) -> None:
        assert self.run("--iteration-path", tmp_path / "absent", "--output-dir", tmp_path).returncode != 0
        bad = tmp_path / "bad.yaml"
        bad.write_text("topics: [")
        ended = self.run("--iteration-path", tmp_path, "--output-dir", tmp_path / "out", "--config", bad)
        assert ended.returncode == 4
        assert "bad.yaml" in ended.stderr
