"""``compare.md``: the changes between two runs."""

from __future__ import annotations

from probecost.analysis.report.findings.change import TITLES, foot_lines, head_lines, table_rows
from probecost.analysis.report.markdown.text import markdown, table_lines
from probecost.analysis.two_runs.changes import RunChange


def change_page(found: RunChange) -> str:
    lines = ["# What changed between two runs", ""]
    lines += [f"- {markdown(line)}" for line in head_lines(found)]
    lines += ["", *table_lines(TITLES, (tuple(map(markdown, row)) for row in table_rows(found.changes)))]
    lines += ["", *(f"- {markdown(line)}" for line in foot_lines(found))]
    return "\n".join(lines) + "\n"
