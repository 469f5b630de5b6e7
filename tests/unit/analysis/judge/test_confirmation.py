"""Fresh units in verdicts, progress and reports: judged alone, in no other figure."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.analysis_tree import CASE_KEY, ENVIRONMENT, Tree
from helpers.page_trees import FIRST_FRESH, latency_unit, speed_up_tree

from probecost.analysis.judge.confirmation import Fresh
from probecost.analysis.judge.family import RunPlan
from probecost.analysis.judge.verdicts import MetricVerdict, verdicts
from probecost.analysis.report.write import write_reports
from probecost.analysis.settings.settings import Settings
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.study.live import LiveRun
from probecost.analysis.study.progress import CaseProgress
from probecost.analysis.study.run import study_run
from probecost.analysis.study.selection import Request
from probecost.analysis.values.measurement import Measurement
from probecost.analysis.words.verdict_words import short
from probecost.results.layout import ARMS, REPORT_PAGE, SWITCHED, TOOL
from probecost.results.names import CaseId, CaseName
from unit.analysis.judge.test_verdicts import changed, in_a_flow, only, record, records, units

A = CaseName("lab", "host-a")


def fresh(effect: float, *, made: int = 8, case: str = "host-a") -> Fresh:
    """Visits of fresh units, from number 11."""
    rows = [
        changed(each, unit=each.unit_index + FIRST_FRESH - 1, visit_id=f"c{each.unit_index}")
        for each in units(effect, made, case=case)
    ]
    what = [record(arm, unit + FIRST_FRESH, case=case, is_confirmation=True) for unit in range(made) for arm in ARMS]
    return Fresh(tuple(what), tuple(rows))


def judged(first: float, second: Fresh, *planned: CaseName) -> MetricVerdict:
    return only(verdicts(records(8), units(first, 8), RunPlan(planned or [A]), Settings(), fresh=second))


class TestVerdicts:
    def test_confirmed_by_the_fresh_units_alone(self) -> None:
        alone, found = judged(-0.3, Fresh()), judged(-0.3, fresh(-0.1))
        assert (alone.verdict.word, short(alone)) == (Word.SPEED_UP, "UNEXPECTED SPEED-UP, unconfirmed")
        assert found.fresh is not None
        assert found.fresh.cost is not None
        assert found.fresh.cost.estimate_pct == pytest.approx(-9.5, abs=0.3)  # not -26, and not a mean of both
        assert short(found).startswith("UNEXPECTED SPEED-UP, confirmed -9.4 % [")
        assert short(found).endswith("] on 8 fresh units")
        same = ("n_units", "estimate", "cost", "p_adjusted", "family_m", "carry_over", "n_void_tool")
        assert [getattr(found, name) for name in same] == [getattr(alone, name) for name in same]

    @pytest.mark.parametrize("effect", [0.0, 0.2])
    def test_not_confirmed_is_not_told_as_one(self, effect: float) -> None:
        found = judged(-0.3, fresh(effect))
        assert found.verdict.word is Word.INCONCLUSIVE
        assert short(found) == "INCONCLUSIVE, a speed-up that fresh units did not confirm"

    def test_the_family_is_that_of_the_plan_and_holds_back_the_first_stage(self) -> None:
        """Seven tests on eight units: no claim can be made, and fresh units, made on the case's own p, do not help."""
        planned = [CaseName("lab", f"host-{name}") for name in "abcdefg"]
        found = judged(-0.3, fresh(-0.3), *planned)
        assert (found.family_m, found.verdict.word, found.fresh) == (7, Word.INCONCLUSIVE, None)
        six = judged(-0.3, fresh(-0.3), *planned[:6])
        assert (six.family_m, six.verdict.word) == (6, Word.SPEED_UP)
        assert "confirmed" in six.verdict.reason

    @pytest.mark.parametrize("effect", [0.0, 0.3])
    def test_fresh_units_say_nothing_of_what_is_no_speed_up(self, effect: float) -> None:
        assert judged(effect, fresh(-0.3)) == judged(effect, Fresh())

    def test_those_of_another_case_confirm_nothing(self) -> None:
        assert judged(-0.3, fresh(-0.3, case="host-b")).fresh is None

    def test_ones_that_are_not_all_made(self) -> None:
        found = judged(-0.3, fresh(-0.3, made=5))
        assert found.verdict.word is Word.SPEED_UP
        assert found.verdict.reason.endswith("; only 5 of 8 were made")
        assert short(found) == "UNEXPECTED SPEED-UP, unconfirmed"


def void(rows: tuple[Measurement, ...], unit: int) -> tuple[Measurement, ...]:
    return tuple(replace(each, void_reason="foreign load") if each.unit_index == unit else each for each in rows)


