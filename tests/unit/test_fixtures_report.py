"""What junit files, HTML pages and run.json say of the cases."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from fake_project import Project

from fixtures.html_page import HtmlPage, cell, link_of
from fixtures.properties import scalar


def junit_cases(file: Path) -> dict[str, dict[str, list[str]]]:
    """Test case -> property -> its values."""
    found: dict[str, dict[str, list[str]]] = {}
    for case in ET.parse(file).getroot().iter("testcase"):
        properties = found.setdefault(case.attrib["name"], {})
        for entry in case.iter("property"):
            properties.setdefault(entry.attrib["name"], []).append(entry.attrib["value"])
    return found


def html_rows(file: Path) -> list[list[str]]:
    """The cells of each row that pytest-html keeps as JSON in the page."""
    match = re.search(r'data-jsonblob="([^"]*)"', file.read_text())
    assert match
    tests: dict[str, list[dict[str, Any]]] = json.loads(unescape(match[1]))["tests"]
    return [row["resultsTableRow"] for rows in tests.values() for row in rows]


class TestJunit:
    def test_properties_of_a_case(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.run("--junitxml=junit.xml").assert_outcomes(passed=1)
        properties = junit_cases(project.path / "junit.xml")["test_case[host-a-rx]"]
        assert properties == {
            "run_id": [project.tree.name],
            "environment": ["bed"],
            "iteration": ["1"],
            "case_key": ["host-a-rx"],
            "latency_tcp_rr_mean_diff_pct": ["1.5"],
            "latency_udp_rr_mean_diff_pct": ["N/A"],
            "throughput_single_received_diff_pct": ["-0.25"],
            "tool_cpu_avg_pct": ["12.34"],
            "kernel": ["<6.1 & up>"],
            "verdict": ["OVERHEAD"],
            "artifact": [str(project.tree / "bed/iteration_001/host-server/host-a-rx <&>.log")],
        }

    def test_a_failed_case_has_its_artifacts_too(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail({"measure host-a-rx": "the tool died"})
        project.run("--junitxml=junit.xml").assert_outcomes(failed=1)
        properties = junit_cases(project.path / "junit.xml")["test_case[host-a-rx]"]
        assert len(properties["artifact"]) == 1
        assert "latency_tcp_rr_mean_diff_pct" not in properties

    def test_a_case_without_valid_data_keeps_the_figures_it_has(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.fail({"problems host-a-rx": ["pps single: nothing received"]})
        project.run("--junitxml=junit.xml").assert_outcomes(failed=1)
        assert junit_cases(project.path / "junit.xml")["test_case[host-a-rx]"]["tool_cpu_avg_pct"] == ["12.34"]


class TestHtml:
    def test_columns_and_links(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.fail({"measure host-b-rx": "the tool died"})
        project.run("--html=out/page.html").assert_outcomes(passed=1, failed=1)
        page = project.path / "out" / "page.html"
        text = page.read_text()
        titles = ["TCP RR diff", "UDP RR diff", "Throughput diff", "PPS diff", "Tool CPU", "Verdict"]
        assert [text.index(f"<th>{title}</th>") for title in titles] == sorted(
            text.index(f"<th>{title}</th>") for title in titles
        )
        passed, failed = html_rows(page)
        assert [re.sub("<.*?>", "", part) for part in passed[2:8]] == [
            "+1.50 %",
            "N/A",
            "-0.25 %",
            "",
            "12.3 %",
            "OVERHEAD",
        ]
        assert [re.sub("<.*?>", "", part) for part in failed[2:8]] == [""] * 6
        for row, key in ((passed, "host-a-rx"), (failed, "host-b-rx")):
            (link,) = re.findall(r'href="(.*?)"', row[9])
            target = page.parent / unquote(unescape(link))
            assert target.resolve() == project.tree / f"bed/iteration_001/host-server/{key} <&>.log"
            assert target.is_file()
            assert f"{key} &lt;&amp;&gt;.log</a>" in row[9]
        assert unquote(re.findall(r'All results: <a href="(.*?)"', text)[0]) == f"../results/{project.tree.name}"
        (page_link,) = re.findall(r'<a href="([^"]*)">report.html</a>', text)
        assert unquote(unescape(page_link)) == f"../results/{project.tree.name}/reports/report.html"

    def test_self_contained(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.run("--html=page.html", "--self-contained-html").assert_outcomes(passed=1)
        assert len(html_rows(project.path / "page.html")) == 1

    def test_a_session_without_measurement_has_no_columns(self, project: Project) -> None:
        (project.path / "test_own.py").write_text("def test_own(): pass\n")
        project.pytester.runpytest_inprocess("test_own.py", "--html=page.html").assert_outcomes(passed=1)
        assert "TCP RR diff" not in (project.path / "page.html").read_text()

    def test_without_pytest_html(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.run("-p", "no:html").assert_outcomes(passed=1)

    def test_texts_are_escaped(self) -> None:
        cells = ["result", "test"]
        report = pytest.TestReport(
            "id", ("file", 1, "id"), {}, "passed", None, "call", user_properties=[("tool_cpu_avg_pct", "<b>")]
        )
        HtmlPage(Path("/tmp")).pytest_html_results_table_row(report, cells)
        assert cells[-2] == '<td class="col-probecost">&lt;b&gt;</td>'

    def test_the_first_figure_that_a_case_has(self) -> None:
        assert cell({"multi": 2.0}, ("single", "multi"), "{:+.1f}") == "+2.0"
        assert cell({}, ("single",), "{:+.1f}") == ""

    def test_targets_and_names_of_links(self) -> None:
        folder = Path("/r/id/bed/iteration_001/client/performance-test-results")
        visit = folder / "ebpf/eth_drop_case_1_0a1b2c/host"
        test = "_20261122_213458_123"
        assert link_of(visit / f"latency/tcp_rr{test}") == (visit / "latency", "tool latency client")
        baseline = folder / "baseline/host/pps"
        assert link_of(baseline / f"multi{test}") == (baseline, "baseline pps client")
        log = visit / f"ebpf_error{test}.log"
        assert link_of(log) == (log, log.name)


class TestRunFile:
    def test_what_was_asked_for(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.run("--seed", "7", "--units", "2", "--keep-remote", "--baseline", "shared")
        content = project.run_json
        assert content["schema"] == 1
        assert content["run_id"] == project.tree.name
        assert content["probecost"]
        assert content["argv"][:2] == ["--env", "bed"]
        assert content["environments"] == ["bed"]
        assert (
            content["options"] | {"seed": 7, "units": 2, "keep_remote": True, "baseline": "shared"}
            == content["options"]
        )
        assert content["started_ns"] < content["ended_ns"]
        assert content["exit_status"] == 0

    def test_a_seed_is_drawn_and_recorded(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.run()
        seed = project.run_json["options"]["seed"]
        project.run()
        assert project.run_json["options"]["seed"] != seed

    def test_is_complete_after_each_case(self, project: Project) -> None:
        project.add_environment(cases=["a rx", "b rx"])
        project.add_conftest(
            "def pytest_probecost_case_init(case):\n"
            "    name = f'{case.key}.json'\n"
            "    (case.run.tree.root / name).write_text(case.run.tree.run_file.read_text())\n"
        )
        project.run().assert_outcomes(passed=2)
        then = json.loads((project.tree / "host-b-rx.json").read_text())
        assert {key: case["outcome"] for key, case in then["cases"].items()} == {
            "host-a-rx": "passed",
            "host-b-rx": "not run",
        }

    def test_skipped_cases(self, project: Project) -> None:
        project.add_environment(cases=["a rx"])
        project.add_conftest("import pytest\n\ndef pytest_probecost_case_init(case): pytest.skip('not today')\n")
        project.run().assert_outcomes(skipped=1)
        assert project.outcomes == {"host-a-rx": "skipped"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (True, True),
        ("x", "x"),
        (np.float64(1.5), 1.5),
        (np.int64(2), 2.0),
        (np.inf, "N/A"),
        (None, "N/A"),
    ],
)
def test_properties_are_scalars_of_json(value: object, expected: object) -> None:
    found = scalar(value)
    assert found == expected
    assert type(found) in (str, int, float, bool)
    json.dumps(found, allow_nan=False)
