"""The part of overview.md on verdicts: the cost of each tool and its certainty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probecost.analysis.judge.verdicts import MetricVerdict
from probecost.analysis.report.markdown.text import markdown, table_lines
from probecost.analysis.statistics.verdict import Word
from probecost.analysis.words.cells import NA, decimal
from probecost.analysis.words.verdict_words import (
    column_order,
    control_line,
    is_control,
    levels_text,
    short,
    title,
    too_few_units,
    units_text,
    worst_first,
)


def verdict_section(verdicts: Sequence[MetricVerdict]) -> Iterator[str]:
    """The section on verdicts; empty if no metric has one."""
    cases = worst_first(verdicts)
    if not any(each.verdict.word is not Word.NONE for each in verdicts):
        return
    primary = [each for _, own in cases for each in own]
    tests = sorted({each.metric for each in primary}, key=column_order)
    yield "## Verdicts"
    yield ""
    if not cases:
        yield "No primary metric was measured: what there is stands in verdicts.csv."
        yield ""
        return
    yield f"Measured over {units_text(verdicts)}."
    yield ""
    several = len({case.environment for case, _ in cases}) > 1
    rows = []
    for case, own in cases:
        by_test = {each.metric: markdown(short(each)) for each in own}
        name = f"{case.environment} {case.case_key}" if several else case.case_key
        rows.append((markdown(name), *(by_test.get(test, NA) for test in tests)))
    yield from table_lines(("Case", *(markdown(title(test)) for test in tests)), rows)
    yield ""
    margin = decimal(verdicts[0].margin_pct, 1)
    yield f"- Cost in percent, positive is worse; margin {margin} %, intervals at {levels_text(primary)}."
    m = max((each.family_m for each in primary), default=0)
    yield f"- OVERHEAD, SMALL and UNEXPECTED SPEED-UP hold among all {m} primary tests of this plan (Holm)."
    yield from (f"- **{line}**" for line in too_few_units(primary))
    if any(each.verdict.word is Word.INCONCLUSIVE for each in primary):
        yield (
            "- INCONCLUSIVE does not mean that there is no cost: these units cannot tell. A cost must be about as "
            "large as the floor to be seen; more units lower it."
        )
    if any(each.verdict.word is Word.MASKED for each in primary):
        yield (
            "- MASKED: this rate stands at what was offered or at what the line carries and cannot fall before the "
            "CPU is used up. The cost is elsewhere: in the CPU time per byte that the cell names."
        )
    for case, own in cases:
        if is_control(own):
            yield f"- {markdown(control_line(case, own))}"
    for each in primary:
        if each.verdict.word is Word.INVALID:
            yield f"- {markdown(f'{each.case.case_key}, {title(each.metric)}: {each.verdict.reason}')}"
