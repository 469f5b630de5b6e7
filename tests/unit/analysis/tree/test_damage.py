"""Trees that were damaged in any way: never an error, and each loss is listed."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from helpers.analysis_tree import CASE_KEY, CLIENT, SERVER, Tree, full_tree, netperf

from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import study_run
from probecost.results.metrics import PRIMARY


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
        study = study_run(tree.root, Settings())
        assert overview.is_file()
        for case in study.cases:
            for perf_test, metric in PRIMARY.items():
                for conn_type in ("tcp_rr", "udp_rr") if perf_test == "latency" else ("single", "multi"):
                    found = case.get(perf_test, conn_type, metric)
                    if found is None or found.n_units < 2:
                        assert any(
                            each.where.perf_test in ("", perf_test) and each.where.conn_type in ("", conn_type)
                            for each in case.missing
                            for p in case.missing
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
