"""The content of a comparison of two runs, in no format: the runs, a table, and how to read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.two_runs.changes import Change, RunChange
from probecost.analysis.words.cells import NA, decimal
from probecost.analysis.words.change_words import (
    WORST_CHANGE_FIRST,
    change_badness,
    change_control_line,
    change_text,
    perf_test_text,
)
from probecost.analysis.words.verdict_words import cost_text, is_control, worst_first

TITLES = ("Case", "Metric", "Units A, B", "Overhead A", "Overhead B", "Change A to B")


def head_lines(found: RunChange) -> Iterator[str]:
    """Lines on the two runs, and on remarks and accepted differences of their conditions."""
    yield f"A: {found.a.run.run_id or found.a.root.name} ({found.a.root})"
    yield f"B: {found.b.run.run_id or found.b.root.name} ({found.b.root})"
    yield from (f"Note: {line}" for line in found.conditions.remarks)
    yield from (f"Differs, accepted: {each.text}" for each in found.conditions.differences)


def table_rows(changes: Iterable[Change]) -> list[tuple[str, ...]]:
    """The primary metrics under ``TITLES``, the case with the worst change first, the control last."""
    rows: list[tuple[str, ...]] = []
    for case, own in worst_first(changes, WORST_CHANGE_FIRST):
        for each in sorted(own, key=change_badness):
            units = f"{each.a.n_units}, {each.b.n_units}"
            rows.append(
                (case.case_key, perf_test_text(each), units, _overhead(each.a), _overhead(each.b), change_text(each))
            )
    return rows


def foot_lines(found: RunChange) -> Iterator[str]:
    """Lines on missing data, the proof by the control, and how to read the table."""
    for name, only in (("A", found.pairing.only_a), ("B", found.pairing.only_b)):
        if only:
            yield f"Only in {name}: {', '.join(case.case_key for case in only)}"
    yield from _reasons(found.changes)
    for case, own in worst_first(found.changes, WORST_CHANGE_FIRST):
        if is_control(own):
            yield change_control_line(case, sorted(own, key=change_badness))
    for name, study in (("A", found.a), ("B", found.b)):
        lost = sum(problem.missing for problem in study.problems) + sum(len(case.missing) for case in study.cases)
        if lost:
            yield f"{lost} remarks on missing data in {name}: see its own overview."
    m = max((each.family_m for each in found.changes if each.is_primary), default=0)
    yield (
        "The verdict is on the change of cost from A to B, positive is worse in B: the ratio of the tool's factor in B "
        f"to that in A, with its 95 % interval. Margin {decimal(found.margin_pct, 1)} %."
    )
    yield (
        "OVERHEAD: B costs more, by the margin at least. SMALL: B costs more, perhaps by less than the margin. "
        "SPEED-UP: B costs less. NEGLIGIBLE: they cost the same within the margin. INCONCLUSIVE: these units cannot "
        f"tell. The first three hold among all {m} primary tests compared (Holm)."
    )


def _reasons(changes: Iterable[Change]) -> Iterator[str]:
    """Reasons for missing verdicts, each once, with its metrics."""
    by_reason: dict[str, dict[str, list[str]]] = {}
    for each in changes:
        if each.is_primary and each.verdict.word in (Word.INVALID, Word.NONE):
            cases = by_reason.setdefault(each.verdict.reason, {})
            cases.setdefault(each.case.case_key, []).append(perf_test_text(each))
    without = sum(len(tests) for cases in by_reason.values() for tests in cases.values())
    if len(by_reason) == 1 and without == sum(each.is_primary for each in changes):
        yield f"All tests: {next(iter(by_reason))}"
        return
    for reason, cases in by_reason.items():
        yield "; ".join(f"{case}, {', '.join(tests)}" for case, tests in cases.items()) + f": {reason}"


def _overhead(verdict: MetricVerdict) -> str:
    return cost_text(verdict.cost) if verdict.cost else NA
