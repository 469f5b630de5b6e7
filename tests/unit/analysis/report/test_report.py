"""The reports: golden tables of a tree whose figures were worked out by hand, and what damaged trees give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.analysis_tree import CASE, CASE_KEY, Tree, csv_rows, full_tree, netperf

from probecost.analysis.report.tables.tables import LATENCY_COLUMNS, PPS_COLUMNS, RESOURCES_COLUMNS, THROUGHPUT_COLUMNS
from probecost.analysis.report.write import write_reports, write_study
from probecost.analysis.settings.settings import Settings, load_settings
from probecost.analysis.study.run import study_run
from probecost.errors import ConfigError

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
        assert len(first) == 4 + 1 + 1 + 1 + 1 + 2

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
        (case,) = study_run(tree.root, Settings()).cases
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
        study = study_run(tree.root, Settings())
        plain = write_study(study, tmp_path / "a", Settings()).parent
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
        assert load_settings() == Settings()
        path = tmp_path / "config.yaml"
        path.write_text("topics:\n  a-b: c\n")
        assert load_settings(path) == Settings({"a-b": "c"})
        path.write_text("")
        assert load_settings(path) == Settings()
        path.write_text("margin_pct: 1.5\n")
        assert load_settings(path) == Settings({}, 1.5)
        path.write_text("foreign_cpu_limit_pct: 40\n")
        assert load_settings(path) == Settings({}, foreign_cpu_limit_pct=40.0)
        for text in (
            "topics: [a]\n",
            "topics: {a: b\n",
            "- a\n",
            "margin_pct: 0\n",
            "margin_pct: yes\n",
            "foreign_cpu_limit_pct: 0\n",
            "foreign_cpu_limit_pct: little\n",
            "topic: {}\n",
        ):
            path.write_text(text)
            with pytest.raises(ConfigError, match=r"config\.yaml"):
                load_settings(path)
        with pytest.raises(ConfigError, match="no such file"):
            load_settings(tmp_path / "absent.yaml")


class TestCommand:
    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "probecost.analysis", *map(str, arguments)]
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
