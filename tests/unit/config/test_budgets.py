"""Budgets in configuration files and on the command line: what is refused, and which of several holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from helpers.fake_project import case_entries, full_config

from probecost.config.budgets import asked_rules, budgets_of, parse_rule, spelled, with_asked
from probecost.config.environment import Case, PerfTestSpec
from probecost.config.folder import load_folder, load_minimal
from probecost.errors import ConfigError
from probecost.results.metrics import PERF_TESTS, PRIMARY, by_budget, has_verdict

SPECS = tuple(PerfTestSpec(test.type, test.conn_type, 1.0) for test in PERF_TESTS)
RX, TX, PRINT = "host-eth_drop-rx", "host-eth_drop-tx", "host-packet_print-rx"


def folder_of(tmp_path: Path, budgets: object) -> Path:
    content = full_config("bed") | {"budgets": budgets}
    (tmp_path / "bed-full.yaml").write_text(json.dumps(content, indent=1))
    entries = case_entries(["eth_drop rx", "eth_drop tx", "packet_print rx"])
    (tmp_path / "bed-cases.json").write_text(json.dumps({"test_cases": entries}))
    return tmp_path


def loaded(tmp_path: Path, budgets: object = None) -> dict[str, Case]:
    return {case.key: case for case in load_folder(folder_of(tmp_path, budgets))[1]}


def limits(case: Case) -> dict[str, float]:
    return spelled(case.budgets)


def refusal(tmp_path: Path, budgets: object) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, budgets)
    return str(caught.value).replace(str(tmp_path), "")


def asked(cases: Mapping[str, Case], *texts: str) -> dict[str, dict[str, float]]:
    every = tuple(cases.values())
    ruled = with_asked(every, SPECS, asked_rules(texts, every, SPECS))
    return {case.key: limits(case) for case in ruled}


class TestNames:
    def test_each_metric_is_one_of_the_analysis_and_each_primary_one_has_a_budget(self) -> None:
        assert all(has_verdict(metric.name) for metric in by_budget().values())
        assert set(PRIMARY.items()) <= {(metric.perf_type, metric.name) for metric in by_budget().values()}

    def test_what_is_spelled_is_read(self, tmp_path: Path) -> None:
        case = loaded(tmp_path, {"default": {"latency_mean": "5%", "throughput:multi": 10}})[RX]
        written = {"latency_mean:tcp_rr": 5.0, "latency_mean:udp_rr": 5.0, "throughput:multi": 10.0}
        assert limits(case) == written
        assert budgets_of(written) == case.budgets


class TestFile:
    @pytest.mark.parametrize(("written", "percent"), [(5, 5.0), (2.5, 2.5), ("5%", 5.0), ("0.50 %", 0.5)])
    def test_percentages(self, tmp_path: Path, written: object, percent: float) -> None:
        assert limits(loaded(tmp_path, {"default": {"pps:single": written}})[RX]) == {"pps:single": percent}

    @pytest.mark.parametrize("written", [0, -3, "0%", "-3%", "five", True, [5], "5%%", "inf", ""])
    def test_what_is_no_percentage(self, tmp_path: Path, written: object) -> None:
        text = refusal(tmp_path, {"default": {"latency_mean": written}})
        assert text.startswith("/bed-full.yaml:")
        assert f" budgets.default.latency_mean = {json.dumps(written)}: expected a percentage above 0" in text

    def test_an_unknown_metric_lists_the_known_ones(self, tmp_path: Path) -> None:
        text = refusal(tmp_path, {"tools": {"eth_drop": {"latency_meen": 5}}})
        assert (
            " budgets.tools.eth_drop.latency_meen = 5: there is no such metric (did you mean 'latency_mean'?)" in text
        )
        assert all(name in text for name in by_budget())

    def test_an_unknown_connection_type(self, tmp_path: Path) -> None:
        text = refusal(tmp_path, {"default": {"latency_mean:single": 5}})
        assert "latency_mean has the connection types tcp_rr and udp_rr" in text

    @pytest.mark.parametrize(
        ("key", "name", "said"),
        [
            ("tools", "eth_dorp", "there is no such tool (did you mean 'eth_drop'?)"),
            ("categories", "x", "there is no such category; known: packet-drop"),
            ("cases", "host-eth_drop-r", "there is no such case (did you mean 'host-eth_drop-rx'?)"),
        ],
    )
    def test_names_that_nothing_has(self, tmp_path: Path, key: str, name: str, said: str) -> None:
        assert f" budgets.{key}.{name}: {said}" in refusal(tmp_path, {key: {name: {"pps": 5}}})

    def test_all_mistakes_at_once_and_each_with_its_line(self, tmp_path: Path) -> None:
        text = refusal(tmp_path, {"defaults": {}, "default": {"pqs": 1, "pps": 0}})
        lines = [line.split(":")[1] for line in text.splitlines()]
        assert len(lines) == len(set(lines)) == 3
        assert "did you mean 'default'?" in text

    def test_the_most_specific_holds(self, tmp_path: Path) -> None:
        cases = loaded(
            tmp_path,
            {
                "default": {"latency_mean:tcp_rr": 1, "pps": 7},
                "categories": {"packet-drop": {"latency_mean": 2}},
                "tools": {"eth_drop": {"latency_mean": 3, "latency_mean:udp_rr": 4}},
                "cases": {TX: {"latency_mean": None, "pps:multi": 9}},
            },
        )
        assert limits(cases[PRINT]) == {
            "latency_mean:tcp_rr": 2, "latency_mean:udp_rr": 2, "pps:multi": 7, "pps:single": 7,
        }  # fmt: skip
        assert limits(cases[RX]) == {
            "latency_mean:tcp_rr": 3, "latency_mean:udp_rr": 4, "pps:multi": 7, "pps:single": 7,
        }  # fmt: skip
        assert limits(cases[TX]) == {"pps:multi": 9, "pps:single": 7}

    def test_a_tool_by_its_file(self, tmp_path: Path) -> None:
        assert limits(loaded(tmp_path, {"tools": {"eth_drop.sh": {"pps:single": 5}}})[RX]) == {"pps:single": 5}

    @pytest.mark.parametrize("empty", [None, {}, {"default": None, "tools": None}])
    def test_none(self, tmp_path: Path, empty: object) -> None:
        assert loaded(tmp_path, empty)[RX].budgets == ()

    def test_a_minimal_input_says_its_mistakes_too(self, tmp_path: Path) -> None:
        file = tmp_path / "minimal-input.yaml"
        nodes = "nodes: {a: {ssh: 192.0.2.1, role: host}}"
        file.write_text(f"environment: bed\n{nodes}\nbudgets:\n  default:\n    latncy_mean:tcp_rr: 5%\n    pps: 0%\n")
        with pytest.raises(ConfigError) as caught:
            load_minimal(file)
        metric, percent = caught.value.problems
        assert metric.startswith(f'{file}:5: budgets.default.latncy_mean:tcp_rr = "5%": there is no such metric')
        assert percent.startswith(f'{file}:6: budgets.default.pps = "0%": expected a percentage above 0')


class TestCommandLine:
    def test_it_goes_before_the_file_whatever_its_level(self, tmp_path: Path) -> None:
        cases = loaded(tmp_path, {"cases": {RX: {"pps:single": 1}}, "default": {"throughput:multi": 2}})
        found = asked(cases, "pps:single=8%")
        assert found[RX] == found[TX] == {"pps:single": 8, "throughput:multi": 2}

    def test_scopes_and_what_is_said_last(self, tmp_path: Path) -> None:
        texts = (
            "packet-drop:pps:multi=1",
            "eth_drop:pps:multi=2",
            f"{TX}:pps:multi=none",
            "pps:multi=4",
            "pps:multi=5",
        )
        found = asked(loaded(tmp_path), *texts)
        assert found == {RX: {"pps:multi": 2}, TX: {}, PRINT: {"pps:multi": 1}}
        assert asked(loaded(tmp_path), "pps:multi=4", "pps:multi=5")[RX] == {"pps:multi": 5}

    def test_an_unknown_scope(self, tmp_path: Path) -> None:
        with pytest.raises(
            ConfigError,
            match=r"--budget 'eth_dorp:pps=5': there is no case, tool or category 'eth_dorp'"
            r" \(did you mean 'eth_drop'\?\)",
        ):
            asked(loaded(tmp_path), "eth_dorp:pps=5")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("latency_mean", "expected [SCOPE:]METRIC[:CONNECTION]=PERCENT"),
            ("=5", "expected [SCOPE:]METRIC"),
            ("a:b:c:d=5", "expected [SCOPE:]METRIC"),
            ("latency_mean=0", "expected a percentage above 0"),
            ("latency_mean=-1%", "expected a percentage above 0"),
            ("latency_mean=nan", "expected a percentage above 0"),
            ("latency_men=5", "did you mean 'latency_mean'?"),
            ("eth_drop:latency=5", "there is no such metric"),
            ("pps:tcp_rr=5", "pps has the connection types single and multi"),
        ],
    )
    def test_what_cannot_be_read(self, text: str, said: str) -> None:
        with pytest.raises(ValueError, match=r"expected|there is no|has the") as caught:
            parse_rule(text)
        assert said in str(caught.value)

    def test_only_what_the_run_measures(self, tmp_path: Path) -> None:
        every = tuple(loaded(tmp_path, {"default": {"pps": 5, "latency_mean": 5}}).values())
        latency = (PerfTestSpec("latency", "tcp_rr", 1.0),)
        (case, *_) = with_asked(every, latency, asked_rules(("latency_p99=9",), every, latency))
        assert limits(case) == {"latency_mean:tcp_rr": 5, "latency_p99:tcp_rr": 9}
        with pytest.raises(ConfigError, match="this run does not measure it, only latency:tcp_rr"):
            asked_rules(("pps=5",), every, latency)