class TestWhatIsUsable:
    def test_a_void_unit_is_made_and_not_usable(self) -> None:
        whole = fresh(-0.3)
        found = judged(-0.3, Fresh(whole.records, void(whole.measurements, 12)))
        assert found.verdict.word is Word.INCONCLUSIVE
        assert found.verdict.reason.startswith("a speed-up that fresh units did not confirm: only 7 of 8 are usable")

    def test_one_that_left_nothing_is_made(self) -> None:
        whole = fresh(-0.3)
        rows = tuple(each for each in whole.measurements if each.unit_index != 12)
        assert "only 7 of 8 are usable" in judged(-0.3, Fresh(whole.records, rows)).verdict.reason

    def test_a_zero_is_not_usable(self) -> None:
        whole = fresh(-0.3)
        rows = tuple(
            replace(each, value=0.0) if (each.arm, each.unit_index) == (TOOL, 12) else each
            for each in whole.measurements
        )
        assert "only 7 of 8 are usable" in judged(-0.3, Fresh(whole.records, rows)).verdict.reason

    def test_half_a_unit_is_not_made(self) -> None:
        whole = fresh(-0.3)
        found = judged(-0.3, Fresh(whole.records[:-1], whole.measurements[:-1]))
        assert "only 7 of 8 were made" in found.verdict.reason

    def test_one_that_was_measured_again_counts_once(self) -> None:
        whole = fresh(-0.3, made=7)
        twice = tuple(replace(each, is_superseded=True) for each in fresh(-0.3).records[-2:])
        assert (
            "only 7 of 8 were made" in judged(-0.3, Fresh((*whole.records, *twice), whole.measurements)).verdict.reason
        )

    def test_visits_confirm_no_flows(self) -> None:
        """What stands in flows is confirmed in flows."""
        flows = [in_a_flow(each) for each in units(-0.3, 8)]
        what = [record(SWITCHED, unit) for unit in range(1, 9)]
        visits, (first, *_) = fresh(-0.3), verdicts(what, flows, RunPlan([A]), Settings())
        assert only(verdicts(what, flows, RunPlan([A]), Settings(), fresh=visits)) == first
        switched = Fresh(
            tuple(replace(each, arm=SWITCHED) for each in visits.records[::2]),
            tuple(map(in_a_flow, visits.measurements)),
        )
        assert "confirmed" in only(verdicts(what, flows, RunPlan([A]), Settings(), fresh=switched)).verdict.reason


def primary(tree: Tree) -> MetricVerdict:
    return only([each for each in study_run(tree.root, Settings()).verdicts if each.is_primary])


def csv_of(tree: Tree, name: str) -> list[Mapping[str, str]]:
    with (write_reports(tree.root).parent / name).open(newline="") as file:
        return list(csv.DictReader(file))


