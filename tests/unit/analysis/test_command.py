"""The options of ``probecost analyze``: topics, iterations, formats, settings, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.analysis_tree import CASE_KEY, Tree, csv_rows, netperf

from probecost.cli.main import main
from probecost.results.layout import CaseFolder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two iterations of a case of each of two categories."""
    tree = Tree(tmp_path / "results")
    cases = ((CASE_KEY, "packet-drop", "eth_drop"), ("host-flow", "net/flow", "flow"))
    for tree.iteration in (1, 2):
        for number, (key, category, tool) in enumerate(cases, 1):
            case = CaseFolder(tool, number, "aaaaaa")
            for arm, mean in (("baseline", 20.0), ("tool", 21.0)):
                tree.perf_test(
                    arm, 1, "latency", "tcp_rr", client=[netperf(mean)], case=case, case_key=key, category=category
                )
    outcomes = {
        f"{key}-{number}": {
            **{"case_key": key, "environment": "lab", "iteration": number, "category": category},
            **{"outcome": "passed", "message": f"note on {key}"},
        }
        for key, category, _ in cases
        for number in (1, 2)
    }
    tree.run_file(outcomes)
    return tree.root


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "lab").iterdir()}


def analyze(root: Path, *options: object) -> Path:
    output = root.parent / "out"
    assert main(["analyze", "--iteration-path", str(root), "--output-dir", str(output), *map(str, options)]) == 0
    return output


def expected(*groups: str) -> set[str]:
    found = set()
    for group in groups:
        topic, of = group.split("/")
        found |= {f"{topic}_{name}_{of}.csv" for name in ("latency", "throughput", "pps", "resources")}
        found |= {f"{topic}_overview_{of}.md"} | ({f"{topic}_statistics_all.csv"} if of == "all" else set())
    return found


ITERATIONS = ("iteration_001", "iteration_002", "all")


def test_everything(root: Path) -> None:
    found = names(analyze(root))
    assert found == expected(*(f"{topic}/{of}" for topic in ("packet_drop", "net_flow") for of in ITERATIONS))


@pytest.mark.parametrize("topic", ["net_flow", "net/flow"])
def test_one_topic_by_its_name_or_category(root: Path, topic: str) -> None:
    output = analyze(root, "--topic", topic)
    assert names(output) == expected(*(f"net_flow/{of}" for of in ITERATIONS))
    text = (output / "overview.md").read_text()
    assert CASE_KEY not in text
    assert "1 case measured" in text
    assert {row[3] for row in csv_rows(output / "measurements.csv")[1:]} == {"host-flow"}
    assert {row[3] for row in csv_rows(output / "verdicts.csv")[1:]} == {"host-flow"}


def test_two_topics(root: Path) -> None:
    assert names(analyze(root, "--topic", "net_flow", "--topic", "packet_drop")) == names(analyze(root))


@pytest.mark.parametrize("number", ["2", "002", "iteration_002"])
def test_one_iteration(root: Path, number: str) -> None:
    output = analyze(root, "--iteration", number)
    assert names(output) == expected("packet_drop/iteration_002", "net_flow/iteration_002")
    assert {row[2] for row in csv_rows(output / "measurements.csv")[1:]} == {"2"}
    assert "- Shown: all topics, iteration 2; verdicts are those of the whole run" in (
        (output / "overview.md").read_text()
    )


def test_verdicts_of_a_part_are_those_of_the_whole_run(root: Path) -> None:
    whole = csv_rows(analyze(root) / "verdicts.csv")
    part = csv_rows(analyze(root, "--topic", "net_flow", "--iteration", 1) / "verdicts.csv")
    assert part == [row for row in whole if row[3] != CASE_KEY]
    assert len(part) > 1


def test_formats(root: Path) -> None:
    output = analyze(root, "--topic", "net_flow", "--iteration", 1, "--format", "csv,markdown,xlsx")
    assert names(output) == expected("net_flow/iteration_001") | {"net_flow_tables_iteration_001.xlsx"}
    assert "[lab/net_flow_tables_iteration_001.xlsx](" in (output / "overview.md").read_text()
    page = (output / "lab" / "net_flow_overview_iteration_001.md").read_text()
    assert "(net_flow_tables_iteration_001.xlsx)" in page


def test_pictures(root: Path) -> None:
    assert not list(analyze(root).glob("*.svg"))
    output = analyze(root, "--format", "svg")
    pictures = [path.name for path in output.glob("*.svg")]
    assert "forest_latency_tcp_rr_mean_us.svg" in pictures
    for file in ("overview.md", "summary.md", "report.html"):
        assert all(name in (output / file).read_text() for name in pictures)


def test_nothing_to_draw_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tree = Tree(tmp_path / "results")
    tree.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20.0)])
    analyze(tree.root, "--format", "svg")
    assert "--format svg: there is nothing to draw" in caplog.text


def test_settings_name_topics(root: Path, tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("topics: {net: wires}\n")
    assert "wires_latency_all.csv" in names(analyze(root, "--config", config, "--topic", "wires"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--topic", "drops"), "--topic drops: there is no such topic in {root}: there are net_flow, packet_drop"),
        (("--iteration", "3"), "--iteration 3: there is no such iteration in {root}: there are 1, 2"),
        (("--iteration", "first"), "--iteration first: expected all or the number of an iteration, such as 1"),
        (("--iteration", "0"), "--iteration 0: expected all or the number of an iteration, such as 1"),
        (("--iteration", "-1"), "--iteration -1: expected all or the number of an iteration, such as 1"),
        (("--format", "csv,pdf"), "--format pdf: expected some of csv, markdown, xlsx, svg"),
        (("--config", "absent.yaml"), "absent.yaml: there is no such file"),
    ],
)
def test_refused(
    root: Path, options: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    output = tmp_path / "refused"
    assert main(["analyze", "--iteration-path", str(root), "--output-dir", str(output), *options]) == 4
    assert told.format(root=root) in capsys.readouterr().err
    assert not output.exists()


def test_reports_that_cannot_be_written(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out"
    output.write_text("a file")
    main_arguments = ["analyze", "--iteration-path", str(root), "--output-dir", str(output / "deeper")]
    assert main(main_arguments) == 1
    assert "the reports cannot be written" in capsys.readouterr().err


def test_a_folder_without_results_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.md").write_text("no results")
    assert main(["analyze", "--iteration-path", str(tmp_path)]) == 4
    assert f"{tmp_path}: is no results folder: there is no run.json in it" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["notes.md"]
