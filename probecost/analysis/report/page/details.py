"""Makes the ``Detail`` of each case: its figures, points over time, usage of the tool, problems and files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from probecost.analysis.judge.units import FLOWS, VISITS
from probecost.analysis.judge.verdicts import unit_effects
from probecost.analysis.report.findings.provenance import time_text
from probecost.analysis.report.findings.status import status
from probecost.analysis.report.page.links import link_to
from probecost.analysis.report.page.model import Chart, Detail, Figure, Iteration, Link, Trace, UnitCosts, Used, Window
from probecost.analysis.report.page.thin import thin
from probecost.analysis.statistics.signflip import cost_pct
from probecost.analysis.study.case import CaseStudy
from probecost.analysis.study.run import Study
from probecost.analysis.tree.problem import Problem
from probecost.analysis.tree.record import PerfTestFiles
from probecost.analysis.values.measurement import Measurement
from probecost.analysis.values.monitoring import Monitored, Samples, read_monitored
from probecost.analysis.values.window import tool_clock_shift_ns
from probecost.analysis.words.verdict_words import title
from probecost.results.layout import BASELINE, SWITCHED, TOOL
from probecost.results.metrics import lower_is_better
from probecost.results.names import CaseId, CaseName, MetricId, PerfTestName

MAX_PROBLEMS = 50
#: Limits on the points of a series.
MOST_POINTS, FEWEST_POINTS = 200, 24
#: Limits on the bytes of all series of a page: in total, or per case if that is more.
_SERIES_BYTES, _SERIES_BYTES_PER_CASE = 3_000_000, 8_000
_BYTES_PER_POINT = 16
_TRACES = 3
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class _Own:
    """Data of one case in one iteration."""

    records: list[PerfTestFiles]
    rows: list[Measurement]


class Details:
    """Makes the details of a study. ``tests``: the page's number of each metric; ``charted``: metrics with points."""

    def __init__(self, study: Study, tests: Mapping[MetricId, int], charted: frozenset[MetricId]) -> None:
        self._study = study
        self._tests = tests
        self._charted = charted
        self._own: dict[CaseId, _Own] = {}
        self._iterations: dict[CaseName, list[_Own]] = {}
        for record in study.perf_tests:
            what = record.metadata
            self._of(what.case).records.append(record)
        for row in study.measurements:
            if row.metric_id in charted:
                self._of(row.case).rows.append(row)
        self.points = points_of_each(len(study.cases) * (len(charted) + _TRACES), len(study.cases))

    def _of(self, case: CaseId) -> _Own:
        own = self._own.get(case)
        if own is None:
            own = self._own[case] = _Own([], [])
            self._iterations.setdefault(case.name, []).append(own)
        return own

    def detail(self, case: CaseName, studies: Sequence[CaseStudy]) -> Detail:
        """``studies``: the case in each iteration."""
        return Detail(
            facts=tuple(self._facts(studies)),
            unit_costs=tuple(sorted(self._unit_costs(case), key=lambda own: own.test)),
            iterations=tuple(self._iteration(each) for each in studies),
        )

    def _unit_costs(self, case: CaseName) -> Iterator[UnitCosts]:
        rows = [row for own in self._iterations.get(case, ()) for row in own.rows]
        for (_, metric), effects in unit_effects(rows).items():
            costs = tuple(cost_pct(effect, lower_is_better(metric.metric)) for effect in effects)
            yield UnitCosts(self._tests[metric], costs)

    def _facts(self, studies: Sequence[CaseStudy]) -> Iterator[tuple[str, str]]:
        first = studies[0]
        yield "Name", first.name
        yield "Folder of its files", first.label
        yield "Category", first.category
        yield "Protocol", first.protocol
        yield "Direction", first.direction
        ready_s = max((each.time_to_ready_s for each in studies if each.time_to_ready_s is not None), default=None)
        yield "Start until ready, at most", "" if ready_s is None else f"{ready_s:g} s"
        tools = {
            (tool.file, tool.sha256)
            for each in studies
            for record in self._of(each.id).records
            if (tool := record.metadata.tool) is not None and tool.file
        }
        for file, sha256 in sorted(tools):
            yield "Tool's file", f"{file} (SHA-256 {sha256})" if sha256 else file

    def _iteration(self, case: CaseStudy) -> Iteration:
        own = self._of(case.id)
        charts, traces = _visible(self._rows(case)), read_monitored(own.records)
        shifts = {
            (what.visit_id, what.test): tool_clock_shift_ns(what) for what in (each.metadata for each in own.records)
        }
        timed = {metric: [(_time_ns(row, shifts), row) for row in rows] for metric, rows in charts.items()}
        start_ns = _start_ns(traces, (time_ns for rows in timed.values() for time_ns, _ in rows))
        outcome = case.outcome
        problems = [(problem.text(self._study.root), _kind(problem)) for problem in case.problems]
        usage = case.usage
        return Iteration(
            number=case.id.iteration,
            started=time_text(start_ns) if start_ns else "",
            status=status(case),
            message=outcome.message if outcome is not None else "",
            figures=tuple(self._figures(case)),
            used=(
                Used("All perf tests", usage.cpu_avg_percent, usage.cpu_max_percent, usage.rss_max_kb),
                *(
                    Used(_test_title(test), used.cpu_avg_percent, used.cpu_max_percent, used.rss_max_kb)
                    for test, used in sorted(usage.perf_tests.items())
                ),
            ),
            log_bytes=usage.log_bytes,
            log_bytes_per_s=usage.log_bytes_per_s,
            charts=tuple(
                _chart(self._tests[metric], rows, start_ns, self.points)
                for metric, rows in sorted(timed.items(), key=lambda entry: self._tests[entry[0]])
            ),
            cpu=_trace(traces.cpu, start_ns, self.points),
            resident_kb=_trace(traces.resident, start_ns, self.points),
            log_size=_trace(traces.log_size, start_ns, self.points),
            windows=tuple(
                Window(
                    _test_title(test),
                    _seconds(ran.start_ns, start_ns),
                    _seconds(ran.end_ns, start_ns),
                )
                for test, ran in traces.windows
            ),
            problems=tuple(problems[:MAX_PROBLEMS]),
            more_problems=max(len(problems) - MAX_PROBLEMS, 0),
            files=tuple(self._files(own.records)),
        )

    def _rows(self, case: CaseStudy) -> list[Measurement]:
        """The case's own rows, and those of the shared baseline if it has no own baseline."""
        own = self._of(case.id).rows
        if any(row.arm == BASELINE for row in own):
            return own
        shared = self._of(case.id.shared_baseline).rows
        return [*(row for row in shared if row.pair_kind == case.pair_kind), *own]

    def _figures(self, case: CaseStudy) -> Iterator[Figure]:
        for metric, found in case.comparisons.items():
            if metric in self._tests:
                yield Figure(
                    self._tests[metric],
                    found.baseline_mean,
                    found.tool_mean,
                    found.diff_pct,
                    found.diff_min_pct,
                    found.diff_max_pct,
                    found.n_units,
                )

    def _files(self, records: Iterable[PerfTestFiles]) -> Iterator[Link]:
        """The folders of a case, each once: of its tool, and of its baseline visits."""
        found: dict[Path, str] = {}
        for record in records:
            what = record.metadata
            above = {BASELINE: 0, TOOL: 2, SWITCHED: 3}[what.arm]
            name = f"baseline {what.perf_test}" if what.arm == BASELINE else "with the tool"
            for node, folder in record.folders.items():
                found.setdefault(folder.parents[above], f"{node}: {name}")
        for folder in sorted(found, key=lambda folder: (found[folder], folder)):
            if folder.is_relative_to(self._study.root):
                yield link_to(found[folder], folder, self._study.root)


