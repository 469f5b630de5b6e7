"""The tree that the bench makes of one case is one that the analysis reads whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.analysis_tree import Tree, netperf

from bench import many_results
from probecost.analysis.settings.settings import Settings
from probecost.analysis.study.run import study_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two units of a case: the tool costs 20 %."""
    made = Tree(tmp_path / "real", units=2)
    for unit in (1, 2):
        for arm, mean_us in (("baseline", 20.0), ("tool", 24.0)):
            made.perf_test(arm, unit, "latency", "tcp_rr", client=[netperf(mean_us)])
    made.run_file()
    return made.root


def test_each_case_of_each_iteration_has_the_figures_of_the_real_one(run: Path, tmp_path: Path) -> None:
    unit = many_results.template(run)
    assert [record.metadata.unit for record in unit] == [1, 1]
    many_results.build(unit, tmp_path / "many", cases=3, iterations=2)
    study = study_run(tmp_path / "many", Settings())
    assert [(case.id.iteration, case.id.case_key[-2:]) for case in study.cases] == [
        (iteration, f"-{number}") for iteration in (1, 2) for number in (1, 2, 3)
    ]
    means = [row.value for row in study.measurements if row.metric == "mean_us" and not row.void_reason]
    assert sorted(means) == [20.0] * 6 + [24.0] * 6


def test_a_run_without_both_arms_is_refused(tmp_path: Path) -> None:
    made = Tree(tmp_path / "real", units=1)
    made.perf_test("baseline", 1, "latency", "tcp_rr", client=[netperf(20.0)])
    made.run_file()
    with pytest.raises(ValueError, match="no case with a baseline visit and a tool visit"):
        many_results.template(made.root)


def test_an_analysis_that_fails_has_no_cost(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="exit code"):
        many_results.analyse(tmp_path / "nothing", 1)


def test_ratios_are_to_the_time_of_a_case_and_to_the_reference() -> None:
    costs = [many_results.Cost(100, 1.0, 90.0, 2.0), many_results.Cost(1000, 12.0, 400.0, 10.0)]
    assert many_results.lines(costs)[2] == (
        "   1000 cases:  12.0 s,  400 MB, 4.00 ms per case and iteration, ratio to 100 cases 1.20; "
        "ratio to reading and decoding alone (10.0 s) 1.20"
    )


def test_the_reference_reads_results_and_leaves_the_output_of_tools(tmp_path: Path) -> None:
    (tmp_path / "client_results").mkdir()
    (tmp_path / "client_results" / "pps_single_udp.txt").write_text("{}")
    (tmp_path / "ebpf_output_1.log").write_text("{")
    (tmp_path / "metadata_1.json").write_text("{}")
    assert many_results.reference_s(tmp_path) > 0
    (tmp_path / "metadata_2.json").write_text('{"a": ')
    with pytest.raises(ValueError, match="Expecting value"):
        many_results.reference_s(tmp_path)


def test_a_run_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert many_results.main([]) == 4
    assert "RUN" in capsys.readouterr().err
