"""Injected truth: what a run measured of doses whose cost is known, against what they did cost.

``python -m bench.dose results/latest`` after ``make dose``, or for any run of the cases ``dose`` with switched flows of
TCP_RR. The truth of a dose is the nanoseconds that it burned per run, times its runs per transaction: runs as the
program counted them over packets that arrived in the same time. The measured increment is the estimate of
``verdicts.csv`` with its interval, times the geometric mean of the baseline's latency in the same flows.

Attaching costs something too, which no program can time from inside: dose 0 shows it. So truth and measurement are
both taken relative to dose 0; the half-widths of the two intervals then add up as those of independent estimates do.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, hypot, log
from pathlib import Path
from statistics import fmean

from bench import dose_truth
from bench.dose_truth import TOOL_ID, Truth, TruthError
from probecost.analysis.settings.settings import Settings
from probecost.analysis.tree.find import find_perf_tests
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.values.case import measure_case, read
from probecost.results.layout import BASELINE, REPORTS, SWITCHED

_TEST = ("latency", "tcp_rr", "mean_us")


@dataclass(frozen=True)
class Increment:
    """An increase of latency in us with the limits of its interval."""

    us: float
    low_us: float
    high_us: float

    def minus(self, other: Increment) -> Increment:
        """The difference of two independent ones; each side's half-widths add up as squares."""
        us = self.us - other.us
        below = hypot(self.us - self.low_us, other.high_us - other.us)
        above = hypot(self.high_us - self.us, other.us - other.low_us)
        return Increment(us, us - below, us + above)

    def covers(self, us: float) -> bool:
        return self.low_us <= us <= self.high_us


@dataclass(frozen=True)
class Dose:
    """One dose of a run: what it did, and what was measured of it against its own baseline."""

    truth: Truth
    baseline_us: float
    measured: Increment

    @property
    def true_us(self) -> float:
        """Per transaction: there is one in flight, and one packet of it arrives at the tool's node."""
        return self.truth.mean_ns * self.truth.runs_per_packet / 1000


def read_doses(root: Path) -> list[Dose]:
    """The doses of a run, smallest first. ``TruthError``: there are none, dose 0 is missing, or something of one is."""
    flows: dict[str, list[PerfTestFiles]] = {}
    for record in find_perf_tests(root).records:
        what = record.metadata
        is_flow = what.arm == SWITCHED and not what.is_confirmation
        if what.tool_id == TOOL_ID and is_flow and (what.perf_test, what.conn_type) == _TEST[:2]:
            flows.setdefault(what.case_key, []).append(record)
    effects = _effects(root / REPORTS / "verdicts.csv")
    doses = [_dose(case, records, effects) for case, records in flows.items()]
    doses.sort(key=lambda dose: dose.truth.ns)
    if not doses or doses[0].truth.ns != 0:
        found = ", ".join(str(dose.truth.ns) for dose in doses) or "none"
        raise TruthError(f"{root}: expected switched TCP_RR flows of dose 0 and others, found doses: {found}")
    return doses


def slope(doses: Sequence[Dose]) -> Increment:
    """Of measured on true increments, on the line through dose 0, with an interval; no unit. At least two doses."""
    zero, *others = doses
    true = [dose.true_us - zero.true_us for dose in others]
    weight = sum(us * us for us in true)

    def spread(own: Sequence[float], of_zero: float) -> float:
        """Dose 0 is in all differences, so its error is in all of them the same way."""
        return hypot(*(us * half for us, half in zip(true, own, strict=True)), sum(true) * of_zero) / weight

    middle = sum(us * (d.measured.us - zero.measured.us) for us, d in zip(true, others, strict=True)) / weight
    below = spread([d.measured.us - d.measured.low_us for d in others], zero.measured.high_us - zero.measured.us)
    above = spread([d.measured.high_us - d.measured.us for d in others], zero.measured.us - zero.measured.low_us)
    return Increment(middle, middle - below, middle + above)


def lines(doses: Sequence[Dose]) -> Iterator[str]:
    """The table, a row per dose, and what it comes to."""
    zero, *others = doses
    yield "injected truth, TCP_RR latency in us: what the program burned against what was measured"
    own, relative_to_zero = "against its own baseline", "relative to dose 0"
    yield f"{'':43}{own:38}{relative_to_zero}"
    yield (
        f"{'dose ns':>8}{'ns per run':>12}{'runs':>10}{'runs/trans.':>13}{'baseline':>10}{'measured':>10}"
        f"  {'interval':18}{'truth':>7}{'measured':>10}  {'interval':18}covers"
    )
    for dose in doses:
        truth = dose.truth
        row = f"{truth.ns:>8}{truth.mean_ns:>12.1f}{truth.runs:>10}{truth.runs_per_packet:>13.3f}"
        row += f"{dose.baseline_us:>10.2f}{dose.measured.us:>+10.2f}  {_interval(dose.measured)}"
        if dose is not zero:
            true_us, relative = dose.true_us - zero.true_us, dose.measured.minus(zero.measured)
            row += f"{true_us:>7.2f}{relative.us:>+10.2f}  {_interval(relative)}"
            row += "yes" if relative.covers(true_us) else "NO"
        yield row.rstrip()
    if others:
        covered = sum(d.measured.minus(zero.measured).covers(d.true_us - zero.true_us) for d in others)
        found = slope(doses)
        yield f"covered: {covered} of {len(others)}"
        yield f"slope of measured on true: {found.us:.3f} [{found.low_us:.3f}, {found.high_us:.3f}], 1 is right"


def _interval(increment: Increment) -> str:
    return f"[{increment.low_us:+.2f}, {increment.high_us:+.2f}]".ljust(18)


def _effects(file: Path) -> dict[str, tuple[float, float, float]]:
    """By case key: estimate and interval in percent of the baseline. ``TruthError``: the file is not there."""
    try:
        with file.open(newline="", encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened))
    except OSError as error:
        raise TruthError(f"{file}: {error.strerror}: write it with probecost analyze") from None
    names = ("estimate_pct", "ci_low_pct", "ci_high_pct")
    found = {}
    for row in rows:
        if (row["perf_test"], row["conn_type"], row["metric"]) == _TEST and all(row[name] for name in names):
            low, middle, high = sorted(float(row[name]) for name in names)
            found[row["case_key"]] = (middle, low, high)
    return found


def _dose(case: str, records: Sequence[PerfTestFiles], effects: dict[str, tuple[float, float, float]]) -> Dose:
    if case not in effects:
        raise TruthError(f"{case}: verdicts.csv has no interval of its latency: it takes 6 flows at least")
    measured = measure_case([*map(read, records)], Settings())
    rows = [row for row in measured.measurements if not row.void_reason]
    baseline = [row.value for row in rows if row.metric == "mean_us" and row.arm == BASELINE]
    baseline_us = _geometric_mean(baseline)
    middle, low, high = (baseline_us * percent / 100 for percent in effects[case])
    return Dose(
        dose_truth.total(truth for record in records for truth in dose_truth.flow_truths(record)),
        baseline_us,
        Increment(middle, low, high),
    )


def _geometric_mean(values: Sequence[float]) -> float:
    return exp(fmean(map(log, values)))


def main(arguments: Sequence[str]) -> int:
    """Print the table of the run whose folder is given; 1 where there is none."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m bench.dose RESULTS_DIR\n")
        return 4
    try:
        doses = read_doses(Path(arguments[0]).resolve())
    except TruthError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in lines(doses)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
