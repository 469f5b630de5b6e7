"""Injected truth: what the tool's lines say, and how a run's measurement is held against them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from helpers.analysis_tree import SERVER, Tree

from bench import dose, dose_truth
from bench.dose import Increment
from bench.dose_truth import Truth, TruthError
from probecost.analysis.report.write import write_reports
from probecost.results.layout import BASELINE, TOOL, CaseFolder

BASE_US = 25.0
FLOWS = 8


def line(ns: int, runs: int, mean_ns: float, elapsed_s: float = 1.0) -> str:
    """As the tool prints it where a packet in two is one that its node received."""
    burned = f"runs={runs} burned_ns={round(runs * mean_ns)} mean_ns={mean_ns}"
    return f"dose ns={ns} {burned} received={runs // 2} elapsed_s={elapsed_s:.6f}\n"


def flows(tree: Tree, ns: int, tool_us: float, mean_ns: float) -> None:
    """Eight flows of a dose with a pair each: its latency, and the line of one start that lasted a second."""
    case = CaseFolder("dose", ns + 1, "abcdef")
    for unit in range(1, FLOWS + 1):
        wobble = 1 + unit / 1000  # units differ a little, or there would be no interval
        counts = [(1, BASELINE, round(500_000 / BASE_US)), (1, TOOL, round(500_000 / tool_us / wobble))]
        key = f"host-dose-ns_{ns}"
        place = tree.flow(unit, "latency", "tcp_rr", counts, counter="rx_packets", case=case, case_key=key)
        log = PurePosixPath(str(place.switched_stdout).format(start=1))
        tree.write(SERVER, str(log), line(ns, counts[1][2] * 4, mean_ns))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A run whose tool costs 0.5 us, and what it burns twice per transaction."""
    tree = Tree(tmp_path)
    flows(tree, 0, BASE_US + 0.5 + 2 * 0.03, 30.0)
    flows(tree, 2000, BASE_US + 0.5 + 2 * 2.02, 2020.0)
    return tree


class TestTruth:
    def test_a_line(self) -> None:
        found = dose_truth.parse("Some warning\n" + line(1000, 2000, 1028.5, 0.5))
        assert found == Truth(1000, 2000, 2_057_000, 1000, 0.5)
        assert (found.mean_ns, found.runs_per_packet) == (1028.5, 2.0)

    @pytest.mark.parametrize("text", ["", "dose ns=1000 runs=5", line(0, 1, 30) + line(0, 1, 30)])
    def test_no_single_line(self, text: str) -> None:
        with pytest.raises(TruthError, match="expected one line"):
            dose_truth.parse(text)

    def test_total(self) -> None:
        assert dose_truth.total([Truth(5, 2, 20, 1, 1.0), Truth(5, 3, 40, 2, 0.5)]) == Truth(5, 5, 60, 3, 1.5)
        with pytest.raises(TruthError, match=r"found doses \[5, 6\]"):
            dose_truth.total([Truth(5, 2, 20, 1, 1.0), Truth(6, 3, 40, 2, 0.5)])
        idle = Truth(5, 0, 0, 0, 1.0)
        assert (idle.mean_ns, idle.runs_per_packet) == (0, 0)

    def test_of_each_case_visits_and_flows_together(self, tree: Tree) -> None:
        case = CaseFolder("dose", 1, "abcdef")
        key = "host-dose-ns_0"
        place = tree.perf_test(TOOL, 1, "latency", "tcp_rr", client=["x"], case=case, case_key=key)
        tree.write(SERVER, str(place.visit.tool_stdout(place.ts)), line(0, 1000, 30.0))
        found = dose_truth.case_truths(tree.root)
        assert list(found) == ["host-dose-ns_0", "host-dose-ns_2000"]
        assert found["host-dose-ns_0"].elapsed_s == FLOWS + 1

    def test_a_damaged_log_is_named(self, tree: Tree) -> None:
        (log, *_) = sorted(tree.root.rglob("switched/**/ebpf_output_1.log"))
        log.write_text("")
        with pytest.raises(TruthError, match=rf"{log}: expected one line"):
            dose_truth.case_truths(tree.root)


class TestDoses:
    def test_measured_against_true(self, tree: Tree) -> None:
        write_reports(tree.root)
        zero, two = dose.read_doses(tree.root)
        assert (zero.truth.ns, two.truth.ns) == (0, 2000)
        assert two.truth.runs_per_packet == 2.0
        assert two.true_us == pytest.approx(4.04, rel=1e-2)
        assert two.baseline_us == pytest.approx(BASE_US)
        assert two.measured.low_us < two.measured.us < two.measured.high_us
        relative = two.measured.minus(zero.measured)
        assert relative.us == pytest.approx(3.98, rel=0.02)
        assert relative.covers(two.true_us - zero.true_us)
        assert dose.slope([zero, two]).us == pytest.approx(1.0, rel=0.02)

    def test_an_interval_beside_the_truth_is_said(self, tree: Tree) -> None:
        flows(tree, 4000, BASE_US + 2.0, 4020.0)  # half of a dose is hidden from the measurement
        write_reports(tree.root)
        printed = list(dose.lines(dose.read_doses(tree.root)))
        assert [row.rsplit(maxsplit=1)[-1] for row in printed[4:6]] == ["yes", "NO"]
        assert printed[6] == "covered: 1 of 2"

    def test_what_is_missing(self, tree: Tree, tmp_path: Path) -> None:
        with pytest.raises(TruthError, match=r"verdicts\.csv: No such file .*: write it with probecost analyze"):
            dose.read_doses(tree.root)
        other = Tree(tmp_path / "other")
        flows(other, 500, BASE_US, 510.0)
        write_reports(other.root)
        with pytest.raises(TruthError, match="of dose 0 and others, found doses: 500"):
            dose.read_doses(other.root)

    def test_command(self, tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
        write_reports(tree.root)
        assert dose.main([str(tree.root)]) == 0
        assert "covered: 1 of 1" in capsys.readouterr().out
        assert dose.main([str(tree.root / "absent")]) == 1
        assert "absent" in capsys.readouterr().err
        assert dose.main([]) == 4


def test_half_widths_of_a_difference_add_up_as_squares() -> None:
    found = Increment(10.0, 7.0, 14.0).minus(Increment(4.0, 1.0, 8.0))
    assert (found.us, found.low_us, found.high_us) == pytest.approx((6.0, 1.0, 11.0))


def test_slope_without_uncertainty_is_the_ratio() -> None:
    def exact(ns: int, measured_us: float) -> dose.Dose:
        return dose.Dose(Truth(ns, 1000, 1000 * ns, 500, 1.0), 25.0, Increment(measured_us, measured_us, measured_us))

    found = dose.slope([exact(0, 1.0), exact(1000, 2.6), exact(2000, 4.2)])  # true: 0, 2 and 4 us
    assert (found.us, found.low_us, found.high_us) == pytest.approx((0.8, 0.8, 0.8))