class TestTree:
    def test_they_are_in_no_figure_but_their_own(self, tmp_path: Path) -> None:
        without, both = speed_up_tree(tmp_path / "a", 17.0, None), speed_up_tree(tmp_path / "b", 17.0, 14.0)
        one, other = study_run(without.root, Settings()), study_run(both.root, Settings())
        assert other.measurements == one.measurements
        assert other.cases[0].comparisons == one.cases[0].comparisons
        assert other.cases[0].n_units == 8
        assert [each.reason for each in other.cases[0].problems] == [each.reason for each in one.cases[0].problems]
        assert other.problems == ()
        assert {(each.unit_index, each.arm) for each in other.fresh} == {
            (number, arm) for number in range(11, 19) for arm in ARMS
        }
        assert one.fresh == ()

    def test_verdicts_csv(self, tmp_path: Path) -> None:
        (found,) = (
            each for each in csv_of(speed_up_tree(tmp_path, 17.0, 18.0), "verdicts.csv") if each["primary"] == "yes"
        )
        assert (found["verdict"], found["n_units"], found["family_m"]) == ("UNEXPECTED SPEED-UP", "8", "1")
        assert found["reason"].startswith("confirmed -9.9 % [-")
        assert "on 8 fresh units" in found["reason"]
        assert found["estimate_pct"].startswith("-14.")

    def test_verdicts_csv_of_one_that_is_not_confirmed(self, tmp_path: Path) -> None:
        (found,) = (
            each for each in csv_of(speed_up_tree(tmp_path, 17.0, 20.0), "verdicts.csv") if each["primary"] == "yes"
        )
        assert found["verdict"] == "INCONCLUSIVE"
        assert found["reason"].startswith("8 fresh units did not confirm a speed-up: ")

    def test_the_overview_tells_what_became_of_it(self, tmp_path: Path) -> None:
        told = {
            "confirmed": speed_up_tree(tmp_path / "a", 17.0, 18.0),
            "INCONCLUSIVE, a speed-up that fresh units did not confirm": speed_up_tree(tmp_path / "b", 17.0, 20.0),
            "UNEXPECTED SPEED-UP, unconfirmed": speed_up_tree(tmp_path / "c", 17.0, None),
        }
        for text, tree in told.items():
            assert text in write_reports(tree.root).read_text()

    def test_the_summary_and_the_page_do_too(self, tmp_path: Path) -> None:
        reports = write_reports(speed_up_tree(tmp_path, 17.0, 18.0).root).parent
        for name in ("summary.md", REPORT_PAGE):
            assert "confirmed -9.9 %" in (reports / name).read_text()
        assert "looks faster than without, which fresh units confirmed." in (reports / "summary.md").read_text()

    def test_the_summary_says_what_is_still_to_be_confirmed(self, tmp_path: Path) -> None:
        reports = write_reports(speed_up_tree(tmp_path, 17.0, None).root).parent
        assert "looks faster than without, which fresh units must confirm." in (reports / "summary.md").read_text()

    def test_the_forest_plot_marks_the_number_that_was_confirmed(self, tmp_path: Path) -> None:
        for name, fresh_us, marks in (("a", 18.0, 1), ("b", None, 0)):
            tree = speed_up_tree(tmp_path / name, 17.0, fresh_us)
            (plot,) = write_reports(tree.root, request=Request(formats=("svg",))).parent.rglob("*latency*tcp_rr*.svg")
            assert plot.read_text().count("<circle") == marks

    def test_measurements_csv_has_them_under_names_of_their_own(self, tmp_path: Path) -> None:
        tree = speed_up_tree(tmp_path, 17.0, 18.0, made=1, visit_id=f"{CASE_KEY}/c011/tool")
        found = [each for each in csv_of(tree, "measurements.csv") if each["visit_id"].split("/")[-2] == "c011"]
        assert {each["metric"] for each in found} >= {"mean_us"}

    def test_a_void_one_is_told_and_no_lack_of_the_case(self, tmp_path: Path) -> None:
        study = study_run(speed_up_tree(tmp_path, 17.0, 18.0, void_reason="somebody else was busy").root, Settings())
        (case,) = study.cases
        assert case.missing == ()
        told = [problem for problem in study.problems if "somebody else was busy" in problem.reason]
        assert len(told) == 2
        assert not any(problem.missing for problem in told)
        found = only([each for each in study.verdicts if each.is_primary])
        assert (found.n_void_baseline, found.n_void_tool) == (0, 0)
        assert "only 7 of 8 are usable" in found.verdict.reason

    def test_a_case_alone_says_the_same(self, tmp_path: Path) -> None:
        tree = speed_up_tree(tmp_path, 17.0, 18.0)
        alone = LiveRun(Settings()).results(tree.root, CaseId(ENVIRONMENT, 1, CASE_KEY))
        assert alone is not None
        assert only([each for each in alone.verdicts if each.is_primary]) == primary(tree)

    def test_of_another_iteration_they_count_too(self, tmp_path: Path) -> None:
        tree = speed_up_tree(tmp_path, 17.0, 18.0)
        tree.iteration = 2
        for number in range(FIRST_FRESH, FIRST_FRESH + 8):
            latency_unit(tree, number, 18.0, confirmation=True)
        assert "on 16 fresh units" in primary(tree).verdict.reason


class TestProgress:
    def progress(self, tree: Tree) -> CaseProgress:
        return LiveRun(Settings()).progress(tree.root, CaseId(ENVIRONMENT, 1, CASE_KEY))

    def test_what_seems_faster_is_named(self, tmp_path: Path) -> None:
        assert self.progress(speed_up_tree(tmp_path / "a", 17.0, None)).speed_ups == ("latency:tcp_rr",)
        assert self.progress(speed_up_tree(tmp_path / "b", 23.0, None)).speed_ups == ()
        assert self.progress(speed_up_tree(tmp_path / "c", 19.9, None)).speed_ups == ()  # negligible

    def test_by_its_own_test_alone(self, tmp_path: Path) -> None:
        """How many others there are is the same whatever it says; too many confirmations do no harm."""
        tree = speed_up_tree(tmp_path, 17.0, None)
        tree.run_file({f"host-{number}": {"outcome": "not run", "message": ""} for number in range(30)})
        assert self.progress(tree).speed_ups == ("latency:tcp_rr",)

    def test_fresh_units_change_nothing_but_the_text(self, tmp_path: Path) -> None:
        before = self.progress(speed_up_tree(tmp_path / "a", 17.0, None))
        after = self.progress(speed_up_tree(tmp_path / "b", 17.0, 22.0))
        assert (after.usable, after.half_widths_pct, after.speed_ups) == (
            before.usable, before.half_widths_pct, before.speed_ups,
        )  # fmt: skip
        assert "-14." in before.text
        assert "+10." in after.text

    def test_the_margin_decides_what_is_negligible(self, tmp_path: Path) -> None:
        tree = speed_up_tree(tmp_path, 17.0, None)
        assert LiveRun(Settings(margin_pct=30.0)).progress(tree.root, CaseId(ENVIRONMENT, 1, CASE_KEY)).speed_ups == ()
