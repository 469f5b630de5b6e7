"""Live A/A: the null case again and again, and how often a verdict claims an effect that cannot be there.

Each campaign is a run of its own with its own seed. ``make aa`` takes an hour on the lab; MINUTES says otherwise.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PROJECT = Path(__file__).resolve().parents[1]
CLAIMS = ("OVERHEAD", "SMALL", "UNEXPECTED SPEED-UP", "MASKED")


@dataclass(frozen=True)
class Test:
    """One metric in one campaign; the interval is in percent of cost, ``None`` where there is none."""

    metric: str
    is_primary: bool
    verdict: str
    low_pct: float | None
    high_pct: float | None

    @property
    def excludes_0(self) -> bool:
        return self.low_pct is not None and self.high_pct is not None and (self.low_pct > 0 or self.high_pct < 0)


def tests_of(run: Path) -> list[Test]:
    """The metrics of the null case in a run's ``verdicts.csv`` that have a verdict."""
    with (run / "reports" / "verdicts.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["tool"] == "null" and row["verdict"]]
    return [
        Test(
            f"{row['perf_test']} {row['conn_type']} {row['metric']}",
            row["primary"] == "yes",
            row["verdict"],
            float(row["ci_low_pct"]) if row["ci_low_pct"] else None,
            float(row["ci_high_pct"]) if row["ci_high_pct"] else None,
        )
        for row in rows
    ]


def lines(campaigns: Sequence[Sequence[Test]]) -> Iterator[str]:
    """A row per metric: false verdicts, intervals that exclude 0 (5 in 100 are to be expected), the noise floor."""
    by_metric: dict[tuple[bool, str], list[Test]] = defaultdict(list)
    for test in (test for campaign in campaigns for test in campaign):
        by_metric[not test.is_primary, test.metric].append(test)
    yield f"{'metric':42} {'campaigns':>9} {'false verdicts':>14} {'excludes 0':>10} {'invalid':>8}  half-width, median"
    for (is_secondary, metric), tests in sorted(by_metric.items()):
        widths = [
            (test.high_pct - test.low_pct) / 2
            for test in tests
            if test.low_pct is not None and test.high_pct is not None
        ]
        floor = f"{median(widths):.1f} %" if widths else "none"
        name = f"{metric}{'' if is_secondary else ' *'}"
        false = sum(test.verdict in CLAIMS for test in tests)
        yield (
            f"{name:42} {len(tests):9} {false:14} {sum(test.excludes_0 for test in tests):10} "
            f"{sum(test.verdict == 'INVALID' for test in tests):8}  {floor}"
        )
    every = [test for tests in by_metric.values() for test in tests]
    primary = [test for test in every if test.is_primary]
    yield (
        f"* primary: {sum(test.verdict in CLAIMS for test in primary)} false verdicts in {len(primary)} tests; "
        f"all metrics: {sum(test.verdict in CLAIMS for test in every)} in {len(every)}"
    )


def campaign(results: Path, options: Sequence[str]) -> tuple[list[Test], int]:
    """One run of the null case; its tests, and pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "-q", "--null-case", "selected", "--results-dir", str(results), *options]
    status = subprocess.run(command, cwd=PROJECT, check=False, stdout=subprocess.DEVNULL).returncode
    latest = (results / "latest").resolve()
    return (tests_of(latest) if (latest / "reports" / "verdicts.csv").is_file() else []), status


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.aa", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--results-dir", type=Path, default=PROJECT / "results" / "aa")
    parser.add_argument("options", nargs="*", help="options of pytest, behind --")
    asked = parser.parse_args(arguments)
    asked.results_dir.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * asked.minutes
    campaigns: list[list[Test]] = []
    failed = 0
    while not campaigns or time.monotonic() < until:
        found, status = campaign(asked.results_dir, asked.options)
        failed += status != 0
        campaigns.append(found)
        claims = [f"{test.metric} {test.verdict}" for test in found if test.verdict in CLAIMS]
        said = f"false: {', '.join(claims)}" if claims else f"{len(found)} tests, no claim"
        sys.stdout.write(f"campaign {len(campaigns)} (exit code {status}): {said}\n")
        sys.stdout.flush()
        if failed == len(campaigns) == 3:
            sys.stdout.write("three campaigns in a row failed: see their reports\n")
            return 1
    sys.stdout.write("\n" + "\n".join(lines(campaigns)) + "\n")
    if failed:
        sys.stdout.write(f"{failed} of {len(campaigns)} runs ended with an exit code other than 0\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
