"""``--load`` and ``--max-rate`` on the command lines of pytest and probecost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_project import Project, plain
from workflow_project import again, written

from cli.main import main


@pytest.fixture(autouse=True)
def bed(project: Project) -> None:
    project.add_environment()


def configs(content: dict[str, object]) -> list[tuple[str, object, object]]:
    cycle = content["test_sequence"][0]  # type: ignore[index]
    return [
        (f"{tests['type']}:{config['conn_type']}", config["load"], config["max_rate"])
        for tests in cycle["test_cycle"]["performance_tests"]
        for config in tests["configs"]
    ]


def test_every_selected_perf_test_at_every_load(project: Project) -> None:
    options = ("--load", "2G,100%", "--max-rate", "500M", "--perf-tests", "latency:tcp_rr")
    content = written(project, *options)
    assert configs(content) == [("latency:tcp_rr", "2G", 5e8), ("latency:tcp_rr", None, 5e8)]
    assert main(["workflow", "--env", "bed", "--config-dir", "config", "--output", "o.json", *options, *plain()]) == 0
    other = json.loads(Path("o.json").read_text())
    assert other["test_sequence"] == content["test_sequence"]
    assert other["metadata"]["options"] == content["metadata"]["options"]


def test_a_workflow_with_loads_runs_as_it_is(project: Project) -> None:
    written(project, "--load", "2G", "--perf-tests", "latency:tcp_rr", "-k", "eth_drop")
    assert again(project).ret == 0
    assert [line.split()[0] for line in project.log if line.startswith("latency")] == ["latency:tcp_rr-load2G"] * 4
    options = json.loads((project.tree / "run.json").read_text())["options"]
    assert (options["load"], options["max_rate_bps"]) == (["2G"], None)


def test_options_that_contradict_it_are_refused(project: Project) -> None:
    written(project, "--load", "2G", "--perf-tests", "latency:tcp_rr")
    result = again(project, "--load", "1G", "--max-rate", "500M")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["*--load 1G: the workflow has 2G", "*--max-rate 500000000: the workflow has what the environment says"]
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--load", "25"), "*--load: expected a percentage such as 25%, or a rate with its unit*not '25'*"),
        (("--load", "2G,2000M"), "*--load: '2000M' is the same load as '2G'*"),
        (("--max-rate", "50%"), "*--max-rate: expected bits per second with their unit*"),
        (("--load", "25%", "--workflow-out", "w.json"), "*the maximum of throughput:single is not known*"),
        (("--load", "100kpps", "--perf-tests", "latency"), "*latency:tcp_rr sends no counted packets*"),
        (("--load", "2G", "--schedule", "switched"), "*latency at a load cannot be measured in switched flows*"),
    ],
)
def test_nonsense_is_an_error_of_usage(project: Project, options: tuple[str, ...], told: str) -> None:
    result = project.run("--collect-only", *options)
    assert result.ret == 4
    result.stderr.fnmatch_lines([told])


def test_the_estimated_time_counts_them(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "--env", "bed", "--config-dir", "config", "--perf-tests", "latency:tcp_rr"]) == 0
    assert "perf tests of each visit: latency:tcp_rr " in capsys.readouterr().out
    options = ["--perf-tests", "latency:tcp_rr", "--load", "25%,100%"]
    assert main(["cases", "--env", "bed", "--config-dir", "config", *options]) == 0
    assert "perf tests of each visit: latency:tcp_rr-load25 " in capsys.readouterr().out
    assert main(["cases", "--env", "bed", "--config-dir", "config", "--load", "25"]) == 4
    assert "expected a percentage such as 25%" in capsys.readouterr().err