def points_of_each(n_series: int, n_cases: int) -> int:
    """Most points for each of ``n_series`` within the size limit of the page.

    >>> points_of_each(30, 5), points_of_each(1500, 100), points_of_each(90_000, 3000)
    (200, 124, 24)
    """
    allowed = max(_SERIES_BYTES, n_cases * _SERIES_BYTES_PER_CASE) // (_BYTES_PER_POINT * max(n_series, 1))
    return min(max(allowed // 2 * 2, FEWEST_POINTS), MOST_POINTS)


def _test_title(test: PerfTestName) -> str:
    return title(MetricId(test, ""))


def _kind(problem: Problem) -> str:
    """The consequence of a problem for its data, as text."""
    return "Missing" if problem.missing else "Not used" if problem.is_unused else "Read with care"


def _visible(rows: Iterable[Measurement]) -> dict[MetricId, list[Measurement]]:
    """By metric the rows of its verdict: only those of flows if there is any flow."""
    found: dict[MetricId, list[Measurement]] = {}
    for row in rows:
        if row.start_ns is not None:
            found.setdefault(row.metric_id, []).append(row)
    for metric, own in found.items():
        if any(row.is_switched for row in own):
            found[metric] = [row for row in own if row.is_switched]
    return found


def _time_ns(row: Measurement, shifts: Mapping[tuple[str, PerfTestName], int]) -> int:
    """The start of a visit or segment on the clock of the tool's node, which segments already use."""
    assert row.start_ns is not None  # _visible selects rows with a start
    return row.start_ns + (0 if row.is_switched else shifts.get((row.visit_id, row.test), 0))


def _start_ns(traces: Monitored, times_ns: Iterable[int]) -> int:
    logs = (*traces.cpu, *traces.resident, *traces.log_size)
    starts = [samples[0][0] for samples in logs] + [ran.start_ns for _, ran in traces.windows]
    return min([*starts, *times_ns], default=0)


def _seconds(time_ns: int, start_ns: int) -> float:
    return round((time_ns - start_ns) / _SECOND_NS, 2)


def _chart(test: int, rows: Sequence[tuple[int, Measurement]], start_ns: int, limit: int) -> Chart:
    """A chart of the rows. Each arm is thinned separately, so that neither hides the other's peaks."""
    ordered = sorted(rows, key=lambda entry: entry[0])
    kept: list[tuple[int, Measurement]] = []
    for is_tool in (False, True):
        arm = [entry for entry in ordered if (entry[1].arm == TOOL) is is_tool]
        kept += [arm[index] for index in thin([row.value for _, row in arm], limit // 2)]
    kept.sort(key=lambda entry: entry[0])
    voids = sorted({row.void_reason for _, row in kept if row.void_reason})
    return Chart(
        test=test,
        schedule=FLOWS if any(row.is_switched for _, row in kept) else VISITS,
        time_s=tuple(_seconds(time_ns, start_ns) for time_ns, _ in kept),
        value=tuple(row.value for _, row in kept),
        tool=tuple(int(row.arm == TOOL) for _, row in kept),
        unit=tuple(row.unit_index for _, row in kept),
        void=tuple(voids.index(row.void_reason) if row.void_reason else -1 for _, row in kept),
        voids=tuple(voids),
        total=len(rows),
    )


def _trace(logs: Sequence[Samples], start_ns: int, limit: int) -> Trace:
    """A trace of all logs of a kind in turn; each gets its share of the points."""
    total = sum(map(len, logs))
    times: list[float] = []
    values: list[float | None] = []
    for samples in logs:
        share = max(limit * len(samples) // max(total, 1), 2)
        if values:
            times.append(times[-1])
            values.append(None)
        for index in thin([value for _, value in samples], share):
            time_ns, value = samples[index]
            times.append(_seconds(time_ns, start_ns))
            values.append(value)
    return Trace(tuple(times), tuple(values), total)
