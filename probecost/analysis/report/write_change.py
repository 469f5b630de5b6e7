"""Writes the comparison of two runs."""

from __future__ import annotations

from pathlib import Path

from probecost.analysis.report.markdown.change import change_page
from probecost.analysis.report.tables.change import change_csv
from probecost.analysis.two_runs.changes import RunChange
from probecost.files import write_whole


def write_change(found: RunChange, output_dir: Path) -> tuple[Path, ...]:
    """Write ``compare.csv`` and ``compare.md``; ``OSError``: they cannot be written."""
    output_dir.mkdir(parents=True, exist_ok=True)
    texts = {"compare.csv": change_csv(found), "compare.md": change_page(found)}
    for name, text in texts.items():
        write_whole(output_dir / name, text)
    return tuple(output_dir / name for name in texts)
