"""The comparison of two runs as text: ``compare.csv``, ``compare.md`` and the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isinf
from pathlib import Path

from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.report.markdown.verdicts import CONTROL
from probecost.analysis.report.tables.tables import csv_text
from probecost.analysis.statistics.verdict import Cost, Word
from probecost.analysis.two_runs.changes import Change, RunChange
from probecost.analysis.words.cells import decimal, exact, markdown, percent, text_cell
from probecost.results.names import CaseName

CHANGE_COLUMNS = (
    "run_id_a", "run_id_b", "environment", "pair_kind", "case_key", "tool", "perf_test", "conn_type", "metric",
    "primary", "n_units_a", "n_units_b", "overhead_a_pct", "overhead_a_low_pct", "overhead_a_high_pct",
    "overhead_b_pct", "overhead_b_low_pct", "overhead_b_high_pct", "change_pct", "ci_low_pct", "ci_high_pct",
    "ci_level", "p", "p_permutation", "p_adjusted", "family_m", "margin_pct", "verdict", "reason",
)  # fmt: skip
TITLES = ("Case", "Metric", "Units A, B", "Overhead A", "Overhead B", "Change A to B")

_BADNESS = (
    Word.OVERHEAD, Word.SMALL, Word.INVALID, Word.INCONCLUSIVE, Word.NONE, Word.NEGLIGIBLE, Word.SPEED_UP,
)  # fmt: skip
_CLAIMS = (Word.OVERHEAD, Word.SMALL, Word.SPEED_UP)


def write_change(found: RunChange, output_dir: Path) -> tuple[Path, ...]:
    """Write ``compare.csv`` and ``compare.md``; ``OSError`` where that cannot be."""
    output_dir.mkdir(parents=True, exist_ok=True)
    texts = {"compare.csv": change_csv(found), "compare.md": change_page(found)}
    for name, text in texts.items():
        (output_dir / name).write_text(text, encoding="utf-8", newline="\n")
    return tuple(output_dir / name for name in texts)


def change_csv(found: RunChange) -> str:
    """A line per metric. Percentages are costs: positive is worse, in B. What does not exist is an empty cell."""

    def number(value: float | None) -> str:
        return "" if value is None or isinf(value) else exact(round(value, 6))

    def three(cost: Cost | None) -> tuple[str, ...]:
        ends = (cost.low_pct, cost.high_pct) if cost and not _is_open(cost) else (None, None)
        return tuple(map(number, (cost.estimate_pct if cost else None, *ends)))

    rows = [
        (
            text_cell(found.a.run.run_id or found.a.root.name),
            text_cell(found.b.run.run_id or found.b.root.name),
            text_cell(each.b.case.environment),
            text_cell(each.b.pair_kind),
            text_cell(each.b.case.case_key),
            text_cell(each.b.tool),
            *map(text_cell, each.b.metric),
            "yes" if each.is_primary else "no",
            str(each.a.n_units),
            str(each.b.n_units),
            *three(each.a.cost),
            *three(each.b.cost),
            *three(each.cost),
            number(each.shift.level if each.shift else None),
            number(each.shift.p if each.shift else None),
            number(each.shift.p_permutation if each.shift else None),
            number(each.p_adjusted),
            str(each.family_m),
            number(found.margin_pct),
            word_text(each.verdict.word),
            text_cell(each.verdict.reason),
        )
        for each in found.changes
    ]
    return csv_text([CHANGE_COLUMNS, *rows])


def change_page(found: RunChange) -> str:
    """``compare.md``."""
    lines = ["# What changed between two runs", ""]
    lines += [f"- {markdown(line)}" for line in head_lines(found)]
    lines += ["", "| " + " | ".join(TITLES) + " |", "|" + " --- |" * len(TITLES)]
    lines += ["| " + " | ".join(map(markdown, row)) + " |" for row in table_rows(found.changes)]
    lines += ["", *(f"- {markdown(line)}" for line in foot_lines(found))]
    return "\n".join(lines) + "\n"


def head_lines(found: RunChange) -> Iterator[str]:
    """Which two runs, what is compared, and which differences of their conditions were accepted."""
    yield f"A: {found.a.run.run_id or found.a.root.name} ({found.a.root})"
    yield f"B: {found.b.run.run_id or found.b.root.name} ({found.b.root})"
    yield from (f"Note: {line}" for line in found.conditions.remarks)
    yield from (f"Differs, accepted: {each.text}" for each in found.conditions.differences)


def table_rows(changes: Iterable[Change]) -> list[tuple[str, ...]]:
    """The primary metrics under ``TITLES``, the case with the worst change first, the control last."""
    rows: list[tuple[str, ...]] = []
    for case, own in worst_first(changes):
        for each in own:
            metric = f"{each.b.metric.perf_test} {each.b.metric.conn_type}"
            units = f"{each.a.n_units}, {each.b.n_units}"
            rows.append((case.case_key, metric, units, _overhead(each.a), _overhead(each.b), short(each)))
    return rows


def worst_first(changes: Iterable[Change]) -> list[tuple[CaseName, list[Change]]]:
    by_case: dict[CaseName, list[Change]] = {}
    for each in changes:
        if each.is_primary:
            by_case.setdefault(each.b.case, []).append(each)
    cases = [(case, sorted(own, key=_badness)) for case, own in by_case.items()]
    return sorted(cases, key=lambda entry: (is_control(entry[1]), _badness(entry[1][0]), entry[0]))


def foot_lines(found: RunChange) -> Iterator[str]:
    """What is missing, what the control proves, and how to read it."""
    for name, only in (("A", found.pairing.only_a), ("B", found.pairing.only_b)):
        if only:
            yield f"Only in {name}: {', '.join(case.case_key for case in only)}"
    yield from _reasons(found.changes)
    for case, own in worst_first(found.changes):
        if is_control(own):
            yield control_line(case, own)
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
    """Why there is no verdict: each reason once, with the metrics that it holds for."""
    by_reason: dict[str, dict[str, list[str]]] = {}
    for each in changes:
        if each.is_primary and each.verdict.word in (Word.INVALID, Word.NONE):
            cases = by_reason.setdefault(each.verdict.reason, {})
            cases.setdefault(each.b.case.case_key, []).append(f"{each.b.metric.perf_test} {each.b.metric.conn_type}")
    without = sum(len(tests) for cases in by_reason.values() for tests in cases.values())
    if len(by_reason) == 1 and without == sum(each.is_primary for each in changes):
        yield f"All tests: {next(iter(by_reason))}"
        return
    for reason, cases in by_reason.items():
        yield "; ".join(f"{case}, {', '.join(tests)}" for case, tests in cases.items()) + f": {reason}"


def short(change: Change) -> str:
    """One cell: ``OVERHEAD +9.3 % [+7.0 %, +11.2 %]``; without a verdict the estimate in brackets."""
    word, cost = change.verdict.word, change.cost
    if word is Word.NONE or cost is None:
        return word_text(word) or (f"({percent(cost.estimate_pct)})" if cost else "N/A")
    if word is Word.NEGLIGIBLE:
        return f"{word} ≤ {decimal(max(abs(cost.low_pct), abs(cost.high_pct)), 1)} %"
    if word is Word.INVALID:
        return word.value
    return f"{word_text(word)} {_numbers(cost)}"


def word_text(word: Word) -> str:
    """A tool that became cheaper is no surprise, unlike one that costs less than nothing."""
    return "SPEED-UP" if word is Word.SPEED_UP else word.value


def is_control(changes: Sequence[Change]) -> bool:
    return all(each.b.tool == CONTROL for each in changes)


def control_line(case: CaseName, changes: Sequence[Change]) -> str:
    """What the control proves of the comparison."""
    claims = [each for each in changes if each.verdict.word in _CLAIMS]
    if claims:
        what = ", ".join(f"{each.b.metric.perf_test} {each.b.metric.conn_type} {short(each)}" for each in claims)
        return f"{case.case_key} only sleeps and still: {what}. Do not believe changes of this size between these runs."
    judged = [each for each in changes if each.verdict.word not in (Word.NONE, Word.INVALID)]
    if not judged:
        return f"{case.case_key} has no verdict: nothing is proven of this comparison."
    floors = [each.cost.half_width_pct for each in judged if each.cost]
    span = " to ".join(dict.fromkeys(f"{floor:.1f}" for floor in (min(floors), max(floors))))
    return f"{case.case_key} only sleeps, and no change of it is claimed; what can be told apart: {span} %."


def _overhead(verdict: MetricVerdict) -> str:
    return _numbers(verdict.cost) if verdict.cost else "N/A"


def _numbers(cost: Cost) -> str:
    interval = "" if _is_open(cost) else f" [{percent(cost.low_pct)}, {percent(cost.high_pct)}]"
    return f"{percent(cost.estimate_pct)}{interval}"


def _is_open(cost: Cost) -> bool:
    """No interval: its ends are infinite, which is -100 % or 100 % on the side where a cost has a limit."""
    return isinf(cost.low_pct) or isinf(cost.high_pct)


def _badness(change: Change) -> tuple[int, float]:
    return _BADNESS.index(change.verdict.word), -change.cost.estimate_pct if change.cost else 0.0
