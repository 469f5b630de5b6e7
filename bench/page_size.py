"""The page of many cases: its size, and how long a browser takes to open and to filter it. Aims: 5 MB for 100 cases,
a second for 1,000.

The cases are one case of the unit tests (8 units of six perf tests, with the tool's logs) under as many names. No root
and no network. ``python -m bench.page_size`` alone, and a part of ``make bench``.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "tests" / "browser")]

from chromium import Tab, chromium
from helpers.analysis_tree import CASE_KEY, FULL, Tree, visit

from probecost.analysis.report.findings.provenance import provenance
from probecost.analysis.report.page import page_text
from probecost.analysis.settings.settings import Settings, load_settings
from probecost.analysis.study.run import Study, study_run

UNITS, TOOLS = 8, 40
SMALL, LARGE = 100, 1000
AIM_MB, AIM_S = 5.0, 1.0
TRIES = 3

#: Changes a filter, and says after how many milliseconds the page showed what it lets through.
FILTER = """
new Promise((done) => {
  const start = performance.now();
  const field = document.getElementById("filter-text");
  field.value = "TEXT";
  field.dispatchEvent(new Event("input"));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
})
"""


def one_case(folder: Path) -> Study:
    """A case with a verdict on each of six perf tests, and the logs of its tool."""
    tree = Tree(folder, units=UNITS)
    for unit in range(1, UNITS + 1):
        for arm in ("baseline", "tool"):
            tcp_us, *others = FULL[unit % 2 + 1][arm]
            visit(tree, arm, unit, tcp_us + unit / 10, *others)
    tree.run_file({CASE_KEY: {"outcome": "passed", "message": ""}})
    return study_run(tree.root, Settings())


def many(study: Study, count: int) -> Study:
    """The same case ``count`` times, under names of its own, of ``TOOLS`` tools."""
    cases, rows, verdicts, records = [], [], [], []
    for number in range(count):
        key, tool = f"host-tool{number % TOOLS}-rx_port_{number}", f"tool{number % TOOLS}"
        cases += [replace(each, id=each.id._replace(case_key=key), tool_id=tool) for each in study.cases]
        rows += [replace(each, case_key=key) for each in study.measurements]
        verdicts += [replace(each, case=each.case._replace(case_key=key), tool=tool) for each in study.verdicts]
        records += [replace(each, metadata=replace(each.metadata, case_key=key)) for each in study.perf_tests]
    return replace(
        study,
        cases=tuple(cases),
        measurements=tuple(rows),
        verdicts=tuple(verdicts),
        perf_tests=tuple(records),
        records=tuple(record.metadata for record in records),
    )


def write_page(study: Study, file: Path) -> float:
    """Returns the seconds that it took to make the page."""
    settings = load_settings()
    start = time.monotonic()
    text = page_text(study, settings.margin_pct, provenance(study, settings), [PurePosixPath("overview.md")])
    file.write_text(text)
    return time.monotonic() - start


def filter_s(tab: Tab) -> float:
    """The longest of some filters: to few cases, to many, and back to all."""
    return max(tab.evaluate(FILTER.replace("TEXT", text)) for text in ("port_77", "tool1", "")) / 1000


def lines() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        study = one_case(Path(folder))
        for count, aims in ((SMALL, f"size aimed at: {AIM_MB:g} MB"), (LARGE, f"aim for both times: {AIM_S:g} s")):
            file = Path(folder) / f"{count}.html"
            made_s = write_page(many(study, count), file)
            tab = browser.tab()
            tab.screen(1280, 900)
            opened_s = min(tab.open(file) for _ in range(TRIES))
            yield (
                f"report.html of {count:,} cases: {file.stat().st_size / 1e6:.1f} MB, made in {made_s:.1f} s, "
                f"open after {opened_s:.2f} s, filtered within {filter_s(tab):.2f} s ({aims})"
            )


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines())
